import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { version } from "#core/version.ts";
import { commandRows } from "./command-table.ts";
import { readContext } from "./contexts.ts";
import { runOzctl } from "./testing/fake-io.ts";

const docs = readFileSync(join(process.cwd(), "docs/cli.md"), "utf8");
const nested = [
  "ops watch",
  "ops cancel",
  "host invite",
  "host rm",
  "context ls",
  "context use",
  "token create",
  "token ls",
  "token revoke",
];
const names = [...commandRows.map((row) => row.name), ...nested];
const internalWords = /\b(generation|epoch|fence|lease|incarnation)\b/i;

describe("help", () => {
  test.each(names)("%s has an example and a place in docs/cli.md", async (name) => {
    const { code, out } = await runOzctl([...name.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`Usage: ozctl ${name} `));
    expect(out.split("Examples:\n")[1]).toMatch(/ozctl /);
    expect(out).not.toMatch(internalWords);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(docs).toContain(`ozctl ${name}`);
  });

  test("the top names every command in 80 columns", async () => {
    const { code, out } = await runOzctl(["--help"]);
    expect(code).toBe(0);
    for (const row of commandRows) expect(out).toContain(`\n  ${row.name.padEnd(10)}${row.summary}\n`);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("every option of every command is in docs/cli.md", async () => {
    for (const name of names) {
      const { out } = await runOzctl([...name.split(" "), "--help"]);
      for (const [flag] of out.matchAll(/--[a-z][a-z-]+/g)) expect(docs, `${name} ${flag}`).toContain(flag);
    }
  });
});

describe("typos", () => {
  test.each([
    [["psx"], "Did you mean ps?"],
    [["--helo"], 'There is no option "--helo". Did you mean --help?'],
    [["--contxt", "lab", "ps"], 'There is no option "--contxt". Did you mean --context?'],
    [["--contxt=lab", "ps"], "Did you mean --context?"],
    [["ps", "--wach"], "Did you mean --watch?"],
    [["ps", "-o", "jsn"], "Did you mean json?"],
    [["ops", "wach", "3"], "Did you mean watch?"],
    [["host", "invit"], "Did you mean invite?"],
    [["logs", "web", "--tail", "x"], "no whole number"],
    [["up"], "Missing required argument"],
    [["ops", "watch", "x"], "no number of an operation"],
    [["host", "invite", "--ttl", "soon"], "--ttl soon"],
    [["--context"], "needs a name"],
    [["adopt", "a/b/c"], "no HOST/REPLICA"],
  ])("%j: exit 2 and what was meant", async (argv, expected) => {
    const { code, out, err } = await runOzctl(argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(expected);
  });

  test("no command: the help, exit 2", async () => {
    expect(await runOzctl([])).toMatchObject({ code: 2, err: "", out: expect.stringContaining("Usage: ozctl") });
  });
});

describe("errors for programs", () => {
  test.each([
    [["ps", "-o", "json", "--wach"], { code: "bad_request", hint: "ozctl ps --help" }],
    [["ps", "--wach", "--output=json"], { code: "bad_request", hint: "ozctl ps --help" }],
    [["logs", "web", "--tail", "x", "-o", "json"], undefined],
    [["show", "-ojson", "web"], { code: "not_found", hint: expect.stringContaining("ozctl login") }],
    [["exec", "web", "--", "tool", "-o", "json"], undefined],
    [["ps", "-o", "yaml", "--wach"], undefined],
  ])("%j", async (argv, expected) => {
    const { code, out, err } = await runOzctl(argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    if (expected === undefined) return expect(err).not.toContain("{");
    expect(err.endsWith("}\n")).toBe(true);
    expect(JSON.parse(err)).toEqual({ error: { message: expect.stringMatching(/./), ...expected } });
  });
});

test("version needs no control plane", async () => {
  expect(await runOzctl(["version"])).toEqual({ code: 0, out: `ozctl ${version} (source)\n`, err: "" });
  const { out } = await runOzctl(["version", "-o", "json"]);
  expect(JSON.parse(out)).toEqual({ client: { version, commit: "source", proto: "source" } });
});

describe("contexts", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ozctl-contexts-"));
    mkdirSync(join(folder, "contexts"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const add = (name: string, value: unknown) =>
    writeFileSync(join(folder, "contexts", `${name}.json`), JSON.stringify(value), { mode: 0o600 });
  const run = (argv: string[], env = {}) =>
    runOzctl(argv, { env: { OZWALD_CONFIG_DIR: folder, OZWALD_SOCKET: join(folder, "none"), ...env } });

  test("none: says so, exit 2", async () => {
    const { code, err } = await run(["ps"]);
    expect(code).toBe(2);
    expect(err).toContain("No control plane is known here");
  });

  test("several: nothing is guessed", async () => {
    add("lab", { address: "unix:/x" });
    add("home", { address: "unix:/y" });
    expect((await run(["ps"])).err).toContain("ozctl context use home");
  });

  test("use, ls, --context and OZWALD_CONTEXT, in their order; tokens are never shown", async () => {
    add("lab", { address: "unix:/x", token: "ozt_secret" });
    add("home", { address: "unix:/y" });
    expect((await run(["context", "use", "lab"])).code).toBe(0);
    expect(readFileSync(join(folder, "current"), "utf8")).toBe("lab\n");
    expect((await run(["context", "ls"])).out).toBe(
      "USED  CONTEXT  ADDRESS\n      home     unix:/y\n*     lab      unix:/x\n",
    );
    const { out } = await run(["--context", "home", "context", "ls", "-o", "json"], { OZWALD_CONTEXT: "lab" });
    expect(JSON.parse(out)).toEqual([
      { name: "home", address: "unix:/y", current: true },
      { name: "lab", address: "unix:/x", current: false },
    ]);
    expect((await run(["ps"], { OZWALD_CONTEXT: "home" })).err).toContain("unix:/y");
  });

  test("unknown: a suggestion, and nothing is changed", async () => {
    add("lab", { address: "unix:/x" });
    expect(await run(["context", "use", "lap"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("Did you mean lab?"),
    });
    expect(existsSync(join(folder, "current"))).toBe(false);
    expect((await run(["context", "use", "../lab"])).code).toBe(2);
  });

  test("a broken file names itself", async () => {
    writeFileSync(join(folder, "contexts", "lab.json"), "{");
    const { code, err } = await run(["ps"]);
    expect(code).toBe(2);
    expect(err).toContain("lab.json cannot be read");
    expect(() => readContext({ OZWALD_CONFIG_DIR: folder }, "lab")).toThrow();
  });

  test("a file with a token that others can read is pointed out", async () => {
    writeFileSync(join(folder, "contexts", "lab.json"), JSON.stringify({ address: "unix:/x", token: "t" }), {
      mode: 0o644,
    });
    expect((await run(["ps"])).err).toContain("can be read by others");
  });
});

describe("check", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ozctl-check-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const check = (...argv: string[]) => runOzctl(["check", ...argv], { cwd: folder });

  test("every problem at once, with its place; exit 2", async () => {
    write(
      "ozwald.yml",
      "services:\n  - name: web\n    type: container\n    image: nginx\n    enviroment: {}\ninstances:\n  - name: a\n    service: wbe\n",
    );
    const { code, out, err } = await check();
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^ozwald\.yml:5:5 +services\[0\]\.enviroment: unknown key\. Did you mean environment\?\n/);
    expect(err).toMatch(
      /\nozwald\.yml:8:14 +instances\[0\]\.service: no service "wbe"\..*web.*\n2 problems, nothing sent\.\n$/,
    );
  });

  test("env files are read beside the settings file; a missing one is a problem with a place", async () => {
    mkdirSync(join(folder, "deep"));
    write("deep/web.env", "A=1\n");
    write(
      "deep/s.yml",
      "services:\n  - name: web\n    type: container\n    image: nginx\n    env_file: [web.env]\ninstances:\n  - name: a\n    service: web\n",
    );
    expect(await check("-f", "deep/s.yml")).toEqual({
      code: 0,
      out: "deep/s.yml: fine. 1 service, 1 instance, 0 hosts.\n",
      err: "",
    });
    rmSync(join(folder, "deep/web.env"));
    expect(await check("-f", "deep/s.yml")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^deep\/s\.yml:5:\d+ .*web\.env/),
    });
  });

  test("no file", async () => {
    expect(await check()).toMatchObject({ code: 2, err: expect.stringContaining("Name the file:  -f FILE") });
    expect(await check("-f", "nope.yml")).toMatchObject({
      code: 2,
      err: expect.stringContaining("nope.yml does not exist"),
    });
  });
});
