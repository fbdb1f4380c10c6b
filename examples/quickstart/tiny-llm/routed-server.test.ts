import type { AddressInfo } from "node:net";
import { request } from "node:http";
import { once } from "node:events";
import { expect, test } from "vitest";
import { closeServer, routedServer } from "./routed-server.ts";

test("what is asked for as no server understands it is not there, and no failure of the server", async () => {
  const logged: string[] = [];
  const routes = {
    "GET /x": (_parts: unknown, _incoming: unknown, outgoing: { end(text: string): void }) => outgoing.end("here"),
  };
  const server = routedServer(routes, { log: (_level, message) => void logged.push(message) });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const status = async (path: string) => {
    const asked = request({ port, host: "127.0.0.1", path }).end();
    const [answer] = await once(asked, "response");
    answer.resume();
    return answer.statusCode as number;
  };
  expect(await Promise.all(["/x", "/x?a=b", "//", "//x:y", "/[", "*", "http://"].map(status))).toEqual([
    200, 200, 404, 404, 404, 404, 404,
  ]);
  expect(logged).toEqual([]);
  server.close();
});

test("ends at once when nobody is there, and else when the answer that is on its way has had time to arrive", async () => {
  const { promise: worked, resolve: work } = Promise.withResolvers<void>();
  const routes = {
    "GET /x": async (_parts: unknown, _incoming: unknown, outgoing: { end(text: string): void }) => {
      await worked;
      outgoing.end("here");
    },
  };
  const begin = async () => {
    const server = routedServer(routes, { log: () => {} });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return server;
  };
  await closeServer(await begin(), 60_000, 60_000);

  const server = await begin();
  const { port } = server.address() as AddressInfo;
  const asked = request({ port, host: "127.0.0.1", path: "/x" }).end();
  await once(server, "request");
  let ended = false;
  const closed = closeServer(server, 60_000, 100).then(() => (ended = true));
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(ended).toBe(false);
  work();
  const [answer] = await once(asked, "response");
  answer.resume();
  await once(answer, "end");
  expect(ended).toBe(false);
  await closed;
});
