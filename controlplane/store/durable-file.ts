// Files that are either the old one or the new one, whatever happens in between.
import { closeSync, fchmodSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Writes a file under a temporary name, syncs it, gives it its name and syncs the directory. mode: default 0600. */
export function writeDurably(path: string, content: string | Uint8Array, mode = 0o600): void {
  const partial = `${path}.${process.pid}.partial`;
  try {
    const fd = openSync(partial, "w", mode);
    try {
      fchmodSync(fd, mode); // the umask does not decide
      const bytes = typeof content === "string" ? Buffer.from(content) : content;
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  syncPath(dirname(path));
}

/** Syncs a file or a directory that somebody else wrote. */
export function syncPath(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes a directory that only its owner can enter. */
export function privateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}
