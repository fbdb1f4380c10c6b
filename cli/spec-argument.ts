// The names people type: `[group:]name[#slot]`, and the original's `[realm:]NAME[service][variety][profile]`. Pure.
import { OzError } from "#core/errors.ts";
import { isName, nameInGroup, suggestion } from "#core/names.ts";

export type NameArgument = { group: string; name: string; slot: number | undefined };

/** Reads `web`, `shop:web` or `shop:web#1`. group is "" when none is written. Throws bad_request. */
export function parseNameArgument(text: string): NameArgument {
  const match = /^(?:([^:#[\]]*):)?([^:#[\]]*)(?:#(\d{1,6}))?$/.exec(text);
  const [, group = "", name = "", slot] = match ?? [];
  if (match === null || !isName(name) || (match[1] !== undefined && !isName(group))) throw notAName(text);
  return { group, name, slot: slot === undefined ? undefined : Number(slot) };
}

/** Reads the name of a whole instance, for a verb that cannot take one replica of it. Throws bad_request. */
export function parseWholeInstance(text: string, verb: string): { group: string; name: string } {
  const { group, name, slot } = parseNameArgument(text);
  if (slot === undefined) return { group, name };
  const whole = formatName(group, name);
  throw new OzError("bad_request", `"${text}" is one replica, and ozctl ${verb} takes a whole instance.`, {
    hint: `Every replica of it:  ozctl ${verb} ${whole}   or another number of them:  ozctl up ${whole} --replicas N`,
  });
}

/** The slot of `NAME#SLOT` or of `--slot`; undefined when neither says one. Throws bad_request when they differ. */
export function slotOf(text: string, written: number | undefined, option: number | undefined): number | undefined {
  if (written === undefined || option === undefined || written === option) return written ?? option;
  throw new OzError("bad_request", `The slot is ${written} in "${text}" and ${option} in --slot.`, {
    hint: "Say it once.",
  });
}

/** The name as `ps` shows it and as every command takes it. */
export function formatName(group: string, name: string, slot?: number): string {
  return `${nameInGroup(group, name)}${slot === undefined ? "" : `#${slot}`}`;
}

export type SpecArgument = {
  group: string;
  name: string;
  /** What stood in the brackets, in order; "" for `[]`, which skips. At most three. */
  tokens: readonly string[];
};

/** Reads `NAME`, `NAME[service][variety][profile]` and `realm:NAME[…]`, for a verb. Throws bad_request. */
export function parseSpecArgument(text: string, verb: "up" | "down"): SpecArgument {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(text.trim());
  if (match === null) throw notASpec(text);
  const { group, name } = parseWholeInstance(match[1]!, verb);
  const tokens = [...match[2]!.matchAll(/\[([^[\]]*)\]/g)].map((token) => token[1]!.trim());
  if (tokens.length > 3 || tokens.some((token) => token !== "" && !isName(token))) throw notASpec(text);
  return { group, name, tokens };
}

export type KnownService = {
  group: string;
  name: string;
  varieties: readonly { name: string }[];
  profiles: readonly string[];
};
export type ResolvedSpec = { group: string; name: string; service: string; variety: string; profile: string };

/**
 * Says which token is what. The second of two may be a variety or a profile when only one of these has that name.
 * serviceNow: the one of the instance, for `[]`; empty for a new instance, whose service has its name. verb: what the hint says to type.
 * Throws not_found with a suggestion, or bad_request when it could be either.
 */
export function resolveSpec(
  spec: SpecArgument,
  services: readonly KnownService[],
  { verb, serviceNow }: { verb: "up" | "down"; serviceNow: string },
): ResolvedSpec {
  const [wanted = "", second = "", third = ""] = spec.tokens;
  const { group, name } = spec;
  const service = wanted || serviceNow || name;
  const named = services.filter((known) => known.name === service);
  const known = named.find((candidate) => candidate.group === (group || "default")) ?? named[0];
  if (known === undefined)
    throw unknown(
      "service",
      service,
      services.map((candidate) => candidate.name),
    );
  const varieties = known.varieties.map((variety) => variety.name);
  const isVariety = second !== "" && varieties.includes(second);
  const isProfile = second !== "" && known.profiles.includes(second);
  if (third !== "" && !known.profiles.includes(third)) throw unknown(`profile of ${service}`, third, known.profiles);
  if (second === "" || isVariety !== isProfile) {
    if (third !== "" && isProfile) throw unknown(`variety of ${service}`, second, varieties);
    return { group, name, service, variety: isVariety ? second : "", profile: isProfile ? second : third };
  }
  if (isVariety && third !== "") return { group, name, service, variety: second, profile: third };
  if (isVariety) {
    throw new OzError("bad_request", `${service} has a variety and a profile named "${second}".`, {
      hint: `Say which:  ozctl ${verb} ${formatName(group, name)} --service ${service} --variety ${second}   or --profile ${second}`,
    });
  }
  throw unknown(`variety or profile of ${service}`, second, [...varieties, ...known.profiles]);
}

function unknown(what: string, written: string, names: readonly string[]): OzError {
  return new OzError("not_found", `There is no ${what} "${written}".`, {
    hint: suggestion(written, names) || "There is none at all.",
  });
}

function notAName(text: string): OzError {
  return new OzError("bad_request", `"${text}" is no name of an instance.`, {
    hint: "Write NAME, GROUP:NAME or, for one replica, NAME#SLOT.",
  });
}

function notASpec(text: string): OzError {
  return new OzError("bad_request", `"${text}" cannot be read.`, {
    hint: `Write NAME or "NAME[service][variety][profile]"; [] skips one.`,
  });
}
