// A loopback port whose connections go to an instance.
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { OzError, toOzError } from "#core/errors.ts";
import type { ForwardStream } from "./forward-stream.ts";
import type { Forwarder } from "./forwarder.ts";

export type ForwardListener = {
  readonly port: number;
  /** Stops listening and cuts what is open. */
  close(): Promise<void>;
};

export type ForwardListenerOptions = {
  /** Ports of 127.0.0.1 in the order they are tried; 0 is any free one. */
  readonly ports: readonly number[];
  /** Told when a connection could not be made or broke. */
  onProblem(error: OzError): void;
};

/** Listens on 127.0.0.1. Throws port_taken when none of the ports is free. */
export async function listenForward(
  forwarder: Pick<Forwarder, "connect">,
  { ports, onProblem }: ForwardListenerOptions,
): Promise<ForwardListener> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    void carry(forwarder, socket, onProblem);
  });
  const port = await listenOn(server, ports);
  return {
    port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function carry(
  { connect }: Pick<Forwarder, "connect">,
  socket: Socket,
  onProblem: (error: OzError) => void,
): Promise<void> {
  // A caller that resets its connection has said what it wants; "close" follows.
  socket.on("error", () => {});
  let stream: ForwardStream;
  try {
    stream = await connect();
  } catch (error) {
    onProblem(toOzError(error));
    return void socket.resetAndDestroy();
  }
  splice(socket, stream, onProblem);
}

function splice(socket: Socket, stream: ForwardStream, onProblem: (error: OzError) => void): void {
  socket.once("close", () => stream.destroy());
  stream.on("error", (error) => {
    if (!socket.destroyed) onProblem(toOzError(error));
  });
  stream.once("close", () => {
    // An answer that stops short must not look like one that is complete.
    if (!stream.readableEnded) socket.resetAndDestroy();
  });
  if (socket.destroyed) return void stream.destroy();
  socket.pipe(stream);
  stream.pipe(socket);
}

async function listenOn(server: Server, ports: readonly number[]): Promise<number> {
  for (const port of ports) {
    try {
      return await listenAt(server, port);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "EADDRINUSE" && code !== "EACCES") throw error;
      if (port !== ports.at(-1)) continue;
      throw new OzError("port_taken", `127.0.0.1:${port} cannot be listened on: ${message}.`, {
        hint: "Choose another with --port, or leave it out for one that is free.",
        cause: error,
      });
    }
  }
  throw new OzError("internal", "no port was named");
}

function listenAt(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
