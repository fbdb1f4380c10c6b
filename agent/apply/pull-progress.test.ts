import { expect, test } from "vitest";
import { PullProgress } from "./pull-progress.ts";

test("sums bytes over layers and tells when they moved", () => {
  const progress = new PullProgress();
  expect(progress.quietLimitMs).toBe(60_000);
  expect(progress.take({ status: "Pulling from web", id: "latest" })).toBe(false);
  expect(progress.take({ status: "Pulling fs layer", id: "a" })).toBe(false);
  expect(progress.take({ status: "Downloading", id: "a", progressDetail: { current: 10, total: 100 } })).toBe(true);
  expect(progress.take({ status: "Downloading", id: "b", progressDetail: { current: 5, total: 50 } })).toBe(true);
  expect(progress.sums).toEqual({ doneBytes: 15, totalBytes: 150 });
  expect(progress.take({ status: "Downloading", id: "a", progressDetail: { current: 10, total: 100 } })).toBe(false);
  expect(progress.take({ status: "Download complete", id: "a" })).toBe(true);
  expect(progress.sums).toEqual({ doneBytes: 105, totalBytes: 150 });
  expect(progress.quietLimitMs).toBe(60_000);
  progress.take({ status: "Download complete", id: "b" });
  progress.take({ status: "Extracting", id: "b", progressDetail: { current: 1, total: 70 } });
  expect(progress.sums).toEqual({ doneBytes: 170, totalBytes: 170 });
  progress.take({ status: "Already exists", id: "c" });
  expect(progress.quietLimitMs).toBe(600_000);
  expect(progress.take({ status: "Status: Downloaded newer image" })).toBe(false);
});
