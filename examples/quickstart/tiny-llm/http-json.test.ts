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

  it("answers 413 by the bytes, after the sender had its say", async () => {
    const body = incoming(`"${"x".repeat(200)}"`, { "content-length": "202" });
    await expect(readJsonBody(body, 100)).rejects.toMatchObject({ status: 413 });
    expect(body.readableEnded).toBe(true);
  });

  it("does not read on for ever", async () => {
    await expect(readJsonBody(incoming("{}", { "content-length": "801" }), 100)).rejects.toMatchObject({ status: 413 });
    const body = incoming(`"${"x".repeat(900)}"`);
    await expect(readJsonBody(body, 100)).rejects.toMatchObject({ status: 413 });
  });
});
