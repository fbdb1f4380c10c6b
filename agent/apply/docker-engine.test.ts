// What a real engine does not do on demand: silence, lost streams, lies about processes, networks twice, names that are taken.
import { create } from "@bufbuild/protobuf";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "#core/clock.ts";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { MountKind, MountSchema, ReplicaSpecSchema } from "#proto/spec_pb.ts";
import { fakeDocker, type FakeDocker } from "../testing/fake-docker.ts";
import { createDockerEngine } from "./docker-engine.ts";
import { timeOf } from "./docker-events.ts";
import { createTail } from "./docker-logs.ts";
import type { ContainerPlan } from "./engine.ts";

const clusterId = "abcdef123456";
const id = "e".repeat(64);
let docker: FakeDocker;
let procRoot = "";
/** Time that runs faster than the machine's. Ten times leaves a busy machine a second to answer a call. */
const faster = (times: number): Clock => ({
  now: () => Date.now() * times,
  after: (ms, fn) => systemClock.after(ms / times, fn),
});

beforeEach(async () => {
  docker = await fakeDocker({ "GET /info": { body: { NCPU: 2, Runtimes: { runc: {} } } } });
  procRoot = mkdtempSync(join(tmpdir(), "ozwald-proc-"));
});
afterEach(async () => {
  await docker.dispose();
  rmSync(procRoot, { recursive: true, force: true });
});

const engine = (clock: Clock = faster(10)) =>
  createDockerEngine({ clusterId, socketPath: docker.socketPath, log: quietLog, clock, procRoot, random: () => 0 });
const plan: ContainerPlan = {
  clusterId, replicaId: "r1r2r3r4", generation: 1, attempt: 1, slot: 0, specHash: "h", image: "web:1", hostPorts: {},
  spec: create(ReplicaSpecSchema, { instance: "web", group: "default", service: "web", image: "web:1" }),
}; // prettier-ignore
const name = "ozwald-default-web-0-1.1-r1r2r3";

function info(state: object, labels: Record<string, string> = {}) {
  return {
    Id: id, Name: `/${name}`, Image: "sha256:1", HostConfig: { CapDrop: ["ALL"], PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "4000" }] } },
    Config: { Labels: { "ozwald.cluster": clusterId, "ozwald.replica": "r1r2r3r4", "ozwald.attempt": "3", "ozwald.slot": "x", ...labels } },
    NetworkSettings: { Ports: {}, Networks: {} },
    State: { Status: "exited", Running: false, Pid: 0, ExitCode: 0, Error: "", OOMKilled: false, StartedAt: "2026-01-02T03:04:05.678Z", FinishedAt: "0001-01-01T00:00:00Z", ...state },
  }; // prettier-ignore
}
const running = (pid: number) => info({ Status: "running", Running: true, Pid: pid });

describe("time", () => {
  test("a silent engine fails every call in its time, and the request is closed", async () => {
    let closed = 0;
    docker.answers = { "GET /containers/json": (_request, response) => void response.on("close", () => closed++) };
    const begun = Date.now();
    await expect(engine(faster(100)).list()).rejects.toMatchObject({
      code: "timeout",
      message: "The container engine did not list containers within 10 s.",
    });
    expect(Date.now() - begun).toBeLessThan(5_000);
    await expect.poll(() => closed, { timeout: 5_000 }).toBe(1);
  });

  test("an engine that ends the connection is unavailable", async () => {
    docker.answers = { "GET /images/json": (request) => void request.socket.destroy() };
    await expect(engine().images()).rejects.toMatchObject({ code: "engine_unavailable" });
  });
});

describe("what is there", () => {
  const list = { "GET /containers/json": { body: [{ Id: id }] } };
  const inspect = `GET /containers/${id}/json`;

  test("runs only if its process does", async () => {
    docker.answers = { ...list, [inspect]: { body: running(4242) } };
    const [gone] = await engine().list();
    expect(gone).toMatchObject({
      phase: "ended",
      pid: 0,
      exitCode: -1,
      error: expect.stringMatching(/process is gone/),
    });
    mkdirSync(join(procRoot, "4242"));
    expect((await engine().list())[0]).toMatchObject({
      phase: "running",
      pid: 4242,
      exitCode: 0,
      error: "",
      endedAt: 0,
    });
  });

  test("is asked again while engine and kernel disagree for a moment", async () => {
    docker.answers = {
      ...list,
      [inspect]: [{ body: running(4242) }, { body: info({ ExitCode: 3, FinishedAt: "2026-01-02T03:05:00Z" }) }],
    };
    expect((await engine().list())[0]).toMatchObject({
      phase: "ended",
      exitCode: 3,
      error: "",
      endedAt: Date.UTC(2026, 0, 2, 3, 5),
    });
  });

  test("has labels as they are, ports as asked while it does not run, and words for a start that failed", async () => {
    const Error = "driver failed: Bind for 127.0.0.1:4000 failed: port is already allocated";
    docker.answers = {
      ...list,
      [inspect]: { body: info({ Status: "created", Error, ExitCode: 128, StartedAt: "0001-01-01T00:00:00Z" }) },
    };
    expect((await engine().list())[0]).toMatchObject({
      phase: "created", startedAt: 0, attempt: 3, slot: 0, generation: 0, replicaId: "r1r2r3r4", exitCode: 128,
      ports: [{ containerPort: 80, hostPort: 4000, hostAddress: "127.0.0.1", transport: "tcp" }],
      error: expect.stringMatching(/^Port 4000 is taken/),
    }); // prettier-ignore
  });

  test("is inspected once while it runs; only its health is read again", async () => {
    const up = (Status: string, ip = "10.0.0.2") => ({
      body: [
        { Id: id, State: "running", Names: ["/x"], Status, NetworkSettings: { Networks: { n: { IPAddress: ip } } } },
      ],
    });
    mkdirSync(join(procRoot, "4242"));
    docker.answers = {
      "GET /containers/json": [up("Up 1 second (health: starting)"), up("Up 2 seconds (healthy)"), up("Up 3 seconds (unhealthy)"), up("Up 4 seconds"), up("Up 5 seconds", "10.0.0.3"), up("Up 6 seconds", "10.0.0.3")],
      [inspect]: { body: running(4242) },
    }; // prettier-ignore
    const port = engine();
    const inspections = () => docker.asked.filter((asked) => asked === inspect).length;
    await port.list();
    expect((await port.list())[0]).toMatchObject({ phase: "running", pid: 4242, check: "healthy" });
    expect((await port.list())[0]?.check).toBe("unhealthy");
    expect((await port.list())[0]?.check).toBe("none");
    expect(inspections()).toBe(1);
    await port.list();
    expect(inspections()).toBe(2);
    rmSync(join(procRoot, "4242"), { recursive: true });
    expect((await port.list())[0]).toMatchObject({ phase: "ended", pid: 0 });
  });

  test("what the engine is starting, and answers nothing about meanwhile, is no reason to see nothing", async () => {
    const [starting, other] = ["a".repeat(64), "b".repeat(64)];
    const Labels = { "ozwald.replica": "r2", "ozwald.attempt": "2", "ozwald.generation": "7", "ozwald.group": "g" };
    mkdirSync(join(procRoot, "4242"));
    docker.answers = {
      "GET /containers/json": {
        body: [
          { Id: starting, State: "created", Names: ["/two"], Labels, ImageID: "sha256:2" },
          { Id: other, State: "running", Names: ["/one"] },
        ],
      },
      [`GET /containers/${starting}/json`]: () => {},
      [`GET /containers/${other}/json`]: { body: { ...running(4242), Id: other } },
    };
    const begun = Date.now();
    expect(await engine(systemClock).list()).toEqual([
      expect.objectContaining({
        ...{ id: starting, name: "two", replicaId: "r2", attempt: 2, generation: 7, group: "g", phase: "created" },
        ...{ imageId: "sha256:2", startedAt: 0, ports: [] },
      }),
      expect.objectContaining({ id: other, phase: "running" }),
    ]);
    expect(Date.now() - begun).toBeLessThan(5_000);
    // One that runs, and that the engine does not answer about, is no such case.
    docker.answers[`GET /containers/${other}/json`] = () => {};
    await expect(engine().list()).rejects.toMatchObject({ code: "timeout" });
  });

  test("what ended is inspected once: the engine answers nothing about it while somebody copies files out of it", async () => {
    const listed = (State: string, Status: string) => ({ body: [{ Id: id, State, Status, Names: [`/${name}`] }] });
    docker.answers = {
      "GET /containers/json": listed("exited", "Exited (3) 1 second ago"),
      [inspect]: [{ body: info({ ExitCode: 3 }) }, () => {}],
    };
    const port = engine();
    const first = await port.list();
    expect(first[0]).toMatchObject({ phase: "ended", exitCode: 3 });
    docker.answers["GET /containers/json"] = listed("exited", "Exited (3) 2 minutes ago");
    expect(await port.list()).toEqual(first);
    mkdirSync(join(procRoot, "4242"));
    docker.answers["GET /containers/json"] = listed("running", "Up 1 second");
    docker.answers[inspect] = { body: running(4242) };
    expect((await port.list())[0]).toMatchObject({ phase: "running", pid: 4242 });
  });

  test("a container that vanishes between list and inspect is none", async () => {
    docker.answers = { ...list, [inspect]: { status: 404, body: { message: "No such container" } } };
    expect(await engine().list()).toEqual([]);
  });
});

describe("a name that is taken", () => {
  const create = "POST /containers/create";
  const conflict = { status: 409, body: { message: "Conflict. The container name is already in use" } };

  test("by this replica's own leftover is freed", async () => {
    Object.assign(docker.answers, {
      [create]: [conflict, { status: 201, body: { Id: "f".repeat(64) } }],
      [`GET /containers/${name}/json`]: { body: info({}) },
      [`GET /containers/${id}/json`]: { body: info({}) },
      [`DELETE /containers/${id}`]: { status: 204 },
    });
    expect(await engine().create(plan)).toBe("f".repeat(64));
    expect(docker.asked.filter((asked) => asked.startsWith("DELETE"))).toHaveLength(1);
  });

  test.each([
    ["somebody else", { "ozwald.cluster": "other" }, {}, /is not ours/],
    ["another replica", { "ozwald.replica": "zzz" }, {}, /is not ours/],
    ["itself, running", {}, { Running: true, Pid: 77 }, /exists and runs/],
  ])("by %s stays", async (_, labels, state, message) => {
    mkdirSync(join(procRoot, "77"));
    Object.assign(docker.answers, {
      [create]: conflict,
      [`GET /containers/${name}/json`]: { body: info(state, labels) },
    });
    await expect(engine().create(plan)).rejects.toThrow(message);
    expect(docker.asked.some((asked) => asked.startsWith("DELETE"))).toBe(false);
  });
});

let query = "";
/** Answers with 204 and notes what was asked. */
const noted = (_request: unknown, response: { writeHead(n: number): void; end(): void }, url: URL) => {
  query = url.search;
  response.writeHead(204);
  response.end();
};

test("what Docker calls up and the kernel calls gone is removed by force", async () => {
  Object.assign(docker.answers, {
    [`GET /containers/${id}/json`]: { body: running(4242) },
    [`DELETE /containers/${id}`]: noted,
  });
  await engine().remove(id);
  expect(query).toContain("force=true");
});

test.each([
  [10_000, "?t=10"],
  [1_500, "?t=2"],
  [1, "?t=0"],
])("a grace of %i ms is %s for the engine, which counts whole seconds", async (graceMs, expected) => {
  Object.assign(docker.answers, {
    [`GET /containers/${id}/json`]: { body: running(4242) },
    [`POST /containers/${id}/stop`]: noted,
  });
  await engine().stop(id, graceMs);
  expect(query).toBe(expected);
});

describe("networks", () => {
  const network = (Id: string, Created: string, labels: Record<string, string> = { "ozwald.cluster": clusterId, "ozwald.group": "a" }) => ({
    Id, Name: "ozwald-abcdef-a", Created, Labels: labels,
  }); // prettier-ignore

  test("of one name are cut down to the oldest", async () => {
    docker.answers = {
      "GET /networks": {
        body: [
          network("n2", "2026-01-02"),
          network("n1", "2026-01-01"),
          { ...network("n3", "2025"), Name: "x-ozwald-abcdef-a" },
        ],
      },
      "DELETE /networks/n2": { status: 403, body: { message: "has active endpoints" } },
    };
    expect(await engine().ensureNetwork("a")).toBe("ozwald-abcdef-a");
    expect(docker.asked).toEqual(["GET /networks", "DELETE /networks/n2"]);
  });

  test("made by somebody else in the same moment are used", async () => {
    docker.answers = {
      "GET /networks": [{ body: [] }, { body: [network("n1", "2026")] }],
      "POST /networks/create": { status: 409, body: { message: "network with name already exists" } },
    };
    const port = engine();
    expect(await Promise.all([port.ensureNetwork("a"), port.ensureNetwork("a")])).toEqual([
      "ozwald-abcdef-a",
      "ozwald-abcdef-a",
    ]);
    expect(docker.asked.filter((asked) => asked.startsWith("POST"))).toHaveLength(1);
  });

  test("of others are refused, and only empty ones of ours are removed", async () => {
    docker.answers = { "GET /networks": { body: [network("n1", "2026", {})] } };
    await expect(engine().ensureNetwork("a")).rejects.toThrow(/is not ours/);
    docker.answers = { "GET /networks": { body: [network("n1", "2026")] }, "DELETE /networks/n1": { status: 204 } };
    await engine().removeUnusedNetworks(new Set(["a"]));
    expect(docker.asked.filter((asked) => asked.startsWith("DELETE"))).toHaveLength(0);
    await engine().removeUnusedNetworks(new Set(["b"]));
    expect(docker.asked.filter((asked) => asked.startsWith("DELETE"))).toHaveLength(1);
  });
});

describe("watching", () => {
  test("subscribes again from where it was, and wakes each time", async () => {
    const since: (string | null)[] = [];
    docker.answers = {
      "GET /events": (_request, response, url) => {
        since.push(url.searchParams.get("since"));
        response.writeHead(200);
        response.flushHeaders();
        response.write('{"Action":"die","timeNano":1700000000123456789}\n');
        setTimeout(() => response.destroy(), 100);
      },
    };
    const stop = new AbortController();
    const told: boolean[] = [];
    engine().watch((lost) => told.push(lost), stop.signal);
    await expect.poll(() => since.length, { interval: 5, timeout: 10_000 }).toBeGreaterThanOrEqual(3);
    stop.abort();
    expect(since.slice(0, 3)).toEqual([null, "1700000000.123456789", "1700000000.123456789"]);
    expect(told.length).toBeGreaterThanOrEqual(3);
    // The first word is of the new subscription, not of an end.
    expect(told[0]).toBe(false);
    expect(told.filter((lost) => lost).length).toBeGreaterThanOrEqual(2);
  });

  test("a time keeps its nanoseconds", () => {
    expect(timeOf('{"time":1,"timeNano":1700000000123456789}')).toBe("1700000000.123456789");
    expect(timeOf("{}")).toBeUndefined();
  });
});

test("no mount leads to the agent's own folder, by whatever link", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ozwald-own-"));
  const [real, stateDir, way] = [join(folder, "real"), join(folder, "state"), join(folder, "way")];
  try {
    mkdirSync(join(real, "deeper"), { recursive: true });
    symlinkSync(real, stateDir);
    symlinkSync(join(real, "deeper"), way);
    const guarded = createDockerEngine({
      ...{ clusterId, stateDir, socketPath: docker.socketPath, log: quietLog, clock: systemClock },
    });
    for (const source of [stateDir, way, folder]) {
      const spec = { ...plan.spec, mounts: [create(MountSchema, { kind: MountKind.BIND, source, target: "/x" })] };
      await expect(guarded.create({ ...plan, spec })).rejects.toMatchObject({
        code: "bad_request",
        message: expect.stringContaining("the state of the agent"),
      });
    }
    expect(docker.asked).not.toContain("POST /containers/create");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("memory in use", () => {
  test("leaves out what the kernel would give back, and is unknown for what does not run", async () => {
    const path = `GET /containers/${id}/stats`;
    docker.answers = {
      [path]: [
        { body: { memory_stats: { usage: 100, stats: { total_inactive_file: 30 } } } },
        { body: { memory_stats: {} } },
        { status: 404, body: {} },
      ],
    };
    expect(await engine().memoryBytes(id)).toBe(70);
    expect(await engine().memoryBytes(id)).toBeUndefined();
    expect(await engine().memoryBytes(id)).toBeUndefined();
  });
});

test("a tail keeps the last lines, whole letters, and no line without end", () => {
  const tail = createTail(2);
  const letters = Buffer.from("ä\n");
  void tail.sink.stdout(Buffer.from("one\ntwo\r\nthr"));
  void tail.sink.stderr(letters.subarray(0, 1));
  void tail.sink.stderr(letters.subarray(1));
  void tail.sink.stdout(Buffer.from("ee".repeat(5_000)));
  const lines = tail.end();
  expect(lines[0]).toBe("ä");
  expect(lines[1]).toMatch(/^three+$/);
  expect(lines[1]?.length).toBe(4_000);
});
