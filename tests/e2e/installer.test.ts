// The printed line on a bare Debian: joins, twice and thrice the same, upgrades, goes back, and goes away; attacked, it changes nothing.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { appendFile, copyFile, cp, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "#core/system-clock.ts";
import { HostState } from "#proto/hosts_pb.ts";
import { openAuthority } from "../../controlplane/pki/authority.ts";
import { busyboxSettings } from "../support/busybox-settings.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { type DebianRoot, debianRoot } from "../support/debian-root.ts";
import { type NetnsHost, type NetnsHosts, netnsHosts } from "../support/netns-hosts.ts";
import { premadeDownload } from "../support/premade-download.ts";
import { isRunning, kill } from "../support/process-tree.ts";
import { report } from "../support/report-time.ts";
import { type CommandResult, runCommand } from "../support/run-command.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openWebProxy } from "../support/web-proxy.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("THE TEST OF THE INSTALLER DOES NOT RUN: name spaces and chroot need root.");
const built = resolve(import.meta.dirname, "../../dist/ozwald");

describe.skipIf(!isRoot)("the installer", () => {
  let machines: NetnsHosts;
  let cluster: Cluster;
  let machine: NetnsHost;
  let debian: DebianRoot;
  /** The control plane's program: a copy, so that it can be replaced by another version. */
  let program: string;
  /** Size of what a host with xz downloads. */
  let xzBytes: number;

  beforeAll(async () => {
    if (!existsSync(built)) throw new Error(`${built} does not exist. Build it: npm run build`);
    machines = await netnsHosts({ count: 1 });
    machine = machines.hosts[0] as NetnsHost;
    debian = await debianRoot({ engineSocket: machine.engine.socketPath, enter: machine.enter });
    program = join(debian.folder, "../", `ozwald-test-${process.pid}`, "ozwald-controlplane");
    await runCommand(["mkdir", "-p", join(program, "..")]);
    await copyFile(built, program);
    const stateDir = join(program, "../state");
    xzBytes = await premadeDownload(program, stateDir);
    cluster = await startCluster({ address: machines.bridgeAddress, program: [program], stateDir });
  });

  afterAll(async () => {
    await cluster?.dispose();
    await debian?.dispose();
    await machines?.dispose();
    if (program !== undefined) await rm(join(program, ".."), { recursive: true, force: true });
  });

  async function printedLine(...flags: string[]): Promise<string> {
    const { stdout, stderr } = await cluster.ozctl("host", "invite", ...flags);
    const line = /^ {2}(curl .*)$/m.exec(stdout)?.[1];
    if (line === undefined) throw new Error(`no line:\n${stdout}${stderr}`);
    return line;
  }

  /** The part of a printed line that fetches the script. */
  const fetching = (line: string): string => line.split(" | ")[0] ?? "";
  const shell = (script: string, env?: Record<string, string>) =>
    debian.run(["sh", "-c", script], { ...(env && { env }) });
  const said = ({ stdout, stderr }: CommandResult): string => stdout + stderr;
  const inode = (path: string): number => statSync(debian.path(path)).ino;
  const status = async () =>
    JSON.parse((await shell("ozwald-agent status -o json")).stdout) as { pid: number; host: string };
  const left = () => readdirSync(debian.path("/usr/local/bin")).toSorted();

  async function script(): Promise<string> {
    const { stdout, code } = await shell(fetching(await printedLine()));
    expect(code).toBe(0);
    return stdout;
  }

  /** Another server at the control plane's address; says what it was told once TLS was agreed on. */
  async function impostor(): Promise<{ heard(): number; greeted(): number; close(): Promise<void> }> {
    const pki = join(program, "../impostor");
    const { bridgeAddress: host } = machines;
    const { serverKeyPem: key, serverCertChainPem: cert } = await openAuthority({
      ...{ dir: pki, clock: systemClock, names: { dns: [], ips: [host] } },
    });
    let [heard, greeted] = [0, 0];
    const server = createServer({ key, cert }, (socket) => {
      greeted++;
      socket.on("data", (bytes) => (heard += bytes.length)).on("error", () => {});
    });
    server.on("tlsClientError", () => greeted++);
    await new Promise<void>((done) => server.listen(cluster.port, host, done));
    const close = () => new Promise<void>((done) => server.close(() => done()));
    return { heard: () => heard, greeted: () => greeted, close };
  }

  test("the line as it is, and another server at that address: nothing is sent, nothing is fetched, nothing runs, thrice", async () => {
    const line = await printedLine();
    await cluster.control.kill9();
    const other = await impostor();
    try {
      for (const sh of ["sh", "dash", "busybox sh"]) {
        expect(await shell(fetching(line))).toMatchObject({ code: 90, stdout: "" });
        expect(said(await shell(line.replace("| sh", `| ${sh}`)))).toMatch(/^curl: \(90\).*\n$/);
        expect(left()).toEqual([]);
      }
      expect(other.greeted()).toBe(6);
      expect(other.heard()).toBe(0);
    } finally {
      await other.close();
      await cluster.control.start();
    }
  });

  test("a script that ends too early runs nothing, wherever it ends", async () => {
    const text = await script();
    const cuts = new Set<number>();
    for (let at = 0; at < text.length; at += 211) cuts.add(at);
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) cuts.add(at + 1);
    const end = text.lastIndexOf("}");
    for (let at = end - 40; at <= end; at++) cuts.add(at);
    let tried = 0;
    for (const cut of [...cuts].filter((at) => at <= end)) {
      for (const sh of [["dash"], ["busybox", "sh"]]) {
        // -x says each command that is run.
        const { stderr, stdout } = await runCommand([...sh, "-x", "-s", "--", "--dry-run"], {
          input: text.slice(0, cut),
        });
        expect([cut, stdout, stderr.split("\n").filter((line) => line.startsWith("+ "))]).toEqual([cut, "", []]);
        tried++;
      }
    }
    const whole = await runCommand(["dash", "-x", "-s", "--", "--help"], { input: text });
    expect(whole.stderr).toContain("+ main");
    expect(tried).toBeGreaterThan(800);
  });

  test("--dry-run says what it would do and does nothing", async () => {
    const done = await shell(`${await printedLine()} --dry-run`);
    expect(said(done)).toContain("Nothing was done (--dry-run).");
    expect(done.code).toBe(0);
    expect(left()).toEqual([]);
    expect(existsSync(debian.path("/var/lib/ozwald"))).toBe(false);
  });

  test.each(["sh", "busybox sh", "sh"])("killed while %s downloads: nothing is there but a rest", async (sh) => {
    await writeFile(debian.path("/root/.curlrc"), "limit-rate = 4M\n");
    const line = (await printedLine()).replace("| sh", `| ${sh}`);
    const argv = debian.argv("env", "HOME=/root", "PATH=/usr/bin:/bin", "sh", "-c", line);
    const child = spawn(argv[0] ?? "", argv.slice(1), { detached: true, stdio: "ignore" });
    const rest = () =>
      left().find((name) => name.endsWith(".gz") && statSync(debian.path(`/usr/local/bin/${name}`)).size > 2e6);
    await waitUntil("some of it has come", rest, 60_000);
    kill(-(child.pid ?? 0), "SIGKILL");
    await waitUntil("it is dead", () => debian.processes().length === 0, 10_000);
    await rm(debian.path("/root/.curlrc"));
    // The next run removes the rest of this one.
    expect(left()).toEqual(
      [/^\.ozwald\.new\.\d+$/, /^\.ozwald\.new\.\d+\.gz$/].map((name) => expect.stringMatching(name)),
    );
  });

  test("the printed line, as it is: installed, joined, running, and nothing goes through the proxy", async () => {
    await using proxy = await openWebProxy(machines.bridgeAddress);
    const line = await printedLine("--name", "tower");
    const began = Date.now();
    const done = await shell(line, { https_proxy: proxy.url, ALL_PROXY: proxy.url });
    report("printed line to joined", Date.now() - began);
    expect(done.code, said(done)).toBe(0);
    expect([...proxy.asked]).toEqual([]);
    expect(done.stdout).toMatch(/^ozwald \d+\.\d+\.\d+ · Debian 12 · Docker \d.* · no GPU \(fine\)$/m);
    // There is no xz on this Debian.
    const [, megabytes] =
      /^downloaded (\d+) MB, sha256 ok · ozwald-agent started · joined .* as tower in \d+\.\d s$/m.exec(done.stdout) ??
      [];
    expect(Number(megabytes), said(done)).toBeGreaterThan(xzBytes / 1e6 + 1);
    expect(left()).toEqual(["ozctl", "ozwald", "ozwald-agent"]);
    await cluster.untilHost("tower", HostState.ONLINE);
    expect((await status()).host).toBe("tower");
    // The token is not in anybody's command line, nor in what the service is given.
    for (const pid of debian.processes()) expect(await readFile(`/proc/${pid}/environ`, "utf8")).not.toContain("ozj_");
    await cluster.mustApply(busyboxSettings({ name: "stays", host: "tower" }));
    await cluster.untilReady("stays");
  });

  const life = async () => (await cluster.container("stays", machine.engine.docker)).pid;

  test.each(["sh", "busybox sh", "sh"])("again, with %s: nothing is downloaded and nothing restarts", async (sh) => {
    const before = { ...(await status()), inode: inode("/usr/local/bin/ozwald"), life: await life() };
    const done = await shell((await printedLine()).replace("| sh", `| ${sh}`));
    expect(done.code, said(done)).toBe(0);
    expect(done.stdout).toContain(
      "is this version already, sha256 ok · ozwald-agent runs, not restarted · is tower of",
    );
    expect({ ...(await status()), inode: inode("/usr/local/bin/ozwald"), life: await life() }).toMatchObject({
      ...{ pid: before.pid, inode: before.inode, life: before.life },
    });
    expect(debian.processes()).toEqual([before.pid]);
  });

  /** Another version behind the same address. */
  async function replaceControlPlane(): Promise<void> {
    await copyFile(program, `${program}.new`);
    await appendFile(`${program}.new`, "another version\n");
    await rename(`${program}.new`, program);
    await cluster.control.kill9();
    xzBytes = await premadeDownload(program, cluster.stateDir);
    await cluster.control.start();
  }

  test("what is not what was promised does not replace anything", async () => {
    await replaceControlPlane();
    const text = await script();
    const before = { pid: (await status()).pid, inode: inode("/usr/local/bin/ozwald"), files: left() };
    const unchanged = async (done: CommandResult) => {
      expect(said(done)).toMatch(/ozwald: .*\(sha256\)\. Nothing was changed\./);
      expect(done.code).toBe(1);
      expect({ pid: (await status()).pid, inode: inode("/usr/local/bin/ozwald"), files: left() }).toEqual(before);
    };
    const other = (sum: RegExp) => {
      expect(text).toMatch(sum);
      return { input: text.replace(sum, "$1000000") };
    };
    for (const sh of [["sh"], ["dash"], ["busybox", "sh"]])
      await unchanged(await debian.run([...sh, "-s"], other(/((?:file|xz)_sha256=')\w{6}/g)));
    await unchanged(await debian.run(["sh", "-s"], other(/( sha256=')\w{6}/g)));
    const dist = join(cluster.stateDir, "dist");
    await cp(dist, `${dist}.whole`, { recursive: true });
    for (const served of readdirSync(dist)) {
      const file = await open(join(dist, served), "r+");
      await file.write(Buffer.from("not what it was"), 0, 15, 20_000_000);
      await file.close();
    }
    for (const sh of ["sh", "dash", "busybox sh"])
      await unchanged(await shell((await printedLine()).replace("| sh", `| ${sh}`)));
    await cp(`${dist}.whole`, dist, { recursive: true });
  });

  test("an upgrade restarts the agent and no container; --rollback goes back", async () => {
    const [first, container] = [await status(), await life()];
    const old = inode("/usr/local/bin/ozwald");
    // With an xz, which is busybox's here, less is downloaded.
    await shell("ln -s busybox /usr/bin/xz");
    const upgraded = await shell(await printedLine());
    expect(said(upgraded)).toContain(
      `downloaded ${Math.round(xzBytes / 1e6)} MB, sha256 ok · ozwald-agent restarted · is tower of`,
    );
    expect(inode("/usr/local/bin/ozwald.previous")).toBe(old);
    const fresh = inode("/usr/local/bin/ozwald");
    expect(fresh).not.toBe(old);
    const second = await status();
    expect(second.pid).not.toBe(first.pid);
    expect(await isRunning(first.pid)).toBe(false);
    expect(await life()).toBe(container);

    // Somebody else put the other version there, such as a control plane on the same machine: what runs is the old one.
    const swap = (from: string) => shell(`cd /usr/local/bin && ln ${from} x && mv x ozwald`);
    await shell("cd /usr/local/bin && ln ozwald kept");
    await swap("ozwald.previous");
    await shell(`kill ${second.pid}`);
    await waitUntil("the agent has ended", () => debian.processes().length === 0, 20_000);
    await shell("setsid ozwald-agent run --state /var/lib/ozwald/agent </dev/null >/dev/null 2>&1 &");
    await waitUntil("the old one runs", async () => (await shell("ozwald-agent status")).code === 0, 30_000);
    await swap("kept");
    await shell("rm /usr/local/bin/kept");
    const planned = await shell(`${await printedLine()} --dry-run`);
    expect(said(planned)).toContain("  restart  ozwald-agent; containers keep running\n");
    expect(said(await shell(await printedLine()))).toContain(
      "is this version already, sha256 ok · ozwald-agent restarted · is tower of",
    );
    expect(await life()).toBe(container);
    expect([inode("/usr/local/bin/ozwald"), inode("/usr/local/bin/ozwald.previous")]).toEqual([fresh, old]);

    const back = await shell(`${await printedLine()} --rollback`);
    expect(said(back)).toMatch(/^back to \d+\.\d+\.\d+, restarted · is tower of/);
    expect([inode("/usr/local/bin/ozwald"), inode("/usr/local/bin/ozwald.previous")]).toEqual([old, fresh]);
    expect((await status()).pid).not.toBe(second.pid);
    expect(await life()).toBe(container);
    await cluster.untilHost("tower", HostState.ONLINE);
    expect((await cluster.replica("stays"))?.observed).toMatchObject({ attempt: 1, starts: 1 });
  });

  test("a machine whose own name is no name is called host, and one that is told a wrong one says so", async () => {
    const words = (await printedLine()).split(/\s+/);
    const address = words.find((word) => word.endsWith("/install"))?.replace("/install", "");
    const join2 = `ozwald-agent join ${address} --token ${words.at(-1)} --state /root/odd`;
    const odd = await shell(
      `unshare --uts sh -c "echo 'Ünsere Kiste!' >/proc/sys/kernel/hostname; ${join2}"; rm -r /root/odd`,
    );
    expect(odd).toMatchObject({ code: 0, stdout: expect.stringContaining(`joined ${address} as host\n`) });
    expect((await shell(`${join2} --name 'a b'`)).stderr).toMatch(/--name a b: not a name[^]*letters, digits/i);
    await cluster.ozctl("host", "rm", "host");
  });

  test("proxies are kept from one run to the next", async () => {
    const settings = () => readFile(debian.path("/etc/ozwald/agent.env"), "utf8");
    const proxy = { https_proxy: "http://proxy.example:3128", no_proxy: `localhost,${machines.bridgeAddress}` };
    await shell(await printedLine(), proxy);
    expect(await settings()).toBe(`https_proxy='${proxy.https_proxy}'\nno_proxy='${proxy.no_proxy}'\n`);
    const { pid } = await status();
    expect(await readFile(`/proc/${pid}/environ`, "utf8")).toContain(`https_proxy=${proxy.https_proxy}`);
    await shell(await printedLine());
    expect(await settings()).toContain(proxy.https_proxy);
    expect((await status()).pid).toBe(pid);
  });

  test("an agent that dials where its control plane is no more is brought back by a new line, and once more", async () => {
    const container = await life();
    const { pid } = await status();
    const address = `https://${machines.bridgeAddress}:${cluster.port}`;
    const identity = debian.path("/var/lib/ozwald/agent/identity.json");
    const [here, nowhere] = [await readFile(identity, "utf8"), "https://127.0.0.9:7443"];
    const elsewhere = JSON.stringify({ ...(JSON.parse(here) as object), address: nowhere, addresses: [] }, null, 2);
    /** What runs dials where nobody is. */
    const lost = async (written: string) => {
      await shell(`kill ${(await status()).pid}`);
      await waitUntil("the agent has ended", () => debian.processes().length === 0, 20_000);
      await writeFile(identity, elsewhere);
      await shell("setsid ozwald-agent run --state /var/lib/ozwald/agent </dev/null >/dev/null 2>&1 &");
      await waitUntil("it runs", async () => (await shell("ozwald-agent status -o json")).stdout !== "", 30_000);
      await writeFile(identity, written);
    };
    await lost(elsewhere);
    const line = await printedLine();
    expect(said(await shell(`${line} --dry-run`))).toContain(
      `  move     to ${address}, where its control plane is now\n`,
    );
    const moved = await shell(line);
    expect(said(moved)).toMatch(/ · ozwald-agent restarted · moved to .* as tower in \d+\.\d s$/m);
    // The run before was killed between the two: the new address is written down, and not dialled.
    await lost(here);
    expect(said(await shell(await printedLine()))).toContain("ozwald-agent restarted · is tower of");
    expect(await status()).toMatchObject({ link: "ready", control_plane: address });
    expect((await status()).pid).not.toBe(pid);
    expect(await life()).toBe(container);
  });

  test("wget does where there is no curl, with the whole of busybox as the shell", async () => {
    await using proxy = await openWebProxy(machines.bridgeAddress);
    const text = await script();
    await shell("ozwald-agent version && mv /usr/bin/curl /usr/bin/curl.away");
    try {
      const done = await debian.run(
        ["busybox", "sh", "-s", "--", "--dir", "/opt/bin", "--state", "/var/lib/ozwald/agent"],
        { input: text, env: { https_proxy: proxy.url, http_proxy: proxy.url } },
      );
      expect(said(done)).toMatch(/downloaded \d+ MB, sha256 ok/);
      expect([...proxy.asked]).toEqual([]);
      expect(readdirSync(debian.path("/opt/bin")).toSorted()).toEqual(["ozctl", "ozwald", "ozwald-agent"]);
    } finally {
      await shell("mv /usr/bin/curl.away /usr/bin/curl");
    }
  });

  test("--uninstall --purge leaves nothing but what runs", async () => {
    const container = await life();
    const removed = await shell(`${await printedLine()} --uninstall`);
    expect(said(removed)).toContain("ozwald-agent is removed. Its state stays in /var/lib/ozwald/agent");
    expect(existsSync(debian.path("/var/lib/ozwald/agent/identity.json"))).toBe(true);
    await shell(`${await printedLine()} --uninstall --dir /opt/bin`);
    const purged = await shell(`${await printedLine()} --uninstall --purge`);
    expect(said(purged)).toContain("ozwald-agent is removed, with its state.");
    expect(left()).toEqual([]);
    expect(debian.processes()).toEqual([]);
    const rest = await shell("find / -xdev -iname '*ozwald*' -not -path '/proc/*' -not -path '/dev/*'; ls -A /opt/bin");
    expect(rest.stdout).toBe("");
    expect(await life()).toBe(container);
  });
});
