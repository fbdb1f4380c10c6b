// The networks of a container in the words of Compose: their names, and what was asked of each.
import { copyOf, type Described, isNothing, list } from "./described.ts";

/** What the engine found out. */
const facts = new Set([
  "NetworkID",
  "EndpointID",
  "Gateway",
  "IPAddress",
  "IPPrefixLen",
  "IPv6Gateway",
  "GlobalIPv6Address",
  "GlobalIPv6PrefixLen",
  "DNSNames",
]);

/** Compose's words for what can be asked. */
const words: Readonly<Record<string, string>> = {
  IPv4Address: "ipv4_address",
  IPv6Address: "ipv6_address",
  LinkLocalIPs: "link_local_ips",
  Aliases: "aliases",
  MacAddress: "mac_address",
  Links: "links",
  DriverOpts: "driver_opts",
  GwPriority: "gw_priority",
};

/** Networks by their names; the engine's own only when something was asked of them. */
export function networksOf(container: Described, mode: unknown): Described {
  const networks = copyOf(copyOf(container["NetworkSettings"])["Networks"]);
  const own = ["bridge", "host", "none", mode === "default" ? "default" : ""];
  return Object.fromEntries(
    Object.entries(networks)
      .map(([name, endpoint]) => [name, askedOf(copyOf(endpoint), container)] as const)
      .filter(([name, asked]) => !own.includes(name) || Object.keys(asked).length > 0),
  );
}

function askedOf({ IPAMConfig, ...endpoint }: Described, container: Described): Described {
  const all = { ...endpoint, ...copyOf(IPAMConfig), Aliases: aliasesOf(endpoint["Aliases"], container) };
  if (!isChosen(endpoint["MacAddress"], container)) delete (all as Described)["MacAddress"];
  return Object.fromEntries(
    Object.entries(all)
      .filter(([key, value]) => !facts.has(key) && !isNothing(value))
      .map(([key, value]) => [words[key] ?? key, value]),
  );
}

/** Without those that engines add: name and id of the container. */
function aliasesOf(aliases: unknown, container: Described): string[] {
  const [name, id] = [String(container["Name"] ?? "").replace(/^\//, ""), String(container["Id"] ?? "")];
  return list<string>(aliases).filter((alias) => alias !== name && !(alias !== "" && id.startsWith(alias)));
}

/** An engine makes local addresses (second-lowest bit of the first byte) for what runs; any other one was asked for. */
function isChosen(mac: unknown, container: Described): boolean {
  if (typeof mac !== "string" || mac === "") return false;
  const isRunning = copyOf(container["State"])["Running"] === true;
  return !isRunning || (Number.parseInt(mac.slice(0, 2), 16) & 2) === 0;
}
