// What an error of SQLite means for the store: a full disk heals, a failing disk ends the program.
import { OzError } from "#core/errors.ts";

/** full: nothing changed, try again when there is space. fatal: the file can no longer be trusted from this process. */
export type Trouble = "full" | "fatal";

export function sqliteTrouble(error: unknown): Trouble | undefined {
  if (error instanceof OzError) return error.code === "store_failed" ? "fatal" : undefined;
  const code: unknown = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  if (typeof code !== "string") return undefined;
  // SHMSIZE: the shared index could not grow. It holds nothing durable, so that too is only a full disk.
  if (code === "SQLITE_FULL" || code === "SQLITE_IOERR_SHMSIZE" || code === "ENOSPC" || code === "EDQUOT")
    return "full";
  return /^SQLITE_(IOERR|CORRUPT|NOTADB|READONLY|CANTOPEN|NOMEM)/.test(code) ? "fatal" : undefined;
}

/** The error to show for a trouble. path: the database file. */
export function troubleError(trouble: Trouble, path: string, cause: unknown): OzError {
  if (cause instanceof OzError) return cause;
  const why = cause instanceof Error ? `${cause.message}${codeOf(cause)}` : String(cause);
  if (trouble === "full") {
    return new OzError("disk_full", `the disk under ${path} is full; nothing was changed (${why})`, {
      hint: "Free some space there and try again; nothing needs a restart.",
      cause,
    });
  }
  return new OzError("store_failed", `the database ${path} failed: ${why}`, {
    hint: "Look at the disk (dmesg, smartctl), then start again. If it is damaged, restore a backup from the folder backups beside it.",
    cause,
  });
}

function codeOf(error: Error): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" ? `, ${code}` : "";
}
