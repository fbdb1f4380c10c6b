import { describe, expect, it } from "vitest";
import { runCommand, tryCommand } from "./run-command.ts";

describe("runCommand", () => {
  it("gives what the program wrote", async () => {
    expect(await runCommand("sh", ["-c", "echo out; echo err >&2"])).toBe("out\n");
  });

  it("fails with the program's last words", async () => {
    await expect(runCommand("sh", ["-c", "echo no space left >&2; exit 3"])).rejects.toThrow(
      /ended with 3:[^]*no space left/,
    );
  });

  it("ends a program that takes too long", async () => {
    await expect(tryCommand("sleep", ["30"], { timeoutMs: 30 })).rejects.toMatchObject({ code: "timeout" });
  });

  it("tells a missing program by code 127", async () => {
    expect(await tryCommand("no-such-program", [])).toMatchObject({ code: 127 });
  });
});
