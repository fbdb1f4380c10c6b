// A control plane for tests: the real Connect server in front of answers that a test writes. A call nobody planned fails.
import { createServer } from "node:http";
import { createSecureServer, createServer as createHttp2Server } from "node:http2";
import { createServer as createTlsServer } from "node:https";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { type Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type ErrorCode, errorCodes } from "#core/errors.ts";
import { ErrorDetailSchema } from "#proto/errors_pb.ts";
import { SettingsProblemsSchema } from "#proto/settings_pb.ts";

export type FakeControlplane = {
  /** Environment in which ozctl talks to it. */
  readonly env: Record<string, string>;
  readonly address: string;
  /** "POST /path" and authorization of every request so far. */
  readonly requests: { path: string; authorization: string | undefined }[];
  /** Cuts every connection, as a dying control plane does. */
  cut(): void;
  close(): Promise<void>;
};

export type FakeOptions = {
  /** Where it listens: "socket" (default), "http" on loopback, "https" with the key pair, "http2" without TLS on a socket. */
  on?: "socket" | "http" | "https" | "http2" | "https2";
  key?: string;
  cert?: string;
  caPem?: string;
  token?: string;
};

export async function fakeControlplane(
  routes: (router: ConnectRouter) => void,
  options: FakeOptions = {},
): Promise<FakeControlplane> {
  const folder = mkdtempSync(join(tmpdir(), "ozctl-"));
  const requests: FakeControlplane["requests"] = [];
  const adapter = connectNodeAdapter({ routes });
  const handler: typeof adapter = (request, response) => {
    requests.push({ path: request.url ?? "", authorization: request.headers.authorization });
    adapter(request, response);
  };
  const server = makeServer(options, handler);
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
  });
  const local = options.on === undefined || options.on === "socket" || options.on === "http2";
  const path = join(folder, "control.sock");
  await new Promise<void>((resolve) => (local ? server.listen(path, resolve) : server.listen(0, "127.0.0.1", resolve)));
  const address = local
    ? `unix:${path}`
    : `${options.on?.replace("2", "")}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  mkdirSync(join(folder, "contexts"), { recursive: true });
  const context = {
    name: "test",
    address,
    token: options.token ?? "ozt_test",
    ...(options.caPem && { caPem: options.caPem }),
  };
  writeFileSync(join(folder, "contexts", "test.json"), JSON.stringify(context), { mode: 0o600 });
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return {
    env: { OZWALD_CONFIG_DIR: folder },
    address,
    requests,
    cut,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      await closed;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function makeServer({ on, key, cert }: FakeOptions, handler: ReturnType<typeof connectNodeAdapter>): Server {
  if (on === "https") return createTlsServer({ key: key!, cert: cert!, minVersion: "TLSv1.3" }, handler);
  if (on === "https2") return createSecureServer({ key: key!, cert: cert!, minVersion: "TLSv1.3" }, handler);
  return on === "http2" ? createHttp2Server(handler) : createServer(handler);
}

/** An error as the API sends it. */
export function apiError(
  code: ErrorCode,
  message: string,
  hint = "",
  problems: MessageInitShape<typeof SettingsProblemsSchema>["problems"] = [],
  more = false,
): ConnectError {
  const details: { desc: DescMessage; value: object }[] = [
    { desc: ErrorDetailSchema, value: create(ErrorDetailSchema, { code, hint }) },
  ];
  if (problems.length > 0)
    details.push({ desc: SettingsProblemsSchema, value: create(SettingsProblemsSchema, { problems, more }) });
  return new ConnectError(message, errorCodes[code].rpc as Code, undefined, details as never);
}
