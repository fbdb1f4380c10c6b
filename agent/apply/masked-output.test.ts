import fc from "fast-check";
import { expect, test } from "vitest";
import { maskedSink } from "./masked-output.ts";

async function through(values: string[], pieces: readonly Uint8Array[]): Promise<string[]> {
  const given: string[] = [];
  const keep = (bytes: Uint8Array) => void given.push(Buffer.from(bytes).toString("latin1"));
  const sink = maskedSink({ stdout: keep, stderr: keep }, values);
  for (const piece of pieces) await sink.stdout(piece);
  await sink.end();
  return given;
}

const text = async (values: string[], ...pieces: string[]) =>
  Buffer.from(
    (
      await through(
        values,
        pieces.map((piece) => Buffer.from(piece)),
      )
    ).join(""),
    "latin1",
  ).toString();

test("values are replaced, wherever the output is cut", async () => {
  const said = "key=geheim-€uro! and geheim-€uro!, once more geheim-";
  const bytes = Buffer.from(said);
  for (let at = 0; at <= bytes.length; at++) {
    const given = await through(["geheim-€uro!"], [bytes.subarray(0, at), bytes.subarray(at)]);
    const whole = Buffer.from(given.join(""), "latin1").toString();
    expect(whole).toBe("key=••• and •••, once more geheim-");
  }
});

test("what can be no secret is not held back", async () => {
  const given: string[] = [];
  const keep = (bytes: Uint8Array) => void given.push(Buffer.from(bytes).toString());
  const sink = maskedSink({ stdout: keep, stderr: keep }, ["geheim"]);
  await sink.stdout(Buffer.from("Password: "));
  await sink.stderr(Buffer.from("warning\n"));
  await sink.stdout(Buffer.from("ge"));
  expect(given).toEqual(["Password: ", "warning\n"]);
  await sink.stdout(Buffer.from("s\n"));
  expect(given.at(-1)).toBe("ges\n");
});

test("lines of a long value are hidden one by one; short values hide nothing", async () => {
  const pem = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n{\n";
  expect(await text([pem], "1 -----BEGIN KEY-----\n2 MIIEvQIBADANBg\n3 {\n")).toBe("1 •••\n2 •••\n3 {\n");
  expect(await text(["abc", "", "abcdefgh", "abcd"], "abc abcd abcdefgh\n")).toBe("abc ••• •••\n");
  expect(await text([], "anything", " at all")).toBe("anything at all");
});

test("in pieces it says the same as in one, and never a secret", async () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "ä"), minLength: 4, maxLength: 6 });
  const property = fc.asyncProperty(
    letters,
    fc.array(fc.string({ unit: fc.constantFrom("a", "b", "ä", " ") })),
    async (secret, pieces) => {
      const cut = await text([secret], ...pieces);
      expect(cut).toBe(await text([secret], pieces.join("")));
      expect(cut).not.toContain(secret);
    },
  );
  await fc.assert(property, { numRuns: 300 });
});
