import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { OzError } from "#core/errors.ts";
import { isLostCaller } from "./errors.ts";

/** What a stream whose caller leaves says to a write. */
function said(leave: (stream: Writable) => void, before = ""): Promise<unknown> {
  const stream = new Writable({ write: (_chunk, _encoding, done) => void setImmediate(done) }).on("error", () => {});
  if (before !== "") stream.write(before);
  const early = before === "" ? undefined : new Promise((resolve) => stream.write("x", resolve));
  leave(stream);
  return early ?? new Promise((resolve) => stream.write("x", resolve));
}

test("a write that waited, or came after, when the caller left", async () => {
  const seen = [
    await said((stream) => stream.destroy(), "under way"),
    await said((stream) => stream.destroy()),
    await said((stream) => stream.end()),
  ];
  expect(seen.map((error) => (error as { code?: string }).code)).toEqual([
    "ERR_STREAM_DESTROYED",
    "ERR_STREAM_DESTROYED",
    "ERR_STREAM_WRITE_AFTER_END",
  ]);
  expect(seen.map(isLostCaller)).toEqual([true, true, true]);
});

test.each(["ECONNRESET", "EPIPE", "ERR_HTTP2_INVALID_STREAM", "ERR_STREAM_PREMATURE_CLOSE"])("%s", (code) => {
  expect(isLostCaller(Object.assign(new Error("x"), { code }))).toBe(true);
});

test("a mistake of ours is none of these", () => {
  const nothingWritten = Object.assign(new TypeError("x"), { code: "ERR_STREAM_NULL_VALUES" });
  const mistakes = [new Error("x"), new OzError("internal", "x"), nothingWritten, undefined, "ECONNRESET"];
  expect(mistakes.filter(isLostCaller)).toEqual([]);
});
