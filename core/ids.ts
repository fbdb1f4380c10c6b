// Ids: short, random, safe in names and labels. The source of randomness is passed in, so that tests can seed it.

/** Fills a buffer with random bytes, as node:crypto's randomBytes does. */
export type RandomBytes = (size: number) => Uint8Array;

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford's base 32, without letters that look like digits

/** Random id of length characters (5 bits each). */
export function randomId(random: RandomBytes, length = 12): string {
  return Array.from(random(length), (byte) => alphabet[byte & 31]).join("");
}
