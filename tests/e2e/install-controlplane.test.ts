// ./scripts/install --controlplane on a bare Debian with a clone: a control plane that stays, at its address in the network; again; and gone.
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { appendFile, copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fillScript } from "../../controlplane/install/install-script.ts";
import { type DebianRoot, debianRoot } from "../support/debian-root.ts";
import { type NetnsMachine, type NetnsMachines, netnsMachines } from "../support/netns-hosts.ts";
import { type CommandResult, runCommand } from "../support/run-command.ts";
import { waitUntil } from "../support/wait-until.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("THE TEST OF THE CONTROL PLANE'S INSTALLER DOES NOT RUN: name spaces and chroot need root.");
const clone = resolve(import.meta.dirname, "../..");

describe.skipIf(!isRoot)("scripts/install --controlplane", () => {
  let machines: NetnsMachines;
  let machine: NetnsMachine;
  let debian: DebianRoot;

  beforeAll(async () => {
    if (!existsSync(resolve(clone, "dist/ozwald")))
      throw new Error("dist/ozwald does not exist. Build it: npm run build");
    machines = await netnsMachines(1);
    machine = machines.hosts[0] as NetnsMachine;
    debian = await debianRoot({ enter: machine.enter });
    await debian.show(clone);
    const packages = realpathSync(resolve(clone, "node_modules"));
    if (dirname(packages) !== clone) await debian.show(packages);
    // A Node from a package; nothing is left to fetch or build, so npm is only looked for.
    await debian.run(["ln", "-s", resolve(packages, ".bin/node"), "/usr/bin/node"]);
    await writeFile(debian.path("/usr/bin/npm"), "#!/bin/sh\necho npm was called: $* >&2\nexit 1\n", { mode: 0o755 });
  });

  afterAll(async () => {
    await debian?.dispose();
    await machines?.dispose();
  });

  const install = (...flags: string[]) =>
    debian.run(["sh", "-c", `${clone}/scripts/install --controlplane ${flags.join(" ")}`]);
  const said = ({ stdout, stderr }: CommandResult): string => stdout + stderr;
  const ozctl = (...argv: string[]) => debian.run(["ozctl", ...argv]);
  const programs = () => readdirSync(debian.path("/usr/local/bin")).toSorted();

  /** What scripts/install makes of the text for what was built. */
  async function filled(file: string, sum: string): Promise<string> {
    const { version } = JSON.parse(await readFile(resolve(clone, "package.json"), "utf8")) as { version: string };
    const target = process.arch === "arm64" ? "linux-arm64" : "linux-x64";
    const values = {
      ROLE: "controlplane",
      VERSION: version,
      TARGET: target,
      ADDRESS: "",
      PIN: "",
      XZ_SHA256: "",
    } as const;
    const template = await readFile(resolve(clone, "packaging/install.sh"), "utf8");
    return fillScript(template, { ...values, FILE: file, FILE_SHA256: sum, SHA256: sum });
  }

  test("--dry-run says what it would do, and does nothing", async () => {
    const planned = await install("--dry-run");
    expect(said(planned)).toMatch(
      new RegExp(
        [
          String.raw`^ozwald \d+\.\d+\.\d+ · Debian 12`,
          ` {2}copy {5}${clone}/dist/ozwald → /usr/local/bin/ozwald`,
          " {2}link {5}/usr/local/bin/ozwald-controlplane and /usr/local/bin/ozctl",
          " {2}settings OZWALD_ADVERTISE → /etc/ozwald/controlplane.env",
          " {2}start {4}ozwald-controlplane run --state /var/lib/ozwald/controlplane, in the background",
          String.raw`Nothing was done \(--dry-run\)\.`,
        ].join("\n") + "\n$",
      ),
    );
    expect(programs()).toEqual([]);
    expect([existsSync(debian.path("/var/lib/ozwald")), existsSync(debian.path("/etc/ozwald"))]).toEqual([
      false,
      false,
    ]);
  });

  test("what cannot be right is refused before anything is changed, and in a dry run", async () => {
    for (const [flags, why] of [
      [
        ["--listen", "foo"],
        "--listen foo: not an address\nWrite HOST:PORT, such as 127.0.0.1:8000.\nNothing was changed.",
      ],
      [["--rest", "10.0.0.5:8000"], "listens on this machine only"],
      [["--advertise", "'control lan'"], '"control lan" is no address others can reach'],
      [["--token", "x"], "--token is for a host, and this makes the machine a control plane"],
      [["--uninstall", "--rollback"], "one of them"],
    ] as const) {
      for (const more of [[], ["--dry-run"]]) {
        const { code, stderr } = await install(...flags, ...more);
        expect([code, stderr]).toEqual([1, expect.stringContaining(why)]);
      }
    }
    expect([...programs(), ...readdirSync(debian.path("/etc")).filter((name) => name === "ozwald")]).toEqual([]);
  });

  test("beside another control plane: says that its own has ended and why, and --purge leaves what is the other's", async () => {
    const other = `${clone}/dist/bin/ozwald-controlplane run --state /root/other --socket /root/other.sock --rest off`;
    await debian.run(["sh", "-c", `setsid ${other} >/root/other.log 2>&1 </dev/null &`]);
    const context = debian.path("/root/.config/ozwald/contexts/local.json");
    await waitUntil("the other one is ready", () => existsSync(context), 20_000);
    const written = await readFile(context, "utf8");
    const [pid] = debian.processes();
    const began = Date.now();
    const done = await install();
    expect(done.code, said(done)).toBe(1);
    expect(done.stderr).toMatch(/7443 is taken/);
    expect(done.stderr).toContain("ozwald-controlplane is installed and ended again, as said above: /var/lib/ozwald/");
    expect(Date.now() - began).toBeLessThan(25_000);
    expect(said(await install("--uninstall", "--purge"))).toContain("is removed, with its state");
    expect(await readFile(context, "utf8")).toBe(written);
    expect(debian.processes()).toEqual([pid]);
    await debian.run([
      "sh",
      "-c",
      `kill ${pid}; while kill -0 ${pid}; do sleep 0.1; done 2>/dev/null; rm -r /root/other* /root/.config`,
    ]);
  });

  test("starts it at the machine's address in its network, for the others to install from", async () => {
    const done = await install();
    expect([done.code, done.stderr]).toEqual([0, ""]);
    expect(done.stdout).toMatch(/^ozwald \d+\.\d+\.\d+ · Debian 12$/m);
    expect(done.stdout).toContain(`ozwald-controlplane started · ready at https://${machine.address}:7443 in `);
    expect(programs()).toEqual(["ozctl", "ozwald", "ozwald-controlplane"]);
    expect((statSync(debian.path("/var/lib/ozwald/controlplane")).mode & 0o777).toString(8)).toBe("700");
    const invited = await ozctl("host", "invite");
    const [line = ""] = /curl .*(?= \| sh)/.exec(invited.stdout) ?? [];
    expect(line, said(invited)).toContain(`https://${machine.address}:7443/install`);
    const elsewhere = await runCommand(["sh", "-c", line]);
    expect(elsewhere.stdout).toContain("role='agent'");
    const verified = await debian.run([
      "sh",
      "-c",
      `curl -fsS --cacert /var/lib/ozwald/controlplane/pki/ca.crt https://${machine.address}:7443/install | sed -n 1p`,
    ]);
    expect(said(verified)).toBe("#!/bin/sh\n");
  });

  test("again: the same process; other names restart it and stay", async () => {
    const [pid] = debian.processes();
    const again = await install();
    expect(said(again)).toContain("is this version already, sha256 ok · ozwald-controlplane runs, not restarted");
    expect(debian.processes()).toEqual([pid]);
    const named = await install("--advertise", "control.example", "--advertise", machine.address);
    expect(said(named)).toContain("ozwald-controlplane restarted · ready at ");
    expect((await ozctl("host", "invite")).stdout).toContain("https://control.example:7443/install");
    const [renamed] = debian.processes();
    expect(renamed).not.toBe(pid);
    expect(said(await install())).toContain("not restarted");
    expect(debian.processes()).toEqual([renamed]);
  });

  test("another folder without its state does not make another control plane of it", async () => {
    const running = debian.processes();
    const started = () => readFile(debian.path("/etc/ozwald/controlplane.start"), "utf8");
    const before = await started();
    for (const more of [[], ["--dry-run"]]) {
      const done = await install("--state", "/root/elsewhere", ...more);
      expect([done.code, done.stderr]).toEqual([
        1,
        expect.stringContaining("it would begin anew. Nothing was changed."),
      ]);
      expect(done.stderr).toContain("mv /var/lib/ozwald/controlplane /root/elsewhere; then run this again.");
    }
    expect([existsSync(debian.path("/root/elsewhere")), await started()]).toEqual([false, before]);
    expect(debian.processes()).toEqual(running);
  });

  test("--dry-run of somebody who may not look says so, and not that nothing runs", async () => {
    // The machine's root is a folder that only we may enter.
    await debian.run(["chmod", "755", "/"]);
    const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    const script = await filled("/dist/ozwald", "-");
    for (const more of [[], ["--uninstall", "--purge"]]) {
      const planned = await debian.run([...nobody, "sh", "-s", "--", "--dry-run", ...more], { input: script });
      const why = "what is installed here only root can see (/var/lib/ozwald/controlplane)";
      expect([planned.code, planned.stdout, planned.stderr]).toEqual([1, "", expect.stringContaining(why)]);
    }
  });

  test("another version replaces it, and --rollback goes back", async () => {
    const [pid] = debian.processes();
    const file = "/root/ozwald-other";
    await copyFile(resolve(clone, "dist/ozwald"), debian.path(file));
    await appendFile(debian.path(file), "another version\n");
    const sum = async (path: string) => (await debian.run(["sha256sum", path])).stdout.slice(0, 64);
    const [first, other] = [await sum("/usr/local/bin/ozwald"), await sum(file)];
    const script = await filled(file, other);
    const upgraded = await debian.run(["sh"], { input: script });
    expect(said(upgraded)).toMatch(
      /^installed \/usr\/local\/bin\/ozwald, sha256 ok · ozwald-controlplane restarted · ready at /m,
    );
    const both = () => Promise.all([sum("/usr/local/bin/ozwald"), sum("/usr/local/bin/ozwald.previous")]);
    expect(await both()).toEqual([other, first]);
    expect(said(await install("--rollback"))).toMatch(/^back to \d+\.\d+\.\d+, restarted · ready at /m);
    expect(await both()).toEqual([first, other]);
    expect(debian.processes()).not.toContain(pid);
    expect((await ozctl("status")).code).toBe(0);
    await rm(debian.path(file));
  });

  test("--uninstall keeps the state, --purge removes it", async () => {
    const planned = await install("--uninstall", "--dry-run");
    const files = ["ozwald-controlplane", "ozctl", "ozwald", "ozwald.previous"].map((name) => `/usr/local/bin/${name}`);
    const pidFile = "/var/lib/ozwald/controlplane/ozwald-controlplane.pid";
    const note = "/etc/ozwald/controlplane.start";
    expect(said(planned)).toBe(
      `Would stop ozwald-controlplane.\nWould remove: ${[...files, pidFile, note].join(" ")}\nNothing was done (--dry-run).\n`,
    );
    expect(debian.processes()).toHaveLength(1);
    expect(said(await install("--uninstall"))).toContain("Its state stays in /var/lib/ozwald/controlplane");
    expect(debian.processes()).toEqual([]);
    expect(programs()).toEqual([]);
    expect(existsSync(debian.path("/var/lib/ozwald/controlplane/pki/ca.key"))).toBe(true);
    expect(said(await install("--uninstall", "--purge"))).toContain("is removed, with its state");
    const elsewhere = ["-not", "-path", `${clone}*`, "-not", "-path", "*/node_modules/*"];
    const rest = await debian.run(["find", "/", "-xdev", "-iname", "*ozwald*", ...elsewhere]);
    expect(rest.stdout).toBe("");
    expect(said(await install("--uninstall", "--purge"))).toBe(
      "There is nothing of ozwald-controlplane here to remove: no service, and not /usr/local/bin/ozwald-controlplane /var/lib/ozwald/controlplane\n",
    );
  });

  test("says what it is for when asked for nothing", async () => {
    const done = await debian.run([`${clone}/scripts/install`]);
    expect(done.code).toBe(2);
    expect(done.stderr).toContain("./scripts/install --controlplane");
  });
});
