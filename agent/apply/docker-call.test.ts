// Calls to Docker: what one costs beside the engine's own work.
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { systemClock } from "#core/system-clock.ts";
import { createDockerCalls } from "./docker-call.ts";

test("writing out the connection pool is short, however many sockets it has", () => {
  const { docker } = createDockerCalls("/nowhere/docker.sock", systemClock);
  const { agent } = docker.modem as unknown as { agent: object };
  // What docker-modem does with the options of every call.
  expect(inspect({ agent }, { showHidden: true, depth: null })).toBe("{ agent: http.Agent }");
});
