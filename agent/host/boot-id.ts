// Which start of the machine this is. Two agents of one host id with two boot ids are a clone.
import { readFile } from "node:fs/promises";
import { OzError } from "#core/errors.ts";

/** The kernel's boot id. procRoot: where /proc of the host is. */
export async function readBootId(procRoot = "/proc"): Promise<string> {
  const path = `${procRoot}/sys/kernel/random/boot_id`;
  try {
    const id = (await readFile(path, "utf8")).trim();
    if (/^[0-9a-f-]{36}$/.test(id)) return id;
    throw new Error(`it holds ${JSON.stringify(id.slice(0, 60))}`);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new OzError("precondition", `The boot id of this machine cannot be read from ${path}: ${why}.`, {
      cause: thrown,
    });
  }
}
