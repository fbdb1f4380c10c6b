import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { formatJoinToken, parseJoinToken } from "./join-token.ts";

const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((array) => Buffer.from(array));

describe("join tokens", () => {
  it("are read back as they were made, whatever is in them", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-z]{12}$/), bytes, bytes, (id, ca, secret) => {
        const token = { id, caSha256: ca.toString("hex"), secret: secret.toString("base64url") };
        expect(parseJoinToken(` ${formatJoinToken(token)}\n`)).toEqual(token);
      }),
    );
  });

  it.each([
    ["", "the join token is empty"],
    ["ozt_abc_def", "this is an API token; joining needs a join token"],
    ["hello", "this is no join token"],
    [`ozj_abc_${"a".repeat(43)}_${"b".repeat(42)}`, "a part is missing or changed"],
    [`ozj_abc_${"a".repeat(43)}_${"b".repeat(44)}`, "a part is missing or changed"],
  ])("refuse %j", (text, message) => {
    expect(() => parseJoinToken(text)).toThrow(
      expect.objectContaining({ code: "bad_request", message: expect.stringContaining(message) }),
    );
  });

  it("are never repeated in an error", () => {
    const secret = "s3cr3t".repeat(5);
    expect(() => parseJoinToken(`ozj_abc_${secret}`)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(secret) }),
    );
  });

  it("cannot be made of parts that do not fit", () => {
    expect(() => formatJoinToken({ id: "a", caSha256: "00", secret: "x" })).toThrow("cannot be read back");
  });
});
