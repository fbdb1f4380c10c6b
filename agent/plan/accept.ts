// Whether an assignment is obeyed. A lower epoch, a foreign history and an older revision are not; what does not fit is turned down by
// name. What is obeyed is what this file returns, and it is on disk before anything acts on it.
import { formatBytes } from "#core/units.ts";
import type { Assignment, ReplicaAssignment } from "#proto/agent_pb.ts";

/** What was obeyed last. */
export type Obeyed = {
  readonly epoch: number;
  /** Empty when nothing was obeyed yet. */
  readonly incarnation: string;
  readonly revision: number;
  readonly run: readonly ReplicaAssignment[];
  readonly retire: readonly string[];
};

export const nothingObeyed: Obeyed = { epoch: 0, incarnation: "", revision: 0, run: [], retire: [] };

export type Rejection = {
  readonly replicaId: string;
  readonly generation: number;
  readonly resource: string;
  readonly needBytes: number;
  readonly freeBytes: number;
  readonly holder: string;
};

export type Acceptance =
  | {
      readonly verdict: "obey";
      readonly obeyed: Obeyed;
      readonly rejected: readonly Rejection[];
      readonly notice: string;
    }
  /** The same set again: nothing changes, and the answer is yes. */
  | { readonly verdict: "repeated"; readonly rejected: readonly Rejection[]; readonly notice: string }
  | { readonly verdict: "refuse"; readonly reason: string };

export type AcceptInput = {
  readonly obeyed: Obeyed;
  readonly assignment: Assignment;
  /** From the Welcome of the stream that brought the assignment. */
  readonly historyContainsObeyed: boolean;
  /** Bytes there are of each resource ("ram", device ids). One that is missing is unknown and not checked. */
  readonly totals: ReadonlyMap<string, number>;
};

export function accept({ obeyed, assignment, historyContainsObeyed, totals }: AcceptInput): Acceptance {
  const epoch = Number(assignment.clusterEpoch);
  const revision = Number(assignment.revision);
  if (epoch < obeyed.epoch) {
    return refuse(
      `this host obeys epoch ${obeyed.epoch} of the control plane; epoch ${epoch} is from before a restore`,
    );
  }
  const obeyedBefore = obeyed.incarnation !== "" && epoch === obeyed.epoch;
  // A raised epoch may have made the sender the one that is obeyed since its Welcome.
  if (obeyedBefore && !historyContainsObeyed && assignment.incarnation !== obeyed.incarnation) {
    return refuse(
      "this host obeys another history of the control plane, which is not part of the sender's; nothing was changed",
    );
  }
  const { run, older } = keepNewer(obeyed.run, assignment.run);
  const fitted = fit(run, obeyed.run, totals);
  const notice = older.length === 0 ? "" : `older generations ignored: ${older.join(", ")}`;
  if (obeyedBefore && assignment.incarnation === obeyed.incarnation) {
    if (revision === obeyed.revision) return { verdict: "repeated", rejected: fitted.rejected, notice };
    if (revision < obeyed.revision)
      return refuse(`revision ${revision} is older than ${obeyed.revision}, which is obeyed`);
  }
  const wanted = new Set(fitted.run.map(({ replicaId }) => replicaId));
  // A message that says both about one replica is a mistake; the harmless half counts.
  const retire = [...new Set(assignment.retire)].filter((id) => !wanted.has(id));
  const next = { epoch, incarnation: assignment.incarnation, revision, run: fitted.run, retire };
  return { verdict: "obey", obeyed: next, rejected: fitted.rejected, notice };
}

function refuse(reason: string): Acceptance {
  return { verdict: "refuse", reason };
}

/** A replica never goes back to an older generation: a store that was set back stops nothing. */
function keepNewer(before: readonly ReplicaAssignment[], now: readonly ReplicaAssignment[]) {
  const known = new Map(before.map((each) => [each.replicaId, each]));
  const older: string[] = [];
  const unique = new Map<string, ReplicaAssignment>();
  for (const each of now) {
    const had = known.get(each.replicaId);
    if (had !== undefined && had.generation > each.generation) {
      older.push(`${each.replicaId} (${each.generation} < ${had.generation})`);
      unique.set(each.replicaId, had);
    } else unique.set(each.replicaId, each);
  }
  return { run: [...unique.values()], older };
}

/**
 * Turns down what exceeds the machine. What was obeyed already keeps its place: a newcomer never pushes it out, and a change that
 * does not fit leaves what was. What a change gives up is there for the others of the same set.
 */
function fit(
  run: readonly ReplicaAssignment[],
  before: readonly ReplicaAssignment[],
  totals: ReadonlyMap<string, number>,
) {
  const known = new Map(before.map((each) => [each.replicaId, each]));
  const held: Held = new Map();
  for (const { replicaId } of run) {
    const had = known.get(replicaId);
    if (had !== undefined) hold(had, held, 1);
  }
  const rejected: Rejection[] = [];
  const taken = new Map<string, ReplicaAssignment>();
  const turn = (each: ReplicaAssignment) => {
    const had = known.get(each.replicaId);
    return had === undefined ? 2 : claimsMore(had, each) ? 1 : 0;
  };
  for (const each of run.toSorted((a, b) => turn(a) - turn(b))) {
    const had = known.get(each.replicaId);
    if (had !== undefined) hold(had, held, -1);
    const misses = had !== undefined && sameClaims(had, each) ? [] : shortfalls(each, held, totals);
    rejected.push(...misses);
    const kept = misses.length === 0 ? each : had;
    if (kept === undefined) continue;
    hold(kept, held, 1);
    taken.set(each.replicaId, kept);
  }
  return { run: run.flatMap(({ replicaId }) => taken.get(replicaId) ?? []), rejected };
}

/** Bytes promised per resource, and to whom. */
type Held = Map<string, { bytes: number; holders: Map<string, number> }>;

function hold(assignment: ReplicaAssignment, held: Held, sign: 1 | -1): void {
  for (const { resource, bytes } of assignment.claims) {
    const entry = held.get(resource) ?? { bytes: 0, holders: new Map<string, number>() };
    const name = assignment.spec?.instance ?? assignment.replicaId;
    entry.bytes += sign * Number(bytes);
    entry.holders.set(name, (entry.holders.get(name) ?? 0) + sign * Number(bytes));
    held.set(resource, entry);
  }
}

function claimsMore(had: ReplicaAssignment, now: ReplicaAssignment): boolean {
  const before = new Map(had.claims.map(({ resource, bytes }) => [resource, bytes]));
  return now.claims.some(({ resource, bytes }) => bytes > (before.get(resource) ?? 0n));
}

function sameClaims(a: ReplicaAssignment, b: ReplicaAssignment): boolean {
  const text = ({ claims }: ReplicaAssignment) =>
    claims
      .map(({ resource, bytes }) => `${resource}=${bytes}`)
      .toSorted()
      .join();
  return text(a) === text(b);
}

function shortfalls(
  { replicaId, generation, claims }: ReplicaAssignment,
  held: Held,
  totals: ReadonlyMap<string, number>,
): Rejection[] {
  return claims.flatMap(({ resource, bytes }): Rejection[] => {
    const total = totals.get(resource);
    const needBytes = Number(bytes);
    const entry = held.get(resource);
    const freeBytes = Math.max(0, (total ?? 0) - (entry?.bytes ?? 0));
    if (total === undefined || needBytes <= freeBytes) return [];
    const biggest = [...(entry?.holders ?? [])]
      .filter(([, bytes]) => bytes > 0)
      .toSorted((a, b) => b[1] - a[1])
      .slice(0, 3);
    const holder = biggest.map(([name, held]) => `${name} ${formatBytes(held)}`).join(", ");
    return [{ replicaId, generation: Number(generation), resource, needBytes, freeBytes, holder }];
  });
}
