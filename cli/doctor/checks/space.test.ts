// Disk and RAM: where the lines are.
import { expect, test } from "vitest";
import { HostState } from "#proto/hosts_pb.ts";
import { GiB, type HostInit, look, sampleHost } from "../../testing/facts.ts";
import { spaceChecks as checks } from "./space.ts";

const host = (init: HostInit) => ({ hosts: [sampleHost(init)] });

test.each([
  ["a tenth is free", { telemetry: { diskFreeBytes: 50n * GiB } }, 0],
  ["less is free", { telemetry: { diskFreeBytes: 49n * GiB } }, 1],
  [
    "a large disk has room for images",
    { inventory: { diskBytes: 8000n * GiB }, telemetry: { diskFreeBytes: 400n * GiB } },
    0,
  ],
  ["a large disk has little", { inventory: { diskBytes: 8000n * GiB }, telemetry: { diskFreeBytes: 49n * GiB } }, 1],
  ["nobody knows", { telemetry: {} }, 0],
  ["the number is old", { state: HostState.OFFLINE, telemetry: { diskFreeBytes: 1n } }, 0],
] satisfies [string, HostInit, number][])("disk-free: %s", (_what, init, troubles) => {
  expect(look(checks, "disk-free", host(init))).toHaveLength(troubles);
});

test("image-disk: a small disk is a notice with its folder", () => {
  expect(look(checks, "image-disk", host({ inventory: { diskBytes: 50n * GiB } }))).toEqual([]);
  expect(look(checks, "image-disk", host({ inventory: { diskBytes: 20n * GiB } }))).toMatchObject([
    { notice: true, message: expect.stringContaining("20 GiB") },
  ]);
});

test.each([
  ["all of it is promised", { memoryClaimedBytes: 64n * GiB }, []],
  [
    "more than there is is promised",
    { memoryClaimedBytes: 65n * GiB },
    ["65.0 GiB of RAM are promised and 64.0 GiB are there"],
  ],
  ["little is left", { telemetry: { memoryAvailableBytes: 3n * GiB } }, ["only 3.0 GiB of 64.0 GiB"]],
  ["an old number says it", { state: HostState.OFFLINE, telemetry: { memoryAvailableBytes: 1n } }, []],
] satisfies [string, HostInit, string[]][])("memory: %s", (_what, init, said) => {
  const found = look(checks, "memory", host(init));
  expect(found).toHaveLength(said.length);
  for (const [i, text] of said.entries()) expect(found?.[i]?.message).toContain(text);
});
