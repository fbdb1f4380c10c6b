// Answers of the REST interface: a status and a JSON body, errors in the shape of the original's framework plus code and hint.
import { type ErrorCode, OzError } from "#core/errors.ts";

export type RestReply = {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

const statusOfCode: Readonly<Record<ErrorCode, number>> = {
  bad_request: 400,
  settings_invalid: 400,
  not_found: 404,
  already_exists: 409,
  conflict: 409,
  unauthenticated: 401,
  permission_denied: 403,
  precondition: 409,
  not_supported: 501,
  cursor_too_old: 410,
  disk_full: 507,
  limit: 429,
  unavailable: 503,
  engine_unavailable: 503,
  engine_refused: 409,
  image_missing: 409,
  registry_refused: 409,
  registry_unreachable: 503,
  port_taken: 409,
  store_locked: 503,
  store_newer: 503,
  store_failed: 503,
  fenced: 409,
  timeout: 504,
  cancelled: 503,
  failed: 409,
  internal: 500,
};

/** An error answer. `detail` is what clients of the original read. */
export function refusal(
  status: number,
  code: ErrorCode,
  detail: string,
  hint = "",
  headers: Readonly<Record<string, string>> = {},
): RestReply {
  return { status, body: { detail, code, hint }, headers };
}

/** The answer to a missing or wrong key, word for word as the original gives it. */
export const notAuthenticated: RestReply = {
  status: 401,
  body: { detail: "Invalid authentication credentials" },
  headers: { "www-authenticate": "Bearer" },
};

/** The answer to an error of the backend. An error that is no OzError is a mistake of ours and tells the caller nothing more. */
export function replyToError(error: unknown): RestReply {
  if (!(error instanceof OzError) || error.code === "internal") {
    return refusal(500, "internal", "The control plane made a mistake; its log says more.");
  }
  return refusal(statusOfCode[error.code], error.code, error.message, error.hint);
}
