// The licence texts of everything that is in the executable and in ozctl's package, as those licences ask.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot as root } from "./lib/repository.ts";

/** `files` are what was bundled, as esbuild names its inputs; `packages` are folders in node_modules beside those. */
export function notices(files: Iterable<string>, packages: readonly string[]): string {
  const folders = new Set(packages);
  for (const file of files) {
    // Up to the last one: a package may hold packages of its own.
    const folder = /node_modules\/((?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
    if (folder !== undefined) folders.add(folder);
  }
  const texts = [...folders].map(notice).toSorted();
  return `Ozwald is under the GNU Affero General Public License v3. It holds these:\n\n${texts.join("\n")}`;
}

function notice(name: string): string {
  const folder = path.join(root, "node_modules", name);
  const facts = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as PackageFacts;
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
    .toSorted()
    .map((file) => readFileSync(path.join(folder, file), "utf8").trim());
  if (texts.length === 0 && facts.license === undefined) throw new Error(`${folder} does not say its licence`);
  const title = `== ${facts.name} ${facts.version} (${facts.license ?? "see below"})`;
  const author = typeof facts.author === "string" ? facts.author : facts.author?.name;
  const body = texts.length > 0 ? texts.join("\n\n") : `by ${author ?? facts.name}; it brings no text of its licence`;
  return `${title}\n\n${body}\n`;
}

type PackageFacts = {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly author?: string | { readonly name: string };
};
