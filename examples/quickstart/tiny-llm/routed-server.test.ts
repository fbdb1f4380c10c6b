import type { AddressInfo } from "node:net";
import { request } from "node:http";
import { once } from "node:events";
import { expect, test } from "vitest";
import { routedServer } from "./routed-server.ts";

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
