// ozctl chat as a person uses it: in a terminal, with Ctrl-C and Ctrl-D, and with what can go wrong on the other side.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BackgroundProgram, startProgram } from "../support/background-program.ts";
import { testedProgram } from "../support/built-programs.ts";
import { busyboxImage } from "../support/busybox-image.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { keys, openTerminal, type Terminal } from "../support/pty.ts";
import { report } from "../support/report-time.ts";
import { runCommand } from "../support/run-command.ts";
import { ensureTalkImage } from "../support/talk-image.ts";
import { waitUntil } from "../support/wait-until.ts";

let cluster: Cluster;
let forward: BackgroundProgram;
let base: string;

beforeAll(async () => {
  const image = await ensureTalkImage();
  cluster = await startCluster();
  await cluster.addHost();
  const probes = [{ http: { port: 8000, path: "/hello" } }];
  await cluster.mustApply(
    JSON.stringify({
      services: [
        { name: "talk", image, stop_grace: "1s", probes },
        { name: "sleepy", image: busyboxImage, command: ["sleep", "86400"], stop_grace: "1s", ports: [8000], probes },
      ],
      instances: [{ name: "talk" }, { name: "sleepy" }],
    }),
    "--detach",
  );
  await cluster.untilReady("talk", 60_000);
  forward = startProgram([...testedProgram("ozctl"), "forward", "talk"], { env: cluster.env });
  base = await waitUntil("forward listens", () => /^(http:\S+)\/v1 → /m.exec(forward.output())?.[1], 20_000);
}, 240_000);

afterAll(async () => {
  await forward?.stop();
  await cluster?.dispose();
});

const state = async (): Promise<Record<string, number>> => (await (await fetch(`${base}/state`)).json()) as never;

function chat(...words: string[]): Terminal {
  return openTerminal([...testedProgram("ozctl"), "chat", ...words], cluster.env);
}

/** Types a line at the question. */
async function ask(terminal: Terminal, line: string): Promise<void> {
  await terminal.until(/> $/);
  terminal.type(`${line}${keys.enter}`);
}

describe("a talk in a terminal", () => {
  test("shows answers with their speed, and Ctrl-D ends it", async () => {
    await using terminal = chat("talk");
    await terminal.until(/talk\. Ctrl-C ends an answer, Ctrl-D the talk\.\r\n/);
    for (const question of ["Name three colours.", "Again."]) {
      await ask(terminal, question);
      const shown = await terminal.until(/Red, blue and green\. +(\d+) ms to first token, ([\d.]+) tok\/s\r\n/);
      expect(Number(shown[2])).toBeGreaterThan(1);
    }
    await ask(terminal, "");
    await terminal.until(/> $/);
    terminal.type(keys.ctrlD);
    expect(await terminal.exited()).toBe(0);
  });

  test("Ctrl-C ends an answer, which the model sees within a second, and the talk goes on; at the question it ends the talk", async () => {
    await using terminal = chat("talk");
    await ask(terminal, "for ever");
    await terminal.until(/Red, blue and green\.Red/);
    const before = await state();
    terminal.type(keys.ctrlC);
    const left = performance.now();
    await waitUntil(
      "the model stopped",
      async () => (await state())["answersEnded"] === before["answersEnded"]! + 1,
      1_000,
      10,
    );
    report("Ctrl-C in a terminal to the model", performance.now() - left);
    await ask(terminal, "Name three colours.");
    await terminal.until(/Red, blue and green\. +\d+ ms to first token/);
    await terminal.until(/> $/);
    terminal.type(keys.ctrlC);
    expect(await terminal.exited()).toBe(0);
  });

  test("one question: the answer, then the shell again; Ctrl-C is 130", async () => {
    await using once = chat("talk", "Name three colours.");
    await once.until(/Red, blue and green\. +\d+ ms to first token, [\d.]+ tok\/s\r\n$/);
    expect(await once.exited()).toBe(0);
    await using cut = chat("talk", "for", "ever");
    await cut.until(/green\.Red/);
    cut.type(keys.ctrlC);
    expect(await cut.exited()).toBe(130);
  });

  test("a model that dies in the middle is told, and the talk goes on when it is back", async () => {
    await using terminal = chat("talk");
    await ask(terminal, "for ever");
    await terminal.until(/green\.Red/);
    const { id } = await cluster.container("talk");
    expect((await runCommand(["docker", "kill", id])).code).toBe(0);
    await terminal.until(/The answer broke off/);
    await cluster.waitFor("another one runs", async () => (await cluster.container("talk")).id !== id, 60_000);
    await cluster.untilReady("talk", 60_000);
    await ask(terminal, "Name three colours.");
    await terminal.until(/Red, blue and green\. +\d+ ms to first token/);
    await terminal.until(/> $/);
    terminal.type(keys.ctrlD);
    expect(await terminal.exited()).toBe(0);
  }, 180_000);
});

test("login asks for the token in the terminal and does not show it; Ctrl-C there changes nothing", async () => {
  const made = await cluster.ozctl("token", "create", "typed");
  const token = /^ {2}(ozt_\S+)$/m.exec(made.stdout)?.[1] ?? "";
  const words = /^ {2}ozctl (login .*)$/m.exec(made.stdout)?.[1]?.split(" ") ?? [];
  const env = { ...cluster.env, OZWALD_CONFIG_DIR: join(cluster.folder, "typed"), OZWALD_CONTEXT: "" };
  const login = () => openTerminal([...testedProgram("ozctl"), ...words], env);
  await using left = login();
  await left.until(/Token for https:\S+: $/);
  left.type(keys.ctrlC);
  await left.until(/Nothing was changed/);
  expect(await left.exited()).toBeGreaterThan(0);
  await using terminal = login();
  await terminal.until(/Token for https:\S+: $/);
  terminal.type(`${token}${keys.enter}`);
  await terminal.until(/Logged in at https:/);
  expect(await terminal.exited()).toBe(0);
  expect(terminal.screen()).not.toContain(token.slice(-20));
});

describe("what cannot be talked to", () => {
  const refused = async (...words: string[]) => {
    const { code, stderr, stdout } = await cluster.ozctl("chat", ...words, "Hi");
    expect([stdout, code > 0]).toEqual(["", true]);
    return stderr;
  };

  test("an instance that does not exist: the one that was meant", async () => {
    expect(await refused("tlak")).toMatch(/tlak[^]*[Dd]id you mean "?talk/);
  });

  test("one that is not ready: how it stands, and how to find out why", async () => {
    expect(await refused("sleepy")).toMatch(/sleepy has no replica that is ready \(\w+\)[^]*ozctl why sleepy/);
  });

  test("one that is no model server, in three ways: other answers, no HTTP, no answer at all", async () => {
    expect(await refused("talk", "--remote-port", "9003")).toMatch(
      /does not answer \/v1\/models[^]*404[^]*--remote-port/,
    );
    expect(await refused("talk", "--remote-port", "9002")).toMatch(/talk is no model server\.[^]*--remote-port/);
    expect(await refused("talk", "--remote-port", "9001")).toMatch(
      /did not answer \/v1\/models within 10 s[^]*--remote-port/,
    );
  }, 60_000);
});
