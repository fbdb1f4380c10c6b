// The outbox against a model of the control plane: whatever is lost on the way, the final view is the latest state.
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Report } from "#proto/agent_pb.ts";
import { InventorySchema, TelemetrySchema } from "#proto/inventory_pb.ts";
import { type Observed, ObservedSchema } from "#proto/replicas_pb.ts";
import { createOutbox } from "./outbox.ts";

const seen = (replicaId: string, generation: number): Observed =>
  create(ObservedSchema, { replicaId, generation: BigInt(generation) });

/** Takes reports as the hub does. */
class Server {
  view = new Map<string, bigint>();
  sequence = 0n;
  take(report: Report): bigint {
    if (report.sequence > this.sequence) {
      this.sequence = report.sequence;
      if (report.full) this.view.clear();
      for (const one of report.changed) this.view.set(one.replicaId, one.generation);
      for (const id of report.gone) this.view.delete(id);
    }
    return this.sequence;
  }
}

type Op =
  | { op: "put"; id: string }
  | { op: "gone"; id: string }
  | { op: "flush" }
  | { op: "deliver" }
  | { op: "ack" }
  | { op: "reconnect"; during: string };
const ids = fc.constantFrom("a", "b", "c", "d");
const ops: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ op: fc.constant("put" as const), id: ids }),
  fc.record({ op: fc.constant("gone" as const), id: ids }),
  fc.record({ op: fc.constantFrom("flush" as const, "deliver" as const, "ack" as const) }),
  // Reports in flight and answers in flight are lost; something changes while the Hello is made.
  fc.record({ op: fc.constant("reconnect" as const), during: ids }),
);

describe("outbox", () => {
  test("the final view equals the latest state, through lost reports, lost answers and reconnects", () => {
    fc.assert(
      fc.property(fc.array(ops, { maxLength: 60 }), (script) => {
        const outbox = createOutbox();
        const server = new Server();
        const truth = new Map<string, Observed>();
        let wire: Report[] = [];
        let answers: bigint[] = [];
        let version = 0;
        const put = (id: string) => {
          const state = seen(id, (version += 1));
          truth.set(id, state);
          outbox.put([state], []);
        };
        const flush = () => {
          const report = outbox.next(true);
          if (report !== undefined) wire.push(report);
        };
        const deliver = () => {
          const report = wire.shift();
          if (report !== undefined) answers.push(server.take(report));
        };
        const ack = () => {
          const answer = answers.shift();
          if (answer !== undefined) outbox.acknowledged(answer);
        };
        for (const step of script) {
          if (step.op === "put") put(step.id);
          else if (step.op === "gone") {
            truth.delete(step.id);
            outbox.put([], [step.id]);
          } else if (step.op === "flush") flush();
          else if (step.op === "deliver") deliver();
          else if (step.op === "ack") ack();
          else {
            [wire, answers, server.sequence] = [[], [], 0n];
            outbox.rewind();
            const hello = [...truth.values()];
            put(step.during);
            outbox.seed(hello, true);
          }
        }
        for (let i = 0; i < 20; i++) {
          flush();
          deliver();
          ack();
        }
        expect(server.view).toEqual(new Map([...truth].map(([id, state]) => [id, state.generation])));
        expect(outbox.next(true)).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  test("the latest state of a replica wins until it is sent", () => {
    const outbox = createOutbox();
    outbox.next(true);
    outbox.put([seen("a", 1)], []);
    outbox.put([seen("a", 2)], []);
    expect(outbox.next(true)).toMatchObject({ full: false, sequence: 2n, changed: [{ generation: 2n }] });
    expect(outbox.next(true)).toBeUndefined();
  });

  test("without answers it holds back, and then tells the newest", () => {
    const outbox = createOutbox();
    for (let i = 1; i <= 10; i++) {
      outbox.put([seen("a", i)], []);
      expect(outbox.next(true) === undefined).toBe(i > 4);
    }
    outbox.acknowledged(4n);
    expect(outbox.next(true)).toMatchObject({ sequence: 5n, changed: [{ generation: 10n }] });
  });

  test("claims to be full only when the picture is", () => {
    const outbox = createOutbox();
    expect(outbox.next(false)).toBeUndefined();
    outbox.put([seen("a", 1)], []);
    expect(outbox.next(false)).toMatchObject({ full: false });
    expect(outbox.next(true)).toMatchObject({ full: true, changed: [{ replicaId: "a" }] });
  });

  test("what is gone is named in a full report too", () => {
    const outbox = createOutbox();
    outbox.put([seen("a", 1)], ["b"]);
    expect(outbox.next(true)).toMatchObject({ full: true, changed: [{ replicaId: "a" }], gone: ["b"] });
    outbox.acknowledged(1n);
    outbox.rewind();
    expect(outbox.next(true)).toMatchObject({ full: true, changed: [{ replicaId: "a" }], gone: [] });
  });

  test("an incomplete Hello drops nothing, a complete one does", () => {
    const outbox = createOutbox();
    outbox.put([seen("a", 1)], []);
    outbox.rewind();
    outbox.seed([seen("b", 1)], false);
    expect([...outbox.picture().keys()]).toEqual(["a", "b"]);
    outbox.rewind();
    outbox.seed([seen("b", 1)], true);
    expect([...outbox.picture().keys()]).toEqual(["b"]);
  });

  test("inventory is told until answered, telemetry once", () => {
    const outbox = createOutbox();
    outbox.next(true);
    outbox.setInventory(create(InventorySchema, { hostname: "h" }));
    outbox.setTelemetry(create(TelemetrySchema, { cpuUsed: 0.5 }));
    expect(outbox.next(true)).toMatchObject({ inventory: { hostname: "h" }, telemetry: { cpuUsed: 0.5 } });
    outbox.rewind();
    const again = outbox.next(true);
    expect([again?.inventory?.hostname, again?.telemetry]).toEqual(["h", undefined]);
    outbox.acknowledged(1n);
    outbox.rewind();
    expect(outbox.next(true)?.inventory).toBeUndefined();
  });
});
