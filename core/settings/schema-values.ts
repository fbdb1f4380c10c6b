// The small values of settings: names, amounts, spans of time, words. Every message says what is wanted.
import * as z from "zod";
import { namePattern } from "../names.ts";
import { parseBytes, parseDurationMs } from "../units.ts";

/** May be left out, or written with nothing behind it. */
export function optional<T extends z.ZodType>(schema: T): z.ZodOptional<z.ZodNullable<T>> {
  return schema.nullish();
}

/** True for what was written with something behind it. */
export function isSet<T>(written: T | null | undefined): written is T {
  return written !== null && written !== undefined;
}

export const text = z.string();
export const line = z.string().min(1, { error: "must not be empty" });
export const name = z.string().regex(namePattern, {
  error: "must be a name: letters, digits, dot, dash, underscore, at most 63, beginning with a letter or digit",
});
export const absolutePath = z.string().regex(/^\//, { error: "must be an absolute path" });

const imageText = 'must be an image such as "ghcr.io/org/name:tag", in small letters';
const imageParts = (() => {
  const label = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
  const registry = `(?:localhost|${label}(?:\\.${label})+|${label}(?=:)|\\[[0-9A-Fa-f:]+\\])(?::\\d+)?`;
  const word = "[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*";
  return {
    registry,
    path: `${word}(?:/${word})*`,
    tag: "[\\w][\\w.-]{0,127}",
    digest: "[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}",
  };
})();
/** A reference to an image as registries have it: registry, path of at most 255 characters, tag, digest. Empty text says nothing. */
export const image = z
  .string()
  .regex(
    new RegExp(
      `^(?:(?:${imageParts.registry}/)?(?=[^:@]{1,255}(?:[:@]|$))${imageParts.path}(?::${imageParts.tag})?(?:@${imageParts.digest})?)?$`,
    ),
    { error: imageText },
  );

export function whole(min: number, max: number): z.ZodInt {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int().min(min, { error }).max(max, { error });
}

export const portNumber = whole(1, 65_535);

const sizeText = 'must be an amount such as "24GiB" or "512m", or a number of bytes';
export const size = z
  .union([z.number(), z.string().regex(/^\d+(\.\d+)?\s*([KkMmGgTt]([Ii]?[Bb])?|[Bb])?$/, { error: sizeText })], {
    error: sizeText,
  })
  .refine((written) => isWithin(parseBytes(written), 2 ** 53), { error: sizeText });

const durationText = 'must be a time such as "90s", "1m30s" or "500ms", or a number of seconds, at most 365d';
export const duration = z
  .union(
    [z.number(), z.string().regex(/^(\d+(\.\d+)?|(\d+(\.\d+)?\s*(ms|min|s|m|h|d)\s*)+)$/, { error: durationText })],
    { error: durationText },
  )
  .refine((written) => isWithin(parseDurationMs(written), 365 * 86_400_000), {
    error: durationText,
  });

/** A time of which nothing is no time: what waits or repeats. */
export const span = duration.refine((written) => parseDurationMs(written) !== 0, {
  error: durationText.replace("a time", "a time above 0"),
});

const cpuText = 'must be a number of cores such as 2, 0.5 or "500m"';
export const cpu = z
  .union([z.number(), z.string().regex(/^\d+(\.\d+)?m?$/, { error: cpuText })], { error: cpuText })
  .refine((written) => isWithin(parseCpuMillis(written), 4_096_000), { error: cpuText });

/** "500m", 0.5 or "2" to thousandths of a core. */
export function parseCpuMillis(written: string | number): number {
  const millis = typeof written === "string" && written.endsWith("m");
  return Math.round(Number(String(written).replace(/m$/, "")) * (millis ? 1 : 1000));
}

function isWithin(value: number | undefined, max: number): boolean {
  return value !== undefined && Number.isFinite(value) && value >= 0 && value <= max;
}

const listText = "must be text or a list of text";
/** One text or several. */
export const textOrList = z.union([text, z.array(text)], { error: listText });

const scalars = [
  z.string().regex(/^[^\0]*$/, { error: "must not hold a NUL character" }),
  z.number(),
  z.boolean(),
  z.null(),
] as const;
const listed = z.union(scalars, { error: "must be text, a number, true or false, or nothing" });
/** Lists are there because the original has them. */
export const environment = z.record(
  z.string().regex(/^[^=\0\s]+$/, { error: "a variable has no =, no space and at least one character in its name" }),
  z.union([...scalars, z.array(listed)], {
    error: "must be text, a number, true or false, a list of these, or nothing",
  }),
);

const addressText = "must be an IP address or a host name";
/** An IPv4 or IPv6 address, or a host name. */
export const address = z.string().refine((written) => isAddress(written), { error: addressText });

function isAddress(written: string): boolean {
  if (/^[\d.]+$/.test(written)) return z.ipv4().safeParse(written).success;
  if (written.includes(":")) return z.ipv6().safeParse(written).success;
  return /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(written);
}

/** Address a port is bound to: an IP address, nothing else. */
export const ipAddress = z.string().refine((written) => z.union([z.ipv4(), z.ipv6()]).safeParse(written).success, {
  error: "must be an IP address such as 127.0.0.1",
});
