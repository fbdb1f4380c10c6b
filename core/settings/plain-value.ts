// Turns YAML nodes into plain values: anchors, merge keys, duplicate keys, and a bound on what aliases may blow up to.
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar, type YAMLMap, type YAMLSeq } from "yaml";
import { suggestion } from "../names.ts";
import { maxFileBytes } from "./limits.ts";
import type { Path } from "./problem.ts";

/** What an alias stands for. */
export type Resolved = Scalar | YAMLMap | YAMLSeq;

/** Values in a file after every alias is replaced by what it stands for. */
const maxValues = 250_000;
/** Characters of their texts and keys then. */
const maxLength = 2 * maxFileBytes;
/** Levels of lists and maps inside each other. */
const maxDepth = 100;

type Report = (node: Node | undefined, path: Path, message: string, hint?: string) => void;
type Sized = { readonly value: unknown; readonly size: number; readonly length: number };
type Walk = {
  readonly report: Report;
  readonly anchors: Map<string, Resolved>;
  readonly done: Map<unknown, Sized>;
  readonly targets: Map<unknown, Resolved>;
  merged: number;
};

/** Plain values of a document, and what each alias resolved to. Text, numbers, booleans and null are as YAML 1.2 has them. */
export function plainValue(root: YAMLMap, report: Report): { value: unknown; targets: ReadonlyMap<unknown, Resolved> } {
  const walk: Walk = { report, anchors: new Map(), done: new Map(), targets: new Map(), merged: 0 };
  const { value, size, length } = plain(root, [], walk);
  const refused = (what: string, most: string, hint: string) => {
    report(root, [], `its aliases stand for ${what}, at most ${most} are read`, hint);
    return { value: undefined, targets: walk.targets };
  };
  if (size > maxValues) return refused(`${size} values`, `${maxValues}`, "Use fewer aliases of aliases.");
  if (length > maxLength)
    return refused(`${length} characters`, `${maxLength}`, "Use fewer aliases of long texts, or an env_file.");
  return { value, targets: walk.targets };
}

const nothing: Sized = { value: null, size: 1, length: 0 };

function plain(node: unknown, path: Path, walk: Walk): Sized {
  if (isAlias(node)) {
    const target = walk.anchors.get(node.source);
    const known = target === undefined ? undefined : walk.done.get(target);
    if (target === undefined)
      walk.report(node, path, `no anchor &${node.source} before this`, suggestion(node.source, walk.anchors.keys()));
    else if (known === undefined) walk.report(node, path, `*${node.source} stands inside what it stands for`);
    if (target === undefined || known === undefined) return nothing;
    walk.targets.set(node, target);
    return known;
  }
  if (!isScalar(node) && !isMap(node) && !isSeq(node)) return nothing;
  if (path.length === maxDepth) {
    walk.report(node, path.slice(0, 1), "it is nested too deeply to be read");
    return nothing;
  }
  if (node.anchor !== undefined) walk.anchors.set(node.anchor, node);
  const sized = isScalar(node)
    ? { value: node.value, size: 1, length: typeof node.value === "string" ? node.value.length : 0 }
    : isMap(node)
      ? plainMap(node, path, walk)
      : plainList(node, path, walk);
  walk.done.set(node, sized);
  return sized;
}

function plainList(node: YAMLSeq, path: Path, walk: Walk): Sized {
  const items = node.items.map((item, i) => plain(item, [...path, i], walk));
  const sum = (of: "size" | "length", first: number) => items.reduce((all, item) => all + item[of], first);
  return { value: items.map((item) => item.value), size: sum("size", 1), length: sum("length", 0) };
}

function plainMap(node: YAMLMap, path: Path, walk: Walk): Sized {
  const own = new Map<string, unknown>();
  const merged = new Map<string, unknown>();
  let [size, length] = [1, 0];
  for (const pair of node.items as Pair<Node, Node>[]) {
    const key = keyOf(pair, path, walk);
    if (key === undefined) continue;
    const { value, size: added, length: text } = plain(pair.value, [...path, key], walk);
    size += added;
    length += key.length + text;
    if (key === "<<") {
      // The root is refused for its size later; until then the copies must not cost more than that.
      walk.merged += added;
      const copies = walk.merged > maxValues ? [] : mergeEntries(value, pair, path, walk);
      if (walk.merged > maxValues) size = maxValues + 1;
      for (const [name, inner] of copies) merged.set(name, merged.has(name) ? merged.get(name) : inner);
    } else if (own.has(key)) walk.report(pair.key, [...path, key], "the key is written twice", "Remove one of them.");
    else own.set(key, value);
  }
  return { value: Object.fromEntries([...own, ...[...merged].filter(([key]) => !own.has(key))]), size, length };
}

function keyOf(pair: Pair<Node, Node>, path: Path, walk: Walk): string | undefined {
  const { key } = pair;
  const plainKey = isScalar(key) ? String(key.value) : undefined;
  if (plainKey !== undefined && plainKey !== "__proto__") return plainKey;
  walk.report(isScalar(key) || isMap(key) || isSeq(key) || isAlias(key) ? key : undefined, path, "a key must be text");
  return undefined;
}

function mergeEntries(value: unknown, pair: Pair<Node, Node>, path: Path, walk: Walk): [string, unknown][] {
  const maps = Array.isArray(value) ? value : [value];
  if (maps.every((map) => typeof map === "object" && map !== null && !Array.isArray(map)))
    return maps.flatMap((map) => Object.entries(map as object));
  walk.report(pair.key, path, "<< takes a map or a list of maps");
  return [];
}
