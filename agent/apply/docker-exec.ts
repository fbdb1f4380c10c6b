// Commands inside a running container, with a terminal and input where wanted.
import type { Duplex } from "node:stream";
import { sleep } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import type Docker from "dockerode";
import { readFile } from "node:fs/promises";
import { callTimeoutsMs, type DockerCalls } from "./docker-call.ts";
import { dockerError } from "./docker-errors.ts";
import type { ExecOptions, ExecSession, OutputSink } from "./engine.ts";
import { FrameSplitter } from "./output-frames.ts";

/** The engine tells an exit code some milliseconds after the output ended. */
const exitCodeTries = 40;
const exitCodeWaitMs = 50;

/** procRoot is where the processes of the host are seen: an aborted command is ended through it, since Docker cannot. */
export async function startExec(
  calls: DockerCalls,
  procRoot: string,
  id: string,
  options: ExecOptions,
  sink: OutputSink,
  signal: AbortSignal,
): Promise<ExecSession> {
  const context = { doing: `run ${options.command[0] ?? "a command"} in ${id}` };
  if (signal.aborted) throw new OzError("cancelled", `Was told to stop before it could ${context.doing}.`);
  const exec = await calls.call(context, (abortSignal) =>
    calls.docker.getContainer(id).exec({
      Cmd: [...options.command],
      AttachStdin: options.stdin,
      AttachStdout: true,
      AttachStderr: true,
      Tty: options.tty,
      ...(options.user !== "" && { User: options.user }),
      abortSignal,
    }),
  );
  const socket = await attach(calls, context, exec, options);
  const resize = (columns: number, rows: number) => resizeTerminal(calls, exec, columns, rows);
  if (options.tty && options.columns > 0 && options.rows > 0)
    await resize(options.columns, options.rows).catch(() => {});
  const abort = () => {
    socket.destroy();
    void endProcess(calls, procRoot, exec);
  };
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  const exitCode = copyOutput(socket, options.tty, sink)
    .then(() => readExitCode(calls, exec, context))
    .catch((thrown: unknown) => {
      if (signal.aborted) throw new OzError("cancelled", `The command in ${id} was ended.`, { cause: thrown });
      throw dockerError(thrown, context);
    })
    .finally(() => {
      signal.removeEventListener("abort", abort);
      socket.destroy();
    });
  // A caller that only writes must not bring the program down.
  exitCode.catch(() => {});
  return { exitCode, resize, write: (bytes) => writeInput(socket, bytes), endInput: () => void socket.end() };
}

/** dockerode gives the bare connection once the engine agrees to upgrade. */
async function attach(
  calls: DockerCalls,
  context: { doing: string },
  exec: Docker.Exec,
  options: ExecOptions,
): Promise<Duplex> {
  // The signal of the deadline may not end the connection later, hence a controller that lives as long as it.
  const life = new AbortController();
  const socket = await calls.call(
    context,
    (deadline) => {
      deadline.addEventListener("abort", () => life.abort(), { once: true });
      return exec.start({
        hijack: true,
        stdin: options.stdin,
        Tty: options.tty,
        Detach: false,
        abortSignal: life.signal,
      });
    },
    callTimeoutsMs.start,
  );
  socket.on("error", () => {});
  return socket;
}

async function copyOutput(socket: Duplex, tty: boolean, sink: OutputSink): Promise<void> {
  const splitter = new FrameSplitter(tty);
  const chunks = socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  for await (const chunk of chunks) {
    for (const piece of splitter.push(chunk)) await sink[piece.stream](piece.bytes);
  }
}

async function readExitCode(calls: DockerCalls, exec: Docker.Exec, context: { doing: string }): Promise<number> {
  for (let n = 0; n < exitCodeTries; n++) {
    const state = await calls.call(context, (abortSignal) => exec.inspect({ abortSignal }));
    if (!state.Running && state.ExitCode !== null) return state.ExitCode;
    await sleep(calls.clock, exitCodeWaitMs);
  }
  throw new OzError(
    "engine_refused",
    `Could not ${context.doing}: the engine closed the connection and says it still runs.`,
  );
}

function writeInput(socket: Duplex, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.destroyed || socket.writableEnded)
      return reject(new OzError("precondition", "The command takes no more input."));
    socket.write(bytes, (error) => (error ? reject(dockerError(error, { doing: "write to the command" })) : resolve()));
  });
}

async function resizeTerminal(calls: DockerCalls, exec: Docker.Exec, columns: number, rows: number): Promise<void> {
  await calls.call({ doing: "resize the terminal" }, (abortSignal) =>
    exec.resize({ h: rows, w: columns, abortSignal } as never),
  );
}

/** Docker has no call to end an exec. Its process is ended directly, if it still is the one in that container. */
async function endProcess(calls: DockerCalls, procRoot: string, exec: Docker.Exec): Promise<void> {
  try {
    const state = await calls.call({ doing: "find the command" }, (abortSignal) => exec.inspect({ abortSignal }));
    if (!state.Running || state.Pid <= 1) return;
    const cgroup = await readFile(`${procRoot}/${state.Pid}/cgroup`, "utf8");
    if (cgroup.includes(state.ContainerID)) process.kill(state.Pid, "SIGKILL");
  } catch {
    // Gone already, or the engine does not answer: the connection is closed either way.
  }
}
