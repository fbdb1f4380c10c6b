// Under which addresses the control plane is known: the present ones, the old ones that are kept until they are forgotten, and which host
// dialled which last. Pure; address-file.ts keeps it.
import { isIP } from "node:net";
import { OzError } from "#core/errors.ts";

/** "HOST" or "HOST:PORT", an IPv6 address with a port in brackets. Without a port it is the one that is listened on. */
export type Written = string;
export type Kept = { readonly at: Written; /** Milliseconds since 1970. */ readonly since: number };

export type AddressList = {
  /** What was listened on last, for whoever asks while nobody listens. */
  readonly port?: number | undefined;
  /** What --advertise said at the last start; null when that is not known. */
  readonly advertised: readonly Written[] | null;
  /** The printed one first. Empty while nobody chose any. */
  readonly present: readonly Kept[];
  readonly old: readonly Kept[];
  /** Host id → whole address that it dialled last. */
  readonly hosts: Readonly<Record<string, string>>;
};

export const noAddresses: AddressList = { advertised: null, present: [], old: [], hosts: {} };

/** As many as a person has. */
export const mostPresent = 8;

/** The list with other present addresses; those that were present until then are old ones. before: what was printed while nobody chose. */
export function withPresent(list: AddressList, wanted: readonly Written[], before: Written, now: number): AddressList {
  if (wanted.length > mostPresent)
    throw new OzError("bad_request", `${wanted.length} addresses are more than ${mostPresent}`);
  const was = list.present.length > 0 ? list.present : [{ at: before, since: now }];
  const present = wanted.map((at) => list.present.find((one) => one.at === at) ?? { at, since: now });
  const replaced = was.filter(({ at }) => !wanted.includes(at)).map(({ at }) => ({ at, since: now }));
  const stays = list.old.filter(({ at }) => !wanted.includes(at) && !replaced.some((one) => one.at === at));
  return { ...list, present, old: [...replaced, ...stays] };
}

/**
 * The list after a start: who spoke last decides. Other words in --advertise than at the start before are a choice as `address set` is;
 * the same words leave what was set meanwhile. before: what is printed while nobody chose; undefined at the first start of all.
 */
export function afterStart(
  list: AddressList | undefined,
  advertised: readonly Written[],
  before: Written,
  now: number,
): AddressList {
  if (list === undefined) return { ...noAddresses, advertised, present: advertised.map((at) => ({ at, since: now })) };
  if (list.advertised === null) {
    // Set before the first start that this file saw: what --advertise says was printed until then.
    const known = new Set([...list.present, ...list.old].map(({ at }) => at));
    const was = advertised.filter((at) => !known.has(at)).map((at) => ({ at, since: now }));
    return { ...list, advertised, old: [...list.old, ...was] };
  }
  if (advertised.join() === list.advertised.join()) return list;
  if (advertised.length === 0) return { ...list, advertised };
  return { ...withPresent(list, advertised, before, now), advertised };
}

/** The list without an old address. Throws not_found, and precondition for a present one. */
export function withoutOld(list: AddressList, at: Written): AddressList {
  if (list.present.some((one) => one.at === at))
    throw new OzError("precondition", `${at} is a present address, not an old one`, {
      hint: "Set the others first: ozwald-controlplane address set …",
    });
  if (!list.old.some((one) => one.at === at)) {
    const known = list.old.map((one) => one.at).join(", ");
    throw new OzError("not_found", `${at} is no old address`, {
      hint: known === "" ? "There is none." : `Old: ${known}`,
    });
  }
  return { ...list, old: list.old.filter((one) => one.at !== at) };
}

/** The list after a host said what it dialled; the same object when that is no news. */
export function withHost(list: AddressList, hostId: string, dialed: string): AddressList {
  if (dialed === "" || list.hosts[hostId] === dialed) return list;
  return { ...list, hosts: { ...list.hosts, [hostId]: dialed } };
}

/** Reads what a person wrote: HOST, HOST:PORT, also with https:// before. Throws bad_request. */
export function parseWritten(text: string): Written {
  const written = text
    .trim()
    .replace(/^https:\/\//, "")
    .replace(/\/$/, "")
    .toLowerCase();
  const bracketed = /^\[([0-9a-f:.]+)\](?::(\d{1,5}))?$/.exec(written);
  const plain = /^([^:[\]]+)(?::(\d{1,5}))?$/.exec(written);
  const host = bracketed?.[1] ?? plain?.[1] ?? (isIP(written) === 6 ? written : "");
  const port = bracketed?.[2] ?? plain?.[2];
  const problem = hostProblem(host, bracketed !== null) ?? portProblem(port);
  if (problem !== undefined)
    throw new OzError("bad_request", `${JSON.stringify(text)} is no address others can reach: ${problem}`, {
      hint: "Write a name or an address, with a port where it is not the one that is listened on: control.lan, 10.0.0.5, control.example:443",
    });
  if (port === undefined) return host;
  return isIP(host) === 6 ? `[${host}]:${Number(port)}` : `${host}:${Number(port)}`;
}

/** Host and port of what parseWritten gave. */
export function splitWritten(at: Written, listened: number): { readonly host: string; readonly port: number } {
  if (isIP(at) !== 0) return { host: at, port: listened };
  const [, host = at, port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(at) ?? [];
  return { host, port: port === undefined ? listened : Number(port) };
}

const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

function hostProblem(host: string, bracketed: boolean): string | undefined {
  if (host === "") return "there is no name in it";
  if (isIP(host) !== 0) return host === "0.0.0.0" || host === "::" ? "it stands for all addresses" : undefined;
  if (bracketed) return "what stands in the brackets is no IPv6 address";
  const labels = host.split(".");
  if (/^\d+$/.test(labels.at(-1) ?? "")) return "it is no IP address, and no name ends with a number";
  const wrong = labels.find((one) => !label.test(one));
  if (wrong !== undefined)
    return wrong === "" ? "a part of the name is empty" : `${JSON.stringify(wrong)} is no part of a name`;
  return host.length > 253 ? "it is too long" : undefined;
}

function portProblem(port: string | undefined): string | undefined {
  if (port === undefined || (Number(port) >= 1 && Number(port) <= 65_535)) return undefined;
  return `${port} is no port`;
}
