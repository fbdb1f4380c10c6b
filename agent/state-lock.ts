// One agent per state folder. The lock is a socket name that the kernel frees when the process ends, however it ends; the socket in the
// folder answers `ozwald-agent status`.
import { rm, stat } from "node:fs/promises";
import { createServer, request, type RequestListener, type Server } from "node:http";
import { createServer as createPlainServer, type Server as PlainServer } from "node:net";
import { join } from "node:path";
import { OzError, toOzError } from "#core/errors.ts";

export type StateLock = {
  /** Answers GET on the socket of the folder with what `status` gives. */
  serve(status: () => unknown): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

const socketName = "agent.sock";
const askMs = 2_000;

/** Takes the lock. Throws precondition when another agent has it. */
export async function lockState(stateDir: string): Promise<StateLock> {
  const { dev, ino } = await stat(stateDir);
  if ((await askStatus(stateDir).catch(() => undefined)) !== undefined) throw inUse(stateDir);
  const guard = createPlainServer((socket) => socket.destroy());
  try {
    await listen(guard, `\0ozwald-agent-${dev}-${ino}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") throw inUse(stateDir);
    throw error;
  }
  const path = join(stateDir, socketName);
  let server: Server | undefined;
  return {
    async serve(status) {
      await rm(path, { force: true });
      server = createServer(answer(status));
      const before = process.umask(0o177);
      try {
        await listen(server, path);
      } finally {
        process.umask(before);
      }
    },
    async [Symbol.asyncDispose]() {
      server?.closeAllConnections();
      if (server !== undefined) await close(server);
      await close(guard);
    },
  };
}

function answer(status: () => unknown): RequestListener {
  return (_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(status()));
  };
}

function inUse(stateDir: string): OzError {
  return new OzError("already_exists", `another ozwald-agent works in ${stateDir}`, {
    hint: "See it: ozwald-agent status. A second agent on this machine needs its own --state.",
  });
}

function listen(server: PlainServer, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
    // The lock alone is no reason to stay alive.
    server.unref();
  });
}

function close(server: PlainServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** What the agent that works in the folder says of itself. Throws unavailable when none does. */
export function askStatus(stateDir: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(
        new OzError("unavailable", `no agent works in ${stateDir}: ${toOzError(error).message}`, {
          hint: "Start it: ozwald-agent run. With another folder: --state DIR",
          cause: error,
        }),
      );
    const call = request(
      { socketPath: join(stateDir, socketName), path: "/", signal: AbortSignal.timeout(askMs), agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.once("error", fail);
        response.once("end", () => {
          try {
            resolve(JSON.parse(text));
          } catch (error) {
            fail(error as Error);
          }
        });
      },
    );
    call.once("error", fail);
    call.end();
  });
}
