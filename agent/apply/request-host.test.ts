import { expect, test } from "vitest";
import { createRequestHost } from "./request-host.ts";

test("the engine is asked once, again after it failed to answer, and again after its restart", async () => {
  const answers = [new Error("away"), { NCPU: 2 }, { NCPU: 2, Runtimes: { nvidia: {} } }];
  const host = createRequestHost(async () => {
    const answer = answers.shift();
    if (answer instanceof Error || answer === undefined) throw answer ?? new Error("asked too often");
    return answer;
  }, {});
  await expect(host.options()).rejects.toThrow("away");
  expect(await host.options()).toEqual({ hostCpus: 2, nvidiaRuntime: false, gpuPaths: {} });
  expect((await host.options()).nvidiaRuntime).toBe(false);
  host.forget();
  expect((await host.options()).nvidiaRuntime).toBe(true);
});
