// Reads one YAML text into plain values, and tells for any path in them where it was written.
// The values are made here rather than by the library: its own alias and duplicate checks are quadratic in hostile files.
import { isAlias, isMap, isScalar, isSeq, type Pair, parseDocument, type Scalar, type YAMLMap } from "yaml";
import { maxFileBytes } from "./limits.ts";
import { plainValue, type Resolved } from "./plain-value.ts";
import { formatPath, type Path, type Position, type ProblemList } from "./problem.ts";

export type YamlSource = {
  readonly name: string;
  /** Plain values; undefined when the text could not be read. */
  readonly value: unknown;
  /** Line and column, from 1. A path that was not written gives the nearest that was. */
  position(path: Path, part?: "key" | "value"): Position;
  /** The characters of a scalar as written: "0.90" where the value is 0.9. */
  written(path: Path): string | undefined;
};

/** Reads a text. What is wrong with it goes to `problems`; then its value is undefined, except after duplicate keys. Never throws. */
export function readYaml(name: string, text: string, problems: ProblemList): YamlSource {
  const start = { line: 1, column: 1 };
  const unreadable: YamlSource = { name, value: undefined, position: () => start, written: () => undefined };
  const bytes = Buffer.byteLength(text);
  if (bytes > maxFileBytes) {
    problems.addAt(
      name,
      start,
      `the file has ${bytes} bytes, at most ${maxFileBytes} are read`,
      "Split it into several files.",
    );
    return unreadable;
  }
  try {
    return readDocument(name, text, problems) ?? unreadable;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    problems.addAt(name, start, "it is nested too deeply to be read");
    return unreadable;
  }
}

function readDocument(name: string, text: string, problems: ProblemList): YamlSource | undefined {
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, version: "1.2" });
  const at = positionsIn(text);
  for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
    const [said, hint] =
      code === "MULTIPLE_DOCS"
        ? ["a second document begins here", "Put it into a file of its own."]
        : [`YAML: ${message}`, ""];
    problems.addAt(name, at(pos[0]), said, hint);
  }
  if (document.errors.length + document.warnings.length > 0) return undefined;
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) {
    problems.addAt(
      name,
      at(0),
      "Empty or invalid YAML configuration",
      "A settings file holds keys such as services: and hosts:.",
    );
    return undefined;
  }
  if (!isMap(root)) {
    problems.addAt(
      name,
      at(root.range?.[0] ?? 0),
      "Empty or invalid YAML configuration: it must be a map of keys",
      "Begin with a key such as services:.",
    );
    return undefined;
  }
  const { value, targets } = plainValue(root, (node, path, message, hint) => {
    const position = at(node?.range?.[0] ?? 0);
    problems.addAt(name, position, path.length === 0 ? message : `${formatPath(path)}: ${message}`, hint);
  });
  return { name, value, ...lookups(root, targets, at) };
}

/** Line and column of an offset. The library's own counter loses its place after some syntax errors. */
function positionsIn(text: string): (offset: number) => Position {
  const starts = [0];
  for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) starts.push(i + 1);
  return (written) => {
    const offset = Math.min(Math.max(0, written), text.length);
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

function lookups(
  root: YAMLMap,
  targets: ReadonlyMap<unknown, Resolved>,
  at: (offset: number) => Position,
): Pick<YamlSource, "position" | "written"> {
  const indexes = new WeakMap<YAMLMap, Map<string, Pair>>();
  const indexOf = (map: YAMLMap): Map<string, Pair> => {
    const known = indexes.get(map);
    if (known !== undefined) return known;
    const index = new Map<string, Pair>();
    indexes.set(map, index);
    for (const pair of map.items) {
      if (keyText(pair) !== "<<") index.set(keyText(pair), pair);
    }
    for (const merged of map.items
      .filter((pair) => keyText(pair) === "<<")
      .flatMap((pair) => mergedMaps(pair.value, targets))) {
      for (const [key, pair] of indexOf(merged)) if (!index.has(key)) index.set(key, pair);
    }
    return index;
  };
  const find = (path: Path): { key: unknown; node: unknown; whole: boolean } => {
    let [key, node]: [unknown, unknown] = [root, root];
    for (const step of path) {
      const inside = resolve(node, targets);
      const next: [unknown, unknown] | undefined = isMap(inside)
        ? pairOf(indexOf(inside).get(String(step)))
        : isSeq(inside)
          ? [inside.items[Number(step)], inside.items[Number(step)]]
          : undefined;
      if (next === undefined || next[0] === undefined) return { key, node, whole: false };
      [key, node] = next;
    }
    return { key, node, whole: true };
  };
  return {
    position: (path, part = "value") => {
      const { key, node } = find(path);
      return at(startOf(part === "key" ? key : node) ?? startOf(key) ?? 0);
    },
    written: (path) => {
      const { node, whole } = find(path);
      const scalar = resolve(node, targets);
      return whole && isScalar(scalar) ? (scalar as Scalar & { source?: string }).source : undefined;
    },
  };
}

function pairOf(pair: Pair | undefined): [unknown, unknown] | undefined {
  return pair === undefined ? undefined : [pair.key, pair.value ?? pair.key];
}

function startOf(node: unknown): number | undefined {
  return (node as { range?: [number, number, number] | null } | null)?.range?.[0];
}

function resolve(node: unknown, targets: ReadonlyMap<unknown, Resolved>): unknown {
  return isAlias(node) ? targets.get(node) : node;
}

function mergedMaps(value: unknown, targets: ReadonlyMap<unknown, Resolved>): YAMLMap[] {
  const node = resolve(value, targets);
  const nodes = isSeq(node) ? node.items.map((item) => resolve(item, targets)) : [node];
  return nodes.filter((item) => isMap(item));
}

/** The key of a pair as text; "" for one that is no scalar, which is refused elsewhere. */
export function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : "";
}
