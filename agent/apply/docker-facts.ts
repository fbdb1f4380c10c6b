// What the engine says about itself and its images.
import { create } from "@bufbuild/protobuf";
import { OzError } from "#core/errors.ts";
import { EngineSchema, type Engine } from "#proto/inventory_pb.ts";
import type { DockerCalls } from "./docker-call.ts";
import { localCandidates } from "./image-name.ts";

type Info = {
  CgroupDriver?: string;
  Runtimes?: Record<string, unknown>;
  LiveRestoreEnabled?: boolean;
  DockerRootDir?: string;
  NCPU?: number;
};

/** Facts about the engine; `error` is set when it does not answer. */
export async function engineFacts(calls: DockerCalls): Promise<Engine> {
  try {
    const [version, info] = await Promise.all([
      calls.call({ doing: "tell its version" }, (abortSignal) =>
        withSignal(calls.docker.version, calls.docker, abortSignal),
      ),
      engineInfo(calls),
    ]);
    return create(EngineSchema, {
      name: "docker",
      version: version.Version,
      apiVersion: version.ApiVersion,
      cgroupDriver: info.CgroupDriver ?? "",
      runtimes: Object.keys(info.Runtimes ?? {}).toSorted(),
      liveRestore: info.LiveRestoreEnabled === true,
      root: info.DockerRootDir ?? "",
    });
  } catch (thrown) {
    return create(EngineSchema, { name: "docker", error: thrown instanceof OzError ? thrown.message : String(thrown) });
  }
}

export function engineInfo(calls: DockerCalls): Promise<Info> {
  return calls.call(
    { doing: "tell about itself" },
    (abortSignal) => withSignal(calls.docker.info, calls.docker, abortSignal) as Promise<Info>,
  );
}

/** Names of local images, newest first. */
export async function imageNames(calls: DockerCalls): Promise<string[]> {
  const images = await calls.call({ doing: "list images" }, (abortSignal) => calls.docker.listImages({ abortSignal }));
  return images
    .toSorted((a, b) => b.Created - a.Created)
    .flatMap((image) => image.RepoTags ?? [])
    .filter((name) => !name.includes("<none>"));
}

/** The local image that satisfies a name: as written, else with "ozwald-" before it. */
export async function localImage(
  calls: DockerCalls,
  image: string,
): Promise<{ image: string; id: string } | undefined> {
  for (const name of localCandidates(image)) {
    const id = await calls.call({ doing: `look for the image ${name}` }, async (abortSignal) => {
      try {
        return (await calls.docker.getImage(name).inspect({ abortSignal } as object)).Id;
      } catch (thrown) {
        if ((thrown as { statusCode?: number }).statusCode === 404) return undefined;
        throw thrown;
      }
    });
    if (id !== undefined) return { image: name, id };
  }
  return undefined;
}

type Stats = { memory_stats?: { usage?: number; stats?: Record<string, number> } };

/** RAM in use without what the kernel would give back (file cache), in bytes; undefined when it does not run. */
export async function containerMemoryBytes(calls: DockerCalls, id: string): Promise<number | undefined> {
  const stats = await calls.call({ doing: `measure ${id.slice(0, 12)}` }, async (abortSignal) => {
    try {
      // one-shot: without it the engine takes two seconds for a second sample.
      const options = { stream: false, "one-shot": true, abortSignal } as never;
      return (await calls.docker.getContainer(id).stats(options)) as unknown as Stats;
    } catch (thrown) {
      if ((thrown as { statusCode?: number }).statusCode === 404) return undefined;
      throw thrown;
    }
  });
  const usage = stats?.memory_stats?.usage;
  if (usage === undefined) return undefined;
  const cache =
    stats?.memory_stats?.stats?.["total_inactive_file"] ?? stats?.memory_stats?.stats?.["inactive_file"] ?? 0;
  return Math.max(0, usage - cache);
}

/** dockerode takes a signal here too; its types do not know. */
function withSignal<T>(method: () => Promise<T>, on: object, abortSignal: AbortSignal): Promise<T> {
  return (method as (options: object) => Promise<T>).call(on, { abortSignal });
}
