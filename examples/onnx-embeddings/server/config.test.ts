import { describe, expect, it } from "vitest";
import { readConfig } from "./config.ts";

describe("readConfig", () => {
  it("has a default for everything", () => {
    expect(readConfig({}, 4)).toMatchObject({ port: 8000, maxModelLen: 256, threads: 4, pooling: "mean" });
  });

  it("never takes more threads than there are cores", () => {
    expect(readConfig({ THREADS: "64" }, 2).threads).toBe(2);
  });

  it("names everything that is wrong at once", () => {
    expect(() => readConfig({ PORT: "0", MAX_TEXTS: "many", POOLING: "max" }, 2)).toThrow(
      /POOLING is "max", must be mean or cls; PORT is "0".*; MAX_TEXTS is "many", must be a whole number from 1/,
    );
  });
});
