// Turns what handlers throw into errors of the wire, with code and hint as a detail.
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorCodes, type OzError, toOzError } from "#core/errors.ts";
import type { Problem } from "#core/settings/settings.ts";
import { ErrorDetailSchema } from "#proto/errors_pb.ts";
import { SettingsProblemsSchema } from "#proto/settings_pb.ts";

export function toConnectError(thrown: unknown): ConnectError {
  if (thrown instanceof ConnectError) return thrown;
  return connectErrorOf(toOzError(thrown));
}

function connectErrorOf(error: OzError): ConnectError {
  const code = errorCodes[error.code].rpc as Code;
  return new ConnectError(
    error.message,
    code,
    undefined,
    [{ desc: ErrorDetailSchema, value: create(ErrorDetailSchema, { code: error.code, hint: error.hint }) }],
    error,
  );
}

/** Every problem of the settings at once; more: there are more than these. */
export function settingsError(problems: readonly Problem[], more: boolean): ConnectError {
  const count = `${more ? "more than " : ""}${problems.length} problem${problems.length === 1 ? "" : "s"}`;
  return new ConnectError(`the settings have ${count}`, Code.InvalidArgument, undefined, [
    {
      desc: ErrorDetailSchema,
      value: create(ErrorDetailSchema, { code: "settings_invalid", hint: "Nothing was changed." }),
    },
    {
      desc: SettingsProblemsSchema,
      value: create(SettingsProblemsSchema, { problems: problems.map((problem) => ({ ...problem })), more }),
    },
  ]);
}

const lostCodes = new Set([
  "ECONNRESET",
  "ECONNABORTED",
  "ECANCELED",
  "EPIPE",
  "ETIMEDOUT",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_STREAM_WRITE_AFTER_END",
]);

/** True for what a stream says whose caller has gone. Whatever else breaks in a call comes as an OzError. */
export function isLostCaller(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" && (lostCodes.has(code) || code.startsWith("ERR_HTTP2_"));
}
