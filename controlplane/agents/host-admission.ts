// Who holds the stream of a host: letting in, superseding, waiting for a doubtful one, and quarantining a doubled identity.
import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/log.ts";
import { type HostRecord, type Newcomer, tellAssignment, welcome, welcomedView } from "./host-record.ts";
import type { ChangeKind, HubState } from "./hub.ts";
import { judgeHello, quarantineProblem, speakerKey } from "./identity-conflict.ts";
import type { LiveHost } from "./live-host.ts";

export type AdmissionContext = {
  readonly state: HubState;
  readonly clock: Clock;
  readonly log: Log;
  changed(hostId: string, what: ChangeKind): void;
};

/** Changes what is shown of a host. */
export function show(context: AdmissionContext, record: HostRecord, changes: Partial<LiveHost>): void {
  record.view = { ...record.view, ...changes };
  context.changed(record.view.hostId, "state");
}

/** Decides about a Hello that was admitted. Resolves when its stream was welcomed or closed. */
export async function judge(context: AdmissionContext, record: HostRecord, newcomer: Newcomer): Promise<void> {
  const { session, speaker } = newcomer;
  const { holder } = record;
  supersedeChallenger(record, newcomer);
  const situation = { holder: holder?.speaker, superseded: record.superseded, contacts: record.contacts };
  const verdict = judgeHello(speaker, situation, context.clock.now(), context.state.timings.offlineMs);
  switch (verdict.do) {
    case "admit":
      return install(context, record, newcomer);
    case "supersede":
      if (holder !== undefined && holder.speaker.nonce !== speaker.nonce) record.superseded.add(holder.speaker.nonce);
      holder?.session.close("superseded", "a newer stream of this agent took over");
      return install(context, record, newcomer);
    case "challenge":
      if (record.challenger !== undefined) return quarantine(context, record, newcomer);
      context.log.warn(
        { hostId: session.hostId, address: session.address },
        "another boot of this host says Hello while the older stream is open; waiting whether that one still speaks",
      );
      return new Promise((settled) => (record.challenger = { ...newcomer, settled }));
    case "quarantine":
      record.contacts?.set(speakerKey(speaker), context.clock.now());
      return quarantine(context, record, newcomer);
  }
}

/** The one that waited comes in: the holder is gone. */
export function takeChallenger(context: AdmissionContext, record: HostRecord): void {
  const { challenger } = record;
  if (challenger === undefined) return;
  record.challenger = undefined;
  record.superseded.clear();
  install(context, record, challenger);
  challenger.settled();
}

/** Everybody who claims this identity right now is sent away and not obeyed; nobody touches their containers. */
export function quarantine(context: AdmissionContext, record: HostRecord, newcomer?: Newcomer): void {
  const { holder, challenger, view } = record;
  const everybody = [holder, challenger, newcomer].filter((one) => one !== undefined);
  record.holder = record.challenger = undefined;
  record.superseded.clear();
  const now = context.clock.now();
  record.contacts ??= new Map(everybody.map((one) => [speakerKey(one.speaker), now]));
  for (const [key, at] of record.contacts) if (now - at >= context.state.timings.offlineMs) record.contacts.delete(key);
  const speakers = [...record.contacts.keys()];
  const problem = quarantineProblem(speakers);
  if (view.state !== "quarantined") context.log.error({ hostId: view.hostId, speakers }, problem);
  for (const { session } of everybody) session.close("quarantined", problem);
  if (view.state !== "quarantined" || view.problem !== problem) {
    const since = view.state === "quarantined" ? view.since : now;
    show(context, record, { state: "quarantined", since, obeys: false, problem });
  }
  challenger?.settled();
}

function install(context: AdmissionContext, record: HostRecord, newcomer: Newcomer): void {
  const { session, admission } = newcomer;
  const { state, changed } = context;
  const now = context.clock.now();
  Object.assign(record, { holder: newcomer, heardAt: now, sequence: 0n, contacts: undefined, refusedAt: undefined });
  record.view = welcomedView(record.view, newcomer, now);
  session.send(welcome(admission, state, now));
  if (admission.obeys && record.assignment !== undefined) tellAssignment(record, session, record.assignment);
  changed(session.hostId, "state");
  changed(session.hostId, "observed");
}

function supersedeChallenger(record: HostRecord, { speaker }: Newcomer): void {
  const { challenger } = record;
  if (challenger === undefined || challenger.speaker.bootId !== speaker.bootId) return;
  record.challenger = undefined;
  challenger.session.close("superseded", "a newer stream of this agent took over");
  challenger.settled();
}
