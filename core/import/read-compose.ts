// The text of a Compose file as data, and where in it each key stands.
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  Scalar,
  visit,
} from "yaml";
import { OzError } from "../errors.ts";
import type { NoteList } from "./notes.ts";
import { Replaced } from "./replaced-value.ts";

export type ComposeFile = {
  readonly value: unknown;
  /** Place of a key such as "services.web.ports[0]" as "file:line:column"; of what it is in when it has none of its own. */
  readonly place: (key: string) => string | undefined;
};

/** More text than this is no Compose file. In characters. */
const maxText = 1 << 20;
/** More levels than this are a mistake. */
const maxDepth = 50;

/** Throws bad_request with file, line and column for text that cannot be read. */
export function readCompose({ name, text }: { name: string; text: string }, notes: NoteList): ComposeFile {
  const lines = new LineCounter();
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const refuse = (where: string, why: string, cause?: unknown): never => {
    throw new OzError("bad_request", `${where}: this is no Compose file that can be read: ${why}`, { cause });
  };
  if (text.length > maxText) return refuse(name, "it has more than 1 MiB");
  const options = { merge: true, logLevel: "silent", lineCounter: lines, prettyErrors: false } as const;
  const [document, second] = [...parseAllDocuments(text, options)] as Document.Parsed[];
  if (document === undefined) return { value: undefined, place: () => undefined };
  if (second !== undefined) return refuse(at(second.range[0]), "a second document begins here, and Compose reads one");
  const [error] = document.errors;
  if (error !== undefined) return refuse(at(error.pos[0]), error.message, error);
  for (const { message, pos } of document.warnings)
    if (!/^Unresolved tag: !(reset|override)$/.test(message)) notes.add("not carried", at(pos[0]), `${message}.`);
  let value: unknown;
  try {
    keepWholeNumbers(document);
    markReplaced(document);
    value = document.toJS() as unknown;
  } catch (thrown) {
    return refuse(at(unreadable(document)), (thrown as Error).message.split("\n")[0] ?? "", thrown);
  }
  if (!isShallow(value)) return refuse(name, `it is deeper than ${maxDepth} levels, or holds itself`);
  const places = new Map<string, number>();
  collect(document.contents, "", places);
  return {
    value,
    place(key) {
      for (
        let end = key.length;
        end > 0;
        end = Math.max(key.lastIndexOf(".", end - 1), key.lastIndexOf("[", end - 1))
      ) {
        const offset = places.get(key.slice(0, end));
        if (offset !== undefined) return at(offset);
      }
      return undefined;
    },
  };
}

/**
 * Whole numbers that would lose digits, such as the ids of chats, stay text; those that begin with 0 are octal, as Compose has them. A mode
 * is only ever shown, and stays as people write modes.
 */
function keepWholeNumbers(document: Document.Parsed): void {
  visit(document, {
    Scalar(_key, node, path) {
      const { value, source = "" } = node;
      if (typeof value !== "number" || !/^[-+]?\d+$/.test(source)) return;
      const pair = path.at(-1);
      const isMode = isPair(pair) && isScalar(pair.key) && pair.key.value === "mode";
      if (/^[-+]?0[0-7]+$/.test(source)) node.value = isMode ? source : Number.parseInt(source, 8);
      else if (!Number.isSafeInteger(value)) node.value = source;
    },
  });
}

/** Puts Replaced in the place of what is tagged !reset or !override. */
function markReplaced(document: Document.Parsed): void {
  const unlessTagged = (
    _key: unknown,
    node: { tag?: string; range?: Scalar["range"]; toJS(of: Document): unknown },
  ) => {
    if (node.tag !== "!reset" && node.tag !== "!override") return undefined;
    const marked = new Scalar(new Replaced(node.tag === "!reset" ? undefined : node.toJS(document)));
    marked.range = node.range ?? null;
    return marked;
  };
  visit(document, { Scalar: unlessTagged, Map: unlessTagged, Seq: unlessTagged });
}

/** Offset of an alias without an anchor, or of a merge of something else than maps; else the start. */
function unreadable(document: Document.Parsed): number {
  let found = 0;
  visit(document, {
    Alias: (_key, node) => {
      if (node.resolve(document) !== undefined) return undefined;
      found = node.range?.[0] ?? 0;
      return visit.BREAK;
    },
    Pair: (_key, { key, value }) => {
      if (!isScalar(key) || key.source !== "<<" || isMap(value) || isAlias(value) || isSeq(value)) return undefined;
      found = key.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return found;
}

function collect(node: unknown, path: string, places: Map<string, number>): void {
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      if (!isScalar(key)) continue;
      const own = path === "" ? String(key.value) : `${path}.${String(key.value)}`;
      places.set(own, key.range?.[0] ?? 0);
      collect(value, own, places);
    }
  } else if (isSeq(node)) {
    for (const [i, item] of node.items.entries()) {
      if (isNode(item)) places.set(`${path}[${i}]`, item.range?.[0] ?? 0);
      collect(item, `${path}[${i}]`, places);
    }
  }
}

/** False for what is too deep, or goes round in a circle. */
function isShallow(value: unknown, depth = 0): boolean {
  if (value instanceof Replaced) return isShallow(value.value, depth + 1);
  if (typeof value !== "object" || value === null) return true;
  return depth < maxDepth && Object.values(value).every((each) => isShallow(each, depth + 1));
}
