// What is said of a host's container engine.
import { expect, test } from "vitest";
import { look, nvidiaDevice, sampleEngine, sampleHost, wellFacts } from "../../testing/facts.ts";
import { engineChecks as checks } from "./engine.ts";

const engine = (change: Partial<typeof sampleEngine> & { error?: string }, devices: (typeof nvidiaDevice)[] = []) => ({
  hosts: [sampleHost({ inventory: { engine: { ...sampleEngine, ...change }, devices } })],
});

test("engine-answers", () => {
  expect(look(checks, "engine-answers", engine({ error: "connect ENOENT" }))).toMatchObject([
    { subject: "devbox", message: "connect ENOENT", fix: expect.stringContaining("systemctl status docker") },
  ]);
});

test.each([
  ["19.03.15", 1],
  ["20.9.0", 1],
  ["20.10.24+dfsg1", 0],
  ["28.5.1", 0],
  ["", 0],
])("engine-version %s", (version, troubles) => {
  expect(look(checks, "engine-version", engine({ version }))).toHaveLength(troubles);
});

test("cgroup-driver: two managers of cgroups, or GPUs that vanish", () => {
  expect(look(checks, "cgroup-driver", engine({ cgroupDriver: "cgroupfs" }))?.[0]?.message).toContain(
    "both manage cgroups",
  );
  const away = { ...wellFacts.here, hostname: "laptop", agent: undefined };
  expect(look(checks, "cgroup-driver", { ...engine({ cgroupDriver: "cgroupfs" }), here: away })).toEqual([]);
  expect(look(checks, "cgroup-driver", engine({}, [nvidiaDevice]))?.[0]?.message).toContain("lose their NVIDIA GPUs");
  expect(look(checks, "cgroup-driver", engine({ cgroupDriver: "cgroupfs" }, [nvidiaDevice]))).toEqual([]);
});

test("live-restore off is a notice, and not said of an engine that does not answer", () => {
  expect(look(checks, "live-restore", engine({ liveRestore: false }))).toMatchObject([{ notice: true }]);
  expect(look(checks, "live-restore", engine({ liveRestore: false, error: "gone" }))).toEqual([]);
});
