// Where the link stands.
//
//     closed ──start──► connecting ──welcomed──► ready
//       ▲                │  ▲                      │
//      stop             lost │                    lost
//   (from all)           ▼  wake                   │
//                      backoff ◄───────────────────┘
import { type Backoff, backoffCeilingMs, jitteredBackoffMs, linkBackoff } from "#core/backoff.ts";
import type { Welcome } from "#proto/agent_pb.ts";

export type LinkState =
  | { readonly state: "closed"; readonly since: number; readonly reason: string }
  /** failures: attempts without an accepted Welcome so far; reason: why the last one failed, empty at first. */
  | { readonly state: "connecting"; readonly since: number; readonly failures: number; readonly reason: string }
  | { readonly state: "ready"; readonly since: number; readonly welcome: Welcome }
  /** until: when the next attempt begins, milliseconds since 1970. */
  | {
      readonly state: "backoff";
      readonly since: number;
      readonly failures: number;
      readonly until: number;
      readonly reason: string;
    };

export type LinkEvent =
  | { readonly event: "start" }
  | { readonly event: "welcomed"; readonly welcome: Welcome }
  | { readonly event: "lost"; readonly reason: string; readonly patient: boolean; readonly random: number }
  | { readonly event: "wake" }
  | { readonly event: "stop"; readonly reason: string };

/** The next state; an event that does not fit leaves it as it is. A Welcome that was accepted is what forgets failures, nothing else. */
export function nextLinkState(state: LinkState, event: LinkEvent, now: number): LinkState {
  switch (event.event) {
    case "start":
      return state.state === "closed" ? { state: "connecting", since: now, failures: 0, reason: "" } : state;
    case "welcomed":
      if (state.state === "ready") return { ...state, welcome: event.welcome };
      return state.state === "connecting" ? { state: "ready", since: now, welcome: event.welcome } : state;
    case "lost": {
      if (state.state !== "connecting" && state.state !== "ready") return state;
      const failures = state.state === "connecting" ? state.failures : 0;
      return {
        state: "backoff",
        since: now,
        failures: failures + 1,
        until: now + waitMs(failures, event),
        reason: event.reason,
      };
    }
    case "wake":
      return state.state === "backoff"
        ? { state: "connecting", since: now, failures: state.failures, reason: state.reason }
        : state;
    case "stop":
      return { state: "closed", since: now, reason: event.reason };
  }
}

/** Full jitter from 100 ms to 8 s. A patient wait (sent away by the control plane) is between 4 and 8 s. */
function waitMs(
  failures: number,
  { patient, random }: { patient: boolean; random: number },
  backoff: Backoff = linkBackoff,
): number {
  if (!patient) return jitteredBackoffMs(backoff, failures, random);
  const half = backoffCeilingMs(backoff, 40) / 2;
  return Math.floor(half + half * random);
}
