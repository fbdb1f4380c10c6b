import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { askStatus, lockState } from "./state-lock.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ozwald-lock-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test("one agent per folder; its status is answered; the next one gets in when it is gone", async () => {
  const first = await lockState(dir);
  await expect(lockState(dir)).rejects.toThrow(`another ozwald-agent works in ${dir}`);
  await first.serve(() => ({ host: "tower" }));
  expect(await askStatus(dir)).toEqual({ host: "tower" });
  await expect(lockState(dir)).rejects.toMatchObject({ code: "already_exists" });
  await first[Symbol.asyncDispose]();
  await expect(askStatus(dir)).rejects.toMatchObject({ code: "unavailable" });
  const second = await lockState(dir);
  await second[Symbol.asyncDispose]();
});

test("what a killed agent left in the folder is no lock", async () => {
  await writeFile(join(dir, "agent.sock"), "");
  const lock = await lockState(dir);
  await lock.serve(() => ({ ok: true }));
  expect(await askStatus(dir)).toEqual({ ok: true });
  await lock[Symbol.asyncDispose]();
});
