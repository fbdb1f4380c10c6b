// The hub's ear: what happens when a stream says Hello, sends a message, falls silent or ends.
import type { AssignmentResult, Hello, LinkRequest, Report } from "#proto/agent_pb.ts";
import { OzError } from "#core/errors.ts";
import type { Admit, AgentSession } from "./agent-session.ts";
import type { Channels, HostChannel } from "./channels.ts";
import { type AdmissionContext, judge, quarantine, show, takeChallenger } from "./host-admission.ts";
import { acknowledgement, type HostRecord, newRecord, reportedView, tellAssignment } from "./host-record.ts";
import { fit } from "./host-words.ts";
import type { LiveState } from "./live-host.ts";

export type LinkIntake = {
  /** First message of a stream. Resolves when the stream was let in or closed. Throws permission_denied for a forged host id. */
  hello(session: AgentSession, hello: Hello): Promise<void>;
  /** Every later message. */
  receive(session: AgentSession, message: LinkRequest["message"]): void;
  /** The stream is over, for whatever reason. Safe to repeat. */
  ended(session: AgentSession): void;
  /** Takes a channel an agent opened; false when nobody asked this host for it. */
  acceptChannel(hostId: string, channelId: string, channel: HostChannel): boolean;
  /** Applies what the clock says about a host. */
  look(record: HostRecord, presence: LiveState): void;
};

export type IntakeOptions = AdmissionContext & {
  readonly channels: Channels;
  readonly admit: Admit;
  rejected(hostId: string, result: AssignmentResult): void;
};

const askAgainMs = 10_000;

export function createLinkIntake(options: IntakeOptions): LinkIntake {
  const { state, channels, clock } = options;
  const over = new WeakSet<AgentSession>();
  return {
    async hello(session, hello) {
      const { hostId } = session;
      const said = fit(hello);
      if (said.hostId !== hostId) throw forged(hostId, said.hostId);
      const admission = await options.admit(hostId, said, session.certifiedName);
      if (over.has(session)) return;
      if (!admission.admitted) return session.close(admission.reason, admission.message);
      let record = state.records.get(hostId);
      if (record === undefined) state.records.set(hostId, (record = newRecord({ hostId, lastHeardAt: 0 })));
      const speaker = { bootId: said.bootId, nonce: said.processNonce };
      await judge(options, record, { session, hello: said, admission, speaker });
    },
    receive(session, message) {
      const record = state.records.get(session.hostId);
      // A superseded stream may still have something in flight.
      if (record?.holder?.session !== session) return;
      // The older one speaks although another boot waits: both live.
      if (record.challenger !== undefined) return quarantine(options, record);
      record.heardAt = clock.now();
      if (record.view.state !== "online") show(options, record, { state: "online", since: record.heardAt });
      take(options, record, session, fit(message));
    },
    ended(session) {
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
      const hint = "It comes back by itself; try again.";
      channels.failHost(
        session.hostId,
        new OzError("unavailable", `the link to host ${session.hostId} broke`, { hint }),
      );
      takeChallenger(options, record);
    },
    look: (record, presence) => look(options, record, presence),
    acceptChannel: (hostId, channelId, channel) => channels.accept(hostId, channelId, channel),
  };
}

function forged(certified: string, said: string): OzError {
  return new OzError("permission_denied", `the certificate is of host ${certified}, the agent says it is ${said}`, {
    hint: "The state directory of the agent mixes two identities. Join the host again.",
  });
}

function take(
  options: IntakeOptions,
  record: HostRecord,
  session: AgentSession,
  message: LinkRequest["message"],
): void {
  switch (message.case) {
    case "report":
      return takeReport(options, record, session, message.value);
    case "assignmentResult":
      return takeResult(options, record, session, message.value);
    case "addressTried":
      return takeAddressTried(options, record, message.value.problem);
    case "heartbeat":
      // Answered, so that an agent hears of a control plane that hangs although its kernel answers.
      return session.send(acknowledgement(record.sequence));
    case "hello":
    case undefined:
      return session.abort(
        new OzError("bad_request", `a stream that was welcomed cannot say ${message.case ?? "nothing"}`),
      );
  }
}

function takeReport({ changed }: IntakeOptions, record: HostRecord, session: AgentSession, report: Report): void {
  if (report.sequence > record.sequence) {
    const before = record.view;
    record.sequence = report.sequence;
    record.view = reportedView(before, report);
    const { observed, reportedFully, hostId } = record.view;
    if (observed !== before.observed || reportedFully !== before.reportedFully) changed(hostId, "observed");
    if (report.inventory !== undefined) changed(hostId, "state");
    if (report.telemetry !== undefined) changed(hostId, "telemetry");
  }
  session.send(acknowledgement(record.sequence));
}

function takeResult(
  { changed, rejected, clock }: IntakeOptions,
  record: HostRecord,
  session: AgentSession,
  result: AssignmentResult,
): void {
  const { hostId, obeys } = record.view;
  if (result.accepted) {
    // What was wanted while it did not obey waits here.
    const { assignment } = record;
    if (!obeys && assignment !== undefined && assignment.revision !== result.revision)
      tellAssignment(record, session, assignment);
    record.refusedAt = undefined;
    record.view = { ...record.view, obeys: true, problem: "", acknowledgedRevision: Number(result.revision) };
  } else if (result.revision === record.assignment?.revision) {
    record.refusedAt = clock.now();
    record.view = { ...record.view, obeys: false, problem: result.reason };
  }
  changed(hostId, "result");
  if (result.rejected.length > 0) rejected(hostId, result);
}

/** A host that dials one present address is well, whichever it would rather dial. */
function takeAddressTried(context: IntakeOptions, record: HostRecord, problem: string): void {
  const { dialedAddress, addressProblem } = record.view;
  const known = context.state.addresses.isPresent(dialedAddress) ? "" : problem;
  if (known !== addressProblem) show(context, record, { addressProblem: known });
}

function look(options: IntakeOptions, record: HostRecord, presence: LiveState): void {
  const { holder, challenger } = record;
  const silentMs = options.clock.now() - record.heardAt;
  if (challenger !== undefined && silentMs >= options.state.timings.suspectMs) {
    record.holder = undefined;
    holder?.session.close("superseded", "the machine was started again");
    return takeChallenger(options, record);
  }
  if (presence !== record.view.state)
    show(options, record, { state: presence, since: record.heardAt || record.view.since });
  if (presence === "offline") {
    holder?.session.abort(new OzError("timeout", `nothing was heard on this stream for ${silentMs} ms`));
  }
  askAgain(record, options.clock.now());
}

/** What an agent refused it may take later: a disk that was full has space again. */
function askAgain(record: HostRecord, now: number): void {
  const { holder, assignment, refusedAt } = record;
  if (holder === undefined || assignment === undefined || refusedAt === undefined || now - refusedAt < askAgainMs)
    return;
  record.refusedAt = now;
  tellAssignment(record, holder.session, assignment);
}
