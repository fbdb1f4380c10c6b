// Calls of the original's REST interface on this machine.
import type { IncomingMessage } from "node:http";
import { OzError } from "#core/errors.ts";

export type RestTarget = { readonly port: number; readonly key?: string };

const timeoutMs = 10_000;
const longestAnswer = 32 * 2 ** 20;

/** One GET. Gives the JSON of a 200 answer. Throws unavailable when nothing answers, unauthenticated for a wrong key. */
export async function restGet<T>({ port, key }: RestTarget, path: string): Promise<T> {
  const where = `127.0.0.1:${port}`;
  const { status, text } = await get(port, path, key).catch((error: NodeJS.ErrnoException) => {
    throw new OzError("unavailable", `No provisioner answers at ${where} (${reason(error)}).`, {
      hint: `Start one:  ozwald start_provisioner --api-port ${port}        On another port?  --port N`,
      cause: error,
    });
  });
  const body = parse(text);
  if (status === 200 && body !== undefined) return body as T;
  if (status === 401)
    throw new OzError("unauthenticated", `The provisioner at ${where} does not accept the key in OZWALD_SYSTEM_KEY.`, {
      hint: "Use the key it was started with, or start it again with this one:  ozwald start_provisioner",
    });
  const { detail = "", hint = "" } = (body ?? {}) as { detail?: string; hint?: string };
  if (detail !== "") throw new OzError("failed", `The provisioner at ${where} refused: ${detail}.`, { hint });
  throw new OzError("unavailable", `What answers at ${where} is no provisioner (HTTP ${status}).`, {
    hint: `Who listens there?  ss -ltnp 'sport = :${port}'        Another port:  --port N`,
  });
}

/** True when a provisioner answers there; false when nothing listens. Throws port_taken when something else answers. */
export async function isHealthy(port: number): Promise<boolean> {
  const answer = await get(port, "/health").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ECONNREFUSED") return undefined;
    return { status: 0, text: reason(error) };
  });
  if (answer === undefined) return false;
  if (answer.status === 200 && (parse(answer.text) as { status?: string } | undefined)?.status === "healthy")
    return true;
  throw new OzError("port_taken", `Port ${port} is taken by something that is no provisioner.`, {
    hint: `Who is it?  ss -ltnp 'sport = :${port}'        Another port:  ozwald start_provisioner --api-port N`,
  });
}

function get(port: number, path: string, key?: string): Promise<{ status: number; text: string }> {
  const { request } = process.getBuiltinModule("node:http");
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...{ host: "127.0.0.1", port, path, agent: false, signal: AbortSignal.timeout(timeoutMs) },
      headers: { accept: "application/json", ...(key !== undefined && { authorization: `Bearer ${key}` }) },
    });
    outgoing.once("error", reject);
    outgoing.once("response", (response) => {
      readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    });
    outgoing.end();
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > longestAnswer) throw new Error("the answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function reason(error: NodeJS.ErrnoException): string {
  if (error.code === "ECONNREFUSED") return "connection refused";
  return error.name === "AbortError" || error.name === "TimeoutError"
    ? `no answer within ${timeoutMs} ms`
    : error.message;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
