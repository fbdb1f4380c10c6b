// The agent's brain on a real container engine, without a link: assignments in, containers and reports out.
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { type Observed, ReplicaState } from "#proto/replicas_pb.ts";
import type { ReplicaSpecSchema } from "#proto/spec_pb.ts";
import { createDockerEngine } from "../../agent/apply/docker-engine.ts";
import { Brain } from "../../agent/brain.ts";
import { listeningPorts } from "../../agent/host/listening-ports.ts";
import { type Journal, openJournal } from "../../agent/journal/journal.ts";
import { assigned, assignment } from "../../agent/testing/wanted.ts";
import { busyboxImage, ensureBusyboxImage } from "../support/busybox-image.ts";
import { localRegistry } from "../support/local-registry.ts";
import { mustRun, runCommand } from "../support/run-command.ts";
import { waitUntil } from "../support/wait-until.ts";

type SpecInit = MessageInitShape<typeof ReplicaSpecSchema>;

const stateNames = new Map<number, string>(Object.entries(ReplicaState).map(([name, value]) => [value, name]));
const clusterId = `a${process.pid}x${Date.now().toString(36)}`;
const engine = createDockerEngine({ clusterId, log: quietLog, clock: systemClock });
let stateDir: string;
let journal: Journal;
let brain: Brain;
let revision = 0;

beforeAll(() => ensureBusyboxImage());

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "ozwald-agent-"));
  await begin();
});

afterEach(async () => {
  await brain[Symbol.asyncDispose]();
  const ids = (await mustRun(["docker", "ps", "-aq", "--filter", `label=ozwald.cluster=${clusterId}`]))
    .split("\n")
    .filter(Boolean);
  if (ids.length > 0) await mustRun(["docker", "rm", "-f", ...ids]);
  await rm(stateDir, { recursive: true, force: true });
});

afterAll(() => engine.removeUnusedNetworks(new Set()));

async function begin(): Promise<void> {
  journal = await openJournal({ dir: stateDir, bootId: "boot", clock: systemClock, log: quietLog });
  brain = new Brain({
    engine,
    journal,
    clusterId,
    bootId: "boot",
    totals: () => new Map([["ram", 8 << 30]]),
    listeningPorts,
    clock: systemClock,
    log: quietLog,
  });
}

/** The agent ends and begins again on the same state. */
async function restartAgent(): Promise<void> {
  await brain[Symbol.asyncDispose]();
  await begin();
}

function busybox(script: string, more: SpecInit = {}): SpecInit {
  return { image: busyboxImage, command: ["sh", "-c", script], stopGraceMs: 1_000n, ...more };
}

function run(...replicas: ReturnType<typeof assigned>[]) {
  return assign(replicas, []);
}

async function assign(replicas: ReturnType<typeof assigned>[], retire: string[]) {
  const result = await brain.assign(assignment(replicas, { revision: ++revision, retire }), {
    historyContainsObeyed: true,
  });
  expect(result).toMatchObject({ accepted: true, reason: "" });
  return result;
}

function seen(replicaId: string): Observed | undefined {
  return brain.observed().find((each) => each.replicaId === replicaId);
}

function until(
  replicaId: string,
  state: ReplicaState,
  more: (observed: Observed) => boolean = () => true,
  timeoutMs = 15_000,
): Promise<Observed> {
  const what = `${replicaId} is ${stateNames.get(state) ?? state}`;
  return waitUntil(
    what,
    () => {
      const observed = seen(replicaId);
      return observed?.state === state && more(observed) ? observed : undefined;
    },
    timeoutMs,
    10,
  );
}

const containers = async (replicaId: string) =>
  (
    await mustRun([
      "docker",
      "ps",
      "-aq",
      "--no-trunc",
      "--filter",
      `label=ozwald.cluster=${clusterId}`,
      "--filter",
      `label=ozwald.replica=${replicaId}`,
    ])
  )
    .split("\n")
    .filter(Boolean);

test("a registry that is away uses up no start, and the image is fetched once it is back", async () => {
  const registry = await localRegistry();
  const image = await registry.push(busyboxImage, "team/late:1");
  const registryLogins = [{ registry: registry.address, file: registry.loginFile }];
  try {
    await registry.stop();
    await run(
      assigned("late", 1, busybox("sleep 60", { image, registryLogins, restart: { maxStartsWithoutReady: 1 } })),
    );
    const away = await until("late", ReplicaState.BACKOFF);
    expect(away.reason).toContain(`${registry.address} cannot be asked for it`);
    // The third failure in a row, at least: the wait is longer than the first two.
    await waitUntil("it was tried again", () => {
      const { nextAttempt, since } = seen("late") ?? {};
      return Number(nextAttempt?.seconds ?? 0n) - Number(since?.seconds ?? 0n) >= 3;
    });
    expect(seen("late")).toMatchObject({ state: ReplicaState.BACKOFF, starts: 0 });
    await registry.start();
    expect(await until("late", ReplicaState.READY)).toMatchObject({ starts: 1, attempt: 1 });
  } finally {
    await registry.dispose();
    await runCommand(["docker", "rmi", "-f", image]);
  }
});

test("a service runs, answers its probe on an automatic port, and returns after docker kill and docker rm -f", async () => {
  const serve = busybox("mkdir /w; echo hello > /w/index.html; exec httpd -f -p 8000 -h /w", {
    ports: [{ name: "http", containerPort: 8000, transport: "tcp", protocol: "http" }],
    health: { probes: [{ check: { case: "http", value: { port: 8000, path: "/" } } }] },
  });
  await run(assigned("r1", 1, serve));
  const first = await until("r1", ReplicaState.READY);
  expect(first).toMatchObject({
    attempt: 1,
    starts: 1,
    endpoints: [{ name: "http", address: "127.0.0.1", containerPort: 8000, protocol: "http" }],
  });
  const port = first.endpoints[0]?.port ?? 0;
  expect(port).toBeGreaterThanOrEqual(11_000);
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("hello\n");

  await mustRun(["docker", "kill", first.container]);
  const second = await until("r1", ReplicaState.READY, ({ attempt }) => attempt === 2);
  expect(second).toMatchObject({ starts: 2, exitCode: 137, endpoints: [{ port }] });

  await mustRun(["docker", "rm", "-f", second.container]);
  const third = await until("r1", ReplicaState.READY, ({ attempt }) => attempt === 3);
  expect(third).toMatchObject({ endpoints: [{ port }] });
  expect(await containers("r1")).toHaveLength(2);
});

test("what somebody runs from a snapshot of a container of ours is not ours, although docker commit copies the labels", async () => {
  await run(assigned("origin", 1, busybox("sleep 600")));
  const { container, pid } = await until("origin", ReplicaState.READY);
  const image = `ozwald-snapshot-${clusterId}`;
  await mustRun(["docker", "commit", container, image]);
  const copies: string[] = [];
  try {
    for (let i = 0; i < 3; i++) copies.push((await mustRun(["docker", "run", "-d", image, "sleep", "600"])).trim());
    const running = async () =>
      (await Promise.all(copies.map((id) => mustRun(["docker", "inspect", "-f", "{{.State.Running}}", id])))).map(
        (word) => word.trim(),
      );
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await running()).toEqual(["true", "true", "true"]);
    expect(seen("origin")).toMatchObject({ state: ReplicaState.READY, pid, attempt: 1, starts: 1 });
    await assign([], ["origin"]);
    await waitUntil("the replica is gone", () => seen("origin") === undefined);
    expect(await running()).toEqual(["true", "true", "true"]);
  } finally {
    await mustRun(["docker", "rm", "-f", ...copies]);
    await mustRun(["docker", "rmi", "-f", image]);
  }
});

test("an automatic port is not one on which something of the machine waits, and is kept while its own container holds it", async () => {
  const others = createServer();
  const free = Array.from({ length: 1_000 }, (_, i) => 11_000 + i).find((port) => !listeningPorts().has(port))!;
  others.listen(free, "0.0.0.0");
  await once(others, "listening");
  const ports = [{ name: "http", containerPort: 8000, transport: "tcp", protocol: "http" }];
  const serve = (text: string) =>
    busybox(`mkdir /w; echo ${text} > /w/index.html; exec httpd -f -p 8000 -h /w`, { ports });
  await run(assigned("r1", 1, serve("one")));
  const first = await until("r1", ReplicaState.READY);
  expect(first).toMatchObject({ attempt: 1, starts: 1 });
  const port = first.endpoints[0]?.port ?? 0;
  expect(port).toBeGreaterThan(free);
  others.close();
  await run(assigned("r1", 2, serve("two")));
  const second = await until("r1", ReplicaState.READY, ({ generation }) => generation === 2n);
  expect(second).toMatchObject({ attempt: 2, endpoints: [{ port }] });
});

test("an agent that ends and begins again finds its containers as they were, with or without its journal", async () => {
  await run(assigned("r1", 1, busybox("sleep 600")), assigned("r2", 1, busybox("sleep 600")));
  const [one, two] = [await until("r1", ReplicaState.READY), await until("r2", ReplicaState.READY)];
  await restartAgent();
  expect(await until("r1", ReplicaState.READY)).toMatchObject({ pid: one.pid, attempt: 1 });
  await brain[Symbol.asyncDispose]();
  await rm(join(stateDir, "journal.json"));
  await begin();
  expect(await until("r2", ReplicaState.UNKNOWN)).toMatchObject({ pid: two.pid, instance: "r2", generation: 1n });
  await run(assigned("r1", 1, busybox("sleep 600")));
  expect(await until("r1", ReplicaState.READY)).toMatchObject({ pid: one.pid });
  expect(await until("r2", ReplicaState.UNKNOWN)).toMatchObject({ pid: two.pid });
});

test("a crash loop ends failed with its reason and last lines; a new generation starts anew", async () => {
  const quick = { restart: { backoffMinMs: 10n } };
  const crash = busybox("echo loading; echo password $DB_PASSWORD; echo no such file >&2; exit 3", {
    environment: { DB_PASSWORD: "hunter2!" },
    ...quick,
  });
  await run(assigned("r1", 1, crash));
  const failed = await until("r1", ReplicaState.FAILED);
  expect(failed.reason).toMatch(/^exit code 3, after 5 starts in \d/);
  expect(failed).toMatchObject({ exitCode: 3, starts: 5, attempt: 5 });
  expect(failed.logTail.toSorted()).toEqual(["loading", "no such file", "password •••"]);
  await waitUntil("only three attempts are kept", async () => (await containers("r1")).length === 3);
  await run(assigned("r1", 2, busybox("sleep 600")));
  expect(await until("r1", ReplicaState.READY)).toMatchObject({ generation: 2n, attempt: 6, starts: 1 });
});

test("a new spec replaces the container stop-first; retiring removes everything and its network", async () => {
  await run(assigned("r1", 1, busybox("sleep 600", { group: "blue" })));
  const before = await until("r1", ReplicaState.READY);
  await run(assigned("r1", 2, busybox("sleep 601", { group: "blue" })));
  const after = await until("r1", ReplicaState.READY, ({ generation }) => generation === 2n);
  expect(after.pid).not.toBe(before.pid);
  const gone: string[] = [];
  const end = brain.subscribe((_changed, ids) => gone.push(...ids));
  await assign([], ["r1"]);
  await waitUntil("r1 is gone", () => gone.includes("r1"));
  end();
  expect(await containers("r1")).toEqual([]);
  const networks = () =>
    runCommand([
      "docker",
      "network",
      "ls",
      "-q",
      "--filter",
      `label=ozwald.cluster=${clusterId}`,
      "--filter",
      "label=ozwald.group=blue",
    ]);
  await waitUntil("its network is gone", async () => (await networks()).stdout.trim() === "");
});

test("what cannot work says why, and does not stop others", async () => {
  const budget = { restart: { backoffMinMs: 10n, maxStartsWithoutReady: 2 } };
  await run(
    assigned("taken", 1, busybox("sleep 600", { ports: [{ containerPort: 80, hostPort: 11_998, transport: "tcp" }] })),
    assigned("noimage", 1, { image: "ozwald-test-no-such-image:1", pullPolicy: 3, ...budget }),
    assigned("noprogram", 1, { image: busyboxImage, command: ["/no/such/program"], ...budget }),
    assigned("well", 1, busybox("sleep 600")),
  );
  await until("well", ReplicaState.READY);
  await until("taken", ReplicaState.READY);
  expect((await until("noimage", ReplicaState.FAILED)).reason).toContain("ozwald-test-no-such-image:1");
  expect((await until("noprogram", ReplicaState.FAILED)).reason).toContain("/no/such/program");
  await assign(
    [
      ...["taken", "well"].map((id) => assigned(id, 1)),
      assigned(
        "second",
        1,
        busybox("sleep 600", { ports: [{ containerPort: 80, hostPort: 11_998, transport: "tcp" }], ...budget }),
      ),
    ],
    [],
  );
  expect((await until("second", ReplicaState.FAILED)).reason).toContain("11998");
});

test("what depends on another waits until that one is ready", async () => {
  const db = busybox("sleep 1; mkdir /w; echo db > /w/index.html; exec httpd -f -p 80 -h /w", {
    instance: "db",
    health: { probes: [{ check: { case: "tcp", value: { port: 80 } } }] },
  });
  await run(
    assigned(
      "app1",
      1,
      busybox(
        "ip=$(nslookup db | sed -n 's/^Address: //p' | tail -1); wget -q -O /dev/null http://$ip/ && exec sleep 600",
        { instance: "app", dependsOn: ["db"] },
      ),
    ),
    assigned("db1", 1, db),
  );
  expect(await until("app1", ReplicaState.STARTING, ({ reason }) => reason !== "")).toMatchObject({
    reason: "waits for db",
  });
  expect(await until("app1", ReplicaState.READY)).toMatchObject({ attempt: 1 });
});

test("a start that writes nothing is given up; one that goes on writing is not", async () => {
  const never = { check: { case: "tcp" as const, value: { port: 81 } } };
  const health = { probes: [never], startupTimeoutMs: 1_000n };
  await run(
    assigned("silent", 1, busybox("sleep 600", { health, restart: { maxStartsWithoutReady: 1 } })),
    assigned(
      "busy",
      1,
      busybox("while true; do echo loading; sleep 0.2; done", { health, restart: { maxStartsWithoutReady: 1 } }),
    ),
  );
  expect((await until("silent", ReplicaState.FAILED)).reason).toContain("no sign of progress for 1 s");
  expect(seen("busy")).toMatchObject({ state: ReplicaState.STARTING, attempt: 1 });
  expect(seen("busy")?.reason).toContain("connection to :81");
});
