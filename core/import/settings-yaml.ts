// Imported settings as tidy YAML: short things on one line, and above each service what was not carried over.
import { Document, isCollection, isMap, isPair, isSeq, visit } from "yaml";
import type { Imported } from "./compose.ts";
import type { ImportNote } from "./notes.ts";

/** A collection that fits within so many characters stands on one line. */
const oneLine = 96;

/** Text of a settings file. madeBy is the command line that made it. */
export function settingsYaml({ settings, notes }: Imported, madeBy: string): string {
  const document = new Document(settings, { version: "1.2" });
  visit(document, {
    Collection: (key, node, path) => {
      const inService = path.length > 3;
      const declaration =
        isPair(path.at(-1)) && path.some((each) => isPair(each) && String(each.key) === "volumes") && !inService;
      const instance = isMap(node) && path.some((each) => isPair(each) && String(each.key) === "instances");
      if (!inService && !instance && !declaration) return undefined;
      if (key === null || node.items.length === 0 || !isPlain(node)) return undefined;
      if (JSON.stringify(node.toJSON()).length <= oneLine) node.flow = true;
      return undefined;
    },
  });
  const about = (service: string) => notes.filter((note) => note.service === service);
  const services = document.get("services");
  if (isSeq(services)) {
    for (const [i, item] of services.items.entries()) {
      if (!isMap(item)) continue;
      const lines = about(String(item.get("name"))).map(noteLine);
      if (lines.length > 0) item.commentBefore = lines.join("\n");
      if (i > 0) item.spaceBefore = true;
    }
  }
  for (const pair of isMap(document.contents) ? document.contents.items.slice(1) : [])
    if (typeof pair.key === "object" && pair.key !== null) (pair.key as { spaceBefore?: boolean }).spaceBefore = true;
  const named = new Set(settings.services.map(({ name }) => name));
  const loose = notes.filter(({ service }) => !named.has(service));
  document.commentBefore = [
    ` Made by: ${madeBy}`,
    " Read it, then: ozctl check, ozctl plan, ozctl apply",
    ...loose.map(noteLine),
  ].join("\n");
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

/** A comment of one line: " key: text". */
function noteLine({ key, text }: ImportNote): string {
  return ` ${key === "" ? "" : `${key}: `}${text}`.replaceAll(/[\r\n\u0085\u2028\u2029]+/g, " ");
}

/** Without maps in lists and lists in maps deeper than a glance. */
function isPlain(node: unknown): boolean {
  if (!isCollection(node)) return true;
  return node.items.every(
    (item) => !isCollection(isPair(item) ? item.value : item) || isSeq(isPair(item) ? item.value : item),
  );
}
