// What the install script sees on machines of every kind, with --dry-run on trees that look like them.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fillScript, type ScriptValues } from "./install-script.ts";

const template = readFileSync(resolve(import.meta.dirname, "../../packaging/install.sh"), "utf8");
const target = process.arch === "arm64" ? "linux-arm64" : "linux-x64";
const loader = process.arch === "arm64" ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2";
const values = {
  ROLE: "agent" as const,
  ...{ VERSION: "9.9.9", TARGET: target, ADDRESS: "https://192.0.2.5:7443", PIN: "cGlu" },
  ...{ FILE: `ozwald-${target}.gz`, FILE_SHA256: "f".repeat(64), XZ_SHA256: "", SHA256: "e".repeat(64) },
} satisfies ScriptValues;

let root: string;
let engine: Server | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ozwald-machine-"));
  write(loader.slice(1), "");
  write("etc/os-release", 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\n');
});

afterEach(() => {
  engine?.close();
  engine = undefined;
  rmSync(root, { recursive: true });
});

function write(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  chmodSync(join(root, path), mode);
}

function card(vendor: string, kind = "0x030000"): void {
  write("sys/bus/pci/devices/0000:01:00.0/class", `${kind}\n`);
  write("sys/bus/pci/devices/0000:01:00.0/vendor", `${vendor}\n`);
}

function run(flags: readonly string[], env: Record<string, string> = {}, changed: Partial<ScriptValues> = {}) {
  const argv = ["-s", "--", "--dir", join(root, "bin"), "--state", join(root, "state"), ...flags];
  const input = fillScript(template, { ...values, ...changed });
  const { stdout, stderr, status } = spawnSync("sh", argv, {
    input,
    encoding: "utf8",
    timeout: 20_000,
    env: { PATH: process.env["PATH"], OZWALD_SYSROOT: root, ...env },
  });
  return { stdout, stderr, status, first: stdout.split("\n")[0] ?? "" };
}

const dry = (env?: Record<string, string>) => run(["--dry-run", "--token", "ozj_1"], env);
const nvidia = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu Jan 23 22:50:36 UTC 2025\n";
const toolkit = "#!/bin/sh\necho NVIDIA Container Toolkit CLI version 1.17.4\n";

test("a machine without anything is fine", () => {
  const { first, stdout } = dry();
  expect(first).toBe("ozwald 9.9.9 · Debian 12 · no Docker · no GPU (fine)");
  expect(stdout).toContain(`download ozwald-${target}.gz (sha256 ${values.FILE_SHA256})`);
  expect(stdout).toContain("join     https://192.0.2.5:7443");
});

test("NVIDIA: driver, toolkit, and whether Docker knows it", () => {
  write("proc/driver/nvidia/version", nvidia);
  expect(dry().first).toMatch(/ · NVIDIA 570\.86 · no container toolkit$/);
  expect(dry().stdout).toContain(
    "to do: containers cannot use the NVIDIA card: apt-get install nvidia-container-toolkit",
  );
  write("usr/bin/nvidia-ctk", toolkit, 0o755);
  expect(dry().first).toMatch(/ · NVIDIA 570\.86 · container toolkit 1\.17 not configured$/);
  expect(dry().stdout).toContain("nvidia-ctk runtime configure");
  write("etc/docker/daemon.json", '{"runtimes":{"nvidia":{"path":"nvidia-container-runtime"}}}');
  expect(dry().first).toMatch(/ · NVIDIA 570\.86 · container toolkit 1\.17 ok$/);
  expect(dry().stdout).not.toMatch(/to do: (?!there is no Docker)/);
});

test("the open kernel module writes its version in another way", () => {
  write(
    "proc/driver/nvidia/version",
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (x@y)\n",
  );
  expect(dry().first).toContain(" · NVIDIA 580.65 · ");
});

test("cards without a driver are seen by their vendor, and only cards", () => {
  card("0x10de");
  expect(dry().first).toMatch(/NVIDIA card without driver$/);
  expect(dry().stdout).toContain("to do: the NVIDIA card needs its driver");
  card("0x1002", "0x038000");
  expect(dry().first).toMatch(/AMD card without compute driver$/);
  expect(dry().stdout).toContain("modprobe amdgpu");
  write("dev/kfd", "");
  expect(dry().first).toMatch(/ · AMD GPU$/);
  rmSync(join(root, "dev"), { recursive: true });
  card("0x10de", "0x020000");
  expect(dry().first).toMatch(/no GPU \(fine\)$/);
});

test("an engine is asked for its version", async () => {
  mkdirSync(join(root, "var/run"), { recursive: true });
  const server = createServer();
  engine = server;
  await new Promise<void>((done) => server.listen(join(root, "var/run/docker.sock"), done));
  // It takes connections and says nothing: Docker is there, its version is not known. The wait for it has an end.
  const path = join(root, "programs");
  write("programs/docker", "#!/bin/sh\necho 28.5.1\n", 0o755);
  write("programs/curl", "#!/bin/sh\nexit 28\n", 0o755);
  expect(dry({ PATH: `${path}:${process.env["PATH"]}` }).first).toContain(" · Docker 28.5.1 · ");
});

test("refuses before it does anything", () => {
  expect(run(["--dry-run"])).toMatchObject({ status: 1, stderr: expect.stringContaining("ozctl host invite") });
  const other = target === "linux-x64" ? "linux-arm64" : "linux-x64";
  expect(run(["--dry-run", "--token", "x"], {}, { TARGET: other }).stderr).toContain(
    `and the control plane has programs for ${other} only`,
  );
  for (const [flags, words] of [
    [["--tokn", "x"], "there is no option --tokn"],
    [["--token"], "--token needs a value"],
    [["--name", "my box"], "--name my box: letters, digits"],
    [["--name", "-x"], "--name -x: letters, digits"],
    [["--dir", "relative"], "begin with /"],
    [["--dir", "/a b"], "letters, digits"],
    [["--purge"], "--purge goes with --uninstall"],
  ] as const)
    expect([flags, run([...flags, "--dry-run"])]).toEqual([
      flags,
      expect.objectContaining({ status: 1, stderr: expect.stringContaining(words) }),
    ]);
  const raw = spawnSync("sh", ["-s", "--", "--dry-run"], { input: template, encoding: "utf8" });
  expect(raw.status).toBe(1);
});

test("a system without glibc is told before anything is fetched", () => {
  rmSync(join(root, loader));
  const { status, stderr, stdout } = dry();
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toBe(
    `ozwald: this system has no glibc (${loader} is not there; Alpine has musl instead), and the programs need it. Nothing was changed.\n` +
      "Use a system with glibc 2.28 or newer, such as Debian 10, Ubuntu 20.04 or RHEL 8.\n",
  );
});

test("a machine of another kind is told what to do there", () => {
  write("programs/uname", "#!/bin/sh\ncase $1 in -s) echo Linux ;; *) echo aarch64 ;; esac\n", 0o755);
  const env = { PATH: `${join(root, "programs")}:${process.env["PATH"]}` };
  const { status, stderr } = run(["--dry-run", "--token", "x"], env, { TARGET: "linux-x64" });
  expect([status, stderr]).toEqual([
    1,
    "ozwald: this machine is linux-arm64, and the control plane has programs for linux-x64 only, its own kind. Nothing was changed.\n" +
      "Build Ozwald here from a clone (npm run build), then join with dist/bin/ozwald-agent and the second line of: ozctl host invite\n",
  ]);
});

test("somebody else than root is told how, and may look", () => {
  write("programs/id", "#!/bin/sh\ncase $1 in -u) echo 1000 ;; *) echo sam ;; esac\n", 0o755);
  const env = { PATH: `${join(root, "programs")}:${process.env["PATH"]}` };
  expect(run(["--token", "x"], env)).toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringMatching(
      /^ozwald: only root can .*, and this is sam\. Nothing was changed\.\nPut sudo before sh: /,
    ),
  });
  expect(dry(env)).toMatchObject({ status: 0, stdout: expect.stringContaining("Nothing was done (--dry-run).") });
});

test("the token comes by argument, environment or standard input; a joined machine needs none", () => {
  expect(dry().status).toBe(0);
  expect(run(["--dry-run"], { OZWALD_JOIN_TOKEN: "ozj_1" }).status).toBe(0);
  const file = join(root, "install.sh");
  writeFileSync(file, fillScript(template, values));
  const argv = [file, "--dry-run", "--token", "-", "--dir", join(root, "bin"), "--state", join(root, "state")];
  const piped = (input: string) =>
    spawnSync("sh", argv, { input, encoding: "utf8", env: { PATH: process.env["PATH"], OZWALD_SYSROOT: root } });
  expect(piped("ozj_1\n").status).toBe(0);
  expect(piped("").stderr).toContain("there was no token on standard input");
  write("state/identity.json", "{}");
  const joined = run(["--dry-run"]);
  expect([joined.status, joined.stdout.includes("  join ")]).toEqual([0, false]);
});

test("what is installed already is recognised by its content", () => {
  write("bin/ozwald", "executable", 0o755);
  const same = createHash("sha256").update("executable").digest("hex");
  expect(run(["--dry-run", "--token", "x"], {}, { SHA256: same }).stdout).toContain("it is this version");
  expect(dry().stdout).toContain("the present one becomes ozwald.previous");
});
