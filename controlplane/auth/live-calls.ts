// Calls that run under an API token. They end with it: when it is revoked, and at its end.
import type { Clock, Timer } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import type { Principal } from "./principal.ts";

export type LiveCalls = {
  /**
   * For one call, whose own signal aborts when it has ended. The signal that is given aborts, with an error to tell the caller, when the
   * token ends before. Throws unauthenticated when it has ended since the caller was known.
   */
  begin(principal: Principal, call: AbortSignal): AbortSignal;
  /** Ends every call under that token, and those that have not begun yet. */
  revoked(tokenId: string): void;
};

const hint = "Log in with another one; this prints the line, on the control plane's machine:  ozctl token create NAME";

export function createLiveCalls(clock: Clock): LiveCalls {
  // The caller of a call that has not begun yet may be known already.
  const revoked = new Set<string>();
  const running = new Map<string, Set<() => void>>();

  function join(tokenId: string, end: () => void, call: AbortSignal): void {
    const all = running.get(tokenId) ?? new Set();
    running.set(tokenId, all.add(end));
    call.addEventListener("abort", () => {
      all.delete(end);
      if (all.size === 0 && running.get(tokenId) === all) running.delete(tokenId);
    });
  }

  return {
    begin({ tokenId, tokenEndsAt, name }, call) {
      const ending = new AbortController();
      if (tokenId === undefined || call.aborted) return ending.signal;
      const end = (how: string) => ending.abort(new OzError("unauthenticated", `the ${name} ${how}`, { hint }));
      if (revoked.has(tokenId)) end("was revoked");
      if (tokenEndsAt !== undefined) wakeAt(clock, tokenEndsAt, call, () => end("has ended"));
      ending.signal.throwIfAborted();
      join(tokenId, () => end("was revoked"), call);
      return ending.signal;
    },
    revoked(tokenId) {
      revoked.add(tokenId);
      for (const end of [...(running.get(tokenId) ?? [])]) end();
    },
  };
}

/** At once when that time is over. The longest wait of a clock is shorter than the life of a token. */
function wakeAt(clock: Clock, at: number, unless: AbortSignal, wake: () => void): void {
  let timer: Timer | undefined;
  const look = () => {
    const leftMs = at - clock.now();
    if (leftMs <= 0) wake();
    else timer = clock.after(leftMs, look);
  };
  look();
  unless.addEventListener("abort", () => timer?.cancel(), { once: true });
}
