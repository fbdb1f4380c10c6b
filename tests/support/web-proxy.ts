// A web proxy for a machine of a test that has no way out of its own: plain requests and CONNECT, each to where it says.
import http from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";

export type WebProxy = {
  /** "http://10.0.0.1:3128" */
  readonly url: string;
  /** Hosts that were asked for. */
  readonly asked: ReadonlySet<string>;
  [Symbol.asyncDispose](): Promise<void>;
};

export async function openWebProxy(address: string): Promise<WebProxy> {
  const asked = new Set<string>();
  const open = new Set<Socket>();
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://nobody.invalid");
    asked.add(url.hostname);
    const further = http.request(url, { method: request.method ?? "GET", headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    further.setTimeout(60_000, () => further.destroy(new Error("no answer")));
    further.on("error", (error) =>
      response.headersSent ? response.destroy() : response.writeHead(502).end(`${error}`),
    );
    request.pipe(further);
  });
  server.on("connect", (request, near: Socket) => {
    const { hostname, port } = new URL(`http://${request.url}`);
    asked.add(hostname);
    const far = net.connect(Number(port) || 443, hostname, () => near.write("HTTP/1.1 200 OK\r\n\r\n"));
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on("error", () => void (near.destroy(), far.destroy()));
  });
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  await new Promise<void>((done) => server.listen(0, address, done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${address}:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}
