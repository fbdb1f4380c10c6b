import fc from "fast-check";
import { expect, test } from "vitest";
import type { Assignment } from "#proto/agent_pb.ts";
import { assigned, assignment } from "../testing/wanted.ts";
import { accept, nothingObeyed, type Obeyed } from "./accept.ts";

const unknown = new Map<string, number>();

function take(
  obeyed: Obeyed,
  message: Assignment,
  more: { contains?: boolean; totals?: ReadonlyMap<string, number> } = {},
) {
  return accept({
    obeyed,
    assignment: message,
    historyContainsObeyed: more.contains ?? true,
    totals: more.totals ?? unknown,
  });
}

function obey(obeyed: Obeyed, message: Assignment, totals = unknown): Obeyed {
  const result = take(obeyed, message, { totals });
  if (result.verdict !== "obey") throw new Error(result.verdict);
  return result.obeyed;
}

const first = obey(nothingObeyed, assignment([assigned("a", 2)], { revision: 5, epoch: 3 }));

test("the first message is obeyed, whatever the history", () => {
  expect(take(nothingObeyed, assignment([]), { contains: false }).verdict).toBe("obey");
  expect(first).toMatchObject({ epoch: 3, revision: 5, incarnation: "inc" });
});

test("a lower epoch and a foreign history are refused, a higher epoch is obeyed", () => {
  expect(take(first, assignment([], { epoch: 2, revision: 99 }))).toMatchObject({
    verdict: "refuse",
    reason: expect.stringContaining("epoch 2"),
  });
  expect(take(first, assignment([], { epoch: 3, revision: 99, incarnation: "x" }), { contains: false })).toMatchObject({
    verdict: "refuse",
    reason: expect.stringContaining("another history"),
  });
  expect(take(first, assignment([], { epoch: 4, revision: 1, incarnation: "x" }), { contains: false }).verdict).toBe(
    "obey",
  );
});

test("a raised epoch that was obeyed makes its sender's history the own one, whatever the Welcome said before", () => {
  const raised = take(first, assignment([], { epoch: 4, revision: 1, incarnation: "x" }), { contains: false });
  const obeyed = raised.verdict === "obey" ? raised.obeyed : nothingObeyed;
  const next = assignment([], { epoch: 4, revision: 2, incarnation: "x", retire: ["a"] });
  expect(take(obeyed, next, { contains: false })).toMatchObject({ verdict: "obey", obeyed: { retire: ["a"] } });
});

test("an older revision is refused, the same one is a yes without a change", () => {
  expect(take(first, assignment([], { epoch: 3, revision: 4 }))).toMatchObject({
    verdict: "refuse",
    reason: "revision 4 is older than 5, which is obeyed",
  });
  expect(take(first, assignment([], { epoch: 3, revision: 5 })).verdict).toBe("repeated");
  expect(take(first, assignment([], { epoch: 3, revision: 4, incarnation: "next" })).verdict).toBe("obey");
});

test("an older generation is ignored by name", () => {
  const result = take(first, assignment([assigned("a", 1)], { epoch: 4, revision: 1 }));
  expect(result).toMatchObject({ verdict: "obey", notice: "older generations ignored: a (1 < 2)" });
  expect(result.verdict === "obey" && result.obeyed.run[0]?.generation).toBe(2n);
});

test("a replica that is both wanted and retired stays", () => {
  expect(obey(nothingObeyed, assignment([assigned("a")], { retire: ["a", "b", "b"] })).retire).toEqual(["b"]);
});

test("what does not fit is turned down with need, free and holder; what runs stays", () => {
  const totals = new Map([["ram", 1_000]]);
  const before = obey(nothingObeyed, assignment([assigned("a", 1, {}, 700)]), totals);
  const result = take(
    before,
    assignment([assigned("b", 1, {}, 400), assigned("a", 1, {}, 700), assigned("c", 1, {}, 300)], { revision: 2 }),
    { totals },
  );
  expect(result).toMatchObject({
    verdict: "obey",
    rejected: [{ replicaId: "b", generation: 1, resource: "ram", needBytes: 400, freeBytes: 300, holder: "a 700 B" }],
  });
  expect(result.verdict === "obey" && result.obeyed.run.map(({ replicaId }) => replicaId)).toEqual(["a", "c"]);
});

test("a new generation that does not fit leaves the former one", () => {
  const totals = new Map([["ram", 1_000]]);
  const before = obey(nothingObeyed, assignment([assigned("a", 1, {}, 700)]), totals);
  const after = obey(
    before,
    assignment([assigned("new", 1, {}, 400), assigned("a", 2, {}, 1_100)], { revision: 2 }),
    totals,
  );
  expect(after.run.map(({ replicaId, generation }) => [replicaId, generation])).toEqual([["a", 1n]]);
});

test("what one replica gives up is there for another of the same set, whichever comes first", () => {
  const totals = new Map([["ram", 1_000]]);
  for (const [less, more] of [
    ["a", "b"],
    ["b", "a"],
  ] as const) {
    const before = obey(nothingObeyed, assignment([assigned(less, 1, {}, 800), assigned(more, 1, {}, 200)]), totals);
    const swapped = [assigned("a", 2, {}, less === "a" ? 200 : 800), assigned("b", 2, {}, less === "b" ? 200 : 800)];
    expect(take(before, assignment(swapped, { revision: 2 }), { totals })).toMatchObject({ rejected: [] });
  }
});

test("property: what is obeyed never goes back, within an epoch nor in a generation, and never exceeds the host", () => {
  const replica = fc.record({
    id: fc.constantFrom("a", "b", "c"),
    generation: fc.integer({ min: 1, max: 5 }),
    ram: fc.integer({ min: 0, max: 60 }),
  });
  const message = fc.record({
    epoch: fc.integer({ min: 1, max: 3 }),
    revision: fc.integer({ min: 1, max: 6 }),
    incarnation: fc.constantFrom("x", "y"),
    run: fc.uniqueArray(replica, { selector: ({ id }) => id }),
    retire: fc.subarray(["a", "b", "c"]),
    contains: fc.boolean(),
  });
  const totals = new Map([["ram", 100]]);
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
      let obeyed = nothingObeyed;
      for (const { run, contains, ...options } of messages) {
        const text = assignment(
          run.map(({ id, generation, ram }) => assigned(id, generation, {}, ram)),
          options,
        );
        const result = take(obeyed, text, { contains, totals });
        expect(take(obeyed, text, { contains, totals })).toEqual(result);
        if (result.verdict !== "obey") continue;
        const next = result.obeyed;
        expect(next.epoch).toBeGreaterThanOrEqual(obeyed.epoch);
        if (next.epoch === obeyed.epoch && next.incarnation === obeyed.incarnation)
          expect(next.revision).toBeGreaterThan(obeyed.revision);
        for (const each of next.run) {
          const had = obeyed.run.find(({ replicaId }) => replicaId === each.replicaId);
          if (had !== undefined) expect(each.generation).toBeGreaterThanOrEqual(had.generation);
          expect(next.retire).not.toContain(each.replicaId);
        }
        const promised = next.run.flatMap(({ claims }) => claims).reduce((sum, claim) => sum + Number(claim.bytes), 0);
        expect(promised).toBeLessThanOrEqual(100);
        obeyed = next;
      }
    }),
  );
});
