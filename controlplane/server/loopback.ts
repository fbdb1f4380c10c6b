// Plain HTTP for this machine only. Anything that others could reach is refused rather than warned about.
import http from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import { listen } from "./listen.ts";
import { closeServer, type Listener } from "./unix-socket.ts";

export type LoopbackOptions = {
  /** Default 127.0.0.1; every other address but ::1 is refused. */
  readonly host?: string;
  /** 0 for any free one. */
  readonly port: number;
  handler(request: http.IncomingMessage, response: http.ServerResponse): void;
  readonly clock: Clock;
};

/** Opens the listener. Throws bad_request for an address that is not loopback, port_taken naming the holder. */
export async function listenLoopback(options: LoopbackOptions): Promise<Listener & { readonly port: number }> {
  const { host = "127.0.0.1", clock } = options;
  if (host !== "127.0.0.1" && host !== "::1") {
    throw new OzError("bad_request", `plain HTTP is served on 127.0.0.1 only, not on ${host}`, {
      hint: "Others use the TLS port (https, 7443). From another machine, an SSH tunnel also works: ssh -L 8000:127.0.0.1:8000 HOST",
    });
  }
  const server = http.createServer(
    { headersTimeout: 10_000, requestTimeout: 60_000, keepAliveTimeout: 5_000, maxHeaderSize: 32 * 1024 },
    options.handler,
  );
  server.maxConnections = 1_024;
  const open = new Set<Socket>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  server.on("clientError", (_error, socket) => socket.destroy());
  const port = await listen(
    server,
    { host, port: options.port },
    "Choose another with --rest PORT, or stop what holds it.",
  );
  return {
    port,
    close: (graceMs = 5_000) => closeServer(server, open, () => server.closeIdleConnections(), clock, graceMs),
  };
}
