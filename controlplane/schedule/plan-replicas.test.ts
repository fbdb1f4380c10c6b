import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PlanAction } from "#proto/settings_pb.ts";
import { aCandidate, aHost, anInstance, aReplica, gib } from "../testing/snapshots.ts";
import { claimedMemory } from "./filters.ts";
import { type Change, planReplicas, type PlanOptions } from "./plan-replicas.ts";
import { changesAnything, imageNotices, planSteps } from "./plan-steps.ts";
import type { InstanceView, ReplicaView, Snapshot } from "./snapshot.ts";

function options(restart: string[] = [], prefix = "new"): PlanOptions {
  let n = 0;
  return { newId: () => `${prefix}-${++n}`, strategy: "spread", restart: new Set(restart) };
}

const snapshot = (fields: Partial<Snapshot>): Snapshot => ({
  hosts: [aHost("a")],
  instances: [],
  replicas: [],
  unknown: [],
  ...fields,
});
const kinds = (changes: readonly Change[]) => changes.map((change) => change.do);

/** What the store would hold after the changes. */
function after(before: Snapshot, changes: readonly Change[]): Snapshot {
  const replicas = new Map(before.replicas.map((replica) => [replica.id, replica]));
  for (const change of changes) {
    if (change.do === "forget") replicas.delete(change.replica.id);
    else if (change.do === "retire")
      replicas.set(change.replica.id, { ...change.replica, wish: "retire", instanceId: null });
    else {
      if (change.do === "adopt" && change.instead !== undefined) replicas.delete(change.instead.id);
      replicas.set(change.replica.id, change.replica);
    }
  }
  const known = new Set(replicas.keys());
  return {
    ...before,
    replicas: [...replicas.values()],
    unknown: before.unknown.filter((u) => !known.has(u.replicaId)),
  };
}

describe("planReplicas", () => {
  const web = anInstance("web");
  const [a, b] = [aHost("a"), aHost("b")];

  test("starts what is missing, keeps what is right", () => {
    const first = planReplicas(snapshot({ instances: [web] }), options());
    expect(first).toMatchObject([{ do: "create", replica: { hostId: "id-a", slot: 0, generation: 1 } }]);
    const second = planReplicas(after(snapshot({ instances: [web] }), first), options());
    expect(kinds(second)).toEqual(["keep"]);
  });

  test("a new spec is a new generation in place; its reason is the difference", () => {
    const changed = anInstance("web", { env: { MAX_MODEL_LEN: "4096" } });
    const changes = planReplicas(snapshot({ instances: [changed], replicas: [aReplica(web, a)] }), options());
    expect(changes).toMatchObject([{ do: "respec", replica: { generation: 2, hostId: "id-a", id: "r-web-0" } }]);
    const [step] = planSteps(changes, [a]);
    expect(step).toMatchObject({ action: PlanAction.RESTART, host: "a" });
    expect(step?.reason).toContain("MAX_MODEL_LEN");
  });

  test("restart asks for a new generation of the same spec", () => {
    const changes = planReplicas(snapshot({ instances: [web], replicas: [aReplica(web, a)] }), options(["r-web-0"]));
    expect(changes).toMatchObject([{ do: "respec", replica: { generation: 2 } }]);
    expect(planSteps(changes, [a])[0]?.reason).toBe("restart asked for");
  });

  test("what nobody wants is retired; without a host it is forgotten", () => {
    const changes = planReplicas(
      snapshot({ replicas: [aReplica(web, a), aReplica(anInstance("other"), null)] }),
      options(),
    );
    expect(kinds(changes)).toEqual(["retire", "forget"]);
    expect(planSteps(changes, [a]).map((s) => s.reason)).toEqual(["no longer wanted", "no longer wanted"]);
  });

  test("down and fewer replicas end only what is too much", () => {
    const two = anInstance("web", { replicas: 1 });
    const replicas = [aReplica(two, a), aReplica(two, a, { slot: 1 })];
    expect(planReplicas(snapshot({ instances: [two], replicas }), options())).toMatchObject([
      { do: "keep" },
      { do: "retire", why: "1 replica wanted" },
    ]);
    expect(
      planReplicas(snapshot({ instances: [{ ...two, overridden: true }], replicas }), options()).map((c) =>
        c.do === "retire" ? c.why : c.do,
      ),
    ).toEqual(["taken down", "taken down"]);
  });

  test("what fits nowhere waits with a reason, and is placed when a host comes", () => {
    const gpu = anInstance("web", { candidates: [aCandidate("web", { requires: { gpu: "nvidia" } })] });
    const before = snapshot({ instances: [gpu] });
    const changes = planReplicas(before, options());
    expect(changes).toMatchObject([{ do: "create", replica: { hostId: null, reason: "a: no nvidia GPU" } }]);
    expect(planSteps(changes, before.hosts)).toMatchObject([
      { action: PlanAction.UNPLACED, candidates: [{ host: "a", reason: "no nvidia GPU" }] },
    ]);
    const waiting = after(before, changes);
    expect(kinds(planReplicas(waiting, options()))).toEqual(["keep"]);
    const withGpu = { ...waiting, hosts: [a, aHost("g", { gpus: [{ id: "n", vendor: "nvidia", vram: gib }] })] };
    const placed = planReplicas(withGpu, options());
    expect(placed).toMatchObject([{ do: "place", replica: { hostId: "id-g" } }]);
    expect(planSteps(placed, withGpu.hosts)).toMatchObject([{ action: PlanAction.START, reason: "a host fits now" }]);
    const without = { ...waiting, hosts: [] };
    expect(planReplicas(without, options())).toMatchObject([
      { do: "unplaced", replica: { reason: "no host has joined yet" } },
    ]);
  });

  test("turned down once it goes elsewhere, turned down twice it waits for a person", () => {
    const pending = aReplica(web, null, { rejectedBy: ["id-a"], reason: "a turned it down" });
    expect(planReplicas(snapshot({ hosts: [a, b], instances: [web], replicas: [pending] }), options())).toMatchObject([
      { do: "place", replica: { hostId: "id-b" } },
    ]);
    const twice = { ...pending, rejectedBy: ["id-a", "id-b"] };
    expect(
      kinds(planReplicas(snapshot({ hosts: [a, b, aHost("c")], instances: [web], replicas: [twice] }), options())),
    ).toEqual(["keep"]);
    expect(
      planReplicas(snapshot({ hosts: [a, b], instances: [web], replicas: [twice] }), options([twice.id])),
    ).toMatchObject([{ do: "place", replica: { generation: 2, rejectedBy: [] } }]);
  });

  test("devices stay with a replica through a change", () => {
    const host = aHost("g", { gpus: [{ id: "n", vendor: "nvidia", vram: gib }] });
    const gpu = anInstance("web", { candidates: [aCandidate("web", { requires: { gpu: "nvidia" } })] });
    const placed = after(
      snapshot({ hosts: [host], instances: [gpu] }),
      planReplicas(snapshot({ hosts: [host], instances: [gpu] }), options()),
    );
    expect(kinds(planReplicas(placed, options()))).toEqual(["keep"]);
    const changed = anInstance("web", {
      candidates: [aCandidate("web", { requires: { gpu: "nvidia" }, env: { A: "1" } })],
    });
    const [respec] = planReplicas({ ...placed, instances: [changed] }, options());
    expect(respec?.replica.spec.resources?.deviceIds).toEqual(["n"]);
  });

  test("a form that does not fit where it runs leaves what runs as it is", () => {
    const small = aHost("a", { memory: 10 * gib });
    const other = anInstance("db", { memory: 4 * gib });
    const bound = (wanted: InstanceView, was: InstanceView) =>
      snapshot({
        hosts: [small, b],
        instances: [other, wanted],
        replicas: [aReplica(other, small), aReplica(was, small)],
      });
    const web = anInstance("web", { memory: 4 * gib });
    const larger = planReplicas(bound(anInstance("web", { memory: 8 * gib }), web), options());
    expect(kinds(larger)).toEqual(["keep", "stay"]);
    expect(planSteps(larger, [small])[1]).toMatchObject({
      action: PlanAction.UNPLACED,
      host: "a",
      reason:
        "does not fit where it runs: needs 8.0 GiB RAM, misses by 2.0 GiB; db holds 4.0 GiB. What runs is left as it is",
    });
    const withPort = anInstance("db", { port: 8080 });
    const ports = snapshot({
      instances: [withPort, anInstance("web", { port: 8080 })],
      replicas: [aReplica(withPort, a), aReplica(anInstance("web"), a)],
    });
    expect(planReplicas(ports, options())).toMatchObject([{ do: "keep" }, { why: "port 8080 is held by db" }]);
    const onGpu = { candidates: [aCandidate("web", { variety: "nvidia", requires: { gpu: "nvidia" } })] };
    const gpu = planReplicas(bound(anInstance("web", onGpu), web), options());
    expect(gpu).toMatchObject([{ do: "keep" }, { do: "stay", why: "no nvidia GPU" }]);
    // A host that became too small for what it has anyway is no reason to refuse the rest.
    const tight = snapshot({
      hosts: [aHost("a", { memory: gib })],
      instances: [anInstance("web", { memory: 4 * gib, env: { A: "1" } })],
      replicas: [aReplica(web, a)],
    });
    expect(kinds(planReplicas(tight, options()))).toEqual(["respec"]);
  });

  test("what a change gives up is there for what it makes larger, whatever their names are", () => {
    for (const [less, more] of [
      ["u", "v"],
      ["v", "u"],
    ] as const) {
      const host = aHost("a", { memory: 10 * gib });
      const replicas = [less, more].map((name) =>
        aReplica(anInstance(name, { memory: name === less ? 8 * gib : 2 * gib }), host),
      );
      const instances = ["u", "v"].map((name) => anInstance(name, { memory: name === less ? 2 * gib : 8 * gib }));
      const swapped = snapshot({ hosts: [host], instances, replicas });
      expect(kinds(planReplicas(swapped, options()))).toEqual(["respec", "respec"]);
      // Nobody asked: then nothing is given up, and nothing takes it.
      const third = { ...swapped, instances: [...instances, anInstance("w", { memory: gib })] };
      const kept = planReplicas(third, { ...options(), unasked: true });
      expect(kept).toMatchObject([{ do: "keep" }, { do: "keep" }, { do: "create", replica: { hostId: null } }]);
    }
  });

  test("what ends is there for what it makes larger, and not yet for what is new", () => {
    const host = aHost("a", { memory: 10 * gib });
    const replicas = [aReplica(anInstance("old", { memory: 6 * gib }), host), aReplica(web, host)];
    const grown = anInstance("web", { memory: 8 * gib });
    const changes = planReplicas(snapshot({ hosts: [host], instances: [grown], replicas }), options());
    expect(kinds(changes)).toEqual(["respec", "retire"]);
    const fresh = anInstance("new", { memory: 8 * gib });
    const both = planReplicas(snapshot({ hosts: [host], instances: [fresh], replicas }), options());
    expect(both[0]).toMatchObject({ do: "create", replica: { hostId: null } });
  });

  test("what waited for a host and gets one now is not what ends", () => {
    const host = aHost("a", { memory: 3 * gib });
    const replicas = [aReplica(anInstance("u", { memory: 4 * gib }), null), aReplica(web, host)];
    const instances = [anInstance("u", { memory: gib }), anInstance("web", { memory: 3 * gib })];
    expect(kinds(planReplicas(snapshot({ hosts: [host], instances, replicas }), options()))).toEqual(["place", "stay"]);
  });

  test("a new generation is promised what its form needs, also when nothing but a restart is asked for", () => {
    const web = anInstance("web", { memory: 2 * gib });
    const [restarted] = planReplicas(
      snapshot({ instances: [web], replicas: [aReplica(web, a)] }),
      options(["r-web-0"]),
    );
    expect(restarted).toMatchObject({ do: "respec", claims: [{ resource: "ram", bytes: BigInt(2 * gib) }] });
  });

  test("another variety gets devices of its own, and gives back what it does not need", () => {
    const host = aHost("g", { gpus: [{ id: "n", vendor: "nvidia", vram: gib }] });
    const forms = {
      cpu: aCandidate("web", { variety: "cpu-only" }),
      gpu: aCandidate("web", { variety: "nvidia", requires: { gpu: "nvidia" } }),
    };
    const onCpu = aReplica(anInstance("web", { candidates: [forms.cpu] }), host);
    const toGpu = snapshot({
      hosts: [host],
      instances: [anInstance("web", { candidates: [forms.gpu] })],
      replicas: [onCpu],
    });
    const there = planReplicas(toGpu, options());
    expect(there).toMatchObject([{ do: "respec", replica: { spec: { resources: { deviceIds: ["n"] } } } }]);
    const back = { ...after(toGpu, there), instances: [anInstance("web", { candidates: [forms.cpu] })] };
    expect(planReplicas(back, options())).toMatchObject([{ replica: { spec: { resources: { deviceIds: [] } } } }]);
  });

  test("binding to another host, or losing it, moves the replica", () => {
    const bound = anInstance("web", { host: "b" });
    expect(
      planReplicas(snapshot({ hosts: [a, b], instances: [bound], replicas: [aReplica(web, a)] }), options()),
    ).toMatchObject([
      { do: "retire", replica: { hostId: "id-a" } },
      { do: "create", replica: { hostId: "id-b" } },
    ]);
    expect(
      kinds(planReplicas(snapshot({ hosts: [b], instances: [web], replicas: [aReplica(web, a)] }), options())),
    ).toEqual(["retire", "create"]);
  });

  test("an unknown replica in the very slot is taken back instead of starting a second one", () => {
    const same = {
      hostId: "id-a",
      replicaId: "lost",
      group: "default",
      instance: "web",
      slot: 0,
      generation: 3,
      specHash: web.candidates[0]?.specHash ?? "",
    };
    const adopted = planReplicas(snapshot({ instances: [web], unknown: [same] }), options());
    expect(adopted).toMatchObject([{ do: "adopt", replica: { id: "lost", generation: 3, hostId: "id-a" } }]);
    expect(planSteps(adopted, [a])).toMatchObject([{ action: PlanAction.KEEP, reason: "runs already; taken back" }]);
    const waiting = aReplica(web, null, { reason: "no host has joined yet" });
    const late = snapshot({ instances: [web], replicas: [waiting], unknown: [same] });
    expect(planReplicas(late, options())).toMatchObject([{ do: "adopt", instead: waiting, replica: { id: "lost" } }]);
    expect(planReplicas(late, { ...options(), unasked: true })).toEqual([{ do: "keep", replica: waiting }]);
    expect(planReplicas({ ...late, replicas: [] }, { ...options(), unasked: true })).toEqual([]);
    const changed = planReplicas(snapshot({ instances: [web], unknown: [{ ...same, specHash: "older" }] }), options());
    expect(changed).toMatchObject([{ do: "adopt", replica: { generation: 4 } }]);
    expect(planSteps(changed, [a])).toMatchObject([
      { action: PlanAction.RESTART, reason: "runs already, with other settings; taken back" },
    ]);
  });

  test("a service that is gone leaves its replicas alone", () => {
    const orphan: InstanceView = { ...web, candidates: [], problem: "no service web" };
    expect(kinds(planReplicas(snapshot({ instances: [orphan], replicas: [aReplica(web, a)] }), options()))).toEqual([
      "keep",
    ]);
    expect(planReplicas(snapshot({ instances: [orphan] }), options())).toEqual([]);
    const asked = snapshot({ instances: [orphan], replicas: [aReplica(web, a)] });
    expect(planReplicas(asked, options(["r-web-0"]))).toMatchObject([{ do: "respec", replica: { generation: 2 } }]);
    expect(kinds(planReplicas({ ...asked, hosts: [b] }, options(["r-web-0"])))).toEqual(["keep"]);
  });

  test("an image that only another host has is said beforehand", () => {
    const hosts = [aHost("a"), aHost("builder", { images: ["ozwald-web:1"], state: "offline" })];
    const steps = planSteps(planReplicas(snapshot({ hosts, instances: [web] }), options()), hosts);
    expect(imageNotices(steps, hosts)).toEqual([expect.stringContaining("web:1 is on builder and not on a")]);
    expect(imageNotices(steps, [a])).toEqual([]);
  });

  test("nothing to do is nothing to show", () => {
    const keep = planSteps(planReplicas(snapshot({ instances: [web], replicas: [aReplica(web, a)] }), options()), [a]);
    expect(changesAnything(keep)).toBe(false);
  });
});

const arbitrary = fc.record({
  hosts: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom("a", "b", "c", "d"),
      memory: fc.integer({ min: 1, max: 8 }),
      online: fc.boolean(),
    }),
    { selector: (h) => h.name, maxLength: 4 },
  ),
  instances: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom("u", "v", "w", "x"),
      replicas: fc.integer({ min: 0, max: 4 }),
      memory: fc.integer({ min: 0, max: 5 }),
      host: fc.constantFrom("", "", "a", "z"),
      overridden: fc.boolean(),
    }),
    { selector: (i) => i.name, maxLength: 4 },
  ),
});

function snapshotOf(
  input: typeof arbitrary extends fc.Arbitrary<infer T> ? T : never,
  replicas: readonly ReplicaView[] = [],
): Snapshot {
  return {
    hosts: input.hosts.map((h) => aHost(h.name, { memory: h.memory * gib, state: h.online ? "online" : "offline" })),
    instances: input.instances.map((i) =>
      anInstance(i.name, { replicas: i.replicas, memory: i.memory * gib, host: i.host, overridden: i.overridden }),
    ),
    replicas,
    unknown: [],
  };
}

describe("planReplicas, whatever is wanted", () => {
  test("RAM is never promised twice, the plan settles at once, and equal questions get equal answers", () => {
    fc.assert(
      fc.property(arbitrary, arbitrary, (first, second) => {
        const start = snapshotOf(first);
        const settled = after(start, planReplicas(start, options()));
        const next = { ...snapshotOf(second, settled.replicas) };
        const changes = planReplicas(next, options([], "second"));
        expect(planReplicas(next, options([], "second"))).toEqual(changes);
        const end = after(next, changes);
        for (const host of start.hosts) {
          const held = settled.replicas.filter((r) => r.hostId === host.id);
          expect(claimedMemory(held)).toBeLessThanOrEqual(Number(host.inventory?.memoryBytes));
        }
        for (const host of next.hosts) {
          // A host may have less RAM than before, or another rule may hold there: it is never promised more for that.
          const promised = ({ replicas }: Snapshot) =>
            claimedMemory(replicas.filter((r) => r.hostId === host.id && r.wish === "run"));
          const most = Math.max(promised(next), Number(host.inventory?.memoryBytes));
          expect(promised(end)).toBeLessThanOrEqual(most);
        }
        const again = planReplicas(end, options([], "third"));
        expect(again.filter((c) => !["keep", "stay", "place", "unplaced"].includes(c.do))).toEqual([]);
        for (const instance of end.instances) {
          const running = end.replicas.filter((r) => r.instanceId === instance.id && r.wish === "run");
          expect(running.length).toBe(instance.overridden ? 0 : instance.replicas);
          expect(new Set(running.map((r) => r.slot)).size).toBe(running.length);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
