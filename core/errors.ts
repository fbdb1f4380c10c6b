// The one error class and the one table of codes. docs/errors.md is checked against this table by tests/errors-doc.test.ts.

/** What a code means on the wire (gRPC status number), for the shell (exit code) and in words. */
export type ErrorCodeRow = { readonly rpc: number; readonly exit: 1 | 2; readonly doc: string };

export const errorCodes = {
  bad_request: { rpc: 3, exit: 2, doc: "The request itself is wrong: a missing or malformed value." },
  settings_invalid: { rpc: 3, exit: 2, doc: "The settings have problems; each is listed with file, line and column." },
  not_found: {
    rpc: 5,
    exit: 2,
    doc: "A service, instance, variety, profile, host or operation of that name does not exist.",
  },
  already_exists: { rpc: 6, exit: 1, doc: "The name is taken by something else." },
  conflict: { rpc: 10, exit: 1, doc: "The state moved on since it was read; plan again." },
  unauthenticated: { rpc: 16, exit: 1, doc: "No credential was sent, or it is wrong, used up, expired or revoked." },
  permission_denied: { rpc: 7, exit: 1, doc: "The credential is good and does not allow this." },
  precondition: { rpc: 9, exit: 1, doc: "The present state does not allow this." },
  not_supported: { rpc: 12, exit: 2, doc: "The settings or the request ask for something this version does not do." },
  cursor_too_old: { rpc: 11, exit: 1, doc: "The watch asks for history that is no longer kept; list again." },
  disk_full: { rpc: 8, exit: 1, doc: "A disk is full; nothing was changed." },
  limit: { rpc: 8, exit: 1, doc: "A size, count or rate limit was reached." },
  unavailable: { rpc: 14, exit: 1, doc: "The control plane, the agent or the host cannot be reached." },
  engine_unavailable: { rpc: 14, exit: 1, doc: "The container engine of a host does not answer." },
  engine_refused: { rpc: 9, exit: 1, doc: "The container engine refused what it was asked to do." },
  image_missing: { rpc: 9, exit: 1, doc: "The image does not exist in its registry, or only on another host." },
  registry_refused: { rpc: 9, exit: 1, doc: "The registry refused the credentials, or wants some." },
  registry_unreachable: { rpc: 14, exit: 1, doc: "The registry of an image cannot be reached, or is busy." },
  port_taken: { rpc: 9, exit: 1, doc: "Something else listens on the port." },
  store_locked: { rpc: 9, exit: 1, doc: "Another control plane has the state directory open." },
  store_newer: { rpc: 9, exit: 1, doc: "The state was written by a newer version; this one will not touch it." },
  store_failed: { rpc: 14, exit: 1, doc: "The disk failed under the store; the program stops so that it can recover." },
  fenced: { rpc: 9, exit: 1, doc: "The host obeys another history of the control plane." },
  timeout: { rpc: 4, exit: 1, doc: "It took longer than its limit." },
  cancelled: { rpc: 1, exit: 1, doc: "Somebody ended it." },
  failed: { rpc: 9, exit: 1, doc: "What was wanted ended in failure; the message says which part." },
  internal: { rpc: 13, exit: 1, doc: "A mistake in Ozwald. Please report it with the log." },
} as const satisfies Record<string, ErrorCodeRow>;

export type ErrorCode = keyof typeof errorCodes;

/** An error that a person can act on: message says what, where and why; hint says what to try. */
export class OzError extends Error {
  override readonly name = "OzError";
  readonly code: ErrorCode;
  readonly hint: string;
  /** The port that a port_taken is about; undefined when that is not known. */
  readonly port: number | undefined;
  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string | undefined; port?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? "";
    this.port = options.port;
  }
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCodes, text);
}

/** Turns whatever was thrown into an OzError. Use at borders only. */
export function toOzError(thrown: unknown, fallback: ErrorCode = "internal"): OzError {
  if (thrown instanceof OzError) return thrown;
  if (thrown instanceof Error) {
    if (thrown.name === "AbortError") return new OzError("cancelled", thrown.message, { cause: thrown });
    const code = (thrown as { code?: unknown }).code;
    if (code === "ENOSPC" || code === "EDQUOT" || code === "SQLITE_FULL") {
      return new OzError("disk_full", thrown.message, { hint: "Free some space and try again.", cause: thrown });
    }
    return new OzError(fallback, thrown.message, { cause: thrown });
  }
  return new OzError(fallback, String(thrown));
}
