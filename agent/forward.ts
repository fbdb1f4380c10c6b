// Carries one TCP connection between a channel and a port of a container: both ways at once, each with its own end.
import { connect, type Socket } from "node:net";
import { OzError } from "#core/errors.ts";
import type { AgentChannel } from "./link/channel.ts";

export type ForwardAddress = { readonly address: string; readonly port: number };

const connectMs = 5_000;

/**
 * Connects and copies until both ways have ended, or nobody listens any more. What one side does not read holds the other back.
 * Throws unavailable when nothing takes the connection within 5 s, or when it is reset.
 */
export async function forwardBytes(to: ForwardAddress, channel: AgentChannel): Promise<void> {
  const socket = await dial(to, channel.signal);
  const drop = () => socket.destroy();
  channel.signal.addEventListener("abort", drop, { once: true });
  const broken = new Promise<never>((_resolve, reject) => {
    socket.once("error", (error) =>
      reject(new OzError("unavailable", `the container broke the connection: ${error.message}`, { cause: error })),
    );
  });
  broken.catch(() => {});
  try {
    await channel.connected();
    await Promise.race([Promise.all([receive(socket, channel), send(socket, channel)]), broken]);
  } finally {
    channel.signal.removeEventListener("abort", drop);
    socket.destroy();
  }
}

function dial({ address, port }: ForwardAddress, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", cancelled);
      socket.off("error", failed).off("connect", connected);
      // A socket that is given up may still fail, which is nobody's business then.
      socket.on("error", () => {});
      finish();
    };
    const fail = (error: OzError) =>
      settle(() => {
        socket.destroy();
        reject(error);
      });
    const refused = (why: string, cause?: unknown) =>
      fail(
        new OzError("unavailable", `nothing takes connections at port ${port} inside the container (${why})`, {
          hint: "Does the program listen on all addresses (0.0.0.0), and on that port? Another one: --remote-port N",
          cause,
        }),
      );
    const cancelled = () => fail(new OzError("cancelled", "nobody listens any more"));
    const timer = setTimeout(() => refused(`no answer within ${connectMs} ms`), connectMs);
    const failed = (error: NodeJS.ErrnoException) => refused(error.code ?? error.message, error);
    const connected = () => settle(() => resolve(socket));
    socket.once("error", failed).once("connect", connected);
    signal.addEventListener("abort", cancelled, { once: true });
    if (signal.aborted) cancelled();
  });
}

async function receive(socket: Socket, channel: AgentChannel): Promise<void> {
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
    await channel.stdout(chunk);
  await channel.stdoutClosed();
}

async function send(socket: Socket, channel: AgentChannel): Promise<void> {
  for await (const message of channel.input) {
    if (message.case === "stdin") await writeAll(socket, message.value);
    if (message.case === "stdinClosed") return void socket.end();
  }
}

function writeAll(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
