// Variables of Compose files: $NAME, ${NAME}, with defaults, alternatives and refusals. $$ is a dollar.
import { Replaced } from "./replaced-value.ts";

export type Variables = Readonly<Record<string, string | undefined>>;

/** Most levels of defaults within defaults; what lies deeper stays as it is written. */
const maxDepth = 20;

/**
 * Every text of a tree with its variables replaced. missing is told of each variable that has no value, and of why it matters; without a
 * name, of what looks like a variable and is none.
 */
export function interpolateTree(
  value: unknown,
  variables: Variables,
  missing: (name: string, path: string, message: string) => void,
  path = "",
): unknown {
  if (typeof value === "string") return interpolate(value, variables, (name, message) => missing(name, path, message));
  if (value instanceof Replaced) return new Replaced(interpolateTree(value.value, variables, missing, path));
  if (Array.isArray(value)) {
    return value.map((each, i) => interpolateTree(each, variables, missing, `${path}[${i}]`));
  }
  if (typeof value !== "object" || value === null) return value;
  const within = (key: string) => (path === "" ? key : `${path}.${key}`);
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      path === "" && key.startsWith("x-") ? each : interpolateTree(each, variables, missing, within(key)),
    ]),
  );
}

/** One text with its variables replaced; a variable without a value becomes the empty text. */
export function interpolate(
  text: string,
  variables: Variables,
  missing: (name: string, message: string) => void,
  depth = 0,
): string {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "$") {
      out += text[i];
      continue;
    }
    const rest = text.slice(i + 1);
    const plain = /^[A-Za-z_][A-Za-z0-9_]*/.exec(rest)?.[0];
    const end = rest.startsWith("{") && depth < maxDepth ? closing(text, i + 2) : undefined;
    if (rest.startsWith("$")) {
      out += "$";
      i += 1;
    } else if (plain !== undefined) {
      out += valueOf(plain, "", "", variables, missing, depth);
      i += plain.length;
    } else if (end !== undefined) {
      const [, name = "", sign = "", word = ""] =
        /^([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])(.*))?$/s.exec(text.slice(i + 2, end)) ?? [];
      const whole = text.slice(i, end + 1);
      if (name === "") missing("", whole);
      out += name === "" ? whole : valueOf(name, sign, word, variables, missing, depth);
      i = end;
    } else {
      if (rest.startsWith("{")) missing("", text.slice(i));
      out += "$";
    }
  }
  return out;
}

function valueOf(
  name: string,
  sign: string,
  word: string,
  variables: Variables,
  missing: (name: string, message: string) => void,
  depth: number,
): string {
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  // With a colon, an empty value counts as none.
  const set = value !== undefined && !(sign.startsWith(":") && value === "");
  const expanded = () => interpolate(word, variables, missing, depth + 1);
  if (sign.endsWith("+")) return set ? expanded() : "";
  if (set) return value;
  if (sign.endsWith("-")) return expanded();
  missing(name, sign.endsWith("?") ? expanded() : "");
  return "";
}

/** Index of the brace that closes what begins at from; undefined when there is none. */
function closing(text: string, from: number): number | undefined {
  let depth = 1;
  for (let i = from; i < text.length; i++) {
    if (text[i] === "$" && text[i + 1] === "{") depth += 1;
    if (text[i] === "}" && --depth === 0) return i;
  }
  return undefined;
}
