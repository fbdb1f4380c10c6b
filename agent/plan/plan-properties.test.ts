// Properties of the planner from any state of a host: what it never does, and that it comes to rest.
import fc from "fast-check";
import { expect, test } from "vitest";
import { World } from "../testing/world.ts";
import { container, wanted } from "../testing/wanted.ts";
import type { FoundContainer, Wanted } from "./found.ts";
import type { Step } from "./step.ts";

const ids = ["a", "b", "c", "d"];
const fixedPorts = [{ containerPort: 80, transport: "tcp", hostPort: 0 }];

const someWanted = fc
  .uniqueArray(
    fc.record({
      id: fc.constantFrom(...ids),
      generation: fc.integer({ min: 1, max: 3 }),
      ports: fc.boolean(),
      waits: fc.boolean(),
    }),
    { selector: ({ id }) => id },
  )
  .map((all) =>
    all.map(({ id, generation, ports, waits }) =>
      wanted(id, generation, { ports: ports ? fixedPorts : [], dependsOn: waits && id !== "a" ? ["a"] : [] }),
    ),
  );

const someFound = fc
  .array(
    fc.record({
      id: fc.constantFrom(...ids, "ghost"),
      attempt: fc.integer({ min: 1, max: 6 }),
      generation: fc.integer({ min: 1, max: 3 }),
      phase: fc.constantFrom("created" as const, "running" as const, "ended" as const),
    }),
    { maxLength: 10 },
  )
  .map((all) => {
    const made = all.map(({ id, attempt, generation, phase }) =>
      container(id, attempt, { id: `${id}${attempt}`, generation, phase, startedAt: 900_000 }),
    );
    return [...new Map(made.map((each) => [each.id, each])).values()];
  });

const someWorld = fc
  .record({ run: someWanted, found: someFound, retire: fc.subarray([...ids, "ghost"]), crashing: fc.subarray(ids) })
  .map(({ run, found, retire, crashing }) => world(run, found, retire, crashing));

function world(run: Wanted[], found: FoundContainer[], retire: string[], crashing: string[]): World {
  return new World(
    { run: new Map(run.map((each) => [each.replicaId, each])), retire: new Set(retire) },
    found,
    crashing,
  );
}

/** Plans and applies until nothing but waiting is left; time passes while everything waits. Calls look around every step. */
function settle(host: World, look: (step: Step, before: FoundContainer[]) => void = () => {}): number {
  for (let round = 1; round <= 60; round++) {
    const steps = host.plan();
    const work = steps.filter(({ tag }) => tag !== "wait");
    for (const step of work) {
      const before = host.found;
      host.apply(step);
      look(step, before);
    }
    const until = steps.flatMap((step) => (step.tag === "wait" && step.until > 0 ? [step.until] : []));
    if (work.length === 0 && until.length === 0) return round;
    if (work.length === 0) host.now = Math.max(host.now + 1, Math.min(...until));
  }
  return Number.POSITIVE_INFINITY;
}

test("it comes to rest, and then every wanted replica runs once, has failed, waits, or is newer", () => {
  fc.assert(
    fc.property(someWorld, (host) => {
      const newer = new Map(
        [...host.desired.run.values()].map(({ replicaId, generation }) => [
          replicaId,
          host.alive(replicaId).some((each) => each.generation > generation),
        ]),
      );
      expect(settle(host)).toBeLessThan(60);
      for (const { replicaId, generation, spec } of host.desired.run.values()) {
        if (newer.get(replicaId)) continue;
        const ofGeneration = host.alive(replicaId).filter((each) => each.generation === generation);
        const blocked = spec.dependsOn.some(
          (name) => host.desired.run.has(name) && host.facts().health.get(name)?.verdict !== "ready",
        );
        const failed = host.memory.get(replicaId)?.final?.state === "failed";
        if (blocked && ofGeneration.length === 0) continue;
        if (failed) expect(host.crashing.has(replicaId)).toBe(true);
        else expect(ofGeneration).toHaveLength(1);
      }
      for (const id of host.desired.retire)
        if (!host.desired.run.has(id)) expect(host.found.filter((each) => each.replicaId === id)).toEqual([]);
    }),
    { numRuns: 400 },
  );
});

test("it never stops nor removes what no message names", () => {
  fc.assert(
    fc.property(someWorld, (host) => {
      const unnamed = (each: FoundContainer) =>
        !host.desired.run.has(each.replicaId) && !host.desired.retire.has(each.replicaId);
      const before = host.found.filter(unnamed);
      settle(host);
      expect(host.found.filter(unnamed)).toEqual(before);
    }),
    { numRuns: 300 },
  );
});

test("a start never finds another attempt of its replica running, and no two replicas share a port", () => {
  fc.assert(
    fc.property(someWorld, (host) => {
      settle(host, (step, before) => {
        if (step.tag === "start-attempt")
          expect(before.filter((each) => each.replicaId === step.replicaId && each.phase === "running")).toEqual([]);
        const ports = host.found
          .filter(({ phase }) => phase === "running")
          .flatMap((each) => each.ports.map(({ hostPort }) => hostPort));
        expect(new Set(ports).size).toBe(ports.length);
      });
    }),
    { numRuns: 300 },
  );
});

test("a running newer generation is never touched by an older wish", () => {
  fc.assert(
    fc.property(someWorld, (host) => {
      const newer = host.found.filter(
        (each) => each.phase === "running" && each.generation > (host.desired.run.get(each.replicaId)?.generation ?? 9),
      );
      settle(host);
      for (const each of newer) expect(host.found).toContainEqual(each);
    }),
    { numRuns: 300 },
  );
});

test("equal input gives equal steps, and planning changes nothing", () => {
  fc.assert(
    fc.property(someWorld, (host) => {
      const found = structuredClone(host.found);
      const steps = host.plan();
      expect(host.plan()).toEqual(steps);
      expect(host.found).toEqual(found);
    }),
  );
});

test("failed is final for its generation, and a new generation begins anew", () => {
  const host = world([wanted("a")], [], [], ["a"]);
  expect(settle(host)).toBeLessThan(60);
  expect(host.memory.get("a")).toMatchObject({ starts: 5, final: { state: "failed" } });
  host.now += 86_400_000;
  expect(host.plan().filter(({ tag }) => tag === "start-attempt")).toEqual([]);
  host.desired = world([wanted("a", 2)], [], [], []).desired;
  expect(host.plan().map(({ tag }) => tag)).toEqual(["fetch-image", "start-attempt"]);
});
