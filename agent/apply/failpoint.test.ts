import { expect, test } from "vitest";
import { noFailpoint, parseFailpoints } from "./failpoint.ts";

test("fires the nth time at its point only", async () => {
  let killed = 0;
  const hit = parseFailpoints("create:2:kill, stop:1:fail", () => killed++);
  await hit("create");
  await hit("pull");
  expect(killed).toBe(0);
  await expect((async () => hit("create"))()).rejects.toThrow("failpoint create");
  expect(killed).toBe(1);
  await hit("create");
  await expect((async () => hit("stop"))()).rejects.toThrow("failpoint stop");
});

test("nothing without the variable, and a clear error when it cannot be read", () => {
  expect(parseFailpoints("", () => {})).toBe(noFailpoint);
  expect(() => parseFailpoints("create:kill", () => {})).toThrow('cannot read "create:kill"');
  expect(() => parseFailpoints("create:1:burn", () => {})).toThrow("OZWALD_FAILPOINT");
});
