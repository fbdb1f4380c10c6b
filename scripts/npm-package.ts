// The package of ozctl for laptops: one file that Node 20 runs on any system, packed by npm itself.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot as root } from "./lib/repository.ts";

/** Oldest Node it runs on: that of util.styleText with a stream. */
export const oldestNode = "20.18";

/** Packs bundle (a CommonJS file) below work, with the notices of what is in it; returns the path of ozctl-VERSION.tgz. */
export function packOzctl(work: string, bundle: string, notices: string): string {
  const folder = path.join(work, "package");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.join(folder, "bin"), { recursive: true });
  const program = path.join(folder, "bin", "ozctl.js");
  writeFileSync(program, `#!/usr/bin/env node\n${readFileSync(bundle, "utf8")}`);
  chmodSync(program, 0o755);
  copyFileSync(path.join(root, "LICENSE"), path.join(folder, "LICENSE"));
  writeFileSync(path.join(folder, "NOTICES"), notices);
  copyFileSync(path.join(root, "packaging", "ozctl", "README.md"), path.join(folder, "README.md"));
  const { version, license } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as PackageFacts;
  const manifest = {
    name: "ozctl",
    version,
    description: "The command line of Ozwald",
    license,
    bin: { ozctl: "bin/ozctl.js" },
    engines: { node: `>=${oldestNode}` },
    // Never published by accident: control planes give it away.
    private: true,
  };
  writeFileSync(path.join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const words = ["pack", "--silent", "--offline", "--ignore-scripts", "--pack-destination", work];
  execFileSync("npm", words, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  return path.join(work, `ozctl-${version}.tgz`);
}

type PackageFacts = { readonly version: string; readonly license: string };

/** Copies it beside the executable, in place of that of another version. */
export function placePackage(packed: string, folder: string): void {
  for (const name of readdirSync(folder)) if (/^ozctl-.*\.tgz$/.test(name)) rmSync(path.join(folder, name));
  copyFileSync(packed, path.join(folder, path.basename(packed)));
}
