// The installed services under a real systemd, with the Docker that the installer installed there and a container on it: started, hardened,
// back after a crash, upgraded, rolled back, and gone; the container keeps its process all the while.
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { appendFile, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { HostState } from "#proto/hosts_pb.ts";
import { busyboxSettings } from "../support/busybox-settings.ts";
import { ensureBusyboxImage } from "../support/busybox-image.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { ClaimedCommands, readCommands } from "../support/document-commands.ts";
import { type NetnsMachine, type NetnsMachines, netnsMachines } from "../support/netns-hosts.ts";
import { premadeDownload } from "../support/premade-download.ts";
import { report } from "../support/report-time.ts";
import { type CommandResult, mustRun } from "../support/run-command.ts";
import { type SystemdMachine, systemdMachine } from "../support/systemd-machine.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openWebProxy, type WebProxy } from "../support/web-proxy.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("THE TEST OF THE INSTALLED SERVICES DOES NOT RUN: name spaces and pivot_root need root.");
const clone = resolve(import.meta.dirname, "../..");
const built = resolve(clone, "dist/ozwald");
const packages = realpathSync(resolve(clone, "node_modules"));

describe.skipIf(!isRoot)("under systemd", () => {
  let machines: NetnsMachines;
  let machine: NetnsMachine;
  let proxy: WebProxy;
  let cluster: Cluster;
  let debian: SystemdMachine;
  let folder: string;
  let program: string;

  beforeAll(async () => {
    if (!existsSync(built)) throw new Error(`${built} does not exist. Build it: npm run build`);
    machines = await netnsMachines(1);
    machine = machines.hosts[0] as NetnsMachine;
    proxy = await openWebProxy(machines.bridgeAddress);
    folder = await mkdtemp(join(tmpdir(), "ozwald-service-"));
    program = join(folder, "ozwald-controlplane");
    await copyFile(built, program);
    cluster = await startCluster({ address: machines.bridgeAddress, program: [program] });
    const show = dirname(packages) === clone ? [clone] : [clone, packages];
    debian = await systemdMachine({ enter: machine.enter, show });
  });

  afterAll(async () => {
    await cluster?.dispose();
    await debian?.dispose();
    await proxy?.[Symbol.asyncDispose]();
    await machines?.dispose();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** SHA-256 of the control plane's key, as its line says. */
  let pin = "";
  /** Process of the container, from its start on. */
  const life = { pid: 0 };
  const docker = async (...argv: string[]) => {
    const { code, stdout, stderr } = await debian.run("docker", ...argv);
    if (code !== 0) throw new Error(`docker ${argv.join(" ")}: ${stderr}`);
    return stdout.trim();
  };

  afterEach(async () => {
    if (life.pid === 0) return;
    expect((await cluster.container("stays", docker)).pid).toBe(life.pid);
    expect((await cluster.replica("stays"))?.observed).toMatchObject({ attempt: 1, starts: 1 });
  });

  const shell = (script: string) => debian.run("sh", "-c", script);
  const said = ({ stdout, stderr }: CommandResult): string => stdout + stderr;
  const property = async (unit: string, name: string) =>
    (await debian.run("systemctl", "show", "-P", name, unit)).stdout.trim();
  const mainPid = (unit = "ozwald-agent") => property(unit, "MainPID");
  const status = async () =>
    JSON.parse((await debian.run("ozwald-agent", "status", "-o", "json")).stdout || "{}") as {
      pid?: number;
      link?: string;
      engine_problem?: string;
    };

  const documented = readCommands("docs/install.md", readFileSync(join(clone, "docs/install.md"), "utf8"))
    .blocks.filter(({ reason }) => reason === undefined)
    .flatMap(({ text }) => text.split("\n"))
    .filter((line) => line !== "");
  const notRun = new Set(documented);

  /** The command of docs/install.md that begins and ends so, with the pin and the address of this cluster. */
  function fromDocs(begin: string, end: string): string {
    const found = documented.find((line) => line.startsWith(begin) && line.endsWith(end)) ?? `no ${begin} … ${end}`;
    notRun.delete(found);
    return found
      .replace("ADDRESS:7443", `${machines.bridgeAddress}:${cluster.port}`)
      .replace("sha256//…", `sha256//${pin}`);
  }

  // A host that joined needs no other token.
  const rerun = () => shell(fromDocs("curl ", "| sh"));

  async function printedLine(): Promise<string> {
    const [, ...words] = fromDocs("ozctl", "invite --name tower").split(" ");
    const { stdout } = await cluster.ozctl(...words);
    pin = /sha256\/\/([^']*)/.exec(stdout)?.[1] ?? "";
    return /^ {2}(curl .*)$/m.exec(stdout)?.[1] ?? "";
  }

  test("the printed line makes a service that is enabled, hardened, and reaches engine and control plane", async () => {
    const line = await printedLine();
    const planned = await shell(`${line} --install-docker --dry-run`);
    expect(planned.stdout).toContain("  docker   apt-get install docker.io\n");
    const offered = await shell(`${line} --dry-run`);
    expect(offered.stdout).toContain("  to do: there is no Docker: run this again with --install-docker, or apt-get");
    const began = Date.now();
    const done = await shell(`export http_proxy=${proxy.url}; ${line} --install-docker`);
    report("printed line to joined, with Docker from the distribution", Date.now() - began);
    expect(done.code, said(done)).toBe(0);
    expect(done.stdout).toMatch(/^ozwald \d+\.\d+\.\d+ · Debian 13 · no Docker · no GPU \(fine\)$/m);
    expect(done.stdout).toContain("installing Docker (apt-get install docker.io)");
    expect(done.stdout).toMatch(/sha256 ok · service ozwald-agent started · joined .* as tower in \d+\.\d s$/m);
    await cluster.untilHost("tower", HostState.ONLINE);
    expect(await status()).toMatchObject({ link: "ready", engine_problem: "" });
    expect((await debian.run("systemctl", "is-enabled", "ozwald-agent")).stdout.trim()).toBe("enabled");
    const hardened = { KillMode: "process", Restart: "always", NoNewPrivileges: "yes", ProtectSystem: "full" };
    for (const [name, value] of Object.entries(hardened))
      expect([name, await property("ozwald-agent", name)]).toEqual([name, value]);
    const verified = await debian.run("systemd-analyze", "verify", "/etc/systemd/system/ozwald-agent.service");
    expect(said(verified)).not.toContain("ozwald-agent.service");
    expect((await debian.run("ozwald-agent", "version", "-o", "json")).stdout).toMatch(
      /^\{"version":"\d+\.\d+\.\d+","commit":"\w+","proto":"[0-9a-f]{12}"\}$/m,
    );
  }, 360_000);

  test("a container runs on the Docker that was installed", async () => {
    await mustRun(["docker", "save", "-o", debian.path("/busybox.tar"), await ensureBusyboxImage()]);
    expect((await debian.run("docker", "load", "-i", "/busybox.tar")).code).toBe(0);
    await cluster.mustApply(busyboxSettings({ name: "stays", host: "tower" }));
    await cluster.untilReady("stays");
    expect(life.pid).toBe(0);
    life.pid = (await cluster.container("stays", docker)).pid;
  });

  test("again: nothing restarts", async () => {
    const pid = await mainPid();
    const again = await rerun();
    expect(said(again)).toContain(
      "is this version already, sha256 ok · ozwald-agent runs, not restarted · is tower of",
    );
    expect(await mainPid()).toBe(pid);
  });

  test("killed, it is back at once", async () => {
    const pid = await mainPid();
    const began = Date.now();
    await shell(`kill -9 ${pid}`);
    const back = async () => {
      const { pid: now, link } = await status();
      return now !== undefined && String(now) !== pid && link === "ready";
    };
    await waitUntil("another agent works", back, 30_000);
    report("agent killed to connected again under systemd", Date.now() - began);
    expect(await property("ozwald-agent", "NRestarts")).toBe("1");
  });

  const sums = async () =>
    (await shell("sha256sum </usr/local/bin/ozwald; sha256sum </usr/local/bin/ozwald.previous")).stdout.split("\n");

  test("upgrade and --rollback restart it, and it is connected", async () => {
    await copyFile(program, `${program}.new`);
    await appendFile(`${program}.new`, "another version\n");
    await rename(`${program}.new`, program);
    await cluster.control.kill9();
    const xzBytes = await premadeDownload(program, cluster.stateDir);
    await cluster.control.start();
    const [first] = await sums();
    const pid = await mainPid();
    const upgraded = await rerun();
    // Docker brought the real xz along.
    expect(said(upgraded)).toContain(
      `downloaded ${Math.round(xzBytes / 1e6)} MB, sha256 ok · service ozwald-agent restarted · is tower of`,
    );
    const [second, previous] = await sums();
    expect([previous, second === first, (await mainPid()) === pid]).toEqual([first, false, false]);
    const back = await shell(fromDocs("curl ", "--rollback"));
    expect(said(back)).toMatch(/^back to /);
    expect(await sums()).toEqual([first, second, ""]);
    expect(await status()).toMatchObject({ link: "ready" });
  });

  test("killed before it restarts the service: the old version runs on, and the next run restarts it", async () => {
    const [first, second] = await sums();
    const pid = await mainPid();
    await mkdir(debian.path("/shims"));
    const shim = '#!/bin/sh\n[ "$1" != restart ] || kill -9 0\nexec /usr/bin/systemctl "$@"\n';
    await writeFile(debian.path("/shims/systemctl"), shim, { mode: 0o755 });
    await writeFile(debian.path("/killed.sh"), `PATH=/shims:$PATH\n${fromDocs("curl ", "| sh")}\n`);
    const killed = await shell("setsid sh /killed.sh; exit $?");
    expect(killed.code, said(killed)).toBe(137);
    expect(await sums()).toEqual([second, first, ""]);
    expect(await mainPid()).toBe(pid);
    expect(await status()).toMatchObject({ link: "ready" });
    const planned = await shell(`${fromDocs("curl ", "| sh")} -s -- --dry-run`);
    expect(planned.stdout).toMatch(
      /^ {2}keep {5}\S+, it is this version\n {2}restart {2}ozwald-agent; containers keep running$/m,
    );
    const again = await rerun();
    expect(said(again)).toContain("is this version already, sha256 ok · service ozwald-agent restarted · is tower of");
    expect(await mainPid()).not.toBe(pid);
    expect((await shell(`${fromDocs("curl ", "| sh")} -s -- --dry-run`)).stdout).toContain(
      "  keep     ozwald-agent running, nothing restarts\n",
    );
  });

  test("a control plane beside it: hardened, ready, back after a crash, and gone without the agent", async () => {
    await writeFile(debian.path("/usr/bin/npm"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    await debian.run("ln", "-s", join(packages, ".bin/node"), "/usr/bin/node");
    const done = await shell(`cd ${clone} && ${fromDocs("./", "--controlplane")}`);
    expect(done.code, said(done)).toBe(0);
    expect(done.stdout).toContain(`service ozwald-controlplane started · ready at https://${machine.address}:7443 in `);
    const verified = await debian.run("systemd-analyze", "verify", "/etc/systemd/system/ozwald-controlplane.service");
    expect(said(verified)).not.toContain("ozwald-controlplane.service");
    const pid = await mainPid("ozwald-controlplane");
    await shell(`kill -9 ${pid}`);
    const answers = async () =>
      (await debian.run("ozctl", "status")).code === 0 && (await mainPid("ozwald-controlplane")) !== pid;
    await waitUntil("another control plane answers", answers, 30_000);
    const removed = await shell(`cd ${clone} && ${fromDocs("./", "--uninstall --purge")}`);
    expect(said(removed)).toContain("ozwald-controlplane is removed, with its state.");
    expect(await status()).toMatchObject({ link: "ready" });
  });

  test("--uninstall --purge leaves no unit and no file, and says which it removed", async () => {
    const planned = await shell(`${fromDocs("curl ", "--uninstall --purge")} --dry-run`);
    const removed = await shell(fromDocs("curl ", "--uninstall --purge"));
    const files = [
      ...["/etc/systemd/system/ozwald-agent.service", "/usr/local/bin/ozwald-agent", "/usr/local/bin/ozctl"],
      ...["/usr/local/bin/ozwald", "/usr/local/bin/ozwald.previous", "/var/lib/ozwald/agent", "/etc/ozwald/agent.env"],
    ].join(" ");
    expect(planned.stdout).toBe(`Would stop ozwald-agent.\nWould remove: ${files}\nNothing was done (--dry-run).\n`);
    expect(removed.stdout).toContain(`removed: ${files}\n`);
    expect(said(removed)).toContain("ozwald-agent is removed, with its state.");
    expect((await debian.run("systemctl", "list-unit-files", "ozwald*")).stdout).toContain("0 unit files listed");
    const elsewhere = ["-not", "-path", `${clone}*`, "-not", "-path", "*/node_modules/*"];
    expect((await debian.run("find", "/", "-xdev", "-iname", "*ozwald*", ...elsewhere)).stdout).toBe("");
  });

  test("every command of docs/install.md was run", async () => {
    expect([...notRun]).toEqual([]);
    expect(documented).toHaveLength(6);
    const commands = new ClaimedCommands("tests/e2e/installer-service.test.ts");
    while (commands.left.length > 0)
      await commands.run("docs/install.md", "", async (block) => expect(documented).toContain(block.trim()));
    expect(commands.left).toEqual([]);
  });
});
