// One control plane per state directory. The lock is the kernel's, held through an SQLite file of its own: kill -9 releases it, and
// unlike an abstract socket it also holds between containers that share the directory.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { OzError } from "#core/errors.ts";

/**
 * Locks a state directory until disposed or until the process ends, however it ends.
 * Throws store_locked at once when somebody else holds it, naming the process.
 */
export function lockState(dir: string, nativeBinding?: object): Disposable {
  const pidPath = join(dir, "controlplane.pid");
  const lock = new Database(join(dir, "controlplane.lock"), {
    timeout: 0,
    ...(nativeBinding === undefined ? {} : { nativeBinding: nativeBinding as unknown as string }),
  });
  try {
    lock.exec("begin exclusive");
  } catch (error) {
    lock.close();
    if ((error as { code?: unknown }).code !== "SQLITE_BUSY") throw error;
    const pid = holder(pidPath);
    throw new OzError(
      "store_locked",
      `the state directory ${dir} is in use by ${pid === undefined ? "another process" : `process ${pid}`}.`,
      {
        hint:
          pid === undefined
            ? `See who: fuser ${lock.name}`
            : `See what it is: ps -p ${pid}. Stop it, or give this one another state directory.`,
        cause: error,
      },
    );
  }
  try {
    // Only for the message above; the lock does not depend on it, so a full disk is no reason to stop.
    writeFileSync(pidPath, `${process.pid}\n`, { mode: 0o600 });
  } catch {}
  return { [Symbol.dispose]: () => void lock.close() };
}

function holder(pidPath: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(pidPath, "utf8"), 10);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
