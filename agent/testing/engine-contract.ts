// What every container engine has to do for the agent, as tests: the real ones and the simulated one are held to the same.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OzError } from "#core/errors.ts";
import type { ContainerPlan, ObservedContainer } from "../apply/engine.ts";
import type { ContractContainer, EngineStage } from "./engine-stage.ts";

const graceMs = 10_000;
const absentId = "f".repeat(64);

/** Registers the suite. The stage is made anew for each test. */
export function engineContract(name: string, open: () => Promise<EngineStage>): void {
  let stage: EngineStage;
  const run = async (container: ContractContainer, changes: Partial<ContainerPlan> = {}, group = "default") => {
    await stage.engine.ensureNetwork(group);
    const id = await stage.engine.create(stage.plan(container, changes, group));
    await stage.engine.start(id);
    return id;
  };
  const observed = async (id: string): Promise<ObservedContainer> => {
    const found = (await stage.engine.list()).find((each) => each.id === id);
    if (found === undefined) throw new Error(`${id} is not listed`);
    return found;
  };
  const ended = (id: string) =>
    until("it ended", async () => {
      const found = await observed(id);
      return found.phase === "ended" ? found : undefined;
    });
  beforeEach(async () => {
    stage = await open();
  });
  afterEach(() => stage[Symbol.asyncDispose]());
  const scene: Scene = { stage: () => stage, run, observed, ended };
  describe(`${name}: life of a container`, () => lifeTests(scene));
  describe(`${name}: starts that fail`, () => failureTests(scene));
  describe(`${name}: images, networks, words`, () => surroundingsTests(scene));
}

type Scene = {
  stage(): EngineStage;
  run(container: ContractContainer, changes?: Partial<ContainerPlan>, group?: string): Promise<string>;
  observed(id: string): Promise<ObservedContainer>;
  ended(id: string): Promise<ObservedContainer>;
};

function lifeTests({ stage, run, observed, ended }: Scene): void {
  test("created, running, ended, gone; each step may be repeated", async () => {
    const { engine, plan } = stage();
    const began = Date.now();
    await engine.ensureNetwork("default");
    const wanted = plan("stays", { generation: 3, attempt: 2, slot: 1, specHash: "abc" });
    wanted.spec.secretKeys = ["PIN", "GREETING"];
    const id = await engine.create(wanted);
    const named = { id, replicaId: wanted.replicaId, generation: 3, attempt: 2, slot: 1, specHash: "abc" };
    const { instance, service, secretKeys } = wanted.spec;
    const spec = { instance, group: "default", service, secretKeys };
    const blank = { pid: 0, startedAt: 0, endedAt: 0, exitCode: 0, error: "", outOfMemory: false };
    expect(await observed(id)).toMatchObject({ ...named, ...spec, ...blank, phase: "created" });
    await engine.start(id);
    await engine.start(id);
    const running = await observed(id);
    expect(running).toMatchObject({ ...named, ...spec, phase: "running", endedAt: 0, exitCode: 0, check: "none" });
    expect(running.pid).toBeGreaterThan(0);
    expect(running.startedAt).toBeGreaterThanOrEqual(began - 1_000);
    expect(running.address).toMatch(/^\d+(\.\d+){3}$/);
    expect(await engine.environment(id)).toMatchObject({ GREETING: "a = b" });
    expect(running.name).toContain(wanted.spec.instance);
    expect(await engine.memoryBytes(id)).toBeGreaterThan(0);
    await engine.stop(id, graceMs);
    const over = await observed(id);
    expect(over).toMatchObject({ ...named, phase: "ended", pid: 0, exitCode: 143, error: "" });
    expect(over.endedAt).toBeGreaterThanOrEqual(over.startedAt);
    expect(await engine.memoryBytes(id)).toBeUndefined();
    await engine.stop(id, graceMs);
    await engine.remove(id);
    expect(await engine.list()).toEqual([]);
    await engine.stop(id, graceMs);
    await engine.remove(id);
  });

  test("one that does not listen is ended hard after its grace", async () => {
    const id = await run("stubborn");
    const began = Date.now();
    await stage().engine.stop(id, 100);
    expect(Date.now() - began).toBeGreaterThanOrEqual(90);
    expect(await observed(id)).toMatchObject({ phase: "ended", exitCode: 137, outOfMemory: false });
  });

  test("exit codes: of its own, and of a kill", async () => {
    const [own, killed] = [await run("ends"), await run("stays")];
    expect(await ended(own)).toMatchObject({ exitCode: 3, error: "", pid: 0 });
    await stage().kill(killed);
    expect(await ended(killed)).toMatchObject({ exitCode: 137, error: "", pid: 0 });
  });

  test("what runs is not removed", async () => {
    const id = await run("stays");
    expect(await failureOf(stage().engine.remove(id))).toMatchObject({ code: "engine_refused" });
    expect(await observed(id)).toMatchObject({ phase: "running" });
  });

  test("one that vanished is not listed; to stop and to remove it is fine, to start it is not", async () => {
    const { engine, vanish } = stage();
    const [id, other] = [await run("stays"), await run("stays")];
    await vanish(id);
    for (const gone of [id, absentId]) {
      await engine.stop(gone, graceMs);
      await engine.remove(gone);
      expect(await failureOf(engine.start(gone))).toMatchObject({ code: "engine_refused" });
      expect(await engine.memoryBytes(gone)).toBeUndefined();
      expect(await engine.environment(gone)).toEqual({});
    }
    expect((await engine.list()).map((each) => each.id)).toEqual([other]);
  });

  test("made again, it replaces what is left of the same attempt, and nothing that runs", async () => {
    const { engine, plan } = stage();
    await engine.ensureNetwork("default");
    const wanted = plan("stays");
    const first = await engine.create(wanted);
    const second = await engine.create(wanted);
    expect((await engine.list()).map((each) => each.id)).toEqual([second]);
    await engine.start(second);
    expect(await failureOf(engine.create(wanted))).toMatchObject({ code: "engine_refused" });
    expect(await observed(second)).toMatchObject({ phase: "running" });
    await engine.stop(second, graceMs);
    const third = await engine.create(wanted);
    const newer = await engine.create({ ...wanted, generation: wanted.generation + 1 });
    expect((await engine.list()).map((each) => each.id).toSorted()).toEqual([third, newer].toSorted());
    expect(new Set([first, second, third, newer]).size).toBe(4);
  });
}

function failureTests({ stage, run, observed }: Scene): void {
  test("a program that is not there: refused, and the container stays created with its error", async () => {
    const { engine, plan } = stage();
    await engine.ensureNetwork("default");
    const id = await engine.create(plan("broken"));
    const thrown = await failureOf(engine.start(id));
    expect(thrown).toMatchObject({ code: "engine_refused" });
    const left = await observed(id);
    expect(left).toMatchObject({ phase: "created", pid: 0, startedAt: 0, endedAt: 0 });
    expect(left.exitCode).toBeGreaterThan(0);
    expect(left.error).toContain(thrown.message.replace(/^.*?: /, "").slice(0, 30));
    await engine.remove(id);
  });

  test("a port that is taken is named; once it is free the same container starts", async () => {
    const { engine, plan, holdPort } = stage();
    await engine.ensureNetwork("default");
    const held = await holdPort();
    const withPort = { hostPorts: { "80/tcp": held.port } };
    const id = await engine.create(plan("stays", withPort));
    const thrown = await failureOf(engine.start(id));
    expect(thrown).toMatchObject({ code: "port_taken" });
    expect(thrown.message).toContain(String(held.port));
    const left = await observed(id);
    expect(left).toMatchObject({ phase: "created", startedAt: 0 });
    expect(left.error).toContain(String(held.port));
    await held.release();
    await engine.start(id);
    const published = { containerPort: 80, hostPort: held.port, hostAddress: "127.0.0.1", transport: "tcp" };
    expect(await observed(id)).toMatchObject({ phase: "running", error: "", exitCode: 0, ports: [published] });
    expect(await failureOf(run("stays", withPort))).toMatchObject({ code: "port_taken" });
    await engine.stop(id, graceMs);
    await run("stays", withPort);
  });

  test("an image that is not there is named when the container is made", async () => {
    const { engine, plan } = stage();
    await engine.ensureNetwork("default");
    const thrown = await failureOf(engine.create(plan("stays", { image: "ozwald-contract-absent:1" })));
    expect(thrown).toMatchObject({ code: "image_missing" });
    expect(thrown.message).toContain("ozwald-contract-absent:1");
    expect(await engine.list()).toEqual([]);
  });
}

function surroundingsTests({ stage, run, observed, ended }: Scene): void {
  test("an image is the one as written, else ozwald- before it, else none", async () => {
    const { engine, addImage, imageOfAbsentRegistry } = stage();
    expect(await engine.resolveImage("contract-a:1")).toBeUndefined();
    await addImage("ozwald-contract-a:1");
    expect((await engine.resolveImage("contract-a:1"))?.image).toBe("ozwald-contract-a:1");
    await addImage("contract-a:1");
    expect((await engine.resolveImage("contract-a:1"))?.image).toBe("contract-a:1");
    expect(await engine.images()).toEqual(expect.arrayContaining(["contract-a:1", "ozwald-contract-a:1"]));
    const signal = AbortSignal.timeout(30_000);
    const pulled = engine.pull(imageOfAbsentRegistry(), [], () => {}, signal);
    expect(await failureOf(pulled)).toMatchObject({ code: "registry_unreachable" });
  });

  test("a network is made once, kept while something runs on it, and removed when nothing does", async () => {
    const { engine, networks } = stage();
    const names = await Promise.all(["red", "red", "blue"].map((group) => engine.ensureNetwork(group)));
    expect(names[0]).toBe(names[1]);
    expect(names[0]).not.toBe(names[2]);
    expect((await networks()).toSorted()).toEqual(["blue", "red"]);
    const id = await run("stays", {}, "red");
    await engine.removeUnusedNetworks(new Set());
    expect(await networks()).toEqual(["red"]);
    expect(await observed(id)).toMatchObject({ phase: "running", group: "red" });
    await engine.stop(id, graceMs);
    await engine.removeUnusedNetworks(new Set(["red"]));
    expect(await networks()).toEqual(["red"]);
    await engine.removeUnusedNetworks(new Set());
    expect(await networks()).toEqual([]);
    expect(await engine.ensureNetwork("red")).toBe(names[0]);
  });

  test("without its network it does not start", async () => {
    const { engine, plan } = stage();
    const start = async () => engine.start(await engine.create(plan("stays")));
    expect(await failureOf(start())).toMatchObject({ code: "engine_refused" });
    expect((await engine.list()).filter((each) => each.phase !== "created")).toEqual([]);
  });

  test("what it said can be read after its end: all of it, and the last lines", async () => {
    const { engine } = stage();
    const id = await run("ends");
    await ended(id);
    let text = "";
    const sink = { stdout: (bytes: Uint8Array) => void (text += Buffer.from(bytes).toString()), stderr() {} };
    await engine.logs(id, { follow: true, tail: 0, timestamps: false }, sink, AbortSignal.timeout(10_000));
    expect(text).toBe("one\ntwo\nthree\n");
    expect(await engine.tail(id, 2)).toEqual(["two", "three"]);
    text = "";
    await engine.logs(id, { follow: false, tail: 1, timestamps: true }, sink, AbortSignal.timeout(10_000));
    expect(text).toMatch(/^\d{4}-\d\d-\d\dT\S+Z three\n$/);
  });

  test("a watcher hears of starts and ends until it stops listening", async () => {
    const { engine, kill } = stage();
    const stop = new AbortController();
    let calls = 0;
    engine.watch(() => calls++, stop.signal);
    await until("it listens", () => calls > 0);
    let before = calls;
    const id = await run("stays");
    await until("it hears of the start", () => calls > before);
    await until("no more is to come", async () => {
      before = calls;
      await new Promise((resolve) => setTimeout(resolve, 60));
      return calls === before;
    });
    await kill(id);
    await until("it hears of the end", () => calls > before);
    stop.abort();
    await ended(id);
    before = calls;
    await engine.remove(id);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(calls).toBe(before);
  });

  test("it tells about itself", async () => {
    const facts = await stage().engine.facts();
    expect(facts.name).not.toBe("");
    expect(facts.error).toBe("");
  });
}

async function failureOf(promise: Promise<unknown>): Promise<OzError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(OzError);
  return thrown as OzError;
}

async function until<T>(what: string, ask: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() >= deadline) throw new Error(`Waited in vain until ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
