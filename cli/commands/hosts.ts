// ozctl hosts: what your machines have, and what is wrong with them.
import type { Command } from "commander";
import { formatBytes } from "#core/units.ts";
import { HostsService, HostState, ListHostsResponseSchema, type Host } from "#proto/hosts_pb.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { counted } from "../errors.ts";
import type { Io } from "../io.ts";
import { age } from "../output/ages.ts";
import { printMessage, printNames } from "../output/format.ts";
import { type Column, table } from "../output/table.ts";
import type { Session } from "../session.ts";

export function hostsCommand(session: Session): Command {
  const command = newCommand(session, "hosts", {
    summary: "what your machines have",
    examples: ["ozctl hosts", "ozctl hosts -o wide", "ozctl hosts -o json"],
  });
  return runs(session, withOutput(command), async ({ output }: { output?: OutputFormat }) => {
    const { io } = session;
    const answer = await (await session.client()).call(HostsService.method.listHosts, {});
    if (output === "name")
      printNames(
        io,
        answer.hosts.map((host) => host.name),
      );
    else if (!(await printMessage(io, output, ListHostsResponseSchema, answer)))
      io.out(hostsText(io, answer.hosts, output === "wide"));
    return 0;
  });
}

const states: Record<number, string> = {
  [HostState.EXPECTED]: "expected",
  [HostState.ONLINE]: "online",
  [HostState.SUSPECT]: "silent",
  [HostState.OFFLINE]: "offline",
  [HostState.QUARANTINED]: "quarantined",
  [HostState.REMOVED]: "removed",
};

/** The table, the GPUs, and what needs a person's eye. A number nobody knows is "?". */
export function hostsText(io: Io, hosts: readonly Host[], wide = false): string {
  if (hosts.length === 0) return "No machine has joined yet.  ozctl host invite\n";
  return (
    table(io, columns(io, wide), hosts) +
    hosts.map(gpuLines).join("") +
    hosts.map((host) => remarks(host, io.clock.now())).join("")
  );
}

function columns(io: Io, wide: boolean): Column<Host>[] {
  const shown: Column<Host>[] = [
    { title: "HOST", value: (host) => host.name, shrink: true },
    {
      title: "STATE",
      value: (host) => states[host.state] ?? "",
      style: (host) => (host.state === HostState.ONLINE ? "green" : "yellow"),
    },
    { title: "SINCE", value: (host) => age(host.since, io.clock.now()) },
    { title: "CORES", value: (host) => known(host, host.inventory?.cpuCores, String) },
    { title: "RAM", value: (host) => known(host, host.inventory?.memoryBytes, formatBytes) },
    { title: "FREE", value: (host) => live(host, host.telemetry?.memoryAvailableBytes) },
    { title: "DISK FREE", value: (host) => live(host, host.telemetry?.diskFreeBytes) },
    {
      title: "GPUS",
      value: (host) => known(host, host.inventory?.devices.length, (count) => (count === 0 ? "none" : String(count))),
    },
    { title: "REPLICAS", value: (host) => String(host.replicas) },
  ];
  if (!wide) return shown;
  return [
    ...shown,
    { title: "PROMISED", value: (host) => formatBytes(host.memoryClaimedBytes) },
    {
      title: "ENGINE",
      value: (host) => [host.inventory?.engine?.name, host.inventory?.engine?.version].filter(Boolean).join(" "),
    },
    { title: "AGENT", value: (host) => host.agentVersion },
    { title: "ADDRESS", value: (host) => host.address },
    { title: "DIALS", value: (host) => host.dialedAddress.replace("https://", "") },
    { title: "SYSTEM", value: (host) => host.inventory?.os ?? "" },
  ];
}

function known<T>(host: Host, value: T | undefined, format: (value: T) => string): string {
  return value === undefined ? (host.state === HostState.EXPECTED ? "" : "?") : format(value);
}

/** Live numbers of a machine that is not heard are old, so they are not shown as if they were true. */
function live(host: Host, value: bigint | undefined): string {
  return known(host, host.state === HostState.ONLINE ? value : undefined, formatBytes);
}

function gpuLines(host: Host): string {
  return (host.inventory?.devices ?? [])
    .map((device) => {
      const sample = host.telemetry?.devices.find((candidate) => candidate.id === device.id);
      const size = device.vramBytes === undefined ? "VRAM ?" : formatBytes(device.vramBytes);
      const used = sample?.vramUsedBytes === undefined ? "" : `, ${formatBytes(sample.vramUsedBytes)} used`;
      return `${host.name} gpu ${device.index}  ${device.model}  ${size}${used}${device.problem && `  ${device.problem}`}\n`;
    })
    .join("");
}

function remarks(host: Host, nowMs: number): string {
  const away = host.state === HostState.OFFLINE || host.state === HostState.SUSPECT;
  const ran =
    away && host.replicas > 0
      ? [`not heard for ${age(host.since, nowMs)}; ${counted(host.replicas, "replica")} ran when last seen`]
      : [];
  const expected = host.state === HostState.EXPECTED ? [`never joined.  ozctl host invite --name ${host.name}`] : [];
  const engine = host.inventory?.engine?.error ? [host.inventory.engine.error] : [];
  const lines = [
    ...ran,
    ...expected,
    ...(host.problem === "" ? [] : [host.problem]),
    ...(host.addressProblem === "" ? [] : [`dials ${host.dialedAddress} and does not reach ${host.addressProblem}`]),
    ...engine,
    ...(host.inventory?.warnings ?? []),
  ];
  return [...new Set(lines)].map((line) => `${host.name}: ${line}\n`).join("");
}
