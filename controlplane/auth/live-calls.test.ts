import { expect, test } from "vitest";
import { manualClock } from "#core/testing/manual-clock.ts";
import { createLiveCalls } from "./live-calls.ts";
import { localRoot, type Principal } from "./principal.ts";

const ci: Principal = { kind: "admin", name: "token ci", tokenId: "t1" };
const other: Principal = { kind: "admin", name: "token other", tokenId: "t2" };
const day = 86_400_000;

const messageOf = (signal: AbortSignal) => (signal.reason as Error | undefined)?.message;

test("calls end when their own token is revoked, and later ones do not begin", () => {
  const live = createLiveCalls(manualClock());
  const never = new AbortController().signal;
  const calls = [ci, ci, other, localRoot].map((principal) => live.begin(principal, never));
  live.revoked("t1");
  expect(calls.map(({ aborted }) => aborted)).toEqual([true, true, false, false]);
  expect(calls[0]?.reason).toMatchObject({ code: "unauthenticated", message: "the token ci was revoked" });
  expect(() => live.begin(ci, never)).toThrow("the token ci was revoked");
});

test("calls end at the end of their token, be it months away", () => {
  const clock = manualClock();
  const live = createLiveCalls(clock);
  const ending = { ...ci, tokenEndsAt: clock.now() + 90 * day };
  const signal = live.begin(ending, new AbortController().signal);
  clock.advance(90 * day - 1);
  expect(signal.aborted).toBe(false);
  clock.advance(1);
  expect(messageOf(signal)).toBe("the token ci has ended");
  expect(() => live.begin(ending, new AbortController().signal)).toThrow("the token ci has ended");
});

test("a clock that wakes early from a long wait ends nothing", () => {
  const real = manualClock();
  const clock = { ...real, after: (delayMs: number, fn: () => void) => real.after(Math.min(delayMs, day), fn) };
  const signal = createLiveCalls(clock).begin(
    { ...ci, tokenEndsAt: real.now() + 3 * day },
    new AbortController().signal,
  );
  real.advance(2 * day);
  expect([signal.aborted, real.waiting]).toEqual([false, 1]);
  real.advance(day);
  expect(signal.aborted).toBe(true);
});

test("a call that has ended leaves nothing behind", () => {
  const clock = manualClock();
  const live = createLiveCalls(clock);
  const call = new AbortController();
  const signal = live.begin({ ...ci, tokenEndsAt: clock.now() + day }, call.signal);
  call.abort();
  live.revoked("t1");
  expect([signal.aborted, clock.waiting]).toEqual([false, 0]);
});
