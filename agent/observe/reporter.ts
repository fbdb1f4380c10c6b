// Keeps the status of every replica, and tells what changed: at once after a look, soon after something began.
import type { Clock, Timer } from "#core/clock.ts";
import type { Observed } from "#proto/replicas_pb.ts";
import type { ReplicaStatus } from "../plan/replica-state.ts";
import { createPicture, type Picture } from "./picture.ts";
import { describe, type StatusSources } from "./survey.ts";

/** Activities and pull progress are told together within this time. */
const tellSoonMs = 50;

export type Reporter = {
  readonly picture: Picture;
  /** Tells now. */
  tell(): void;
  /** Tells within 50 ms. */
  tellSoon(): void;
  close(): void;
};

/**
 * `sources` is asked at each telling; undefined while nothing was seen yet. `outdated` replicas keep what was told
 * of them; `busy` ones are being worked on, or were after the last look: what that made is not seen yet.
 */
export function createReporter(deps: {
  clock: Clock;
  sources: () => StatusSources | undefined;
  outdated: (replicaId: string) => boolean;
  busy: (replicaId: string) => boolean;
}): Reporter {
  const { clock, sources, outdated, busy } = deps;
  const picture = createPicture();
  const statuses = new Map<string, ReplicaStatus>();
  let timer: Timer | undefined;
  let closed = false;

  function tell(): void {
    timer?.cancel();
    timer = undefined;
    const current = sources();
    if (current === undefined || closed) return;
    const keep = new Map<string, Observed>();
    for (const observed of picture.all()) if (outdated(observed.replicaId)) keep.set(observed.replicaId, observed);
    const next = describe(current, statuses, keep);
    const listed = new Set(next.map(({ replicaId }) => replicaId));
    // What is being worked on may be about to appear: it is not gone yet.
    next.push(...picture.all().filter(({ replicaId }) => !listed.has(replicaId) && busy(replicaId)));
    const left = [...current.book.desired.retire].filter((id) => !current.look.has(id) && !busy(id));
    picture.update(next, new Set(left));
  }

  return {
    picture,
    tell,
    tellSoon() {
      if (!closed) timer ??= clock.after(tellSoonMs, tell);
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}
