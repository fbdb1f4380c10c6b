// ./scripts/install --controlplane on a bare Debian with a clone: a control plane that stays, at its address in the network; again; and gone.
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DebianRoot, debianRoot } from "../support/debian-root.ts";
import { type NetnsMachine, type NetnsMachines, netnsMachines } from "../support/netns-hosts.ts";
import { type CommandResult, runCommand } from "../support/run-command.ts";

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

  test("starts it at the machine's address in its network, for the others to install from", async () => {
    const done = await install();
    expect(done.code, said(done)).toBe(0);
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
      `curl -fsS --cacert /var/lib/ozwald/controlplane/pki/ca.crt https://${machine.address}:7443/install | head -n 1`,
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

  test("--uninstall keeps the state, --purge removes it", async () => {
    expect(said(await install("--uninstall"))).toContain("Its state stays in /var/lib/ozwald/controlplane");
    expect(debian.processes()).toEqual([]);
    expect(programs()).toEqual([]);
    expect(existsSync(debian.path("/var/lib/ozwald/controlplane/pki/ca.key"))).toBe(true);
    expect(said(await install("--uninstall", "--purge"))).toContain("is removed, with its state");
    const elsewhere = ["-not", "-path", `${clone}*`, "-not", "-path", "*/node_modules/*"];
    const rest = await debian.run(["find", "/", "-xdev", "-iname", "*ozwald*", ...elsewhere]);
    expect(rest.stdout).toBe("");
  });

  test("says what it is for when asked for nothing", async () => {
    const done = await debian.run([`${clone}/scripts/install`]);
    expect(done.code).toBe(2);
    expect(done.stderr).toContain("./scripts/install --controlplane");
  });
});
