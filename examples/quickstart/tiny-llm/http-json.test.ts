import { PassThrough } from "node:stream";
import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { readJsonBody } from "./http-json.ts";

function incoming(text: string, headers: Record<string, string> = {}): IncomingMessage {
  const stream = new PassThrough();
  stream.end(text);
  return Object.assign(stream, { headers }) as unknown as IncomingMessage;
}

describe("readJsonBody", () => {
  it("reads JSON", async () => {
    expect(await readJsonBody(incoming('{"a":1}'), 100)).toEqual({ a: 1 });
  });

  it("answers 400 to what is not JSON", async () => {
    await expect(readJsonBody(incoming('{"a":'), 100)).rejects.toMatchObject({ status: 400 });
  });

  it("answers 413 by the header and by the bytes", async () => {
    await expect(readJsonBody(incoming("{}", { "content-length": "101" }), 100)).rejects.toMatchObject({ status: 413 });
    await expect(readJsonBody(incoming(`"${"x".repeat(200)}"`), 100)).rejects.toMatchObject({ status: 413 });
  });
});
