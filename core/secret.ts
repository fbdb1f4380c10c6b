// Which values are never shown, and how they are hidden.

const secretKey =
  /(PASSW(OR)?D|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIAL|_KEY$|^KEY$|AUTH$|DSN$)/i;
/** Keys that look secret and are not: they count tokens, they do not hold one. */
const countsTokens = /(MAX|NUM|MIN|BATCH(ED)?|LIMIT)_?[A-Z_]*TOKENS?$|TOKENS?_?(LIMIT|COUNT|PER)|TOKENIZER/i;

export const mask = "•••";

/** True when the name of an environment key says that its value is secret. */
export function looksSecret(key: string): boolean {
  return secretKey.test(key) && !countsTokens.test(key);
}

/** The environment as it may be shown. */
export function maskEnvironment(
  environment: Readonly<Record<string, string>>,
  secretKeys: readonly string[] = [],
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([key, value]) => [
      key,
      looksSecret(key) || secretKeys.includes(key) ? mask : value,
    ]),
  );
}

/** Text with every one of the values replaced. Values shorter than 4 characters are left alone: they would hide too much. */
export function maskValues(text: string, values: Iterable<string>): string {
  let masked = text;
  for (const value of values) if (value.length >= 4) masked = masked.replaceAll(value, mask);
  return masked;
}
