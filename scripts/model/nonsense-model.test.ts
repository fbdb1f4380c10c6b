import { describe, expect, it } from "vitest";
import { GgufWriter } from "./gguf-writer.ts";
import { nonsenseModel } from "./nonsense-model.ts";

describe("GgufWriter", () => {
  it("puts each tensor on a 32-byte border", () => {
    const file = new GgufWriter();
    file.string("general.architecture", "llama");
    file.tensor("a", [3], Float32Array.of(1, 2, 3));
    file.tensor("b", [2], Float32Array.of(4, 5));
    const bytes = file.bytes();
    expect(bytes.subarray(0, 4).toString()).toBe("GGUF");
    expect(bytes.readUInt32LE(4)).toBe(3);
    expect([bytes.readBigUInt64LE(8), bytes.readBigUInt64LE(16)]).toEqual([2n, 1n]);
    expect(bytes.length % 32).toBe(0);
    expect(bytes.readFloatLE(bytes.length - 64)).toBe(1);
    expect(bytes.readFloatLE(bytes.length - 32)).toBe(4);
  });

  it("refuses values that do not fill the shape", () => {
    expect(() => new GgufWriter().tensor("a", [2, 2], new Float32Array(3))).toThrow("3 values for a shape of 4");
  });
});

describe("nonsenseModel", () => {
  it("is the same bytes each time and small", () => {
    const one = nonsenseModel();
    expect(one.equals(nonsenseModel())).toBe(true);
    expect(one.length).toBeLessThan(1_000_000);
    expect(one.includes("nonsense by design")).toBe(true);
  });
});
