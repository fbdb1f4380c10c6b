import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pieces } from "./ask.ts";
import { findProcesses, lastLines, waitFor } from "./background-process.ts";
import { canListen, freePort } from "./free-port.ts";
import { readMade, recordMade } from "./made.ts";
import { quickstartPlaces } from "./places.ts";
import { secondsText, slowest, stepLine, StepLines } from "./step-lines.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "ozwald-first-run-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("step lines", () => {
  it.each([
    [0.04, "0.0 s"],
    [9.94, "9.9 s"],
    [9.96, "10 s"],
    [59.6, "1 min 0 s"],
    [81.2, "1 min 21 s"],
  ])("%d s is %s", (seconds, text) => expect(secondsText(seconds)).toBe(text));

  it("puts the time at the end of 80 columns", () => {
    expect(stepLine("[1/6] packages", 21).trimEnd()).toHaveLength(80);
    expect(stepLine("      more", undefined)).toBe("      more\n");
  });

  it("numbers the first line of a step and keeps its time", async () => {
    let now = 0;
    let text = "";
    const steps = new StepLines(
      6,
      (more) => (text += more),
      () => now,
    );
    await steps.run(5, "image", async () => {
      now += 14_000;
      return ["image built", "model found"];
    });
    expect(text).toMatch(/^\[5\/6\] image built +14 s\n {6}model found\n$/);
    expect(steps.times).toEqual([{ name: "image", seconds: 14 }]);
  });

  it("names what took most", () => {
    const times = [1, 200, 90].map((seconds, index) => ({ name: `s${index}`, seconds }));
    expect(slowest(times)).toBe("s1 (3 min 20 s), s2 (1 min 30 s)");
  });
});

describe("the record of what was made", () => {
  it("grows, and is empty where nothing was made", () => {
    const path = join(folder, "state", "made.json");
    expect(readMade(path)).toEqual({});
    recordMade(path, { tlsPort: 7443 });
    recordMade(path, { cluster: "c1" });
    expect(readMade(path)).toEqual({ tlsPort: 7443, cluster: "c1" });
  });
});

describe("places", () => {
  it("follow OZWALD_QUICKSTART_DIR, then who runs it", () => {
    expect(quickstartPlaces({ OZWALD_QUICKSTART_DIR: "/q" }, true).made).toBe("/q/made.json");
    expect(quickstartPlaces({}, true).state).toBe("/var/lib/ozwald-quickstart");
    expect(quickstartPlaces({ XDG_STATE_HOME: "/h/s" }, false).state).toBe("/h/s/ozwald-quickstart");
  });
});

describe("findProcesses", () => {
  it("knows a process by its whole beginning, word by word, and not one in another network", () => {
    const process = (pid: string, ...words: string[]): void => {
      mkdirSync(join(folder, pid, "ns"), { recursive: true });
      symlinkSync(`net:[${pid === "13" ? 2 : 1}]`, join(folder, pid, "ns/net"));
      writeFileSync(join(folder, pid, "cmdline"), words.map((word) => `${word}\0`).join(""));
    };
    process("10", "/bin/agent", "run", "--state", "/a");
    process("11", "/bin/agent", "run", "--state", "/ab");
    process("12", "/bin/agent", "run", "--state", "/a", "--log-level", "debug");
    process("13", "/bin/agent", "run", "--state", "/a");
    process("self", "/bin/agent", "run", "--state", "/a");
    expect(findProcesses(["/bin/agent", "run", "--state", "/a"], folder)).toEqual([10, 12]);
  });
});

describe("waitFor", () => {
  const log = (): string => {
    const path = join(folder, "log");
    writeFileSync(path, "one\nport taken\n");
    return path;
  };

  it("shows the last lines of a program that ended", async () => {
    const dead = { what: "the agent", timeoutMs: 5000, log: log(), ask: async () => undefined, alive: () => false };
    await expect(waitFor(dead)).rejects.toThrow(/the agent ended;[^]*\| port taken/);
  });

  it("gives up after its time", async () => {
    const slow = { what: "the agent", timeoutMs: 10, log: log(), ask: async () => undefined };
    await expect(waitFor(slow)).rejects.toThrow(/did not come up within 0.01 s/);
    expect(lastLines(slow.log, 1)).toBe("  | port taken");
  });
});

describe("freePort", () => {
  it("goes on to the next one when the wished one is taken or excluded", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const { port } = holder.address() as AddressInfo;
    try {
      expect(await canListen("127.0.0.1", port)).toBe(false);
      expect(await freePort("127.0.0.1", port, [port + 1])).toBeGreaterThan(port + 1);
    } finally {
      holder.close();
    }
    expect(await canListen("127.0.0.1", port)).toBe(true);
  });
});

describe("pieces", () => {
  it("puts events together across network pieces, letters cut in half included", async () => {
    const text =
      'data: {"choices":[{"delta":{"content":"é"}}]}\n\ndata: {"choices":[],"usage":{"completion_tokens":2}}\n\ndata: [DONE]\n\n';
    const bytes = new TextEncoder().encode(text);
    const cut = text.indexOf("é") + 1;
    async function* body(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, cut);
      yield bytes.subarray(cut);
    }
    const found = [];
    for await (const piece of pieces(body())) found.push(piece);
    expect(found).toEqual([
      { choices: [{ delta: { content: "é" } }] },
      { choices: [], usage: { completion_tokens: 2 } },
    ]);
  });
});
