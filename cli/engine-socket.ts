// Reads the container engine of this machine over its Unix socket: what `import container` asks, and nothing that changes anything.
import http from "node:http";
import { OzError } from "#core/errors.ts";

/** Longest wait for one answer. */
const timeoutMs = 10_000;
/** More than this is no description of a container. In bytes. */
const maxAnswer = 8 << 20;

/** The path of DOCKER_HOST when it names a Unix socket, else Docker's own. Throws bad_request for one that is elsewhere, not_supported on Windows. */
export function engineSocket(dockerHost: string | undefined, platform: NodeJS.Platform): string {
  if (platform === "win32")
    throw new OzError(
      "not_supported",
      "Containers are read over the engine's Unix socket, which Windows does not have.",
      {
        hint: "Run ozctl import container on the Linux machine they run on.",
      },
    );
  if (dockerHost === undefined || dockerHost === "") return "/var/run/docker.sock";
  const path = /^unix:\/\/(\/.+)$/.exec(dockerHost)?.[1];
  if (path === undefined)
    throw new OzError(
      "bad_request",
      `DOCKER_HOST=${dockerHost} is on another machine; containers are read on their own.`,
      {
        hint: "Run ozctl import container there, or unset DOCKER_HOST.",
      },
    );
  return path;
}

/** The answer of one GET. Throws not_found (the engine knows no such thing) and engine_unavailable. */
export function askEngine(socketPath: string, path: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const unreachable = (cause: Error) =>
    reject(
      new OzError("engine_unavailable", `The container engine at ${socketPath} does not answer: ${cause.message}`, {
        hint: "Is Docker running, and may you use it? Try: docker ps",
        cause,
      }),
    );
  const request = http.get({ socketPath, path, timeout: timeoutMs, headers: { host: "engine" } }, (response) => {
    const chunks: Buffer[] = [];
    let length = 0;
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxAnswer) request.destroy(new Error("its answer has more than 8 MiB"));
    });
    response.on("error", unreachable);
    response.on("end", () => {
      try {
        const answer = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { message?: string };
        if (response.statusCode === 200) return resolve(answer);
        const message = answer.message ?? `status ${response.statusCode}`;
        const code = response.statusCode === 404 ? "not_found" : "engine_unavailable";
        reject(new OzError(code, `The container engine says: ${message}`, { hint: "docker ps -a" }));
      } catch (error) {
        unreachable(error as Error);
      }
    });
  });
  request.on("timeout", () => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
  request.on("error", unreachable);
  return promise;
}
