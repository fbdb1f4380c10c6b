// The one TLS port. A socket with a valid certificate of an agent goes to gRPC; everybody else, also an agent whose
// certificate has ended or was revoked, is a stranger and meets the API with nothing but what it sends.
import type { Socket } from "node:net";
import tls, { type PeerCertificate, type TLSSocket } from "node:tls";
import * as grpc from "@grpc/grpc-js";
import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/log.ts";
import { type ApiHandler, createHttpServers, defaultHttpLimits, type HttpLimits } from "./http-servers.ts";
import { listen } from "./listen.ts";

/** Key and certificates of the server. The chain that is sent ends with the CA certificate, so that a joining host can compare it. */
export type ServerAuthority = {
  readonly serverKeyPem: string;
  readonly serverCertChainPem: string;
  readonly caPem: string;
};

export type TlsPortOptions = {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly authority: ServerAuthority;
  /** Host of a verified client certificate; undefined for any other certificate. */
  agentIdentity(certificate: PeerCertificate): { readonly hostId: string } | undefined;
  isRevoked(hostId: string): boolean;
  readonly grpcServer: grpc.Server;
  readonly apiHandler: ApiHandler;
  readonly clock: Clock;
  readonly log: Log;
  /** Default 10,000. */
  readonly handshakeMs?: number;
  /** Connections of one address at the same time. Default 512. */
  readonly connectionsPerAddress?: number;
  /** Connections in all. Default 10,000. */
  readonly connections?: number;
  readonly http?: Partial<HttpLimits>;
};

export type TlsPort = {
  readonly port: number;
  /** Destroys every live socket of a host. */
  cut(hostId: string): void;
  /** New connections get this key and certificate; the present ones stay. */
  setAuthority(authority: ServerAuthority): void;
  /** Stops listening, lets requests end, and destroys what is left after graceMs (default 5,000). */
  close(graceMs?: number): Promise<void>;
};

/** Opens the port. Throws OzError port_taken naming the holder. */
export async function listenTls(options: TlsPortOptions): Promise<TlsPort> {
  const { clock, log, handshakeMs = 10_000, connections = 10_000 } = options;
  const agents = new Map<string, Set<TLSSocket>>();
  const injector = options.grpcServer.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const api = createHttpServers(options.apiHandler, clock, { ...defaultHttpLimits, ...options.http });
  const server = tls.createServer({
    ...secureContext(options.authority),
    requestCert: true,
    // Strangers are welcome at the API; `authorized` tells who is none.
    rejectUnauthorized: false,
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: handshakeMs,
  });
  server.maxConnections = connections;
  const sockets = limitPerAddress(server, options.connectionsPerAddress ?? 512, log);

  function route(socket: TLSSocket): void {
    socket.on("error", (error) => log.debug({ err: error }, "a connection broke"));
    socket.setNoDelay(true);
    const agent = agentOf(socket, options);
    if (agent === undefined || socket.alpnProtocol !== "h2")
      return api.serve(socket, socket.alpnProtocol === "h2" ? "h2" : "http/1.1");
    const mine = agents.get(agent.hostId) ?? new Set();
    agents.set(agent.hostId, mine.add(socket));
    const expiry = destroyAt(socket, agent.validToMs, clock);
    socket.once("close", () => {
      expiry();
      mine.delete(socket);
      if (mine.size === 0 && agents.get(agent.hostId) === mine) agents.delete(agent.hostId);
    });
    injector.injectConnection(socket);
  }
  server.on("secureConnection", route);
  server.on("tlsClientError", (error, socket) => {
    log.debug({ err: error }, "a TLS handshake failed");
    socket.destroy();
  });

  const port = await listen(server, options, "Choose another with --listen HOST:PORT, or stop what holds it.");
  return {
    port,
    cut(hostId) {
      for (const socket of agents.get(hostId) ?? []) socket.destroy();
    },
    setAuthority: (authority) => server.setSecureContext(secureContext(authority)),
    async close(graceMs = 5_000) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      api.drain();
      injector.drain(graceMs);
      const timer = clock.after(graceMs, () => sockets.forEach((socket) => socket.destroy()));
      await closed;
      timer.cancel();
      injector.destroy();
    },
  };
}

/** Who is on the socket, if it is an agent that may come in. A resumed session keeps its old verdict, so the dates are checked here too. */
function agentOf(socket: TLSSocket, options: TlsPortOptions): { hostId: string; validToMs: number } | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  const validToMs = Date.parse(certificate.valid_to);
  const identity = options.agentIdentity(certificate);
  if (identity === undefined || !(validToMs > options.clock.now())) return undefined;
  if (options.isRevoked(identity.hostId)) {
    options.log.warn({ hostId: identity.hostId, address: socket.remoteAddress }, "a revoked certificate was used");
    return undefined;
  }
  return { hostId: identity.hostId, validToMs };
}

/** A stream must not outlive the certificate that opened it. */
function destroyAt(socket: TLSSocket, atMs: number, clock: Clock): () => void {
  const maxTimerMs = 2 ** 31 - 1;
  const look = () => {
    if (clock.now() >= atMs) return void socket.destroy();
    timer = clock.after(Math.min(atMs - clock.now(), maxTimerMs), look);
  };
  let timer = clock.after(Math.min(Math.max(0, atMs - clock.now()), maxTimerMs), look);
  return () => timer.cancel();
}

function limitPerAddress(server: tls.Server, limit: number, log: Log): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const counts = new Map<string, number>();
  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    const count = (counts.get(address) ?? 0) + 1;
    if (count > limit) {
      log.debug({ address, limit }, "too many connections from one address");
      return void socket.destroy();
    }
    counts.set(address, count);
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      const left = (counts.get(address) ?? 1) - 1;
      if (left === 0) counts.delete(address);
      else counts.set(address, left);
    });
  });
  return sockets;
}

function secureContext({ serverKeyPem, serverCertChainPem, caPem }: ServerAuthority): {
  key: string;
  cert: string;
  ca: string;
  minVersion: "TLSv1.3";
} {
  const chain = serverCertChainPem.includes(caPem.trim())
    ? serverCertChainPem
    : `${serverCertChainPem.trim()}\n${caPem}`;
  // A context that replaces another one takes nothing over from it.
  return { key: serverKeyPem, cert: chain, ca: caPem, minVersion: "TLSv1.3" };
}
