// The part of pino that we use, so that pure code and tests need no pino.

type Write = { (fields: object, message: string): void; (message: string): void };

export type Log = {
  debug: Write;
  info: Write;
  warn: Write;
  error: Write;
  child(fields: Record<string, unknown>): Log;
};

/** What --log-level and OZWALD_LOG_LEVEL take. */
export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

const nothing = () => {};

/** A log that keeps quiet. */
export const quietLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => quietLog };
