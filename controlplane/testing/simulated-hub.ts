// Hosts that do at once what they are told: stands in for the agent link in tests of what decides.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Assignment, AssignmentResult } from "#proto/agent_pb.ts";
import { type Observed, ObservedSchema, ReplicaState } from "#proto/replicas_pb.ts";
import type { AgentHub, ChangeListener } from "../agents/hub.ts";
import type { LiveHost } from "../agents/live-host.ts";
import { aHost } from "./snapshots.ts";

export type SimulatedHub = AgentHub & {
  /** Adds a host whose replicas become `state` as soon as they are assigned. */
  join(hostId: string, fields?: Parameters<typeof aHost>[1], state?: ReplicaState): void;
  /** Replaces what is known of a host. */
  set(hostId: string, fields: Partial<LiveHost>): void;
  /** Says what a host sees of a replica. */
  observe(hostId: string, observed: Partial<Observed> & { replicaId: string }): void;
  /** From now on nothing that the host does is heard, although its stream is open. */
  mute(hostId: string): void;
  /** Has a host turn a replica down. */
  reject(hostId: string, result: AssignmentResult): void;
  readonly assigned: Map<string, Assignment>;
};

export function createSimulatedHub(): SimulatedHub {
  const live = new Map<string, LiveHost>();
  const fates = new Map<string, ReplicaState>();
  const mute = new Set<string>();
  const listeners = new Set<ChangeListener>();
  const rejections = new Set<(hostId: string, result: AssignmentResult) => void>();
  const assigned = new Map<string, Assignment>();
  const tell: ChangeListener = (hostId, what) => listeners.forEach((listener) => listener(hostId, what));
  const set = (hostId: string, fields: Partial<LiveHost>) => {
    const before = live.get(hostId);
    if (before === undefined) throw new Error(`${hostId} has not joined`);
    live.set(hostId, { ...before, ...fields });
    tell(hostId, "state");
  };
  const seen = (fields: Partial<Observed> & { replicaId: string }) =>
    create(ObservedSchema, {
      since: timestampFromMs(1),
      container: `c-${fields.replicaId}`,
      attempt: 1,
      ...(fields as object),
    });
  return {
    assigned,
    set,
    mute: (hostId) => void mute.add(hostId),
    join(hostId, fields = {}, state = ReplicaState.READY) {
      const { inventory } = aHost(hostId, fields);
      fates.set(hostId, state);
      live.set(hostId, {
        hostId,
        state: "online",
        since: 1,
        address: "127.0.0.1",
        ...{ dialedAddress: "", addressProblem: "" },
        agentVersion: "test",
        bootId: "b",
        inventory,
        telemetry: undefined,
        observed: new Map(),
        reportedFully: true,
        asked: new Set(),
        obeys: true,
        problem: "",
        acknowledgedRevision: 0,
      });
      tell(hostId, "state");
    },
    observe(hostId, observed) {
      const map = new Map(live.get(hostId)?.observed).set(observed.replicaId, seen(observed));
      set(hostId, { observed: map });
      tell(hostId, "observed");
    },
    reject: (hostId, result) => rejections.forEach((listener) => listener(hostId, result)),
    assign(hostId, assignment) {
      assigned.set(hostId, assignment);
      const host = live.get(hostId);
      if (host === undefined || !host.obeys) return;
      if (mute.has(hostId)) {
        const asked = new Set([...host.asked, ...assignment.run.map(({ replicaId }) => replicaId)]);
        return void live.set(hostId, { ...host, asked });
      }
      const unknown = [...host.observed].filter(
        ([id]) => !assignment.retire.includes(id) && !assignment.run.some((r) => r.replicaId === id),
      );
      const running = assignment.run.map((r): [string, Observed] => [
        r.replicaId,
        seen({
          replicaId: r.replicaId,
          generation: r.generation,
          state: fates.get(hostId) ?? ReplicaState.READY,
          specHash: r.specHash,
          instance: r.spec?.instance ?? "",
          group: r.spec?.group ?? "",
          slot: r.slot,
        }),
      ]);
      live.set(hostId, { ...host, observed: new Map([...unknown, ...running]) });
      tell(hostId, "observed");
    },
    hosts: () => [...live.values()],
    host: (hostId) => live.get(hostId),
    heardAt: () => undefined,
    massSilence: false,
    settling: false,
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    onRejected(listener) {
      rejections.add(listener);
      return { [Symbol.dispose]: () => void rejections.delete(listener) };
    },
    openChannel: () => Promise.reject(new Error("simulated hosts have no channels")),
    disconnect() {},
    setWatched() {},
    tellAddresses() {},
    remember() {},
    forget: (hostId) => void live.delete(hostId),
    get intake(): never {
      throw new Error("simulated hosts do not dial in");
    },
    async [Symbol.asyncDispose]() {},
  };
}
