import { create } from "@bufbuild/protobuf";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "#core/clock.ts";
import { DeviceSampleSchema, DeviceSchema, EngineSchema } from "#proto/inventory_pb.ts";
import { cpuModel } from "./cpu-model.ts";
import { readBootId } from "./boot-id.ts";
import { noGpus } from "./gpu-reader.ts";
import { readInventory, type EngineFacts } from "./inventory.ts";
import { memoryField, osReleaseField, processorFacts, processorShare, processorTime } from "./proc-files.ts";
import { createTelemetry } from "./telemetry.ts";

let root = "";
const put = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ozwald-host-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const meminfo = "MemTotal:       24683848 kB\nMemFree:         1000 kB\nMemAvailable:   20000000 kB\n";
const cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC 7B13\n\nprocessor\t: 1\nmodel name\t: AMD EPYC 7B13\n";
const engineOf = (changes: object = {}, images: EngineFacts["images"] = async () => ["a:1", "b:2"]): EngineFacts => ({
  facts: async () =>
    create(EngineSchema, { name: "docker", version: "20.10", liveRestore: true, root: "/x", ...changes }),
  images,
});
const GiB = 2n ** 30n;
const disk = (totalBytes: bigint, freeBytes: bigint) => async () => ({ totalBytes, freeBytes });

function tree() {
  put("proc/cpuinfo", cpuinfo);
  put("proc/meminfo", meminfo);
  put("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
  put("proc/sys/kernel/hostname", "devbox\n");
  put("proc/stat", "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3 4\n");
  put("os-release", 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n');
  return { procRoot: join(root, "proc"), osReleaseFiles: [join(root, "none"), join(root, "os-release")] };
}

describe("inventory", () => {
  test("reads a host", async () => {
    const inventory = await readInventory({
      ...tree(), engine: engineOf(), gpu: noGpus, architecture: "x64", diskSpace: disk(100n * GiB, 50n * GiB),
    }); // prettier-ignore
    expect(inventory).toMatchObject({
      hostname: "devbox", os: "Debian GNU/Linux 12 (bookworm)", kernel: "6.1.0-18-amd64", architecture: "x64",
      cpuModel: "AMD EPYC 7B13", cpuCores: 2, memoryBytes: 24683848n * 1024n, diskBytes: 100n * GiB, images: ["a:1", "b:2"],
      capabilities: ["exec", "logs"], devices: [], warnings: [],
    }); // prettier-ignore
  });

  test("leaves unset what it cannot know, and warns about what is wrong", async () => {
    const inventory = await readInventory({
      procRoot: join(root, "none"),
      cpuModel: async () => "",
      osReleaseFiles: [],
      engine: engineOf({ error: "it sleeps", root: "" }),
      gpu: { devices: () => Promise.reject(new Error("no nvidia-smi")), sample: async () => [] },
    });
    expect(inventory).toMatchObject({ os: "", kernel: "", cpuModel: "", images: [], devices: [] });
    for (const field of ["cpuCores", "memoryBytes", "diskBytes"] as const) expect(inventory[field]).toBeUndefined();
    expect(inventory.hostname).not.toBe("");
    expect(inventory.warnings).toEqual([
      "The GPUs cannot be read: no nvidia-smi",
      "The container engine cannot be used: it sleeps",
    ]);
  });

  test("asks tools for the processor's name only where the kernel has none", async () => {
    const named = await readInventory({
      ...tree(),
      engine: engineOf(),
      gpu: noGpus,
      cpuModel: async () => "never asked",
    });
    expect(named.cpuModel).toBe("AMD EPYC 7B13");
    put("proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 50\n");
    const arm = { procRoot: join(root, "proc"), engine: engineOf(), gpu: noGpus };
    expect((await readInventory({ ...arm, cpuModel: async () => "Ampere Altra" })).cpuModel).toBe("Ampere Altra");
    expect((await cpuModel()).length).toBeGreaterThan(0);
  });

  test("warns about a disk that is nearly full, live-restore, images that cannot be listed, and an unwell GPU", async () => {
    const inventory = await readInventory({
      ...tree(),
      engine: engineOf({ liveRestore: false }, () => Promise.reject(new Error("gone"))),
      gpu: {
        devices: async () => [create(DeviceSchema, { model: "L40S", index: 1, problem: "ECC errors" })],
        sample: async () => [],
      },
      diskSpace: disk(100n * GiB, 9n * GiB),
    });
    expect(inventory.warnings).toHaveLength(4);
    expect(inventory.warnings.join("\n")).toMatch(
      /cannot be listed: gone[^]*live-restore[^]*nearly full: 9\.0 GiB of 100 GiB[^]*GPU 1 \(L40S\): ECC errors/,
    );
  });

  test("keeps 500 images at most", async () => {
    const many = engineOf({}, async () => Array.from({ length: 600 }, (_, n) => `i:${n}`));
    const inventory = await readInventory({ ...tree(), engine: many, gpu: noGpus });
    expect(inventory.images.length).toBe(500);
    expect(inventory.images[0]).toBe("i:0");
  });
});

describe("telemetry", () => {
  const clock: Clock = { now: () => 1_700_000_000_000, after: () => ({ cancel() {} }) };

  test("tells processor use between samples, and nothing for the first", async () => {
    const ports = { ...tree(), clock, diskPath: root };
    const gpu = { devices: async () => [], sample: async () => [create(DeviceSampleSchema, { id: "g" })] };
    const telemetry = createTelemetry({ ...ports, gpu });
    const first = await telemetry.sample();
    expect(first.cpuUsed).toBeUndefined();
    expect(first.memoryAvailableBytes).toBe(20000000n * 1024n);
    expect(first.diskFreeBytes).toBeGreaterThan(0n);
    expect(first.at?.seconds).toBe(1_700_000_000n);
    expect(first.devices.map((device) => device.id)).toEqual(["g"]);
    put("proc/stat", "cpu  150 0 150 790 110 0 0 0 0 0\n");
    expect((await telemetry.sample()).cpuUsed).toBeCloseTo(0.5);
  });

  test("leaves unset what cannot be read", async () => {
    const gpu = { devices: async () => [], sample: () => Promise.reject(new Error("gone")) };
    const sample = await createTelemetry({ procRoot: join(root, "none"), clock, diskPath: "", gpu }).sample();
    expect(sample).toMatchObject({ devices: [] });
    for (const field of ["cpuUsed", "memoryAvailableBytes", "diskFreeBytes"] as const)
      expect(sample[field]).toBeUndefined();
  });
});

describe("boot id", () => {
  test("is read, or refused in words", async () => {
    put("proc/sys/kernel/random/boot_id", "0f5c2f0e-6a35-4a2e-8d4b-2f1f2b3c4d5e\n");
    expect(await readBootId(join(root, "proc"))).toBe("0f5c2f0e-6a35-4a2e-8d4b-2f1f2b3c4d5e");
    put("proc/sys/kernel/random/boot_id", "nonsense\n");
    await expect(readBootId(join(root, "proc"))).rejects.toMatchObject({ code: "precondition" });
    await expect(readBootId(join(root, "none"))).rejects.toThrow(/cannot be read/);
  });
});

describe("kernel files", () => {
  test("processor facts of x86 and Arm", () => {
    expect(processorFacts(cpuinfo)).toEqual({ model: "AMD EPYC 7B13", cores: 2 });
    expect(processorFacts("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n")).toEqual({
      model: "Arm 0x41 0xd0c",
      cores: 1,
    });
    expect(processorFacts("")).toEqual({ model: "", cores: undefined });
  });

  test("processor share never leaves 0 to 1 and is unknown when counters run backwards", () => {
    expect(processorShare({ busy: 10, total: 20 }, { busy: 5, total: 30 })).toBeUndefined();
    expect(processorShare({ busy: 10, total: 20 }, { busy: 10, total: 20 })).toBeUndefined();
    expect(processorShare({ busy: 10, total: 20 }, { busy: 10, total: 30 })).toBe(0);
    expect(processorShare({ busy: 10, total: 20 }, { busy: 30, total: 30 })).toBe(1);
    expect(processorTime("nothing")).toBeUndefined();
    expect(processorTime("cpu  1 x 3 4\n")).toBeUndefined();
  });

  test("memory fields and os-release", () => {
    expect(memoryField(meminfo, "MemFree")).toBe(1024000n);
    expect(memoryField(meminfo, "Swap")).toBeUndefined();
    expect(osReleaseField("PRETTY_NAME='A \\$x'\n", "PRETTY_NAME")).toBe("A $x");
    expect(osReleaseField("NAME=x\n", "PRETTY_NAME")).toBeUndefined();
  });
});
