// What the machine itself shows, where ozctl runs on a host.
import { expect, test } from "vitest";
import type { Here } from "../facts.ts";
import { look, wellFacts } from "../../testing/facts.ts";
import { thisMachineChecks as checks } from "./this-machine.ts";

const here = (change: Partial<Here>) => ({ here: { ...wellFacts.here, ...change } });

test.each(checks.map((check) => check.name))("%s is unknown on a machine that is no host", (name) => {
  expect(look(checks, name, here({ hostname: "laptop", agent: undefined }))).toBeUndefined();
});

test.each([
  [950, 0],
  [951, 1],
])("automatic-ports with %i taken", (automaticPortsTaken, troubles) => {
  expect(look(checks, "automatic-ports", here({ automaticPortsTaken }))).toHaveLength(troubles);
});

test.each([
  [["10.0.0.1"], 0],
  [["127.0.0.53"], 0],
  [["127.0.0.1"], 0],
  [["::1"], 0],
  [[], 1],
])("dns-inside with %j", (nameServers, troubles) => {
  expect(look(checks, "dns-inside", here({ nameServers }))).toHaveLength(troubles);
});

test.each([
  [{ openFiles: 1_023 }, "open files 1023"],
  [{ inotifyInstances: 128 }, "fs.inotify.max_user_instances 128"],
  [{ inotifyWatches: 8_192 }, "fs.inotify.max_user_watches 8192"],
])("limits %j", (change, said) => {
  expect(look(checks, "limits", here(change))).toMatchObject([
    { notice: true, message: expect.stringContaining(said) },
  ]);
  expect(look(checks, "limits", here({}))).toEqual([]);
});

test.each([
  ["disk-here", { disk: { root: "/", totalBytes: 100, freeBytes: 9 } }, "9 B of 100 B are free under /"],
  ["engine-here", { agent: silent({ engineProblem: "no socket" }) }, "no socket"],
] as const)("%s speaks where the control plane tells of no host only", (name, change, said) => {
  const { status: _status, ...unasked } = wellFacts;
  const facts = { ...unasked, ...here(change), hosts: [] };
  const check = checks.find((one) => one.name === name);
  expect(check?.look(facts)).toMatchObject([{ subject: "devbox", message: said }]);
  expect(check?.look({ ...wellFacts, ...here(change) })).toEqual([]);
});

function silent(change: object) {
  const agent = wellFacts.here.agent!;
  return { ...agent, says: { ...agent.says!, ...change } };
}
