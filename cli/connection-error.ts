// What a socket says, as a sentence with what to try.
import { OzError } from "#core/errors.ts";
import { formatDuration } from "#core/units.ts";

const runsOn = "What runs keeps running.";
const look = "Is it up?  on that machine: systemctl status ozwald-controlplane        Another one?  ozctl context ls";

const reasons: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ENOENT: "no such socket",
  ENOTFOUND: "no machine of that name",
  EAI_AGAIN: "the name could not be looked up",
  EHOSTUNREACH: "no way to that machine",
  ENETUNREACH: "no way to that network",
  ETIMEDOUT: "no answer",
  ECONNABORTED: "the connection was cut",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  OZ_TIMEOUT: "no answer",
};

const untrusted = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_SIGNATURE_FAILURE",
]);

/** Maps a socket or TLS error to an OzError. afterMs is how long it took; 0 leaves that out. */
export function connectionError(
  thrown: unknown,
  address: string,
  afterMs: number,
  options: { timeoutMs: number; signal?: AbortSignal },
): OzError {
  if (thrown instanceof OzError) return thrown;
  const { code = "", message } = toError(thrown);
  if (options.signal?.aborted) return new OzError("cancelled", "Ended before the answer came.", { cause: thrown });
  const after = afterMs > 0 ? ` after ${formatDuration(afterMs)}` : "";
  if (code === "EACCES" || code === "EPERM") {
    return new OzError("permission_denied", `This user may not open ${address}.`, {
      hint: "Run ozctl as root, or use a context with a token:  ozctl context ls",
      cause: thrown,
    });
  }
  if (untrusted.has(code)) {
    return new OzError(
      "unauthenticated",
      `${address} shows a certificate that is not of the cluster this context knows; nothing was sent.`,
      {
        hint: "Was the control plane set up anew? Then log in again with the line of:  ozctl token create NAME  (there). If not, something else answers there.",
        cause: thrown,
      },
    );
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return new OzError(
      "unauthenticated",
      `${address} shows a certificate for another name or address; nothing was sent.`,
      {
        hint: "Use an address the certificate names, or add this one on its machine:  ozwald-controlplane address set …",
        cause: thrown,
      },
    );
  }
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    const when = code === "CERT_HAS_EXPIRED" ? "has ended" : "is not valid yet";
    return new OzError("unauthenticated", `The certificate of ${address} ${when}; nothing was sent.`, {
      hint: "Compare the clocks of both machines (date), then restart the control plane.",
      cause: thrown,
    });
  }
  if (code === "EPROTO" || code.startsWith("ERR_SSL")) {
    return new OzError("unavailable", `${address} does not speak TLS 1.3${after}.`, {
      hint: `Is it a control plane?  ozctl context ls`,
      cause: thrown,
    });
  }
  const reason = code.startsWith("ERR_HTTP2_") ? reasons["ECONNRESET"] : (reasons[code] ?? message);
  const error = code === "OZ_TIMEOUT" ? "timeout" : "unavailable";
  return new OzError(error, `No control plane at ${address} (${reason}${after}). ${runsOn}`, {
    hint: look,
    cause: thrown,
  });
}

/** A connection to several addresses fails with several errors; the first one tells as much as all. */
function toError(thrown: unknown): { code?: string; message: string } {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return toError(thrown.errors[0]);
  if (thrown instanceof Error) return thrown;
  return { message: String(thrown) };
}
