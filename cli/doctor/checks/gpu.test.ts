// What GPUs lack, as the agent says it or as this machine shows it.
import { expect, test } from "vitest";
import { look, nvidiaDevice, sampleEngine, sampleHost, wellFacts } from "../../testing/facts.ts";
import { gpuChecks as checks } from "./gpu.ts";

const gpu = (device: Partial<typeof nvidiaDevice> & { problem?: string }, runtimes = ["runc"]) => ({
  hosts: [
    sampleHost({ inventory: { devices: [{ ...nvidiaDevice, ...device }], engine: { ...sampleEngine, runtimes } } }),
  ],
});

test("container-toolkit: an NVIDIA driver without Docker's nvidia runtime", () => {
  expect(look(checks, "container-toolkit", gpu({}))).toMatchObject([
    { fix: expect.stringContaining("nvidia-container-toolkit") },
  ]);
  expect(look(checks, "container-toolkit", gpu({}, ["nvidia", "runc"]))).toEqual([]);
  expect(look(checks, "container-toolkit", gpu({ vendor: "amd" }))).toEqual([]);
});

test("container-toolkit and gpu-driver: seen on this machine also when the agent lists no GPU", () => {
  const here = { ...wellFacts.here, nvidiaDriver: "470.256.02" };
  expect(look(checks, "container-toolkit", { here })).toHaveLength(1);
  expect(look(checks, "gpu-driver", { here })?.[0]?.message).toContain("470.256.02");
  const elsewhere = { ...here, hostname: "laptop", agent: undefined };
  expect(look(checks, "container-toolkit", { here: elsewhere })).toEqual([]);
  expect(look(checks, "gpu-driver", { here: elsewhere })).toEqual([]);
});

test.each([
  ["470.256.02", 1],
  ["524.99", 1],
  ["525.60.13", 0],
  ["570.86", 0],
])("gpu-driver %s", (driverVersion, troubles) => {
  expect(look(checks, "gpu-driver", gpu({ driverVersion }))).toHaveLength(troubles);
});

test("gpu-health repeats what the driver says", () => {
  expect(look(checks, "gpu-health", gpu({ problem: "fallen off the bus" }))).toMatchObject([
    { message: "GPU 0 (RTX 4090): fallen off the bus" },
  ]);
});
