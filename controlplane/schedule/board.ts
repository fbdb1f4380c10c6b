// What is promised on each host, while a plan grows.
import type { Claim } from "#proto/inventory_pb.ts";
import type { HostLoad } from "./filters.ts";
import { claimsOf, place, type Placement, type Refusal } from "./place.ts";
import type { Strategy } from "./rank.ts";
import { type InPlace, specInPlace } from "./respec.ts";
import type { InstanceView, ReplicaView, Snapshot, UnknownView } from "./snapshot.ts";

/** Hosts and what is promised on them while the plan grows. */
export class Board {
  readonly #snapshot: Snapshot;
  readonly #held: Map<string, ReplicaView[]>;
  readonly #unknown: UnknownView[];
  readonly #ending = new Set<string>();
  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#held = Map.groupBy(
      snapshot.replicas.filter((r) => r.hostId !== null),
      (r) => r.hostId ?? "",
    );
    this.#unknown = [...snapshot.unknown];
  }

  hostName(hostId: string | null): string | undefined {
    return this.#snapshot.hosts.find((host) => host.id === hostId)?.name;
  }

  place(
    instance: InstanceView,
    rejectedBy: readonly string[],
    previousHostId: string | undefined,
    strategy: Strategy,
  ): Placement | Refusal {
    const loads: HostLoad[] = this.#snapshot.hosts.map((host) => ({ host, held: this.#held.get(host.id) ?? [] }));
    return place(
      loads,
      instance.candidates,
      {
        instance: instance.name,
        host: instance.host,
        rejectedBy,
        ...(previousHostId === undefined ? {} : { previousHostId }),
      },
      strategy,
    );
  }

  /** What ends with this plan. A new replica waits until it has; one that grows in place has to be stopped first anyway. */
  markEnding(replica: ReplicaView): void {
    this.#ending.add(replica.id);
  }

  /** The form that a bound replica would get where it is. */
  inPlace(instance: InstanceView, replica: ReplicaView): InPlace | undefined {
    const host = this.#snapshot.hosts.find(({ id }) => id === replica.hostId);
    if (host === undefined) return undefined;
    const held = (this.#held.get(host.id) ?? []).filter(({ id }) => id !== replica.id && !this.#ending.has(id));
    return specInPlace(instance, replica, { host, held });
  }

  claims({ hostId, spec }: ReplicaView): Claim[] {
    const host = this.#snapshot.hosts.find(({ id }) => id === hostId);
    return host === undefined ? [] : claimsOf(spec, host);
  }

  hold(replica: ReplicaView): ReplicaView {
    if (replica.hostId === null) return replica;
    const held = this.#held.get(replica.hostId);
    if (held === undefined) this.#held.set(replica.hostId, [replica]);
    else held.push(replica);
    return replica;
  }

  replace(before: ReplicaView, after: ReplicaView): void {
    const held = this.#held.get(before.hostId ?? "") ?? [];
    this.#held.set(
      before.hostId ?? "",
      held.map((replica) => (replica.id === before.id ? after : replica)),
    );
  }

  /** An unknown replica that is this very slot, on a host the instance may use: taking it back beats starting a second one. */
  takeUnknown(instance: InstanceView, slot: number): UnknownView | undefined {
    const index = this.#unknown.findIndex(
      (u) =>
        u.group === instance.group &&
        u.instance === instance.name &&
        u.slot === slot &&
        (instance.host === "" || this.hostName(u.hostId) === instance.host),
    );
    return index < 0 ? undefined : this.#unknown.splice(index, 1)[0];
  }
}
