// Ports of a Compose service. There they are open on every address unless one is written; here that has to be said.
import { InputMap, isMap, plainText } from "./input-map.ts";
import type { LayerDraft } from "./layer-draft.ts";
import { shown } from "./notes.ts";

/** More ports than this in one range are listed, not written. */
const maxRange = 200;
const everywhere = "0.0.0.0";

type Port = { target: string; published: string; address: string; transport: string };

/** Writes the ports of a service; what cannot be read is listed. */
export function importPorts(input: InputMap, draft: LayerDraft): void {
  const seen = new Set<string>();
  for (const [i, entry] of input.list("ports").entries()) {
    const from = `ports[${i}]`;
    const port = isMap(entry)
      ? longForm(new InputMap(entry, input.at(from), input.notes))
      : shortForm(plainText(entry));
    if (port !== undefined && port.transport !== "tcp" && port.transport !== "udp") {
      input.refuse(from, `${shown(entry)} is ${port.transport}: only tcp and udp ports are published.`);
      continue;
    }
    const pairs = port === undefined ? undefined : expand(port);
    if (port === undefined || pairs === undefined) {
      input.refuse(from, `${JSON.stringify(entry)} is no port that can be published.`);
      continue;
    }
    if (pairs.length === 1 && port.published.includes("-"))
      input.changed(from, `one port for ${port.published}: ${pairs[0]?.[1]}, the first of them.`);
    for (const [target, published] of pairs) {
      const key = `${target}/${port.transport}`;
      if (seen.has(key)) input.refuse(from, `port ${key} is published a second time; a port has one place here.`);
      else draft.append("ports", portText(port, target, published), from);
      seen.add(key);
    }
  }
}

function longForm(map: InputMap): Port | undefined {
  const [target, transport] = [map.text("target"), (map.text("protocol") ?? "tcp").toLowerCase()];
  const port = { target: target ?? "", published: map.text("published") ?? "", address: map.text("host_ip") ?? "" };
  map.close({
    mode: "~a port is always published on the host that runs it.",
    name: "names of ports are not carried.",
  });
  return target === undefined ? undefined : { ...port, address: port.address || everywhere, transport };
}

const short = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([\d.]*)):)?(?:(\d*(?:-\d+)?):)?(\d+(?:-\d+)?)(?:\/([a-z]+))?$/i;

function shortForm(written: string): Port | undefined {
  const parts = short.exec(written.trim());
  if (parts === null) return undefined;
  const [, v6, first = "", second, target = "", transport = "tcp"] = parts;
  // "8080:80" reads as an address by the grammar when there is no third part.
  const portOnly = second === undefined && v6 === undefined && !first.includes(".");
  const [address, published] = portOnly ? ["", first] : [first, second ?? ""];
  return { target, published, address: v6 ?? (address || everywhere), transport: transport.toLowerCase() };
}

/** Pairs of container port and host port ("" when the host chooses); undefined when the ranges do not match. */
function expand({ target, published }: Port): [target: number, published: string][] | undefined {
  const [inside, outside] = [range(target), published === "" || published === "0" ? undefined : range(published)];
  if (inside === undefined || inside.length > maxRange) return undefined;
  if (outside === undefined)
    return published === "" || published === "0" ? inside.map((port) => [port, ""]) : undefined;
  // One port inside with several outside: the first one is as good as any.
  if (outside.length !== inside.length && inside.length !== 1) return undefined;
  return inside.map((port, i) => [port, String(outside[i])]);
}

function range(written: string): number[] | undefined {
  const [first = "", last = first] = written.split("-");
  const [from, to] = [Number(first), Number(last)];
  if (!/^\d+$/.test(first) || !/^\d+$/.test(last) || from < 1 || to > 65_535 || to < from) return undefined;
  return Array.from({ length: Math.min(to - from + 1, maxRange + 1) }, (_, i) => from + i);
}

function portText({ address, transport }: Port, target: number, published: string): string {
  const host = address.includes(":") ? `[${address}]` : address;
  const prefix = published === "" ? `${host}::` : `${host}:${published}:`;
  return `${prefix}${target}${transport === "tcp" ? "" : `/${transport}`}`;
}
