// The last lines of a container, without the secrets of its environment.
import { looksSecret, maskValues } from "#core/secret.ts";
import type { ReplicaSpec } from "#proto/spec_pb.ts";
import type { ContainerEngine } from "./engine.ts";

const keptLines = 20;
const longestLine = 500;

/** Values of the environment that are never shown, the longest first. */
export function secretValues({
  environment,
  secretKeys,
}: Readonly<{ environment: Readonly<Record<string, string>>; secretKeys: readonly string[] }>): string[] {
  return Object.entries(environment)
    .filter(([key]) => looksSecret(key) || secretKeys.includes(key))
    .map(([, value]) => value)
    .toSorted((a, b) => b.length - a.length);
}

/** At most 20 last lines, each at most 500 characters; none when the engine does not give them: they are no reason to fail. */
export async function maskedTail(
  engine: Pick<ContainerEngine, "tail">,
  id: string,
  spec: ReplicaSpec,
): Promise<string[]> {
  const lines = await engine.tail(id, keptLines).catch(() => []);
  const secrets = secretValues(spec);
  return lines.slice(-keptLines).map((line) => maskValues(line, secrets).slice(0, longestLine));
}

/** When the last line was written, in milliseconds since 1970; 0 when there is none. */
export async function lastLineAt(
  engine: Pick<ContainerEngine, "logs">,
  id: string,
  signal: AbortSignal,
): Promise<number> {
  const decoder = new TextDecoder();
  let newest = 0;
  const take = (bytes: Uint8Array) => {
    for (const line of decoder.decode(bytes).split("\n")) {
      const at = Date.parse(line.slice(0, line.indexOf(" ")));
      if (at > newest) newest = at;
    }
  };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
  await engine.logs(id, { follow: false, tail: 1, timestamps: true }, { stdout: take, stderr: take }, limit);
  return newest;
}
