// The hub's ear: what happens when a stream says Hello, sends a message, falls silent or ends.
import type { AssignmentResult, Hello, LinkRequest } from "#proto/agent_pb.ts";
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import type { Log } from "#core/log.ts";
import type { Admit, AgentSession } from "./agent-session.ts";
import type { Channels, HostChannel } from "./channels.ts";
import {
  acknowledgement,
  assignmentMessage,
  type HostRecord,
  newRecord,
  type Newcomer,
  reportedView,
  welcome,
  welcomedView,
} from "./host-record.ts";
import type { ChangeKind, HubState } from "./hub.ts";
import { judgeHello, quarantineProblem, speakerKey } from "./identity-conflict.ts";
import type { LiveHost, LiveState } from "./live-host.ts";

export type LinkIntake = {
  /** First message of a stream. Resolves when the stream was let in or closed. Throws permission_denied for a forged host id. */
  hello(session: AgentSession, hello: Hello): Promise<void>;
  /** Every later message. */
  receive(session: AgentSession, message: LinkRequest["message"]): void;
  /** The stream is over, for whatever reason. */
  ended(session: AgentSession): void;
  /** Takes a channel an agent opened; false when nobody asked this host for it. */
  acceptChannel(hostId: string, channelId: string, channel: HostChannel): boolean;
  /** Applies what the clock says about a host. */
  look(record: HostRecord, presence: LiveState): void;
};

export type IntakeOptions = {
  state: HubState;
  channels: Channels;
  clock: Clock;
  log: Log;
  admit: Admit;
  changed(hostId: string, what: ChangeKind): void;
  rejected(hostId: string, result: AssignmentResult): void;
};

export function createLinkIntake(options: IntakeOptions): LinkIntake {
  const { state, channels, clock, log, changed } = options;
  const over = new WeakSet<AgentSession>();

  function show(record: HostRecord, changes: Partial<LiveHost>): void {
    record.view = { ...record.view, ...changes };
    changed(record.view.hostId, "state");
  }

  function install(record: HostRecord, newcomer: Newcomer): void {
    const { session, admission } = newcomer;
    const now = clock.now();
    Object.assign(record, { holder: newcomer, heardAt: now, sequence: 0n, contacts: undefined });
    record.view = welcomedView(record.view, newcomer, now);
    session.send(welcome(admission, state.timings, state.telemetryMs, now));
    if (admission.obeys && record.assignment !== undefined) session.send(assignmentMessage(record.assignment));
    changed(session.hostId, "state");
    changed(session.hostId, "observed");
  }

  /** Both sides of a doubled identity are sent away; nobody touches their containers. */
  function quarantine(
    record: HostRecord,
    keys: readonly string[],
    sessions: readonly (AgentSession | undefined)[],
  ): void {
    const now = clock.now();
    const contacts = record.contacts ?? new Map<string, number>(keys.map((key) => [key, now]));
    for (const [key, at] of contacts) if (now - at >= state.timings.offlineMs) contacts.delete(key);
    record.contacts = contacts;
    record.superseded.clear();
    const problem = quarantineProblem([...contacts.keys()]);
    if (record.view.state !== "quarantined")
      log.error({ hostId: record.view.hostId, speakers: [...contacts.keys()] }, problem);
    for (const session of sessions) session?.close("quarantined", problem);
    if (record.view.state !== "quarantined" || record.view.problem !== problem) {
      show(record, {
        state: "quarantined",
        since: record.view.state === "quarantined" ? record.view.since : now,
        obeys: false,
        problem,
      });
    }
  }

  function takeChallenger(record: HostRecord): void {
    const challenger = record.challenger;
    if (challenger === undefined) return;
    record.challenger = undefined;
    record.superseded.clear();
    install(record, challenger);
    challenger.settled();
  }

  function judge(record: HostRecord, newcomer: Newcomer): Promise<void> | void {
    const { session, speaker } = newcomer;
    const { holder, challenger } = record;
    if (challenger !== undefined && challenger.speaker.bootId === speaker.bootId) {
      challenger.session.close("superseded", "a newer stream of this agent took over");
      challenger.settled();
      record.challenger = undefined;
    }
    const verdict = judgeHello(
      speaker,
      { holder: holder?.speaker, superseded: record.superseded, contacts: record.contacts },
      clock.now(),
      state.timings.offlineMs,
    );
    switch (verdict.do) {
      case "admit":
        return install(record, newcomer);
      case "supersede":
        if (holder !== undefined && holder.speaker.nonce !== speaker.nonce) record.superseded.add(holder.speaker.nonce);
        holder?.session.close("superseded", "a newer stream of this agent took over");
        return install(record, newcomer);
      case "challenge":
        if (record.challenger !== undefined) return conflict(record, newcomer);
        log.warn(
          { hostId: session.hostId, address: session.address },
          "another boot of this host says Hello while the older stream is open; waiting whether that one still speaks",
        );
        return new Promise((settled) => (record.challenger = { ...newcomer, settled }));
      case "quarantine":
        record.contacts?.set(speakerKey(speaker), clock.now());
        return conflict(record, newcomer);
    }
  }

  /** Everybody who claims this identity right now is quarantined. */
  function conflict(record: HostRecord, newcomer?: Newcomer): void {
    const { holder, challenger } = record;
    const everybody = [holder, challenger, newcomer].filter((one) => one !== undefined);
    record.holder = record.challenger = undefined;
    quarantine(
      record,
      everybody.map((one) => speakerKey(one.speaker)),
      everybody.map((one) => one.session),
    );
    challenger?.settled();
  }

  async function hello(session: AgentSession, said: Hello): Promise<void> {
    const { hostId } = session;
    if (said.hostId !== hostId) {
      throw new OzError(
        "permission_denied",
        `the certificate is of host ${hostId}, the agent says it is ${said.hostId}`,
        {
          hint: "The state directory of the agent mixes two identities. Join the host again.",
        },
      );
    }
    const admission = await options.admit(hostId, said);
    if (over.has(session)) return;
    if (!admission.admitted) return session.close(admission.reason, admission.message);
    let record = state.records.get(hostId);
    if (record === undefined) state.records.set(hostId, (record = newRecord({ hostId, lastHeardAt: 0 })));
    await judge(record, {
      session,
      hello: said,
      admission,
      speaker: { bootId: said.bootId, nonce: said.processNonce },
    });
  }

  function receive(session: AgentSession, message: LinkRequest["message"]): void {
    const record = state.records.get(session.hostId);
    // A superseded stream may still have something in flight.
    if (record?.holder?.session !== session) return;
    if (record.challenger !== undefined) return conflict(record);
    record.heardAt = clock.now();
    if (record.view.state !== "online") show(record, { state: "online", since: record.heardAt });
    switch (message.case) {
      case "report":
        return takeReport(record, session, message.value);
      case "assignmentResult":
        return takeResult(record, message.value);
      case "heartbeat":
        // Answered, so that an agent hears of a control plane that hangs although its kernel answers.
        return session.send(acknowledgement(record.sequence));
      default:
        session.abort(new OzError("bad_request", `a stream that was welcomed cannot say ${message.case ?? "nothing"}`));
    }
  }

  function takeReport(record: HostRecord, session: AgentSession, report: Parameters<typeof reportedView>[1]): void {
    if (report.sequence > record.sequence) {
      const before = record.view;
      record.sequence = report.sequence;
      record.view = reportedView(before, report);
      if (record.view.observed !== before.observed || record.view.reportedFully !== before.reportedFully)
        changed(session.hostId, "observed");
      if (report.inventory !== undefined) changed(session.hostId, "state");
      if (report.telemetry !== undefined) changed(session.hostId, "telemetry");
    }
    session.send(acknowledgement(record.sequence));
  }

  function takeResult(record: HostRecord, result: AssignmentResult): void {
    const { hostId } = record.view;
    const answersLatest = result.revision === record.assignment?.revision;
    if (result.accepted) {
      record.view = { ...record.view, obeys: true, problem: "", acknowledgedRevision: Number(result.revision) };
    } else if (answersLatest) {
      record.view = { ...record.view, obeys: false, problem: result.reason };
    }
    changed(hostId, "result");
    if (result.rejected.length > 0) options.rejected(hostId, result);
  }

  function ended(session: AgentSession): void {
    over.add(session);
    const record = state.records.get(session.hostId);
    if (record === undefined) return;
    if (record.challenger?.session === session) {
      record.challenger.settled();
      record.challenger = undefined;
    }
    if (record.holder?.session !== session) return;
    record.holder = undefined;
    record.superseded.clear();
    channels.failHost(
      session.hostId,
      new OzError("unavailable", `the link to host ${session.hostId} broke`, {
        hint: "It comes back by itself; try again.",
      }),
    );
    takeChallenger(record);
  }

  function look(record: HostRecord, presence: LiveState): void {
    const { holder, challenger } = record;
    const silentMs = clock.now() - record.heardAt;
    if (challenger !== undefined && silentMs >= state.timings.suspectMs) {
      record.holder = undefined;
      holder?.session.close("superseded", "the machine was started again");
      takeChallenger(record);
      return;
    }
    if (presence !== record.view.state) show(record, { state: presence, since: record.heardAt });
    if (presence === "offline" && holder !== undefined) {
      holder.session.abort(new OzError("timeout", `nothing was heard on this stream for ${silentMs} ms`));
    }
  }

  return {
    hello,
    receive,
    ended,
    look,
    acceptChannel: (hostId, channelId, channel) => channels.accept(hostId, channelId, channel),
  };
}
