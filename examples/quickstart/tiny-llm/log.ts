// One JSON line per event on stdout.

type Level = "info" | "warn" | "error";

export type Log = (level: Level, msg: string, fields?: Readonly<Record<string, unknown>>) => void;

export const log: Log = (level, msg, fields = {}) => {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, msg, ...fields })}\n`);
};
