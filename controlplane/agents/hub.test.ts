// The hub without sockets: who is let in, who is silent, what is assigned and reported. Time is the test's.
import { create, toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  AssignmentResultSchema,
  AssignmentSchema,
  HelloSchema,
  type LinkRequest,
  type LinkResponse,
  ReportSchema,
} from "#proto/agent_pb.ts";
import { type Observed, ObservedSchema } from "#proto/replicas_pb.ts";
import type { OzError } from "#core/errors.ts";
import { quietLog } from "#core/log.ts";
import { manualClock } from "#core/testing/manual-clock.ts";
import type { Admission, AgentSession } from "./agent-session.ts";
import { createHub, type HubOptions } from "./hub.ts";

const admitted: Admission = {
  admitted: true,
  clusterId: "c1",
  clusterEpoch: 1,
  incarnation: "i1",
  historyContainsObeyed: true,
  obeys: true,
  problem: "",
};

function setUp(options: Partial<HubOptions> = {}) {
  const clock = manualClock();
  const hub = createHub({
    clock,
    log: quietLog,
    random: (size) => crypto.getRandomValues(new Uint8Array(size)),
    admit: async () => admitted,
    timings: { graceMs: 0 },
    ...options,
  });
  const heard: string[] = [];
  hub.onChange((hostId, what) => heard.push(`${hostId} ${what}`));
  const open: FakeSession[] = [];
  return {
    ...{ clock, hub, heard },
    /** Says Hello and returns the stream; does not wait. */
    dial(hostId: string, speaker: { boot?: string; nonce?: string } = {}, observed: string[] = []) {
      const session = new FakeSession(hostId);
      open.push(session);
      const hello = create(HelloSchema, {
        ...{ hostId, bootId: speaker.boot ?? "boot-a", processNonce: speaker.nonce ?? "n1", agentVersion: "1" },
        observed: observed.map((replicaId) => create(ObservedSchema, { replicaId })),
      });
      return { session, welcomed: hub.intake.hello(session, hello) };
    },
    async join(hostId: string, speaker: { boot?: string; nonce?: string } = {}, observed: string[] = []) {
      const { session, welcomed } = this.dial(hostId, speaker, observed);
      await welcomed;
      return session;
    },
    beat: (session: AgentSession) =>
      hub.intake.receive(session, { case: "heartbeat", value: { $typeName: "ozwald.v1.Heartbeat" } }),
    report: (session: AgentSession, init: Parameters<typeof create<typeof ReportSchema>>[1]) =>
      hub.intake.receive(session, { case: "report", value: create(ReportSchema, init) }),
    result: (session: AgentSession, init: Parameters<typeof create<typeof AssignmentResultSchema>>[1]) =>
      hub.intake.receive(session, { case: "assignmentResult", value: create(AssignmentResultSchema, init) }),
  };
}

class FakeSession implements AgentSession {
  readonly hostId: string;
  readonly address = "10.0.0.9";
  readonly sent: LinkResponse["message"][] = [];
  closedFor: string | undefined;
  error: OzError | undefined;
  constructor(hostId: string) {
    this.hostId = hostId;
  }
  send(message: LinkResponse): void {
    this.sent.push(message.message);
  }
  close(reason: string): void {
    this.closedFor = reason;
  }
  abort(error: OzError): void {
    this.error = error;
  }
  cases(): (string | undefined)[] {
    return this.sent.map((message) => message.case);
  }
}

const assignment = (revision: number, epoch = 1) =>
  create(AssignmentSchema, { revision: BigInt(revision), clusterEpoch: BigInt(epoch), incarnation: "i1" });

describe("what a host says", () => {
  const forged = {
    replicaId: "r1",
    reason: "\u001b]52;c;cm0gLXJm\u0007it\nfailed",
    logTail: ["\u001b[31mred\u001b[0m", "x".repeat(100_000)],
    since: { seconds: 10n ** 15n, nanos: -1 },
    nextAttempt: { seconds: 5n, nanos: 0 },
  };
  const expectFit = (observed: Observed | undefined) => {
    expect(observed).toMatchObject({ reason: "it failed", logTail: ["red", "x".repeat(4_000)] });
    expect(toJson(ObservedSchema, observed!)).toMatchObject({ nextAttempt: "1970-01-01T00:00:05Z" });
  };

  test("reaches no terminal, and can be told with what all the others say", async () => {
    const cluster = setUp();
    cluster.report(await cluster.join("h1"), { sequence: 1n, changed: [forged] });
    expectFit(cluster.hub.host("h1")?.observed.get("r1"));
  });

  test("nor with its first words", async () => {
    const { hub } = setUp();
    const hello = create(HelloSchema, { hostId: "h1", agentVersion: "1\u001b[2J", observed: [forged] });
    await hub.intake.hello(new FakeSession("h1"), hello);
    expectFit(hub.host("h1")?.observed.get("r1"));
    expect(hub.host("h1")?.agentVersion).toBe("1");
  });
});

describe("identity", () => {
  test("a host id that is not the certificate's is refused and changes nothing", async () => {
    const { hub } = setUp();
    const session = new FakeSession("h1");
    await expect(hub.intake.hello(session, create(HelloSchema, { hostId: "h2" }))).rejects.toMatchObject({
      code: "permission_denied",
    });
    expect(hub.hosts()).toEqual([]);
  });

  test("a refused host is told why", async () => {
    const cluster = setUp({ admit: async () => ({ admitted: false, reason: "revoked", message: "removed" }) });
    expect((await cluster.join("h1")).closedFor).toBe("revoked");
    expect(cluster.hub.host("h1")).toBeUndefined();
  });

  test("the newer stream of one boot supersedes", async () => {
    const cluster = setUp();
    const first = await cluster.join("h1");
    const second = await cluster.join("h1");
    expect(first.closedFor).toBe("superseded");
    cluster.hub.intake.ended(first);
    expect(cluster.hub.host("h1")?.state).toBe("online");
    cluster.report(first, { sequence: 1n, changed: [{ replicaId: "late" }] });
    expect(cluster.hub.host("h1")?.observed.size).toBe(0);
    cluster.beat(second);
    expect(second.cases()).toEqual(["welcome", "reportAck"]);
  });

  test("two boots that both speak are quarantined, and come back when one is left", async () => {
    const cluster = setUp();
    const original = await cluster.join("h1", { boot: "boot-a" }, ["r1"]);
    const copy = cluster.dial("h1", { boot: "boot-b", nonce: "n2" });
    await cluster.clock.advanceAsync(4_000);
    expect(copy.session.cases()).toEqual([]);
    cluster.beat(original);
    await copy.welcomed;
    expect([original.closedFor, copy.session.closedFor]).toEqual(["quarantined", "quarantined"]);
    const host = cluster.hub.host("h1");
    expect(host).toMatchObject({
      state: "quarantined",
      obeys: false,
      problem: expect.stringContaining("2 machines use the identity") as string,
    });
    expect([...(host?.observed.keys() ?? [])]).toEqual(["r1"]);
    // Both go on knocking.
    await cluster.clock.advanceAsync(30_000);
    expect((await cluster.join("h1", { boot: "boot-a" })).closedFor).toBe("quarantined");
    expect((await cluster.join("h1", { boot: "boot-b", nonce: "n2" })).closedFor).toBe("quarantined");
    cluster.hub.assign("h1", assignment(3));
    // The copy is switched off.
    await cluster.clock.advanceAsync(44_000);
    expect((await cluster.join("h1", { boot: "boot-a" })).closedFor).toBe("quarantined");
    await cluster.clock.advanceAsync(2_000);
    const back = await cluster.join("h1", { boot: "boot-a" });
    expect(back.cases()).toEqual(["welcome", "assignment"]);
    expect(cluster.hub.host("h1")).toMatchObject({ state: "online", obeys: true, problem: "" });
  });

  test("two processes of one boot that take turns are quarantined", async () => {
    const cluster = setUp();
    await cluster.join("h1", { nonce: "n1" });
    const second = await cluster.join("h1", { nonce: "n2" });
    const third = await cluster.join("h1", { nonce: "n1" });
    expect([second.closedFor, third.closedFor]).toEqual(["quarantined", "quarantined"]);
    expect(cluster.hub.host("h1")?.problem).toContain("two agents use the identity");
  });

  test("an agent that is started again is no clone, however often", async () => {
    const cluster = setUp();
    for (const nonce of ["n1", "n2", "n3"]) {
      await cluster.join("h1", { nonce });
      expect(cluster.hub.host("h1")?.state).toBe("online");
    }
  });

  test("a machine that was started again waits only for the old stream to prove dead", async () => {
    const cluster = setUp();
    const old = await cluster.join("h1", { boot: "boot-a" });
    await cluster.clock.advanceAsync(10_000);
    const again = cluster.dial("h1", { boot: "boot-b", nonce: "n2" });
    await cluster.clock.advanceAsync(6_000);
    await again.welcomed;
    expect(old.closedFor).toBe("superseded");
    expect(again.session.cases()).toEqual(["welcome"]);
    expect(cluster.hub.host("h1")).toMatchObject({ state: "online", bootId: "boot-b" });
  });

  test("and comes in at once when the old stream ends", async () => {
    const cluster = setUp();
    const old = await cluster.join("h1", { boot: "boot-a" });
    const again = cluster.dial("h1", { boot: "boot-b" });
    await cluster.clock.advanceAsync(1);
    cluster.hub.intake.ended(old);
    await again.welcomed;
    expect(cluster.hub.host("h1")).toMatchObject({ state: "online", bootId: "boot-b" });
  });
});

describe("presence", () => {
  test("silence makes suspect, then offline and ends the stream; a word makes online", async () => {
    const cluster = setUp();
    const session = await cluster.join("h1");
    const heardAt = cluster.clock.now();
    await cluster.clock.advanceAsync(16_000);
    expect(cluster.hub.host("h1")).toMatchObject({ state: "suspect", since: heardAt });
    cluster.beat(session);
    expect(cluster.hub.host("h1")?.state).toBe("online");
    await cluster.clock.advanceAsync(47_000);
    expect(cluster.hub.host("h1")?.state).toBe("offline");
    expect(session.error?.code).toBe("timeout");
  });

  test("a link that flaps changes nothing that people see", async () => {
    const cluster = setUp();
    const { since } = { since: cluster.clock.now() };
    for (let i = 0; i < 20; i++) {
      const session = await cluster.join("h1");
      await cluster.clock.advanceAsync(3_000);
      cluster.hub.intake.ended(session);
      await cluster.clock.advanceAsync(2_000);
      expect(cluster.hub.host("h1")).toMatchObject({ state: "online", since });
    }
  });

  test("nobody is declared silent before the grace is over, nor after this process was frozen", async () => {
    const cluster = setUp({ timings: { graceMs: 60_000 }, known: [{ hostId: "h0", lastHeardAt: 42 }] });
    expect(cluster.hub.host("h0")).toMatchObject({ state: "suspect", since: 42 });
    const session = await cluster.join("h1");
    await cluster.clock.advanceAsync(59_000);
    expect([cluster.hub.settling, cluster.hub.host("h1")?.state]).toEqual([true, "online"]);
    expect(cluster.hub.host("h0")).toMatchObject({ state: "suspect", since: 42 });
    await cluster.clock.advanceAsync(2_000);
    expect(cluster.hub.host("h1")?.state).toBe("offline");
    expect(cluster.hub.host("h0")).toMatchObject({ state: "offline", since: 42 });
    cluster.beat(session);
    cluster.clock.jump(60_000);
    await cluster.clock.advanceAsync(50_000);
    expect([cluster.hub.settling, cluster.hub.host("h1")?.state]).toEqual([true, "online"]);
  });

  test("a clock that was hours ahead and is set back hides no silence", async () => {
    const inner = manualClock();
    let aheadMs = 7_200_000;
    const clock = { now: () => inner.now() + aheadMs, after: inner.after };
    const cluster = setUp({ clock, timings: { graceMs: 60_000 } });
    await cluster.join("h1");
    await inner.advanceAsync(5_000);
    aheadMs = 0;
    await inner.advanceAsync(30_000);
    expect([cluster.hub.settling, cluster.hub.host("h1")?.state]).toEqual([true, "online"]);
    await inner.advanceAsync(40_000);
    expect([cluster.hub.settling, cluster.hub.host("h1")?.state]).toEqual([false, "offline"]);
  });

  test("many that vanish together are flagged", async () => {
    const cluster = setUp();
    const sessions = [];
    for (const hostId of ["a", "b", "c", "d"]) sessions.push(await cluster.join(hostId));
    await cluster.clock.advanceAsync(10_000);
    if (sessions[0] !== undefined) cluster.beat(sessions[0]);
    await cluster.clock.advanceAsync(10_000);
    expect(cluster.hub.massSilence).toBe(true);
    for (const session of sessions) cluster.beat(session);
    expect(cluster.hub.massSilence).toBe(false);
  });
});

describe("assignments and reports", () => {
  test("the latest set is sent after every welcome", async () => {
    const cluster = setUp();
    cluster.hub.assign("h1", assignment(1));
    cluster.hub.assign("h1", assignment(2));
    const session = await cluster.join("h1");
    cluster.hub.assign("h1", assignment(3));
    const again = await cluster.join("h1");
    const revisions = [session, again].map((one) =>
      one.sent.flatMap((message) => (message.case === "assignment" ? [Number(message.value.revision)] : [])),
    );
    expect(revisions).toEqual([[2, 3], [3]]);
  });

  test("a host that does not obey gets none, until an epoch is raised", async () => {
    const cluster = setUp({ admit: async () => ({ ...admitted, obeys: false, problem: "obeys another history" }) });
    cluster.hub.assign("h1", assignment(1));
    const session = await cluster.join("h1");
    cluster.hub.assign("h1", assignment(2));
    expect(session.cases()).toEqual(["welcome"]);
    expect(cluster.hub.host("h1")).toMatchObject({ obeys: false, problem: "obeys another history" });
    cluster.hub.assign("h1", assignment(3, 2));
    cluster.hub.assign("h1", assignment(4, 2));
    expect(session.cases()).toEqual(["welcome", "assignment"]);
    cluster.result(session, { revision: 3n, accepted: true });
    expect(cluster.hub.host("h1")).toMatchObject({ obeys: true, problem: "", acknowledgedRevision: 3 });
    expect(session.sent.at(-1)).toMatchObject({ case: "assignment", value: { revision: 4n } });
  });

  test("a refusal of the latest set is shown, one of an older set is not; rejections are passed on", async () => {
    const cluster = setUp();
    const rejected: string[] = [];
    cluster.hub.onRejected((hostId, result) => rejected.push(`${hostId} ${result.rejected[0]?.replicaId}`));
    const session = await cluster.join("h1");
    cluster.hub.assign("h1", assignment(5));
    cluster.result(session, { revision: 4n, accepted: false, reason: "old" });
    expect(cluster.hub.host("h1")?.obeys).toBe(true);
    cluster.result(session, { revision: 5n, accepted: false, reason: "obeys epoch 9" });
    expect(cluster.hub.host("h1")).toMatchObject({ obeys: false, problem: "obeys epoch 9" });
    cluster.result(session, { revision: 5n, accepted: true, rejected: [{ replicaId: "r1" }] });
    expect(rejected).toEqual(["h1 r1"]);
  });

  test("what was refused is asked again until it is taken, and a newer set at once", async () => {
    const cluster = setUp();
    const session = await cluster.join("h1");
    const revisions = () => session.sent.flatMap((m) => (m.case === "assignment" ? [Number(m.value.revision)] : []));
    cluster.hub.assign("h1", assignment(5));
    cluster.result(session, { revision: 5n, accepted: false, reason: "disk full" });
    cluster.clock.advance(5_000);
    expect(revisions()).toEqual([5]);
    cluster.beat(session);
    cluster.clock.advance(6_000);
    expect(revisions()).toEqual([5, 5]);
    cluster.hub.assign("h1", assignment(6));
    expect(revisions()).toEqual([5, 5, 6]);
    cluster.result(session, { revision: 6n, accepted: true });
    expect(cluster.hub.host("h1")).toMatchObject({ obeys: true, problem: "" });
    cluster.beat(session);
    cluster.clock.advance(12_000);
    expect(revisions()).toEqual([5, 5, 6]);
  });

  test("reports are taken once, acknowledged always; only a full one makes absence count", async () => {
    const cluster = setUp();
    const session = await cluster.join("h1", {}, ["r1", "r2"]);
    const ids = () => [...(cluster.hub.host("h1")?.observed.keys() ?? [])];
    expect([ids(), cluster.hub.host("h1")?.reportedFully]).toEqual([["r1", "r2"], false]);
    cluster.report(session, { sequence: 1n, full: true, changed: [{ replicaId: "r2" }, { replicaId: "r3" }] });
    expect([ids(), cluster.hub.host("h1")?.reportedFully]).toEqual([["r2", "r3"], true]);
    cluster.report(session, { sequence: 2n, gone: ["r2"], telemetry: { cpuUsed: 0.5 } });
    cluster.report(session, { sequence: 2n, changed: [{ replicaId: "again" }] });
    expect(ids()).toEqual(["r3"]);
    expect(cluster.hub.host("h1")?.telemetry?.cpuUsed).toBe(0.5);
    expect(session.sent.flatMap((m) => (m.case === "reportAck" ? [m.value.sequence] : []))).toEqual([1n, 2n, 2n]);
    expect(cluster.heard).toContain("h1 telemetry");
    const again = await cluster.join("h1");
    expect([ids(), cluster.hub.host("h1")?.reportedFully]).toEqual([["r3"], false]);
    cluster.report(again, { sequence: 1n, full: true });
    expect(ids()).toEqual([]);
  });

  test("what a host was told to run is not gone before it says so, on the stream on which it was told", async () => {
    const cluster = setUp();
    const asked = () => [...(cluster.hub.host("h1")?.asked ?? [])].toSorted();
    const set = (revision: number, run: string[], retire: string[] = []) =>
      create(AssignmentSchema, { revision: BigInt(revision), run: run.map((replicaId) => ({ replicaId })), retire });
    cluster.hub.assign("h1", set(1, ["r1"]));
    expect(asked()).toEqual([]);
    const session = await cluster.join("h1");
    expect(asked()).toEqual(["r1"]);
    cluster.hub.assign("h1", set(2, ["r2"], ["r1"]));
    expect(asked()).toEqual(["r1", "r2"]);
    // Sent before the orders came.
    cluster.report(session, { sequence: 1n, full: true });
    expect(asked()).toEqual(["r1", "r2"]);
    cluster.report(session, { sequence: 2n, gone: ["r1"] });
    expect(asked()).toEqual(["r2"]);
    cluster.hub.assign("h1", set(3, ["r3"]));
    expect(asked()).toEqual(["r3"]);
    cluster.hub.assign("h1", set(4, [], ["r3"]));
    await cluster.join("h1");
    expect(asked()).toEqual([]);
  });

  test("watching speeds up telemetry by a renewed welcome, once", async () => {
    const cluster = setUp();
    const session = await cluster.join("h1");
    for (const watched of [true, true, false]) cluster.hub.setWatched(watched);
    expect(session.sent.flatMap((m) => (m.case === "welcome" ? [Number(m.value.telemetryMs)] : []))).toEqual([
      15_000, 2_000, 15_000,
    ]);
  });

  test("a second Hello ends the stream", async () => {
    const cluster = setUp();
    const session = await cluster.join("h1");
    cluster.hub.intake.receive(session, {
      case: "hello",
      value: create(HelloSchema, {}),
    } satisfies LinkRequest["message"]);
    expect(session.error?.code).toBe("bad_request");
  });
});

describe("channels", () => {
  const logs = {
    case: "logs" as const,
    value: {
      $typeName: "ozwald.v1.LogRequest" as const,
      replicaId: "r1",
      follow: false,
      tail: 0,
      previous: false,
      timestamps: false,
    },
  };
  const never = new AbortController().signal;

  test("fail at once without a stream, and after the time when the agent does not open it", async () => {
    const cluster = setUp();
    await expect(cluster.hub.openChannel("h1", logs, never)).rejects.toMatchObject({ code: "unavailable" });
    await cluster.join("h1");
    const pending = cluster.hub.openChannel("h1", logs, never);
    const seen = expect(pending).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("10000 ms") as string,
    });
    await cluster.clock.advanceAsync(10_001);
    await seen;
  });

  test("fail when the stream breaks or the asker leaves, and belong to the host that was asked", async () => {
    const cluster = setUp();
    const session = await cluster.join("h1");
    const abort = new AbortController();
    const left = expect(cluster.hub.openChannel("h1", logs, abort.signal)).rejects.toMatchObject({ code: "cancelled" });
    abort.abort();
    await left;
    const broken = expect(cluster.hub.openChannel("h1", logs, never)).rejects.toMatchObject({ code: "unavailable" });
    await cluster.clock.advanceAsync(1);
    const asked = session.sent.flatMap((m) => (m.case === "openChannel" ? [m.value.channelId] : [])).at(-1) ?? "";
    const channel = { send: async () => {}, cancel: () => {}, async *[Symbol.asyncIterator]() {} };
    expect(cluster.hub.intake.acceptChannel("h2", asked, channel)).toBe(false);
    cluster.hub.intake.ended(session);
    await broken;
    expect(cluster.hub.intake.acceptChannel("h1", asked, channel)).toBe(false);
  });
});
