// The container engine port against a real Docker Engine: life of a container, what is inside it, and what others have beside it.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createServer, type Server } from "node:net";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OzError } from "#core/errors.ts";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { MountKind } from "#proto/spec_pb.ts";
import { createDockerEngine } from "../../agent/apply/docker-engine.ts";
import type { ContainerEngine, ObservedContainer } from "../../agent/apply/engine.ts";
import { busyboxImage, ensureBusyboxImage } from "../support/busybox-image.ts";
import { collectOutput } from "../support/collect-output.ts";
import { containerPlan, type PlanChanges } from "../support/container-plan.ts";
import { mustRun, runCommand } from "../support/run-command.ts";
import { waitUntil } from "../support/wait-until.ts";

const clusterId = `t${process.pid}x${Date.now().toString(36)}`;
const engine: ContainerEngine = createDockerEngine({ clusterId, log: quietLog, clock: systemClock });
let nextReplica = 0;

function plan(changes: PlanChanges = {}) {
  return containerPlan({ clusterId, replicaId: `r${nextReplica++}`.padEnd(8, "x"), ...changes });
}

async function run(changes: PlanChanges = {}): Promise<string> {
  const wanted = plan(changes);
  await engine.ensureNetwork(wanted.spec.group);
  const id = await engine.create(wanted);
  await engine.start(id);
  return id;
}

function sh(script: string, spec: PlanChanges["spec"] = {}): PlanChanges {
  return { spec: { command: ["sh", "-c", script], ...spec } };
}

async function observed(id: string): Promise<ObservedContainer> {
  const found = (await engine.list()).find((container) => container.id === id);
  if (found === undefined) throw new Error(`${id} is not listed`);
  return found;
}

const ended = (id: string) =>
  waitUntil("it ended", async () => ((await observed(id)).phase === "ended" ? observed(id) : undefined));
const inspect = async (id: string) => JSON.parse(await mustRun(["docker", "inspect", id]))[0] as Record<string, any>;

async function failure(promise: Promise<unknown>): Promise<OzError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(OzError);
  return thrown as OzError;
}

async function execText(id: string, command: string[]): Promise<{ code: number; out: string }> {
  const output = collectOutput();
  const options = { command, stdin: false, tty: false, columns: 0, rows: 0, user: "" };
  const session = await engine.exec(id, options, output, new AbortController().signal);
  const code = await session.exitCode;
  return { code, out: output.out + output.err };
}

async function removeAll() {
  for (const container of await engine.list()) {
    await engine.stop(container.id, 0);
    await engine.remove(container.id);
  }
}

beforeAll(async () => void (await ensureBusyboxImage()));
afterEach(removeAll);
afterAll(async () => {
  await removeAll();
  await engine.removeUnusedNetworks(new Set());
  const left = await mustRun(["docker", "network", "ls", "-q", "--filter", `label=ozwald.cluster=${clusterId}`]);
  expect(left).toBe("");
});

describe("life of a container", () => {
  test("is created, runs, is stopped and is gone", async () => {
    const wanted = plan({
      generation: 3,
      attempt: 2,
      slot: 1,
      specHash: "abc",
      spec: { variety: "cpu-only", profile: "small" },
    });
    await engine.ensureNetwork("default");
    const id = await engine.create(wanted);
    expect(await observed(id)).toMatchObject({ phase: "created", pid: 0, startedAt: 0, exitCode: 0, error: "" });
    await engine.start(id);
    await engine.start(id);
    const running = await observed(id);
    expect(running).toMatchObject({
      replicaId: wanted.replicaId,
      generation: 3,
      attempt: 2,
      slot: 1,
      specHash: "abc",
      instance: "web",
      group: "default",
      service: "web",
      variety: "cpu-only",
      profile: "small",
      phase: "running",
      endedAt: 0,
      check: "none",
    });
    expect(running.name).toBe(`ozwald-default-web-1-3.2-${wanted.replicaId.slice(0, 6)}`);
    expect(running.pid).toBeGreaterThan(1);
    expect(Math.abs(Date.now() - running.startedAt)).toBeLessThan(20_000);
    expect(running.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(running.imageId).toBe((await engine.resolveImage(busyboxImage))?.id);
    expect(await engine.memoryBytes(id)).toBeGreaterThan(0);
    await engine.stop(id, 0);
    expect(await observed(id)).toMatchObject({ phase: "ended", pid: 0, exitCode: 137, outOfMemory: false });
    await engine.remove(id);
    expect(await engine.list()).toEqual([]);
    await engine.stop(id, 0);
    await engine.remove(id);
  });

  test("gets its grace, and is ended hard after it", async () => {
    const polite = await run(sh("trap 'echo bye; exit 7' TERM; while :; do sleep 0.05; done"));
    const stubborn = await run(sh("trap '' TERM; while :; do sleep 0.05; done"));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await engine.stop(polite, 10_000);
    expect(await observed(polite)).toMatchObject({ phase: "ended", exitCode: 7 });
    expect(await engine.tail(polite, 5)).toEqual(["bye"]);
    const before = Date.now();
    await engine.stop(stubborn, 1_000);
    expect(Date.now() - before).toBeGreaterThanOrEqual(950);
    expect(Date.now() - before).toBeLessThan(6_000);
    expect(await observed(stubborn)).toMatchObject({ phase: "ended", exitCode: 137 });
  });

  test("tells exit codes, and memory that ran out", async () => {
    const three = await run(sh("exit 3"));
    const greedy = await run(sh("head -c 200000000 /dev/zero | tail", { resources: { memoryBytes: 16n << 20n } }));
    expect(await ended(three)).toMatchObject({ exitCode: 3, outOfMemory: false, error: "" });
    const out = await ended(greedy);
    expect(out.outOfMemory).toBe(true);
    expect(out.endedAt).toBeGreaterThan(0);
  });

  test("replaces its own leftover, and nothing that runs", async () => {
    const wanted = plan();
    await engine.ensureNetwork("default");
    const first = await engine.create(wanted);
    const second = await engine.create(wanted);
    expect(second).not.toBe(first);
    await engine.start(second);
    expect((await failure(engine.create(wanted))).message).toMatch(/exists and runs/);
    expect((await observed(second)).phase).toBe("running");
  });

  test("refuses what cannot run, in words", async () => {
    const noProgram = await failure(run({ spec: { command: ["nope"] } }));
    expect(noProgram).toMatchObject({ code: "engine_refused" });
    expect(noProgram.message).toMatch(/cannot run "nope": executable file not found/);
    expect((await engine.list())[0]).toMatchObject({ phase: "created", exitCode: 127 });
    expect((await engine.list())[0]?.error).toMatch(/cannot run "nope"/);
    const noImage = await failure(engine.create(plan({ image: "ozwald-test-absent:1" })));
    expect(noImage).toMatchObject({ code: "image_missing" });
    const noFolder = await failure(
      engine.create(plan({ spec: { mounts: [{ kind: MountKind.BIND, source: "/nowhere/x", target: "/x" }] } })),
    );
    expect(noFolder.message).toMatch(/\/nowhere\/x does not exist on this host/);
  });
});

describe("containers of others", () => {
  test("are neither listed nor touched", async () => {
    const name = `foreign-${clusterId}`;
    const otherCluster = `other-${clusterId}`;
    const foreign = await mustRun(["docker", "run", "-d", "--name", name, busyboxImage, "sleep", "600"]);
    const theirs = await mustRun([
      "docker",
      "run",
      "-d",
      "--name",
      otherCluster,
      "--label",
      "ozwald.cluster=zzz",
      busyboxImage,
      "sleep",
      "600",
    ]);
    try {
      const own = await run();
      expect((await engine.list()).map((container) => container.id)).toEqual([own]);
      for (const id of [foreign, theirs]) {
        for (const attempt of [engine.stop(id, 0), engine.remove(id)])
          expect((await failure(attempt)).message).toMatch(/left alone/);
        expect((await inspect(id))["State"].Running).toBe(true);
      }
    } finally {
      await runCommand(["docker", "rm", "-f", name, otherCluster]);
    }
  });
});

describe("output", () => {
  test("is followed to its end, both streams apart", async () => {
    const id = await run(sh("for i in 1 2 3; do echo out$i; echo err$i >&2; sleep 0.1; done"));
    const output = collectOutput();
    await engine.logs(id, { follow: true, tail: 0, timestamps: false }, output, new AbortController().signal);
    expect(output.out).toBe("out1\nout2\nout3\n");
    expect(output.err).toBe("err1\nerr2\nerr3\n");
    const stamped = collectOutput();
    await engine.logs(id, { follow: false, tail: 1, timestamps: true }, stamped, new AbortController().signal);
    expect(stamped.out + stamped.err).toMatch(/^\d{4}-\d\d-\d\dT.* (out|err)3\n$/);
    expect((await engine.tail(id, 3)).length).toBe(3);
    expect(await engine.tail(id, 0)).toEqual([]);
  });

  test("of a flood waits for a slow reader, and ends when nobody listens any more", async () => {
    const id = await run(sh("while :; do echo 0123456789012345678901234567890123456789; done"));
    const stop = new AbortController();
    let bytes = 0;
    let atOnce = 0;
    let most = 0;
    const slow = async (chunk: Uint8Array) => {
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setTimeout(resolve, 2));
      atOnce--;
      bytes += chunk.length;
      if (bytes > 50_000) stop.abort();
    };
    await engine.logs(id, { follow: true, tail: 0, timestamps: false }, { stdout: slow, stderr: slow }, stop.signal);
    expect(most).toBe(1);
    expect(bytes).toBeGreaterThan(50_000);
    expect((await observed(id)).phase).toBe("running");
  });

  test("of a container that is gone is refused in words", async () => {
    const gone = engine.logs(
      "0".repeat(64),
      { follow: false, tail: 0, timestamps: false },
      collectOutput(),
      new AbortController().signal,
    );
    expect((await failure(gone)).message).toMatch(/No such container/);
  });
});

describe("commands inside", () => {
  test("give output and exit code", async () => {
    const id = await run();
    expect(await execText(id, ["sh", "-c", "echo hi; exit 5"])).toEqual({ code: 5, out: "hi\n" });
    expect((await execText(id, ["nope"])).code).toBeGreaterThanOrEqual(126);
  });

  test("take input until it ends", async () => {
    const id = await run();
    const output = collectOutput();
    const options = { command: ["wc", "-c"], stdin: true, tty: false, columns: 0, rows: 0, user: "" };
    const session = await engine.exec(id, options, output, new AbortController().signal);
    for (let n = 0; n < 10; n++) await session.write(Buffer.alloc(20_000, "x"));
    session.endInput();
    expect(await session.exitCode).toBe(0);
    expect(output.out.trim()).toBe("200000");
  });

  test("have a terminal with a size", async () => {
    const id = await run();
    const output = collectOutput();
    const options = { command: ["sh"], stdin: true, tty: true, columns: 91, rows: 33, user: "1000:1000" };
    const session = await engine.exec(id, options, output, new AbortController().signal);
    await session.write(Buffer.from("stty size; id -u\n"));
    await waitUntil("the size is shown", () => /33 91\s+1000/.test(output.out));
    await session.resize(120, 40);
    await session.write(Buffer.from("stty size; exit 3\n"));
    expect(await session.exitCode).toBe(3);
    expect(output.out).toMatch(/40 120/);
  });

  test("are ended when nobody wants them any more", async () => {
    const id = await run();
    const stop = new AbortController();
    const options = { command: ["sleep", "543"], stdin: false, tty: false, columns: 0, rows: 0, user: "" };
    const session = await engine.exec(id, options, collectOutput(), stop.signal);
    await waitUntil("it runs", async () => (await execText(id, ["ps"])).out.includes("sleep 543"));
    stop.abort();
    expect((await failure(session.exitCode)).code).toBe("cancelled");
    await waitUntil("it is gone", async () => !(await execText(id, ["ps"])).out.includes("sleep 543"));
  });
});

describe("ports", () => {
  test("are published on 127.0.0.1 only, and a taken one is named", async () => {
    const taken = await new Promise<Server>((resolve) => {
      const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
    });
    const takenPort = (taken.address() as { port: number }).port;
    const serve = sh("echo pong > /tmp/index.html; httpd -f -p 8000 -h /tmp", { ports: [{ containerPort: 8000 }] });
    try {
      const id = await run({ ...serve, hostPorts: { "8000/tcp": 0 } });
      const [port] = (await observed(id)).ports;
      expect(port).toMatchObject({ containerPort: 8000, hostAddress: "127.0.0.1", transport: "tcp" });
      const answer = await waitUntil("it answers", async () =>
        (await fetch(`http://127.0.0.1:${port?.hostPort}/`)).text(),
      );
      expect(answer).toBe("pong\n");
      const listeners = await mustRun(["docker", "port", id]);
      expect(listeners).not.toMatch(/0\.0\.0\.0|::/);

      const clash = await failure(run({ ...serve, hostPorts: { "8000/tcp": port?.hostPort ?? 0 } }));
      expect(clash).toMatchObject({ code: "port_taken" });
      expect(clash.message).toContain(String(port?.hostPort));
      const foreignClash = await failure(run({ ...serve, hostPorts: { "8000/tcp": takenPort } }));
      expect(foreignClash).toMatchObject({ code: "port_taken" });
      expect(foreignClash.message).toContain(String(takenPort));
    } finally {
      taken.close();
    }
  });
});

describe("health checks that the engine runs", () => {
  test("go from starting to healthy to unhealthy", async () => {
    const health = { containerCheck: { test: ["test -f /tmp/ok"], intervalMs: 1000n, timeoutMs: 1000n, retries: 1 } };
    const id = await run(sh("touch /tmp/ok; sleep 600", { health }));
    expect((await observed(id)).check).toMatch(/starting|healthy/);
    await waitUntil("it is healthy", async () => (await observed(id)).check === "healthy");
    await execText(id, ["rm", "/tmp/ok"]);
    await waitUntil("it is unhealthy", async () => (await observed(id)).check === "unhealthy");
  });
});

describe("file systems, limits and isolation", () => {
  test("bind, named and tmpfs mounts are there, read-only where said", async () => {
    const folder = await realpath(await mkdtemp(join(tmpdir(), "ozwald-mount-")));
    const volume = `ozwald-test-${clusterId}`;
    await writeFile(join(folder, "file"), "from the host");
    const mounts = [
      { kind: MountKind.BIND, source: folder, target: "/bind", readOnly: true },
      { kind: MountKind.NAMED, source: volume, target: "/named" },
      { kind: MountKind.TMPFS, target: "/scratch", tmpfsBytes: 1n << 20n },
    ];
    try {
      const id = await run({
        spec: { mounts, shmBytes: 32n << 20n, ulimits: [{ name: "nofile", soft: 200n, hard: 300n }] },
      });
      expect((await execText(id, ["cat", "/bind/file"])).out).toBe("from the host");
      expect((await execText(id, ["touch", "/bind/x"])).code).not.toBe(0);
      expect(
        (
          await execText(id, [
            "sh",
            "-c",
            "echo kept > /named/x; dd if=/dev/zero of=/scratch/f bs=1k count=2000; df -k /dev/shm; ulimit -n",
          ])
        ).out,
      ).toMatch(/ 32768 [^]*^200$[^]*No space left/m);
      expect(await mustRun(["docker", "volume", "inspect", "-f", '{{index .Labels "ozwald.cluster"}}', volume])).toBe(
        clusterId,
      );
      const details = await inspect(id);
      expect(details["HostConfig"]).toMatchObject({
        ShmSize: 32 << 20,
        Ulimits: [{ Name: "nofile", Soft: 200, Hard: 300 }],
      });
      await engine.stop(id, 0);
      await engine.remove(id);
      const again = await run({ spec: { mounts: [mounts[1]!] } });
      expect((await execText(again, ["cat", "/named/x"])).out).toBe("kept\n");
      await removeAll();
    } finally {
      await runCommand(["docker", "volume", "rm", volume]);
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("hardened flags are in force inside, not only asked for", async () => {
    const id = await run();
    const status = (await execText(id, ["cat", "/proc/1/status"])).out;
    expect(status).toMatch(/CapEff:\s+0{16}/);
    expect(status).toMatch(/CapBnd:\s+0{16}/);
    expect(status).toMatch(/NoNewPrivs:\s+1/);
    const { HostConfig } = await inspect(id);
    expect(HostConfig).toMatchObject({
      PidsLimit: 4096,
      RestartPolicy: { Name: "no" },
      Privileged: false,
      IpcMode: "private",
    });
    expect(HostConfig["LogConfig"]).toEqual({ Type: "json-file", Config: { "max-file": "3", "max-size": "10m" } });
  });

  test("raised limits and privileges are asked for as said; a refusal by the host names them", async () => {
    await engine.ensureNetwork("default");
    const raised = await engine.create(
      plan({ spec: { ulimits: [{ name: "nofile", soft: 9_000_000n, hard: 9_000_000n }] } }),
    );
    expect((await inspect(raised))["HostConfig"]["Ulimits"]).toEqual([
      { Name: "nofile", Soft: 9_000_000, Hard: 9_000_000 },
    ]);
    const privileged = await engine.create(
      plan({ spec: { security: { privileged: true, capAdd: ["SYS_RESOURCE"] } } }),
    );
    expect((await inspect(privileged))["HostConfig"]).toMatchObject({ Privileged: true, CapAdd: ["SYS_RESOURCE"] });
    if (!(await lacksSysResource())) return;
    expect((await failure(engine.start(raised))).message).toMatch(/does not allow the limit nofile to be raised/);
    expect((await failure(engine.start(privileged))).message).toMatch(/cannot give the capabilities/);
  });
});

describe("group networks", () => {
  test("members find each other by name, others do not", async () => {
    await Promise.all([engine.ensureNetwork("red"), engine.ensureNetwork("red"), engine.ensureNetwork("blue")]);
    const list = await mustRun([
      "docker",
      "network",
      "ls",
      "--filter",
      `label=ozwald.cluster=${clusterId}`,
      "--format",
      "{{.Name}}",
    ]);
    const named = list.split("\n").filter((name) => name.endsWith("-red"));
    expect(named).toEqual([`ozwald-${clusterId.slice(0, 6)}-red`]);
    await run({
      spec: { instance: "db", group: "red", command: ["sh", "-c", "while :; do echo red-db | nc -l -p 7000; done"] },
    });
    const red = await run({ slot: 2, spec: { instance: "app", group: "red" } });
    const blue = await run({ spec: { instance: "app", group: "blue" } });
    for (const name of ["db", "db-0"]) {
      await waitUntil(
        `${name} answers`,
        async () => (await execText(red, ["sh", "-c", `nc -w 2 ${name} 7000 </dev/null`])).out === "red-db\n",
      );
    }
    expect((await execText(red, ["hostname"])).out).toBe("app-2\n");
    expect((await execText(blue, ["nslookup", "db"])).code).not.toBe(0);
    await engine.removeUnusedNetworks(new Set());
    expect((await engine.list()).length).toBe(3);
  });

  test("an empty network goes away, one in use stays", async () => {
    const green = await engine.ensureNetwork("green");
    const kept = await engine.ensureNetwork("kept");
    await engine.removeUnusedNetworks(new Set(["kept"]));
    const names = (await mustRun(["docker", "network", "ls", "--format", "{{.Name}}"])).split("\n");
    expect(names).toContain(kept);
    expect(names).not.toContain(green);
  });
});

describe("images and facts", () => {
  test("the engine tells about itself", async () => {
    const facts = await engine.facts();
    expect(facts).toMatchObject({ name: "docker", error: "" });
    expect(facts.version).toMatch(/^\d+\./);
    expect(facts.runtimes).toContain("runc");
    expect(await engine.images()).toContain(busyboxImage);
  });

  test("an image is found as written, else with ozwald- before it", async () => {
    expect((await engine.resolveImage("test-busybox:1"))?.image).toBe(busyboxImage);
    expect(await engine.resolveImage("ozwald-test-absent:1")).toBeUndefined();
  });

  test("an engine that is not there is an error, and facts that say so", async () => {
    const absent = createDockerEngine({
      clusterId,
      log: quietLog,
      clock: systemClock,
      socketPath: "/tmp/ozwald-no-such.sock",
    });
    expect(await failure(absent.list())).toMatchObject({ code: "engine_unavailable" });
    expect((await absent.facts()).error).toMatch(/socket does not exist/);
  });
});

describe("watching", () => {
  test("calls back for our containers only", async () => {
    const stop = new AbortController();
    let calls = 0;
    engine.watch(() => calls++, stop.signal);
    await waitUntil("it subscribed", () => calls > 0);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = calls;
    await mustRun(["docker", "run", "--rm", busyboxImage, "true"]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(calls).toBe(before);
    const id = await run(sh("sleep 0.2; exit 1"));
    const started = calls;
    expect(started).toBeGreaterThan(before);
    await ended(id);
    await waitUntil("the end is told", () => calls > started);
    stop.abort();
  });
});

async function lacksSysResource(): Promise<boolean> {
  const status = await mustRun(["cat", "/proc/self/status"]);
  const bounding = BigInt(`0x${/CapBnd:\s+([0-9a-f]+)/.exec(status)?.[1] ?? "0"}`);
  return (bounding & (1n << 24n)) === 0n;
}
