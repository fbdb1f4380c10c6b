import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { repositoryRoot } from "../lib/repository.ts";
import { findProcesses } from "./background-process.ts";
import { endStartedEngine, engineLog } from "./started-engine.ts";

let folder: string;
let log: string;
/** A process that looks like the engine's. */
let engine: ChildProcess;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "ozwald-engine-"));
  log = join(folder, "engine.log");
  writeFileSync(log, "what it said\n");
  engine = spawn("/bin/sleep", ["60"], { argv0: "dockerd", stdio: "ignore" });
  await once(engine, "spawn");
  await expect.poll(() => findProcesses(["dockerd"])).toContain(engine.pid);
});
afterEach(() => {
  engine.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

const docker = (containers: number) => ({
  ping: async () => "OK",
  listContainers: async () => Array.from({ length: containers }, () => ({})) as never,
});

test("an engine that was started goes with its log", async () => {
  expect(await endStartedEngine(docker(0), engine.pid ?? 0, log)).toBe(true);
  await once(engine, "exit");
  expect(existsSync(log)).toBe(false);
});

test("one that keeps containers, or that somebody else started, stays with its log", async () => {
  expect(await endStartedEngine(docker(1), engine.pid ?? 0, log)).toBe(false);
  expect(await endStartedEngine(docker(0), process.pid, log)).toBe(false);
  expect(engine.exitCode ?? engine.signalCode).toBeNull();
  expect(existsSync(log)).toBe(true);
});

test("the log is the one that install.sh has it write", () => {
  expect(readFileSync(join(repositoryRoot, "scripts/lib/install.sh"), "utf8")).toContain(
    `setsid dockerd >${engineLog} `,
  );
});
