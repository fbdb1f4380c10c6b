// The one executable: its names, that it starts from its code caches whatever the environment says, and what it puts on the disk.
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../support/control-plane.ts";
import { managedProgram } from "../support/managed-program.ts";
import { runCommand } from "../support/run-command.ts";

const dist = resolve(import.meta.dirname, "../../dist");
const names = ["ozctl", "ozwald-agent", "ozwald-controlplane", "ozwald"] as const;
const folder = mkdtempSync(join(tmpdir(), "ozwald-executable-"));
const run = (name: string, args: string[], env: Record<string, string> = {}) =>
  runCommand([join(dist, "bin", name), ...args], { env: { OZWALD_CONFIG_DIR: join(folder, "config"), ...env } });

beforeAll(() => {
  if (!existsSync(join(dist, "ozwald"))) throw new Error("dist/ozwald does not exist. Build it: npm run build");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the licence texts of what it holds are in it", async () => {
  const { code, stdout } = await run("ozctl", ["version", "--licenses"]);
  expect(code).toBe(0);
  const { dependencies } = JSON.parse(readFileSync(join(dist, "../package.json"), "utf8")) as PackageFacts;
  // A library of which a stub is bundled, or types only, is not in it.
  const held = Object.keys(dependencies).filter((name) => stdout.includes(`\n== ${name} ${dependencies[name]} (`));
  expect(held).toEqual(
    expect.arrayContaining(["@grpc/grpc-js", "better-sqlite3", "commander", "dockerode", "kysely", "pino", "zod"]),
  );
  expect(stdout).toMatch(/\n== node-linux-\w+ \d+/);
  expect(stdout.match(/Permission is hereby granted, free of charge/g)?.length).toBeGreaterThan(10);
});

describe.each(names)("%s", (name) => {
  test("says which version, commit and contract it is", async () => {
    const { code, stdout } = await run(name, ["version", "-o", "json"], { OZWALD_SOCKET: join(folder, "none") });
    expect(code).toBe(0);
    const said = JSON.parse(stdout) as { client?: object };
    expect(said.client ?? said).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
      commit: expect.stringMatching(/^([0-9a-f]{12}|unknown)$/) as string,
      proto: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
    });
    expect((await run("ozwald-agent", ["version", "-o", "json"])).stdout).toContain(
      `"proto":"${/"proto":\s*"(\w+)"/.exec(stdout)?.[1]}"`,
    );
  });

  test("answers no version in a form that it does not have, nor to words that it does not know", async () => {
    for (const words of [["-o", "bogus"], ["extra"]]) {
      const { code, stdout, stderr } = await run(name, ["version", ...words]);
      expect([code, stdout], words.join(" ")).toEqual([2, ""]);
      expect(stderr).toContain(words.at(-1));
    }
  });

  test("starts from its code cache", async () => {
    const { code, stderr } = await run(name, ["version"], { OZWALD_DEBUG: "start" });
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/^code cache of \w+ used\n$/) as string,
    });
  });

  test.each(["--require /nonexistent.js", "--inspect-brk=127.0.0.1:0", "--no-such-option", "--max-lazy"])(
    "takes no NODE_OPTIONS=%s",
    async (options) => {
      const { code, stderr } = await run(name, ["version"], { NODE_OPTIONS: options, OZWALD_DEBUG: "start" });
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining(" used\n") as string });
      expect(stderr.split("\n")).toHaveLength(2);
    },
  );
});

test("carries no symbols of Node", () => {
  const file = readFileSync(join(dist, "ozwald"));
  const [offset, size, count] = [Number(file.readBigUInt64LE(0x28)), file.readUInt16LE(0x3a), file.readUInt16LE(0x3c)];
  const kinds = Array.from({ length: count }, (_, n) => file.readUInt32LE(offset + n * size + 4));
  const [symbolTable, dynamicSymbols] = [2, 11];
  expect(kinds).toContain(dynamicSymbols);
  expect(kinds).not.toContain(symbolTable);
});

describe("the addon it brings", () => {
  const state = join(folder, "cp");
  const lib = join(state, "lib");
  const start = async () => {
    const rest = ["--rest", "off", "--socket", join(folder, "sock"), "--listen", `127.0.0.1:${await freePort()}`];
    const control = managedProgram({
      name: "control plane",
      argv: [join(dist, "bin", "ozwald-controlplane"), "run", "--state", state, ...rest],
      env: { OZWALD_CONFIG_DIR: join(folder, "config") },
      isReady: (output) => /"msg":"ready"/.test(output),
    });
    try {
      await control.start();
      return /\S+better_sqlite3\S+/.exec(readFileSync(`/proc/${control.pid}/maps`, "utf8"))?.[0];
    } finally {
      await control.kill9();
    }
  };

  test("is loaded from a folder of the user alone, and what was planted there is not", async () => {
    const loaded = (await start()) ?? "";
    expect(loaded).toBe(join(lib, readdirSync(lib)[0] ?? ""));
    const good = readFileSync(loaded);
    expect(lstatSync(lib)).toMatchObject({ uid: process.geteuid?.() });
    expect([lstatSync(lib).mode & 0o777, lstatSync(loaded).mode & 0o077]).toEqual([0o700, 0]);

    // Loading either of these would end the program.
    writeFileSync(loaded, good.subarray(0, good.length / 2));
    expect(await start()).toBe(loaded);
    expect(readFileSync(loaded).equals(good)).toBe(true);

    const planted = join(folder, "planted.node");
    writeFileSync(planted, good);
    rmSync(loaded);
    symlinkSync(planted, loaded);
    expect(await start()).toBe(loaded);
    expect(lstatSync(loaded).isFile()).toBe(true);
  });

  test.runIf(process.geteuid?.() === 0)("is not put into a folder of somebody else", async () => {
    rmSync(lib, { recursive: true });
    mkdirSync(lib);
    chownSync(lib, 65_534, 65_534);
    await expect(start()).rejects.toThrow("does not belong to the user that runs this program");
    expect(readdirSync(lib)).toEqual([]);
  });
});

type PackageFacts = { dependencies: Record<string, string> };
