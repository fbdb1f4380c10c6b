import { describe, expect, it } from "vitest";
import { embeddingAnswer, readEmbeddingRequest } from "./embedding-request.ts";

const limits = { modelName: "small", maxTexts: 2, size: 8 };

describe("readEmbeddingRequest", () => {
  it.each<[what: string, body: object, expected: object]>([
    ["one text", { input: "a" }, { texts: ["a"], dimensions: undefined, base64: false }],
    ["a list", { input: ["a", "b"], model: "small" }, { texts: ["a", "b"] }],
    [
      "all of it",
      { input: "a", dimensions: 8, encoding_format: "base64", user: "me" },
      { dimensions: 8, base64: true },
    ],
    ["nothing said", { input: "a", dimensions: null, encoding_format: null }, { base64: false }],
  ])("%s", (_what, body, expected) => expect(readEmbeddingRequest(body, limits)).toMatchObject(expected));

  it.each<[body: unknown, message: RegExp]>([
    [[], /must be a JSON object/],
    [null, /must be a JSON object/],
    [{}, /input: is missing/],
    [{ input: null }, /input: must be text/],
    [{ input: ["a", ""] }, /input\[1\]: must not be empty/],
    [{ input: ["a", "b", "c"] }, /3 texts, at most 2/],
    [{ input: [1, 2] }, /input\[0\]: lists of tokens/],
    [{ input: "a", dimensions: 1.5 }, /dimensions: must be a whole number from 1 to 8/],
    [{ input: "a", dimensions: "8" }, /dimensions/],
    [{ input: "a", model: "other" }, /no model "other" here; this server has "small"/],
  ])("refuses %j", (body, message) => expect(() => readEmbeddingRequest(body, limits)).toThrow(message));
});

describe("embeddingAnswer", () => {
  it("writes the bytes of 32-bit floats as base64, in the order of the texts", () => {
    const answer = embeddingAnswer("small", [Float32Array.of(1), Float32Array.of(-0.5)], true, 6);
    expect(answer).toMatchObject({
      data: [
        { index: 0, embedding: "AACAPw==" },
        { index: 1, embedding: "AAAAvw==" },
      ],
      usage: { prompt_tokens: 6, total_tokens: 6 },
    });
  });
});
