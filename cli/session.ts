// What every command gets: the shell, the context that is meant, and a client made on first use.
import { OzError } from "#core/errors.ts";
import type { Client } from "./client.ts";
import { type Context, findContext, isExposed, noContext } from "./contexts.ts";
import type { Io } from "./io.ts";

export type Session = {
  readonly io: Io;
  /** Context named by --context, if any. */
  contextName?: string;
  /** What -o of the command says, if anything. */
  output?: string;
  /** Exit code of the command that ran. */
  exitCode: number;
  /** The context that is meant. Throws not_found when no control plane is known. */
  context(): Context;
  /** The same; undefined when no control plane is known. */
  contextIfAny(): Context | undefined;
  /** Client for the context; loads the contract on first use. */
  client(): Promise<Client>;
};

export function openSession(io: Io): Session {
  let client: Promise<Client> | undefined;
  const session: Session = {
    io,
    exitCode: 0,
    context() {
      const context = session.contextIfAny();
      if (context === undefined) throw noContext(io.env, io.platform);
      return context;
    },
    contextIfAny() {
      const context = findContext(io.env, session.contextName, io.platform);
      if (context?.token !== undefined && isExposed(io.env, context.name, io.platform)) {
        io.err(
          `The file of context ${context.name} can be read by others. Close it:  chmod 600 the file in contexts/\n`,
        );
      }
      return context;
    },
    client: () => (client ??= connect(session.context())),
  };
  return session;
}

async function connect(context: Context): Promise<Client> {
  const { openClient } = await import("./client.ts");
  if (context.address === "") throw new OzError("bad_request", `Context ${context.name} has no address.`);
  return openClient(context);
}

/** Runs work with a signal that Ctrl-C aborts. Gives true when it was pressed. */
export async function untilInterrupted(io: Io, work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
  const controller = new AbortController();
  const forget = io.onInterrupt(() => controller.abort());
  try {
    return await untilLeft(controller.signal, work);
  } finally {
    forget();
  }
}

/** Runs work with a signal; what it throws once that has aborted is of no interest. Gives true when it has. */
export async function untilLeft(left: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
  try {
    await work(left);
  } catch (error) {
    if (!left.aborted) throw error;
  }
  return left.aborted;
}
