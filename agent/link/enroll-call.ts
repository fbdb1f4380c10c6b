// The one call of a machine that has no certificate yet: Enroll, over a connection that is verified against the authority.
import https from "node:https";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { type EnrollRequest, EnrollRequestSchema, type EnrollResponse, EnrollResponseSchema } from "#proto/hosts_pb.ts";
import { isErrorCode, OzError, toOzError } from "#core/errors.ts";
import type { ControlAddress } from "#core/control-address.ts";
import { reachHint, reachStage, type ReachStage, reachWords } from "./reach-trouble.ts";

const path = "/ozwald.v1.EnrollmentService/Enroll";
const longestAnswer = 1_000_000;

/** Sends the token once the server's chain and its name are verified, never before. */
export async function callEnroll(
  { host, port, text }: ControlAddress,
  caPem: string,
  body: EnrollRequest,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<EnrollResponse> {
  const { timeoutMs, signal } = options;
  const json = toJsonString(EnrollRequestSchema, body);
  const limit = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])]);
  try {
    const response = await post(json, {
      ...{ host, port, path, method: "POST", ca: caPem, minVersion: "TLSv1.3", agent: false, signal: limit },
      // Said here, NODE_TLS_REJECT_UNAUTHORIZED does not count.
      rejectUnauthorized: true,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      headers: {
        "content-type": "application/json",
        "connect-protocol-version": "1",
        "content-length": Buffer.byteLength(json),
      },
    });
    return readAnswer(response.statusCode ?? 0, await readAll(response), text);
  } catch (error) {
    if (error instanceof OzError) throw error;
    if (signal?.aborted) throw new OzError("cancelled", "joining was cancelled");
    throw requestError(text, toOzError(error), limit.aborted ? timeoutMs : 0);
  }
}

function post(body: string, options: https.RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = https.request(options, resolve);
    request.once("error", reject);
    request.end(body);
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > longestAnswer) throw new Error("the answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function readAnswer(status: number, text: string, where: string): EnrollResponse {
  if (status === 200) return fromJsonString(EnrollResponseSchema, text, { ignoreUnknownFields: true });
  const { code = "", message = "" } = problemOf(text);
  if (code === "unauthenticated" || status === 401) {
    throw new OzError("unauthenticated", `${where} refused the token: ${message || "it is wrong, used or too old"}`, {
      hint: "A token works once and for minutes only. Make a new one: ozctl host invite",
    });
  }
  const reason = message || "no reason given";
  throw new OzError(
    isErrorCode(code) ? code : "unavailable",
    `${where} did not let this machine join (HTTP ${status}): ${reason}`,
    { hint: "See the log of the control plane, then try again with a new token: ozctl host invite" },
  );
}

function problemOf(text: string): { code?: string; message?: string } {
  try {
    return JSON.parse(text) as { code?: string; message?: string };
  } catch {
    return {};
  }
}

/** stage is for those that have no words of their own, such as a silence. */
export function unreachable(where: string, why: string, cause?: unknown, stage?: ReachStage): OzError {
  const words = stage === undefined ? reachWords(why) : `${stage}: ${why}`;
  return new OzError("unavailable", `the control plane at ${where} cannot be reached: ${words}`, {
    hint: reachHint(stage ?? reachStage(why)),
    cause,
  });
}

function requestError(where: string, error: OzError, timedOutAfterMs: number): OzError {
  if (timedOutAfterMs > 0) return unreachable(where, `no answer within ${timedOutAfterMs} ms`, error, "TLS");
  if ((error.cause as { code?: string } | undefined)?.code !== "ERR_TLS_CERT_ALTNAME_INVALID")
    return unreachable(where, error.message, error);
  return otherName(where, error);
}

/** The right authority, with a certificate that is not for the address. */
export function otherName(where: string, cause?: unknown): OzError {
  return new OzError(
    "unauthenticated",
    `the certificate of the control plane is not for the address ${where} (TLS). The token was not sent`,
    {
      hint: "On its machine: ozwald-controlplane address set with that address, or use one that `address show` lists.",
      cause,
    },
  );
}
