// A program of ours that a test stops, kills and starts again; what it wrote is kept across its lives.
import { type BackgroundProgram, startProgram } from "./background-program.ts";
import { waitUntil } from "./wait-until.ts";

export type ManagedProgram = {
  readonly name: string;
  /** Process id of the present life; 0 when it does not run. */
  readonly pid: number;
  /** What all lives wrote, the last 256 KiB of each of the last 20. */
  output(): string;
  /** What the present (or last) life wrote. */
  present(): string;
  exitCode(): number | undefined;
  /** Starts it and waits until it is ready (when there is a way to know); throws with its words when it ends instead. moreEnv counts for this life. */
  start(moreEnv?: Record<string, string>): Promise<void>;
  /** Asks it to end and waits. */
  stop(): Promise<void>;
  /** kill -9, and waits until it is gone. */
  kill9(): Promise<void>;
  restart(): Promise<void>;
};

export type ManagedProgramOptions = {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Record<string, string | undefined>;
  /** True when what it wrote says that it is ready. Default: ready as soon as it runs. */
  readonly isReady?: (output: string) => boolean;
  /** Default 30 s. */
  readonly readyTimeoutMs?: number;
};

const keptLives = 20;

export function managedProgram(options: ManagedProgramOptions): ManagedProgram {
  const { name, argv, env = {}, isReady = () => true, readyTimeoutMs = 30_000 } = options;
  const past: string[] = [];
  let life: BackgroundProgram | undefined;
  const runs = () => life !== undefined && life.exitCode() === undefined;
  const program: ManagedProgram = {
    name,
    get pid() {
      return runs() ? (life?.pid ?? 0) : 0;
    },
    output: () => [...past, life?.output() ?? ""].join("\n"),
    present: () => life?.output() ?? "",
    exitCode: () => life?.exitCode(),
    async start(moreEnv = {}) {
      if (runs()) return;
      if (life !== undefined) past.push(life.output());
      past.splice(0, past.length - keptLives);
      const started = startProgram(argv, { env: { ...env, ...moreEnv } });
      life = started;
      const ready = () => started.exitCode() !== undefined || isReady(started.output());
      await waitUntil(`${name} is ready`, ready, readyTimeoutMs, 10).catch((cause: unknown) => {
        throw new Error(`${name} does not become ready:\n${started.output().slice(-3000)}`, { cause });
      });
      if (started.exitCode() !== undefined)
        throw new Error(`${name} ended with ${started.exitCode()}:\n${started.output().slice(-3000)}`);
    },
    async stop() {
      await life?.stop();
    },
    async kill9() {
      await life?.kill();
    },
    async restart() {
      await program.stop();
      await program.start();
    },
  };
  return program;
}
