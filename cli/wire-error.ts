// An error answer of the API back into an OzError: the code and hint of its ErrorDetail, every problem of its SettingsProblems.
import { type ErrorCode, isErrorCode, OzError } from "#core/errors.ts";
import type { Problem } from "#core/settings/settings.ts";

const codes: Record<string, ErrorCode> = {
  canceled: "cancelled",
  unknown: "internal",
  invalid_argument: "bad_request",
  deadline_exceeded: "timeout",
  not_found: "not_found",
  already_exists: "already_exists",
  permission_denied: "permission_denied",
  resource_exhausted: "limit",
  failed_precondition: "precondition",
  aborted: "conflict",
  out_of_range: "cursor_too_old",
  unimplemented: "not_supported",
  internal: "internal",
  unavailable: "unavailable",
  data_loss: "store_failed",
  unauthenticated: "unauthenticated",
};

const statusCodes: Record<number, ErrorCode> = {
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_supported",
  429: "limit",
  502: "unavailable",
  503: "unavailable",
  504: "timeout",
};

/** What a settings error carries as its cause. */
export class SettingsProblemList {
  readonly problems: readonly Problem[];
  /** There are more than these. */
  readonly more: boolean;
  constructor(problems: readonly Problem[], more: boolean) {
    this.problems = problems;
    this.more = more;
  }
}

/** Builds the error from the HTTP status and the JSON text of the answer. */
export async function wireError(status: number, text: string, address: string): Promise<OzError> {
  const value = parse(text);
  if (value === undefined || typeof value.code !== "string") return statusError(status, address);
  const fallback = codes[value.code] ?? "internal";
  const message = value.message || `The control plane answered "${value.code}".`;
  const { code, hint, problems, more } = await readDetails(value.details ?? []);
  return new OzError(code ?? fallback, message, {
    hint: hint || defaultHint(code ?? fallback),
    ...(problems.length > 0 && { cause: new SettingsProblemList(problems, more) }),
  });
}

type WireDetail = { type?: string; value?: string };
type WireValue = { code?: string; message?: string; details?: WireDetail[] };

function parse(text: string): WireValue | undefined {
  try {
    return JSON.parse(text) as WireValue;
  } catch {
    return undefined;
  }
}

async function readDetails(
  details: readonly WireDetail[],
): Promise<{ code?: ErrorCode; hint: string; problems: Problem[]; more: boolean }> {
  const { fromBinary } = await import("@bufbuild/protobuf");
  let code: ErrorCode | undefined;
  let hint = "";
  const problems: Problem[] = [];
  let more = false;
  for (const { type, value = "" } of details) {
    const bytes = Buffer.from(value, "base64");
    if (type === "ozwald.v1.ErrorDetail") {
      const { ErrorDetailSchema } = await import("#proto/errors_pb.ts");
      const detail = fromBinary(ErrorDetailSchema, bytes);
      if (isErrorCode(detail.code)) code = detail.code;
      hint = detail.hint;
    } else if (type === "ozwald.v1.SettingsProblems") {
      const { SettingsProblemsSchema } = await import("#proto/settings_pb.ts");
      const detail = fromBinary(SettingsProblemsSchema, bytes);
      problems.push(...detail.problems);
      more ||= detail.more;
    }
  }
  return { hint, problems, more, ...(code !== undefined && { code }) };
}

/** An answer that is not of the API: a proxy, another program, another version. */
function statusError(status: number, address: string): OzError {
  const code = statusCodes[status] ?? "unavailable";
  if (code === "unauthenticated")
    return new OzError(code, `${address} does not accept the credential of this context.`, { hint: defaultHint(code) });
  if (code === "not_supported") {
    return new OzError(code, `${address} does not know this call.`, {
      hint: "Is it an older control plane, or something else?  ozctl version --server",
    });
  }
  return new OzError(code, `${address} answered with HTTP status ${status} and nothing that can be read.`, {
    hint: "Is it a control plane?  ozctl context ls",
  });
}

function defaultHint(code: ErrorCode): string {
  if (code === "unauthenticated")
    return "Was the token revoked, or has it ended? Which one is used:  ozctl context ls. A new one:  ozctl token create NAME  (on the control plane's machine) prints the line that logs in.";
  if (code === "internal") return "Please report it with the log of the control plane.";
  return "";
}
