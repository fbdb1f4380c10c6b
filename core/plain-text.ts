// Text of others, such as what a container or a model says, as it may be shown: nothing in it that a terminal would obey.

const [bell, escape] = ["\u0007", "\u001b"];
/** What colours and moves, then what writes titles and clipboards up to its end, then the rest (ECMA-48). */
const sequence = new RegExp(
  String.raw`${escape}(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^${bell}${escape}]*(?:${bell}|${escape}\\)|[ -/]*[0-~])`,
  "g",
);
/** Of 7 and of 8 bits; line feed and tab are none. */
const control = /(?![\n\t])\p{Cc}/gu;

/** Text without control characters, and without sequences of them where these are whole. Line feeds and tabs stay. */
export function plainText(text: string): string {
  return text.replace(sequence, "").replace(control, "");
}

/** The same as one line: line feeds and tabs become a space. */
export function plainLine(text: string): string {
  return plainText(text).replace(/[\n\t]/g, " ");
}
