// Keeps the addresses beside the authority: who the cluster is and where it is found outlive the database. Whole or not at all.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { OzError } from "#core/errors.ts";
import { privateDirectory, writeDurably } from "../store/durable-file.ts";
import type { AddressList } from "./address-list.ts";

const kept = z.array(z.object({ at: z.string(), since: z.number() }));
const schema = z.object({
  port: z.number().optional(),
  advertised: z.array(z.string()).nullable(),
  present: kept,
  old: kept,
  hosts: z.record(z.string(), z.string()),
});

/** Undefined when none were kept yet. Throws precondition when the file is damaged. */
export function readAddresses(pkiDir: string): AddressList | undefined {
  const path = pathIn(pkiDir);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new OzError("precondition", `${path} is damaged`, {
      hint: "Restore it from a backup, or remove it and set the addresses again: ozwald-controlplane address set …",
      cause,
    });
  }
}

export function writeAddresses(pkiDir: string, list: AddressList): void {
  privateDirectory(pkiDir);
  writeDurably(pathIn(pkiDir), `${JSON.stringify(list, null, 2)}\n`);
}

function pathIn(pkiDir: string): string {
  return join(pkiDir, "addresses.json");
}
