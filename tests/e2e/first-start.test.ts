// The control plane's first start, and what happens when something is in its way. Built binaries, real ports.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testedProgram } from "../support/built-programs.ts";
import { freePort } from "../support/control-plane.ts";
import { type ManagedProgram, managedProgram } from "../support/managed-program.ts";
import { runCommand } from "../support/run-command.ts";

const folder = mkdtempSync(join(tmpdir(), "ozwald-first-"));
const socket = join(folder, "control.sock");
const env = { OZWALD_CONFIG_DIR: join(folder, "config"), NO_COLOR: "1" };
const flags = (state: string, port: number, rest: string) => [
  "run",
  "--state",
  join(folder, state),
  "--listen",
  `127.0.0.1:${port}`,
  "--rest",
  rest,
  "--socket",
  socket,
];
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
const ozctl = (args: string[], extra: Record<string, string> = {}) =>
  runCommand([...testedProgram("ozctl"), ...args], { env: { ...env, ...extra } });
const controlPlane = (args: string[]) =>
  runCommand([...testedProgram("ozwald-controlplane"), ...args], { env, timeoutMs: 20_000 });

let taken: Server;
let restPort = 0;
let port = 0;
let control: ManagedProgram;

beforeAll(async () => {
  [restPort, port] = [await freePort(), await freePort()];
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(restPort, "127.0.0.1", resolve));
  control = managedProgram({
    name: "control plane",
    argv: [...testedProgram("ozwald-controlplane"), ...flags("cp", port, `127.0.0.1:${restPort}`)],
    env,
    isReady: (output) => /"msg":"ready"/.test(output),
  });
  await control.start();
});
afterAll(async () => {
  await control.kill9();
  taken.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("first start", () => {
  test("writes an admin context that nobody else can read, and a socket for root", async () => {
    expect(mode(join(folder, "config", "contexts", "local.json"))).toBe("600");
    expect(mode(socket)).toBe("600");
    expect((await ozctl(["ps"])).code).toBe(0);
    const bySocket = await ozctl(["ps"], { OZWALD_CONFIG_DIR: join(folder, "nothing"), OZWALD_SOCKET: socket });
    expect(bySocket).toMatchObject({ code: 0 });
  });

  test("a REST port that is taken keeps nothing else from working; status says by whom and exits 1", async () => {
    const { code, stdout } = await ozctl(["status"]);
    expect(code).toBe(1);
    expect(stdout).toContain(`127.0.0.1:${restPort} is taken by`);
    expect(stdout).toContain(`(pid ${process.pid})`);
    expect(stdout).toContain("--rest 127.0.0.1:PORT");
  });

  test("a second one on the same state names the first and leaves it alone", async () => {
    const { code, stderr } = await controlPlane(flags("cp", await freePort(), "off"));
    expect(code).toBe(1);
    expect(stderr).toMatch(/in use by process \d+/);
    expect((await ozctl(["ps"])).code).toBe(0);
  });

  test("a TLS port that is taken ends the start with the holder's name", async () => {
    const { code, stderr } = await controlPlane(flags("other", port, "off"));
    expect(code).toBe(1);
    expect(stderr).toContain(`127.0.0.1:${port} is taken by`);
    expect(stderr).toContain("--listen");
  });

  test.each([
    [["run", "--lisen", "x"], "Did you mean listen?"],
    [["run", "--rest", "0.0.0.0:8000"], "Other machines use the TLS port."],
    [["run", "--listen", "nonsense"], "Write HOST:PORT"],
    [["rnu"], "Did you mean run?"],
  ])("%j is bad input", async (args, hint) => {
    const { code, stderr } = await controlPlane(args);
    expect(code).toBe(2);
    expect(stderr).toContain(hint);
  });

  test("a wrong token is refused in words", async () => {
    const { readFileSync, mkdirSync, writeFileSync } = await import("node:fs");
    const wrong = join(folder, "wrong");
    mkdirSync(join(wrong, "contexts"), { recursive: true });
    const context = JSON.parse(readFileSync(join(folder, "config", "contexts", "local.json"), "utf8")) as {
      token: string;
    };
    writeFileSync(
      join(wrong, "contexts", "local.json"),
      JSON.stringify({ ...context, token: `${context.token.slice(0, -4)}AAAA` }),
      { mode: 0o600 },
    );
    const { code, stderr } = await ozctl(["ps"], { OZWALD_CONFIG_DIR: wrong, OZWALD_CONTEXT: "local" });
    expect(code).toBe(1);
    expect(stderr).toContain("not known here");
  });
});
