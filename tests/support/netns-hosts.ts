// Several hosts on one machine, for tests: a network name space each, joined by a bridge, with a Docker Engine of its own in each.
// The machine itself has an address on the bridge, so that a control plane of a test can listen there.
import { randomInt } from "node:crypto";
import { privateEngine, type PrivateEngine, type PrivateEngineOptions } from "./private-engine.ts";
import { mustRun, runCommand } from "./run-command.ts";

export type NetnsMachine = {
  readonly name: string;
  /** Address on the bridge. */
  readonly address: string;
  /** Command line that runs something in this host's network. */
  enter(argv: readonly string[]): string[];
  /** Pulls the host's cable, and plugs it in again. Packets vanish in both directions; nobody is told. */
  cut(): Promise<void>;
  heal(): Promise<void>;
};

export type NetnsHost = NetnsMachine & { readonly engine: PrivateEngine };

type Network<Each> = {
  readonly hosts: readonly Each[];
  /** The machine's own address on the bridge. */
  readonly bridgeAddress: string;
  dispose(): Promise<void>;
};

export type NetnsHosts = Network<NetnsHost>;
export type NetnsMachines = Network<NetnsMachine>;

export type NetnsHostsOptions = { count: number; engine?: Omit<PrivateEngineOptions, "netns"> };

/** Makes the hosts and starts their engines, one after the other. */
export async function netnsHosts(options: NetnsHostsOptions): Promise<NetnsHosts> {
  await using undo = new AsyncDisposableStack();
  const machines = undo.adopt(await netnsMachines(options.count), (all) => all.dispose());
  const hosts: NetnsHost[] = [];
  for (const machine of machines.hosts) {
    const engine = await privateEngine({ ...options.engine, netns: machine.name });
    undo.defer(() => engine.dispose());
    hosts.push({ ...machine, engine, enter: engine.enter });
  }
  const kept = undo.move();
  return { hosts, bridgeAddress: machines.bridgeAddress, dispose: () => kept.disposeAsync() };
}

/** As netnsHosts, but nothing runs on them. */
export async function netnsMachines(count: number): Promise<NetnsMachines> {
  const run = randomInt(0x10000).toString(16).padStart(4, "0");
  const subnet = `10.${randomInt(64, 128)}.${randomInt(256)}`;
  const bridge = `ozb${run}`;
  const bridgeAddress = `${subnet}.1`;
  await using undo = new AsyncDisposableStack();
  await mustRun(["ip", "link", "add", bridge, "type", "bridge"]);
  undo.defer(() => quietly(["ip", "link", "del", bridge]));
  await mustRun(["ip", "addr", "add", `${bridgeAddress}/24`, "dev", bridge]);
  await mustRun(["ip", "link", "set", bridge, "up"]);
  await acceptBridged(bridge, undo);
  const hosts: NetnsMachine[] = [];
  for (let n = 1; n <= count; n++) {
    const host = { name: `ozh${run}${n}`, cable: `ozv${run}${n}`, address: `${subnet}.${n + 1}` };
    await plugIn(host, bridge, bridgeAddress, undo);
    hosts.push({
      name: host.name,
      address: host.address,
      enter: (argv) => ["nsenter", `--net=/run/netns/${host.name}`, ...argv],
      cut: async () => void (await mustRun(["ip", "link", "set", host.cable, "nomaster"])),
      heal: async () => void (await mustRun(["ip", "link", "set", host.cable, "master", bridge])),
    });
  }
  const kept = undo.move();
  return { hosts, bridgeAddress, dispose: () => kept.disposeAsync() };
}

/** Docker on the machine sets FORWARD to DROP, which also hits frames that only cross a bridge. */
async function acceptBridged(bridge: string, undo: AsyncDisposableStack): Promise<void> {
  const rule = ["DOCKER-USER", "-i", bridge, "-o", bridge, "-j", "ACCEPT"];
  if ((await runCommand(["iptables", "-w", "5", "-I", ...rule])).code === 0) {
    undo.defer(() => quietly(["iptables", "-w", "5", "-D", ...rule]));
  }
}

async function plugIn(
  host: { name: string; cable: string; address: string },
  bridge: string,
  gateway: string,
  undo: AsyncDisposableStack,
): Promise<void> {
  await mustRun(["ip", "netns", "add", host.name]);
  undo.defer(() => quietly(["ip", "netns", "del", host.name]));
  await mustRun(["ip", "link", "add", host.cable, "type", "veth", "peer", "name", "eth0", "netns", host.name]);
  undo.defer(() => quietly(["ip", "link", "del", host.cable]));
  await mustRun(["ip", "link", "set", host.cable, "master", bridge, "up"]);
  await mustRun(["ip", "-n", host.name, "addr", "add", `${host.address}/24`, "dev", "eth0"]);
  await mustRun(["ip", "-n", host.name, "link", "set", "eth0", "up"]);
  await mustRun(["ip", "-n", host.name, "link", "set", "lo", "up"]);
  await mustRun(["ip", "-n", host.name, "route", "add", "default", "via", gateway]);
}

async function quietly(argv: readonly string[]): Promise<void> {
  await runCommand(argv);
}
