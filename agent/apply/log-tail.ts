// The last lines of a container, without the secrets of its environment.
import { OzError } from "#core/errors.ts";
import { secretValues } from "#core/secret.ts";
import type { ReplicaSpec } from "#proto/spec_pb.ts";
import type { ContainerEngine } from "./engine.ts";

const keptLines = 20;
const longestLine = 500;

/** At most 20 last lines, each at most 500 characters; none when the engine does not give them: they are no reason to fail. */
export async function maskedTail(
  engine: Pick<ContainerEngine, "tail" | "environment">,
  id: string,
  spec: ReplicaSpec,
): Promise<string[]> {
  try {
    const environment = { ...spec.environment, ...(await engine.environment(id)) };
    const lines = await engine.tail(id, keptLines, secretValues(environment, spec.secretKeys));
    return lines.slice(-keptLines).map((line) => line.slice(0, longestLine));
  } catch {
    return [];
  }
}

/** When the last line was written, in milliseconds since 1970; 0 when there is none. Throws timeout when the engine does not say it in time. */
export async function lastLineAt(
  engine: Pick<ContainerEngine, "logs">,
  id: string,
  signal: AbortSignal,
  limitMs = 10_000,
): Promise<number> {
  const decoder = new TextDecoder();
  let newest = 0;
  const take = (bytes: Uint8Array) => {
    for (const line of decoder.decode(bytes).split("\n")) {
      const at = Date.parse(line.slice(0, line.indexOf(" ")));
      if (at > newest) newest = at;
    }
  };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  await engine.logs(id, { follow: false, tail: 1, timestamps: true }, { stdout: take, stderr: take }, limit);
  // An engine that is busy with its disk, as while weights are loaded, has not said that nothing was written.
  if (newest === 0 && limit.aborted)
    throw new OzError(
      "timeout",
      `The container engine did not give the last line of ${id} within ${limitMs / 1000} s.`,
    );
  return newest;
}
