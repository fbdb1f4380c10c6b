import { describe, expect, it } from "vitest";
import { poolText, shorten } from "./vectors.ts";

// Two texts of at most three tokens with two numbers each; the second text has one token, the rest is padding.
const hidden = { data: Float32Array.of(3, 0, 0, 4, 3, 4, 0, 5, 99, 99, 99, 99), longest: 3, size: 2 };

describe("poolText", () => {
  it("is the mean of the tokens, of length 1, without the padding", () => {
    const [x = 0, y = 0] = poolText(hidden, 0, 3, "mean");
    expect([x, y]).toEqual([expect.closeTo(0.6), expect.closeTo(0.8)]);
    expect([...poolText(hidden, 1, 1, "mean")]).toEqual([0, 1]);
  });

  it("is the first token's where the model was trained so", () => {
    expect([...poolText(hidden, 0, 3, "cls")]).toEqual([1, 0]);
  });
});

describe("shorten", () => {
  it("keeps the first numbers and makes the length 1 again", () => {
    expect([...shorten(Float32Array.of(0.6, 0, 0.8), 2)]).toEqual([1, 0]);
    expect([...shorten(Float32Array.of(0.5, 0.5), undefined)]).toEqual([0.5, 0.5]);
    expect([...shorten(Float32Array.of(0, 1), 1)]).toEqual([0]);
  });
});
