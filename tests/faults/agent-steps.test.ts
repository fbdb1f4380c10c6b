// The agent is killed inside every step; begun again, it comes to the same end: one container, no leftovers.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toJsonString } from "@bufbuild/protobuf";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Assignment, AssignmentSchema } from "#proto/agent_pb.ts";
import { assigned, assignment } from "../../agent/testing/wanted.ts";
import { busyboxImage, ensureBusyboxImage } from "../support/busybox-image.ts";
import { mustRun, runCommand } from "../support/run-command.ts";

const driver = join(import.meta.dirname, "agent-driver.ts");
let clusterId: string;
let dir: string;
let made = 0;

beforeAll(() => ensureBusyboxImage());
beforeEach(async () => {
  clusterId = `f${process.pid}x${made++}x${Date.now().toString(36)}`;
  dir = await mkdtemp(join(tmpdir(), "ozwald-steps-"));
});
afterEach(async () => {
  const left = await ids("container");
  if (left.length > 0) await mustRun(["docker", "rm", "-f", ...left]);
  const networks = await ids("network");
  if (networks.length > 0) await mustRun(["docker", "network", "rm", ...networks]);
  await rm(dir, { recursive: true, force: true });
});

async function ids(kind: "container" | "network", ...filters: string[]): Promise<string[]> {
  const all = kind === "container" ? ["-a"] : [];
  const filter = [`label=ozwald.cluster=${clusterId}`, ...filters].flatMap((each) => ["--filter", each]);
  return (await mustRun(["docker", kind, "ls", "-q", ...all, ...filter])).split("\n").filter(Boolean);
}

const sleeper = {
  image: busyboxImage,
  command: ["sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"],
  stopGraceMs: 3_000n,
};
const first = assignment([assigned("r1", 1, sleeper)], { revision: 1 });
const second = assignment([assigned("r1", 2, sleeper)], { revision: 2 });
const none = assignment([], { revision: 3, retire: ["r1"] });

/** Runs the driver; the answer is its last line, or undefined when it was killed. */
async function drive(
  set: Assignment,
  failpoint = "",
): Promise<{ converged: boolean; seen: { attempt: number; pid: number }[] } | undefined> {
  // A shell between, so that being killed is an exit code and not a signal.
  const command = [
    "sh",
    "-c",
    '"$@"; exit $?',
    "sh",
    process.execPath,
    driver,
    clusterId,
    dir,
    toJsonString(AssignmentSchema, set),
  ];
  const { code, stdout, stderr } = await runCommand(command, {
    env: { OZWALD_FAILPOINT: failpoint },
    timeoutMs: 40_000,
  });
  if (failpoint !== "" && stdout === "") return undefined;
  if (stdout === "") throw new Error(`the driver ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as { converged: boolean; seen: { attempt: number; pid: number }[] };
}

async function killedAt(set: Assignment, point: string): Promise<void> {
  expect(await drive(set, `${point}:1:kill`), `${point} was not reached`).toBeUndefined();
}

test.each(["journal", "journaled", "network", "create", "created", "start", "started"])(
  "killed at %s of a first start",
  async (point) => {
    await killedAt(first, point);
    const before = await ids("container", "status=running");
    const after = await drive(first);
    expect(after).toMatchObject({ converged: true, seen: [{ attempt: 1 }] });
    expect(await ids("container")).toHaveLength(1);
    if (before.length > 0) expect(await ids("container", "status=running")).toEqual(before);
  },
);

test.each(["journal", "journaled", "stop", "stopped", "create", "started"])(
  "killed at %s of a replacement",
  async (point) => {
    await drive(first);
    await killedAt(second, point);
    expect(await drive(second)).toMatchObject({ converged: true, seen: [{ attempt: 2 }] });
    expect(await ids("container", "status=running")).toHaveLength(1);
  },
);

test.each(["record", "recorded"])("killed at %s of an end", async (point) => {
  await drive(first);
  await mustRun(["docker", "kill", ...(await ids("container"))]);
  await killedAt(first, point);
  expect(await drive(first)).toMatchObject({ converged: true, seen: [{ attempt: 2 }] });
  expect(await ids("container", "status=running")).toHaveLength(1);
});

test.each(["stop", "stopped", "remove", "removed", "forget"])("killed at %s of a retirement", async (point) => {
  await drive(first);
  await killedAt(none, point);
  expect(await drive(none)).toMatchObject({ converged: true, seen: [] });
  expect(await ids("container")).toEqual([]);
  expect(await ids("network")).toEqual([]);
});
