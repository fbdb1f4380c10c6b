// Hosts and their link: silent, shut out, of another version, with another time, behind a proxy.
import { BlockList, isIP } from "node:net";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { formatDuration } from "#core/units.ts";
import { HostState } from "#proto/hosts_pb.ts";
import { type Check, everyHost } from "../check.ts";

/** A clock that is ahead is seen at once; one that is behind looks like an old sample, and those come rarely while nobody watches. */
const aheadMs = 5_000;
const behindMs = 180_000;

export const hostChecks: readonly Check[] = [
  {
    name: "hosts-silent",
    look({ hosts, alive, status }) {
      if (status === undefined) return undefined;
      return hosts
        .filter((host) => host.state === HostState.OFFLINE || host.state === HostState.SUSPECT)
        .map((host) =>
          alive.has(host.name)
            ? {
                subject: host.name,
                message: `the machine answers at ${host.address}, its agent does not: it is stopped, or a firewall stands between`,
                fix: `On ${host.name}:  ozwald-agent status. It dials ${status.address}; let that port through.`,
              }
            : {
                subject: host.name,
                message: `nothing answers at ${host.address || "its last address"}: the machine is off or its network is cut`,
                fix: `Look at ${host.name} itself. What ran there keeps running unless the machine is off.`,
              },
        );
    },
  },
  {
    name: "hosts-shut-out",
    look({ hosts, status }) {
      if (status === undefined) return undefined;
      return hosts
        .filter((host) => host.state === HostState.QUARANTINED || host.problem !== "")
        .map((host) => ({
          subject: host.name,
          message: host.problem || "two machines use its identity; neither is obeyed",
          fix:
            host.state === HostState.QUARANTINED
              ? `ozctl host rm ${host.name}, then join each machine anew:  ozctl host invite`
              : `If this control plane shall have it:  ozctl adopt ${host.name} --all        Else:  ozctl host rm ${host.name}`,
        }));
    },
  },
  {
    name: "hosts-never-joined",
    look({ hosts, status }) {
      if (status === undefined) return undefined;
      if (status.hosts === 0)
        return [{ subject: "control plane", message: "no machine has joined", fix: "ozctl host invite" }];
      return hosts
        .filter((host) => host.state === HostState.EXPECTED)
        .map((host) => ({
          subject: host.name,
          message: "it stands in the settings and never joined",
          fix: `ozctl host invite --name ${host.name}`,
        }));
    },
  },
  everyHost("control-address", ({ addressProblem, dialedAddress }) => {
    if (addressProblem === "") return undefined;
    return {
      message: `it dials ${dialedAddress}, an old address of the control plane, and does not reach ${addressProblem}`,
      fix: "Let it through to that address, or set one that it reaches:  ozwald-controlplane address set …",
    };
  }),
  everyHost("agent-version", ({ agentVersion }, { status }) => {
    if (status === undefined || agentVersion === "" || agentVersion === status.version) return undefined;
    return {
      message: `its agent is ${agentVersion}, the control plane ${status.version}`,
      fix: "Install the control plane's version there; containers keep running.",
      notice: true,
    };
  }),
  everyHost("clock-hosts", ({ state, telemetry }, { nowMs, clockAheadMs }) => {
    if (state !== HostState.ONLINE || telemetry?.at === undefined || clockAheadMs === undefined) return undefined;
    const offMs = timestampMs(telemetry.at) - (nowMs + clockAheadMs);
    if (offMs <= aheadMs && offMs >= -behindMs) return undefined;
    const way = offMs > 0 ? "ahead of" : "behind";
    return {
      message: `its clock is about ${formatDuration(Math.abs(offMs))} ${way} the control plane's`,
      fix: "On the one that is wrong:  timedatectl set-ntp true. Certificates of a wrong time are refused.",
    };
  }),
  {
    name: "proxy",
    look({ here, reach }) {
      if (reach === undefined) return undefined;
      if (here.proxies.length === 0 || reach.address.startsWith("unix:")) return [];
      const named = here.proxies.join(", ");
      if (reach.failed?.stage === "dns" || reach.failed?.stage === "tcp") {
        return [
          {
            subject: "this machine",
            message: `${named} is set, and Ozwald does not go through a proxy: where only the proxy gets out, nothing reaches the control plane`,
            fix: `Let this machine straight through to ${reach.address}.`,
          },
        ];
      }
      const host = new URL(reach.address).hostname;
      if (/^(localhost|127\..*|\[::1\])$/.test(host)) return [];
      if (here.noProxy.split(",").some((entry) => covers(entry.trim(), host))) return [];
      return [
        {
          ...{ subject: "this machine", notice: true },
          message: `${named} is set without ${host} in NO_PROXY: curl and others send calls to the control plane to the proxy`,
          fix: `export NO_PROXY="\${NO_PROXY:+$NO_PROXY,}${host}"`,
        },
      ];
    },
  },
];

/** As curl and Go read NO_PROXY: a name, a domain, an address or a network. */
function covers(entry: string, host: string): boolean {
  const address = host.replace(/^\[|\]$/g, "");
  if (isIP(address) !== 0)
    return entry === "*" || entry.replace(/^\[|\]$/g, "") === address || inNetwork(entry, address);
  const suffix = entry.replace(/^\*?\./, "");
  return entry === "*" || (suffix !== "" && (host === suffix || host.endsWith(`.${suffix}`)));
}

function inNetwork(entry: string, address: string): boolean {
  const [network = "", bits = ""] = entry.split("/");
  const family = isIP(network) === 6 ? "ipv6" : "ipv4";
  if (isIP(network) === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === "ipv6" ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
