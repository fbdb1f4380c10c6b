// The start is most of the time of a short command, so what it loads is fixed here: the benches measure what this keeps true.
import { build, type Metafile } from "esbuild";
import { beforeAll, expect, test } from "vitest";

let inputs: Metafile["inputs"];
beforeAll(async () => {
  const { metafile } = await build({
    entryPoints: ["cli/main.ts"],
    bundle: true,
    platform: "node",
    format: "cjs",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  inputs = metafile.inputs;
});

/** Packages and folders that are loaded with a file, without what is loaded later. */
function loadedWith(entry: string): Set<string> {
  const seen = new Set<string>();
  const walk = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { path, kind, external } of inputs[file]?.imports ?? [])
      if (!external && kind !== "dynamic-import") walk(path);
  };
  walk(entry);
  return new Set(
    Array.from(
      seen,
      (file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file.split("/").slice(0, 2).join("/"),
    ),
  );
}

test("`ozctl version` loads nothing but its own few files", () => {
  expect(
    [...loadedWith("cli/main.ts")].filter((part) => !part.startsWith("cli/") && !part.startsWith("core/")),
  ).toEqual([]);
});

test("`ozctl ps` loads the parser of its words and no descriptors", () => {
  const loaded = loadedWith("cli/commands/ps.ts");
  expect([...loaded].filter((part) => !part.startsWith("cli/") && !part.startsWith("core/"))).toEqual(["commander"]);
});

test("connect-node, yaml and zod are loaded by nobody at once", () => {
  for (const file of Object.keys(inputs).filter(
    (name) => name.startsWith("cli/") && !name.endsWith("bidi-client.ts"),
  )) {
    for (const heavy of ["@connectrpc/connect-node", "@connectrpc/connect", "yaml", "zod"])
      expect([...loadedWith(file)], file).not.toContain(heavy);
  }
});

test("no built-in is imported late: import() of node:http makes a lazy WebSocket, and with it all of undici", () => {
  const late = Object.values(inputs).flatMap(({ imports }) =>
    imports.filter(({ kind, path }) => kind === "dynamic-import" && path.startsWith("node:")),
  );
  expect(late).toEqual([]);
});
