import { describe, expect, it } from "vitest";
import { readConfig } from "./config.ts";

describe("readConfig", () => {
  it("has a default for everything", () => {
    const config = readConfig({}, 4);
    expect(config).toMatchObject({ modelPath: "/models/model.gguf", modelName: "tiny-llm", port: 8000, threads: 3 });
  });

  it("reads what is set and treats an empty value as unset", () => {
    const config = readConfig({ MAX_MODEL_LEN: "2048", MAX_NUM_SEQS: "", SERVED_MODEL_NAME: "small" }, 2);
    expect(config).toMatchObject({ maxModelLen: 2048, maxNumSeqs: 2, modelName: "small" });
  });

  it("never uses more threads than there are cores", () => {
    expect(readConfig({ THREADS: "16" }, 2).threads).toBe(2);
    expect(readConfig({ THREADS: "1" }, 2).threads).toBe(1);
  });

  it("leaves one core to everything else unless it is told not to", () => {
    expect([1, 2, 4, 64].map((cores) => readConfig({}, cores).threads)).toEqual([1, 1, 3, 8]);
    expect(readConfig({ THREADS: "4" }, 4).threads).toBe(4);
  });

  it("names every wrong value at once", () => {
    const wrong = { PORT: "http", MAX_MODEL_LEN: "3.5", TEMPERATURE: "hot" };
    expect(() => readConfig(wrong, 2)).toThrow(/TEMPERATURE.*PORT is "http".*MAX_MODEL_LEN is "3.5"/);
  });
});
