// What the install script sees on machines of every kind, with --dry-run on trees that look like them.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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

function symlink(to: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(to, path);
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
    [["--token="], "--token needs a value"],
    [["--token", ""], "--token needs a value"],
    [["--name="], "--name needs a value"],
    [["--state="], "--state needs a value"],
    [["--dir", "--purge"], "--dir needs a value"],
    [["--no-service=no"], "--no-service takes no value, and no was given"],
    [["--uninstall=yes"], "--uninstall takes no value"],
    [["--dir", "/../x"], "/../x: write the folder without . and .."],
    [["--dir", "/x/.."], "write the folder without"],
    [["--state", "/a/./b"], "write the folder without"],
    [["--state", "//"], "write the folder with"],
  ] as const)
    expect([flags, run([...flags, "--dry-run"])]).toEqual([
      flags,
      expect.objectContaining({ status: 1, stderr: expect.stringContaining(words) }),
    ]);
  expect(run(["--dry-run=no", "--token", "x"])).toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringContaining("--dry-run takes no value, and no was given"),
  });
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

/** Without --dir and --state. */
function runAnywhere(flags: readonly string[], changed: Partial<ScriptValues> = {}, env: Record<string, string> = {}) {
  const { stdout, stderr, status } = spawnSync("sh", ["-s", "--", ...flags], {
    input: fillScript(template, { ...values, ...changed }),
    encoding: "utf8",
    timeout: 20_000,
    env: { PATH: process.env["PATH"], OZWALD_SYSROOT: root, ...env },
  });
  return { stdout, stderr, status };
}

test("a tree that is only looked at is never changed", () => {
  // For another machine: whatever becomes of the script, this test installs nothing.
  const elsewhere = run(["--token", "x"], {}, { TARGET: "linux-none" });
  expect(elsewhere).toMatchObject({ status: 1, stderr: expect.stringContaining("for --dry-run only") });
});

test.each([
  ["its unit", "etc/systemd/system/ozwald-agent.service", (line: string) => `[Service]\nExecStart=${line}\n`],
  ["the note of its start", "etc/ozwald/agent.start", (line: string) => `${line}\n`],
])("the places come from %s; others are refused where something is removed", (_what, path, text) => {
  const [dir, state] = [join(root, "programs"), join(root, "kept")];
  write(path, text(`${dir}/ozwald-agent run --state ${state}`));
  write("kept/identity.json", "{}");
  write("kept/agent.key", "");
  symlink("ozwald", join(dir, "ozwald-agent"));
  write("programs/ozwald", "");
  expect(runAnywhere(["--dry-run"]).stdout).toContain(`→ ${dir}/ozwald, the present one becomes ozwald.previous`);
  const removed = [join(root, path), `${dir}/ozwald-agent`, `${dir}/ozwald`];
  const would = runAnywhere(["--dry-run", "--uninstall", "--purge"]).stdout;
  for (const each of [...removed, state]) expect(would).toContain(` ${each}`);
  const elsewhere = runAnywhere(["--dry-run", "--uninstall", "--dir", "/opt/bin"]);
  expect(elsewhere).toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringContaining(
      `is in ${dir} with its state in ${state}, and not in /opt/bin. Nothing was changed.`,
    ),
  });
});

test("--purge removes no folder that is not the program's own", () => {
  const purge = () => run(["--dry-run", "--uninstall", "--purge"]);
  write("state/passwd", "");
  write("state/pki/ca.crt", "");
  expect(purge()).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/does not hold the state of ozwald-agent/),
  });
  expect(run(["--dry-run", "--uninstall"]).status).toBe(0);
  expect(run(["--dry-run", "--uninstall", "--purge"], {}, { ROLE: "controlplane" }).status).toBe(1);
  write("state/pki/identity.json", "{}");
  const own = run(["--dry-run", "--uninstall", "--purge"], {}, { ROLE: "controlplane" });
  expect([own.status, own.stdout]).toEqual([0, expect.stringContaining(` ${root}/state`)]);
  expect(purge().status).toBe(1);
});

test("an ozwald without our links beside it is another's and stays", () => {
  write("bin/ozwald", "the command of the original");
  expect(run(["--dry-run", "--uninstall"]).stdout).not.toContain("/bin/ozwald");
  symlink("ozwald", join(root, "bin/ozwald-agent"));
  expect(run(["--dry-run", "--uninstall"]).stdout).toContain(`${root}/bin/ozwald-agent ${root}/bin/ozwald\n`);
});

test("--purge of a control plane leaves the context and the socket of another one", async () => {
  const config = join(root, "config");
  const would = (socket: string) => {
    write("etc/ozwald/controlplane.env", `OZWALD_SOCKET='${socket}'\n`);
    const flags = ["--dry-run", "--uninstall", "--purge"];
    return run(flags, { OZWALD_CONFIG_DIR: config }, { ROLE: "controlplane" }).stdout;
  };
  const context = (pem: string) =>
    write("config/contexts/local.json", `${JSON.stringify({ name: "local", caPem: pem, token: "t" }, null, 2)}\n`);
  const pem = "-----BEGIN CERTIFICATE-----\nAAA+/=\n-----END CERTIFICATE-----\n";
  write("state/pki/identity.json", "{}");
  write("state/pki/ca.crt", pem);
  context(pem.replace("AAA", "BBB"));
  const socket = join(root, "control.sock");
  const server = createServer();
  engine = server;
  await new Promise<void>((done) => server.listen(socket, done));
  expect(would(socket)).not.toMatch(/contexts|control\.sock/);
  context(pem);
  expect(would(join(root, "none.sock"))).toContain(` ${config}/contexts/local.json`);
});

test("a name that is taken is told before anything is done, and the quickstart's by its name", () => {
  write("bin/ozctl", "somebody's");
  expect(dry()).toMatchObject({ status: 1, stderr: expect.stringContaining("is not from Ozwald") });
  rmSync(join(root, "bin/ozctl"));
  write("clone/scripts/quickstart", "");
  symlink(join(root, "clone/dist/bin/ozctl"), join(root, "bin/ozctl"));
  const refused = dry();
  expect([refused.status, refused.stderr]).toEqual([
    1,
    expect.stringContaining(`${root}/clone/scripts/quickstart --down`),
  ]);
  // The clone is gone: its link leads nowhere.
  rmSync(join(root, "clone"), { recursive: true });
  expect(dry()).toMatchObject({ status: 0, stdout: expect.stringContaining("  link     ") });
});

test("a control plane that has moved is told of", () => {
  write("state/identity.json", JSON.stringify({ address: "https://198.51.100.1:7443" }, null, 2));
  expect(dry().stdout).toContain("  move     to https://192.0.2.5:7443");
  write("state/identity.json", JSON.stringify({ address: values.ADDRESS }, null, 2));
  expect(dry().stdout).not.toContain("  move ");
});

test("what is installed already is recognised by its content", () => {
  write("bin/ozwald", "executable", 0o755);
  const same = createHash("sha256").update("executable").digest("hex");
  expect(run(["--dry-run", "--token", "x"], {}, { SHA256: same }).stdout).toContain("it is this version");
  expect(dry().stdout).toContain("the present one becomes ozwald.previous");
});

test("a password in a proxy's address is in no arguments of a program, where everybody can read it", () => {
  const seen = join(root, "seen");
  const real = spawnSync("sh", ["-c", "command -v grep"], { encoding: "utf8" }).stdout.trim();
  write("fake/grep", `#!/bin/sh\nprintf '%s\\n' "$@" >>'${seen}'\nexec ${real} "$@"\n`, 0o755);
  const secret = "http://user:hunter2@proxy:3128";
  const env = { PATH: `${join(root, "fake")}:${process.env["PATH"]}`, http_proxy: secret };
  expect(run(["--dry-run", "--token", "x"], env).stdout).toContain("settings http_proxy");
  const spied = readFileSync(seen, "utf8");
  expect(spied).toContain("-qxF");
  expect(spied).not.toContain("hunter2");
});
