import { expect, test } from "vitest";
import { count, type Counted, judge, noSamples, type Sample } from "./verdict.ts";

const ok: Sample = { ok: true, detail: "" };
const bad: Sample = { ok: false, detail: "answered 500" };

function after(...samples: Sample[]): Counted {
  return { tally: samples.reduce(count, noSamples), failureThreshold: 3 };
}

test("running is ready when nothing is checked", () => {
  expect(judge("starting", [], "none")).toEqual({ verdict: "ready", detail: "" });
});

test("starting until every check passed, the engine's own too", () => {
  expect(judge("starting", [after()], "none").verdict).toBe("starting");
  expect(judge("starting", [after(bad)], "none")).toEqual({ verdict: "starting", detail: "answered 500" });
  expect(judge("starting", [after(ok), after(bad)], "none").verdict).toBe("starting");
  expect(judge("starting", [after(ok)], "starting").verdict).toBe("starting");
  expect(judge("starting", [after(ok)], "unhealthy").detail).toBe("its health check has not passed yet");
  expect(judge("starting", [after(bad, ok)], "healthy").verdict).toBe("ready");
});

test("a ready one becomes unwell after three failures in a row, and well again after one success", () => {
  expect(judge("ready", [after(ok, bad, bad)], "none").verdict).toBe("ready");
  expect(judge("ready", [after(ok, bad, bad, bad)], "none")).toEqual({ verdict: "unwell", detail: "answered 500" });
  expect(judge("unwell", [after(ok, bad, bad, bad, ok)], "none").verdict).toBe("ready");
  expect(judge("ready", [], "unhealthy")).toEqual({ verdict: "unwell", detail: "its health check fails" });
  expect(judge("unwell", [after(ok, bad)], "none").verdict).toBe("unwell");
});

test("it never goes back to starting", () => {
  expect(judge("ready", [after()], "starting").verdict).toBe("ready");
});
