// Where contexts are, on every system that ozctl runs on.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OzError } from "#core/errors.ts";
import { configFolder, findContext, isExposed, noContext, readContext, useContext, writeContext } from "./contexts.ts";
import { engineSocket } from "./engine-socket.ts";
import { runOzctl } from "./testing/fake-io.ts";

let folder: string;
let env: Record<string, string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ozctl-contexts-"));
  env = { OZWALD_CONFIG_DIR: folder };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function refusal(work: () => unknown): OzError {
  try {
    work();
  } catch (error) {
    if (error instanceof OzError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("the folder", () => {
  test.each<[NodeJS.Platform, Record<string, string>, string]>([
    ["linux", { HOME: "/home/ann", APPDATA: "no" }, "/home/ann/.config/ozwald"],
    ["darwin", { HOME: "/Users/ann" }, "/Users/ann/.config/ozwald"],
    [
      "win32",
      { APPDATA: String.raw`C:\Users\ann\AppData\Roaming`, HOME: "/c/ann" },
      String.raw`C:\Users\ann\AppData\Roaming\ozwald`,
    ],
    ["win32", { USERPROFILE: String.raw`C:\Users\ann` }, String.raw`C:\Users\ann\AppData\Roaming\ozwald`],
    ["win32", { APPDATA: "C:\\a", OZWALD_CONFIG_DIR: "D:\\mine" }, "D:\\mine"],
    ["linux", { HOME: "/home/ann", OZWALD_CONFIG_DIR: "/mine" }, "/mine"],
  ])("on %s with %j", (platform, given, expected) => {
    expect(configFolder(given, platform)).toBe(expected);
  });
});

test("a file that others can read is told, except on Windows, whose modes say nothing", () => {
  writeContext(env, { name: "lab", address: "https://10.0.0.5:7443", token: "t" });
  expect([isExposed(env, "lab", "linux"), isExposed(env, "lab", "win32")]).toEqual([false, false]);
  chmodSync(join(folder, "contexts/lab.json"), 0o644);
  expect([isExposed(env, "lab", "darwin"), isExposed(env, "lab", "win32")]).toEqual([true, false]);
});

test("a context is replaced whole, and the chosen one is used", () => {
  writeContext(env, { name: "lab", address: "https://10.0.0.5:7443", token: "t" });
  writeContext(env, { name: "lab", address: "https://10.0.0.6:7443" });
  expect(readContext(env, "lab")).toEqual({ name: "lab", address: "https://10.0.0.6:7443" });
  writeContext(env, { name: "home", address: "https://10.0.0.7:7443" });
  useContext(env, "home");
  expect(findContext(env, undefined, "win32")?.name).toBe("home");
});

test("a local socket counts on Linux only, where control planes run", () => {
  mkdirSync(folder, { recursive: true });
  const socket = join(folder, "control.sock");
  writeFileSync(socket, "");
  const here = { ...env, OZWALD_SOCKET: socket };
  expect(findContext(here, undefined, "linux")?.address).toBe(`unix:${socket}`);
  for (const platform of ["darwin", "win32"] as const) {
    expect(findContext(here, undefined, platform)).toBeUndefined();
    const { message, hint } = noContext(here, platform);
    expect(message).toBe(`No control plane is known here: no context in ${folder}.`);
    expect(hint).toMatch(/^Get to know one: {2}ozctl login https:/);
  }
  expect(findContext(env, undefined, "linux")).toBeUndefined();
  expect(noContext(env, "linux").message).toContain("no socket at /run/ozwald");
});

test("what needs a Unix socket says so on Windows", async () => {
  expect(engineSocket(undefined, "darwin")).toBe("/var/run/docker.sock");
  expect(refusal(() => engineSocket(undefined, "win32")).code).toBe("not_supported");
  const asked = await runOzctl(["import", "container", "web"], { platform: "win32" });
  expect(asked.code).not.toBe(0);
  expect(asked.err).toContain("which Windows does not have");
  expect(asked.err).toContain("on the Linux machine they run on");
});
