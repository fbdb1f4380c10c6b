// SIGTERM while the container engine takes every call and answers none: the agent ends, and does not wait for it.
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testedProgram } from "../support/built-programs.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { startProgram } from "../support/background-program.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
}, 120_000);
afterAll(() => cluster.dispose());

test("an agent ends long before its calls to a hanging engine do", async () => {
  const { stateDir } = await cluster.join();
  const socketPath = join(cluster.folder, "engine.sock");
  let calls = 0;
  const engine = createServer((socket) => {
    calls++;
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => engine.listen(socketPath, resolve));
  const argv = [...testedProgram("ozwald-agent"), "run", "--state", stateDir, "--engine", `unix://${socketPath}`];
  await using agent = startProgram(argv, { env: { ...cluster.env } });
  await cluster.waitFor("it asks the engine", () => agent.output().includes(" works as ") && calls > 1);
  // A call is given up after 10 s; ended by force this is not 0.
  expect(await agent.stop(6_000)).toBe(0);
  engine.close();
}, 60_000);
