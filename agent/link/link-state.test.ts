// The states of the link, event by event.
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WelcomeSchema } from "#proto/agent_pb.ts";
import { type LinkEvent, type LinkState, nextLinkState } from "./link-state.ts";

const welcome = create(WelcomeSchema, { clusterId: "c" });
const lost = (random: number, patient = false): LinkEvent => ({ event: "lost", reason: "gone", patient, random });
const closed: LinkState = { state: "closed", since: 0, reason: "" };
const run = (events: LinkEvent[]) =>
  events.reduce<LinkState>((state, event) => nextLinkState(state, event, 1_000), closed);
const waitOf = (state: LinkState) => (state.state === "backoff" ? state.until - 1_000 : -1);

describe("link state", () => {
  test("waits grow from 100 ms to 8 s with full jitter", () => {
    let state = run([{ event: "start" }]);
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      state = nextLinkState(state, lost(0.999_999), 1_000);
      waits.push(waitOf(state));
      state = nextLinkState(state, { event: "wake" }, 1_000);
    }
    expect(waits).toEqual([99, 199, 399, 799, 1_599, 3_199, 6_399, 7_999, 7_999]);
    expect(waitOf(run([{ event: "start" }, lost(0)]))).toBe(0);
  });

  test("only an accepted Welcome forgets failures", () => {
    const failing: LinkEvent[] = [{ event: "start" }, lost(0.5), { event: "wake" }, lost(0.5), { event: "wake" }];
    expect(run([...failing, lost(0.5)])).toMatchObject({ failures: 3 });
    expect(run([...failing, { event: "welcomed", welcome }, lost(0.5)])).toMatchObject({ failures: 1, until: 1_050 });
  });

  test("who was sent away comes back slowly", () => {
    for (const random of [0, 0.5, 0.999]) {
      const wait = waitOf(run([{ event: "start" }, { event: "welcomed", welcome }, lost(random, true)]));
      expect(wait).toBeGreaterThanOrEqual(4_000);
      expect(wait).toBeLessThanOrEqual(8_000);
    }
  });

  test("a renewed Welcome replaces the first and keeps since", () => {
    const ready = run([{ event: "start" }, { event: "welcomed", welcome }]);
    const renewed = nextLinkState(
      ready,
      { event: "welcomed", welcome: create(WelcomeSchema, { telemetryMs: 2n }) },
      9_000,
    );
    expect(renewed).toMatchObject({ state: "ready", since: 1_000, welcome: { telemetryMs: 2n } });
  });

  test("ready comes only from connecting, and events that do not fit change nothing", () => {
    const event: fc.Arbitrary<LinkEvent> = fc.constantFrom<LinkEvent>(
      { event: "start" },
      { event: "welcomed", welcome },
      lost(0.3),
      lost(0.3, true),
      { event: "wake" },
      { event: "stop", reason: "x" },
    );
    fc.assert(
      fc.property(fc.array(event), (events) => {
        let state: LinkState = closed;
        for (const one of events) {
          const next = nextLinkState(state, one, 1_000);
          if (next.state === "ready") expect(["connecting", "ready"]).toContain(state.state);
          if (next.state === "backoff" && next !== state) expect(["connecting", "ready"]).toContain(state.state);
          if (one.event === "stop") expect(next.state).toBe("closed");
          state = next;
        }
      }),
    );
  });
});
