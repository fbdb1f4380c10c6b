// The control plane gets another address while two hosts know the old one: one moves at once, one was off and moves when it is back; what
// runs goes on, nobody joins again, and the old address can be taken away.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HostState } from "#proto/hosts_pb.ts";
import { testedProgram } from "../support/built-programs.ts";
import { busyboxSettings } from "../support/busybox-settings.ts";
import { type Cluster, type ClusterAgent, startCluster } from "../support/cluster.ts";
import { type NetnsHost, type NetnsHosts, netnsHosts } from "../support/netns-hosts.ts";
import { report } from "../support/report-time.ts";
import { type CommandResult, mustRun, runCommand } from "../support/run-command.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("THE TEST OF ANOTHER ADDRESS DOES NOT RUN: network name spaces need root.");

type Invite = { address: string; token: string; serverPin: string };

describe.skipIf(!isRoot)("another address", () => {
  let machines: NetnsHosts;
  let cluster: Cluster;
  let bridge: string;
  let [oldIp, newIp, deadIp] = ["", "", ""];
  let agents: Record<"alpha" | "beta", ClusterAgent>;
  let lives: string[];
  let early: Invite;

  const host = (name: "alpha" | "beta") => machines.hosts[name === "alpha" ? 0 : 1] as NetnsHost;
  const url = (ip: string) => `https://${ip}:${cluster.port}`;
  const said = ({ stdout, stderr }: CommandResult) => stdout + stderr;

  beforeAll(async () => {
    machines = await netnsHosts({ count: 2 });
    oldIp = machines.bridgeAddress;
    [newIp, deadIp] = [oldIp.replace(/\d+$/, "201"), oldIp.replace(/\d+$/, "202")];
    const shown = await mustRun(["ip", "-o", "addr", "show", "to", oldIp]);
    bridge = /^\d+: (\S+) /.exec(shown)?.[1] ?? "";
    // Else the second address goes with the first one.
    writeFileSync(`/proc/sys/net/ipv4/conf/${bridge}/promote_secondaries`, "1");
    cluster = await startCluster({ address: oldIp, listen: "0.0.0.0" });
    const place = (name: "alpha" | "beta") => ({ name, engine: host(name).engine, enter: host(name).enter });
    agents = { alpha: await cluster.addHost(place("alpha")), beta: await cluster.addHost(place("beta")) };
    await cluster.mustApply(busyboxSettings({ name: "here", host: "alpha" }, { name: "there", host: "beta" }));
    lives = await running();
  });

  afterAll(async () => {
    await cluster?.dispose();
    await machines?.dispose();
  });

  /** What runs on both, with process ids. */
  async function running(): Promise<string[]> {
    const all = await Promise.all(machines.hosts.map(({ engine }) => cluster.containers(engine.docker)));
    return all
      .flat()
      .filter((one) => one.running)
      .map(({ instance, pid, startedAt }) => `${instance} ${pid} ${startedAt}`)
      .toSorted();
  }

  function address(...words: string[]): Promise<CommandResult> {
    const { stateDir, env } = cluster;
    const argv = [...testedProgram("ozwald-controlplane"), "address", ...words, "--state", stateDir];
    return runCommand(argv, { env, timeoutMs: 60_000 });
  }

  /** Addresses to which this host has a connection at the control plane's port, as its kernel says. */
  async function peers(name: "alpha" | "beta"): Promise<string[]> {
    const table = await mustRun(host(name).enter(["cat", "/proc/net/tcp"]));
    const port = cluster.port.toString(16).toUpperCase().padStart(4, "0");
    const found = [...table.matchAll(/^ *\d+: \S+ ([0-9A-F]{8}):([0-9A-F]{4}) 01 /gm)].filter(
      ([, , at]) => at === port,
    );
    return found.map(([, ip = ""]) => Buffer.from(ip, "hex").toReversed().join("."));
  }

  /** The agent says that it dialled it, and the host's kernel has a connection there. */
  const movedTo = (name: "alpha" | "beta", ip: string) =>
    cluster.waitFor(
      `${name} dials ${ip}`,
      async () => (await cluster.host(name))?.dialedAddress === url(ip) && (await peers(name)).includes(ip),
      60_000,
    );
  const kept = (name: "alpha" | "beta") =>
    (JSON.parse(readFileSync(join(agents[name].stateDir, "identity.json"), "utf8")) as { address: string }).address;
  const invite = (...flags: string[]) => cluster.ozctlJson<Invite>("host", "invite", ...flags);
  const pinned = (ip: string, pin: string) =>
    runCommand(["curl", "-sk", "--pinnedpubkey", `sha256//${pin}`, "-o", "/dev/null", "-w", "%{http_code}", url(ip)]);

  test("set while it runs: the host that is there moves, nothing else does", async () => {
    await agents.beta.stop();
    early = await invite("--name", "gamma");
    await mustRun(["ip", "addr", "add", `${newIp}/24`, "dev", bridge]);
    const present = await openConnection(oldIp, cluster.port);
    const pid = agents.alpha.pid;
    const began = Date.now();
    const set = await address("set", newIp);
    expect(set.code, said(set)).toBe(0);
    expect(set.stdout).toContain(`Hosts are told and lines are printed with ${url(newIp)} now.`);
    expect(set.stderr).toBe("");
    expect(set.stdout).toMatch(new RegExp(`^${url(oldIp)} +old, .*beta`, "m"));
    await movedTo("alpha", newIp);
    report("address set to a host that has moved", Date.now() - began);
    await cluster.waitFor("the old connection is gone", async () => (await peers("alpha")).join() === newIp);
    await cluster.untilHost("alpha", HostState.ONLINE);
    await cluster.waitFor("alpha keeps it", () => kept("alpha") === url(newIp));
    expect(agents.alpha.pid).toBe(pid);
    expect(await running()).toEqual(lives);
    // The connection of before goes on, with the same control plane at its end.
    expect(await present.ask()).toMatch(/^HTTP\/1\.1 404/);
    present.close();
  });

  test("what is printed names the new one, with the same key; what was printed before still works", async () => {
    const late = await invite();
    expect(late).toMatchObject({ address: url(newIp), serverPin: early.serverPin });
    expect(early.address).toBe(url(oldIp));
    expect((await cluster.ozctl("token", "create", "laptop")).stdout).toContain(
      `ozctl login ${url(newIp)} --ca-sha256`,
    );
    for (const ip of [oldIp, newIp]) expect((await pinned(ip, early.serverPin)).stdout).toBe("404");
    const stateDir = join(cluster.folder, "gamma");
    const argv = [...testedProgram("ozwald-agent"), "join", early.address, "--token", early.token, "--state", stateDir];
    const joined = await runCommand(host("alpha").enter(argv));
    expect(joined.stdout, said(joined)).toContain(`joined ${url(oldIp)} as gamma`);
    const shown = await address("show");
    expect(shown.stdout).toContain("gamma never said what it dials");
    expect((await cluster.ozctl("host", "rm", "gamma")).code).toBe(0);
  });

  test("killed, it knows what was set and who has not moved; the old one is not forgotten before", async () => {
    await cluster.control.kill9();
    const offline = await address("show");
    expect(offline.stdout, said(offline)).toMatch(new RegExp(`^${url(newIp)} `, "m"));
    expect(offline.stdout).toContain("The control plane does not run");
    await cluster.control.start();
    // It may come back at the old one first and move once more.
    await cluster.waitFor(
      "alpha is at the new one, beta at the old one",
      async () => {
        const { stdout } = await address("show");
        const at = (ip: string, host: string) => new RegExp(`^${url(ip)} .* ${host}$`, "m").test(stdout);
        return at(newIp, "alpha") && at(oldIp, "beta \\(not heard\\)");
      },
      60_000,
    );
    expect((await invite()).address).toBe(url(newIp));
    const refused = await address("forget", oldIp);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(`${url(oldIp)} is what beta dialled last`);
    expect((await pinned(oldIp, early.serverPin)).stdout).toBe("404");
  });

  test("the host that was off comes back at the old one, and moves", async () => {
    expect(kept("beta")).toBe(url(oldIp));
    await agents.beta.start();
    await movedTo("beta", newIp);
    await cluster.waitFor("beta keeps it", () => kept("beta") === url(newIp));
    await cluster.untilHost("beta", HostState.ONLINE);
    expect(await running()).toEqual(lives);
    const shown = await cluster.waitFor("nobody needs the old one", async () => {
      const { stdout } = await address("show");
      return stdout.includes(`No host needs ${url(oldIp)} any more`) ? stdout : undefined;
    });
    expect(shown).toMatch(new RegExp(`^${url(newIp)} .*alpha, beta$`, "m"));
  });

  test("one that does not answer: a warning, and hosts stay where they are and say so", async () => {
    const set = await address("set", deadIp);
    expect(set.code, said(set)).toBe(0);
    expect(set.stderr).toMatch(new RegExp(`Warning: from this machine ${url(deadIp)} does not answer\\. TCP: `));
    const hosts = await cluster.waitFor(
      "both say it",
      async () => {
        const { stdout } = await cluster.ozctl("hosts");
        return /alpha: .*does not reach/.test(stdout) && /beta: .*does not reach/.test(stdout) ? stdout : undefined;
      },
      60_000,
    );
    expect(hosts).toMatch(new RegExp(`beta: dials ${url(newIp)} and does not reach ${url(deadIp)}: TCP: `));
    const doctor = await cluster.ozctl("doctor");
    expect(doctor.stdout).toMatch(new RegExp(`does not reach ${url(deadIp)}: TCP: `));
    for (const name of ["alpha", "beta"] as const) {
      expect(kept(name)).toBe(url(newIp));
      expect(await peers(name)).toContain(newIp);
    }
    await cluster.control.kill9();
    await cluster.control.start();
    for (const name of ["alpha", "beta"]) await cluster.untilHost(name, HostState.ONLINE, 60_000);
    const back = await address("set", newIp);
    expect(back.stderr).toBe("");
    const well = async () => !(await cluster.ozctl("hosts")).stdout.includes("does not reach");
    await cluster.waitFor("all is well", well, 60_000);
    expect((await address("forget", deadIp)).stdout).toContain(`${deadIp} is forgotten.`);
    expect(await running()).toEqual(lives);
  });

  test("the old one is taken away: agents and control plane start again without it", async () => {
    await mustRun(["ip", "addr", "del", `${oldIp}/24`, "dev", bridge]);
    await agents.alpha.kill9();
    await cluster.control.restart();
    await agents.alpha.start();
    await agents.beta.restart();
    for (const name of ["alpha", "beta"] as const) {
      await cluster.untilHost(name, HostState.ONLINE, 60_000);
      expect(await peers(name)).toEqual([newIp]);
    }
    expect((await address("forget", oldIp)).stdout).not.toContain(url(oldIp));
    const names = (await shownNames(newIp, cluster.port)).split(", ");
    expect(names).toContain(`IP Address:${newIp}`);
    expect(names).not.toContain(`IP Address:${oldIp}`);
    expect((await pinned(newIp, early.serverPin)).stdout).toBe("404");
    expect(await running()).toEqual(lives);
  });

  test("set while it does not run: said from the next start on", async () => {
    await cluster.control.stop();
    const set = await address("set", "control.example", newIp);
    expect(set.stdout, said(set)).toContain("Set. The control plane does not run; hosts are told when it starts.");
    await cluster.control.start();
    expect((await invite()).address).toBe(`https://control.example:${cluster.port}`);
    for (const name of ["alpha", "beta"]) await cluster.untilHost(name, HostState.ONLINE, 60_000);
    // They dial a present address, whichever comes first.
    expect((await cluster.ozctl("hosts")).stdout).not.toContain("does not reach");
    expect((await shownNames(newIp, cluster.port)).split(", ")).toContain("DNS:control.example");
    expect(await running()).toEqual(lives);
  });

  test("a folder or a socket that is none is said", async () => {
    const env = { ...cluster.env, OZWALD_STATE: join(cluster.folder, "nothing") };
    const ask = (...flags: string[]) =>
      runCommand([...testedProgram("ozwald-controlplane"), "address", ...flags], { env });
    expect((await ask("--state", cluster.folder)).stderr).toContain("is the folder of no control plane");
    const deaf = await ask("show", "--state", cluster.stateDir, "--socket", join(cluster.folder, "none.sock"));
    expect(deaf.stderr).toMatch(/works on .* and does not answer on .*none\.sock/);
    expect((await ask("show")).stdout).toContain(`https://control.example:${cluster.port}`);
  });

  test("a typo is refused with a reason", async () => {
    for (const [wrong, why] of [
      ["10.0.0.256", "no IP address"],
      ["0.0.0.0", "stands for all addresses"],
      ["control_plane..lan", "a part of the name is empty"],
      ["http://control.lan", "is no address others can reach"],
    ] as const) {
      const { code, stderr } = await address("set", wrong);
      expect([code !== 0, stderr]).toEqual([true, expect.stringContaining(why)]);
    }
    const unknown = await address("sett", newIp);
    expect(unknown.stderr).toContain("Did you mean set?");
  });
});

/** One HTTP connection, to be asked again later. */
function openConnection(host: string, port: number): Promise<{ ask(): Promise<string>; close(): void }> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
    const ask = () =>
      new Promise<string>((answered, failed) => {
        socket.once("data", (bytes) => answered(String(bytes)));
        socket.once("close", () => failed(new Error("the connection was closed")));
        socket.write("GET /nothing HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\n\r\n");
      });
    socket.on("error", reject);
    socket.once("secureConnect", () => resolve({ ask, close: () => socket.destroy() }));
  });
}

function shownNames(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().subjectaltname ?? "");
      socket.destroy();
    });
    socket.once("error", reject);
  });
}
