// Which values are never shown, and how they are hidden.

/** Words that say it wherever they stand in a name. */
const secretAnywhere =
  /PASSW(OR)?D|PASSPHRASE|PASSCODE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIAL|CONN(ECTION)?_?STR(ING)?/i;
/** Words that say it at the end of a name, with or without a number behind them. PWD alone is the shell's folder. */
const secretAtEnd =
  /((^|_)(KEY|PAT|JWT|PSK|SALT|HMAC|CREDS?|BEARER|COOKIE|WEBHOOK(_URL)?)|_PWD|AUTH|DSN|(?<!BY|COM)PASS)(_?\d+)?$/i;
/** Parts of names that look secret and are not: they count tokens or make them, they do not hold one. */
const countsTokens =
  /(?<=^|_)((MAX|MIN|NUM|LIMIT)_?([A-Z0-9]+_)*TOKENS(?=$|_)|(MAX|MIN|NUM)_?TOKEN$|BATCH(ED)?_?TOKENS?$|TOKENS?_?(LIMIT|COUNT|PER)(?=$|_)|TOKENI[SZ][A-Z]*)/gi;

/** Passwords inside of URLs ("postgres://user:password@host/db") and of connection strings ("Server=db;Password=…;"). */
const passwordsInside = [
  /(?<=\b[a-z][a-z0-9+.-]*:\/\/[^\s/?#:@]*:)[^\s/?#]+(?=@)/gi,
  /(?<=(?:^|[;?&\s])(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|shared[ _-]?access[ _-]?(?:key|signature))\s{0,4}=\s{0,4})[^;&\s]+/gi,
];
const privateKey = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/;

/** Shorter values are left alone in texts: they would hide too much. */
const shortest = 4;
/** Lines of a longer value that say nothing by themselves, such as "{". */
const shortestLine = 8;

export const mask = "•••";

/** True when the name of an environment key says that its value is secret. */
export function looksSecret(key: string): boolean {
  const holds = key.replace(countsTokens, "");
  return secretAnywhere.test(holds) || secretAtEnd.test(holds);
}

/** One value of the environment as it may be shown: hidden as a whole, or only the password inside of it. */
export function shownValue(key: string, value: string, secretKeys: readonly string[] = []): string {
  if (isSecret(key, value, secretKeys)) return mask;
  return passwordsInside.reduce((text, password) => text.replace(password, mask), value);
}

/** The environment as it may be shown. */
export function maskEnvironment(
  environment: Readonly<Record<string, string>>,
  secretKeys: readonly string[] = [],
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([key, value]) => [key, shownValue(key, value, secretKeys)]),
  );
}

/** Values, and passwords inside of values, that must appear in no output of what was given this environment. */
export function secretValues(
  environment: Readonly<Record<string, string>>,
  secretKeys: readonly string[] = [],
): string[] {
  return Object.entries(environment).flatMap(([key, value]) => {
    if (isSecret(key, value, secretKeys)) return [value];
    return passwordsInside.flatMap((password) => value.match(password) ?? []).flatMap(alsoDecoded);
  });
}

/** What is looked for to hide values in a text: each value and each line of a value of several lines, the longest first. */
export function secretTexts(values: readonly string[]): string[] {
  const lines = values.flatMap((value) => value.split(/\r?\n/)).filter((line) => line.length >= shortestLine);
  const whole = values.filter((value) => value.length >= shortest);
  return [...new Set([...whole, ...lines])].toSorted((a, b) => b.length - a.length);
}

/** Text with every one of the values replaced. */
export function maskValues(text: string, values: readonly string[]): string {
  return secretTexts(values).reduce((masked, value) => masked.replaceAll(value, mask), text);
}

function isSecret(key: string, value: string, secretKeys: readonly string[]): boolean {
  return looksSecret(key) || secretKeys.includes(key) || privateKey.test(value);
}

/** A password in a URL is written there with %-signs, and by programs without. */
function alsoDecoded(password: string): string[] {
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}
