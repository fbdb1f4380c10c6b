// The mounts of a container in the words of Compose.
import { copyOf, type Described, isNothing, list } from "./described.ts";

/** What the list of the engine says, too, or what Compose has a word for. */
const known = new Set(["Type", "Source", "Target", "ReadOnly", "TmpfsOptions.SizeBytes", "BindOptions.Propagation"]);

/**
 * The engine's own list (Mounts) has what -v, --mount and the image made of each other; anonymous volumes have a name there. What was asked
 * for beyond that (HostConfig.Binds and HostConfig.Mounts) is added under the engine's own words.
 */
export function mountsOf(mounts: unknown, host: Described): unknown[] {
  const asked = new Map(list<Described>(host["Mounts"]).map((mount) => [mount["Target"], mount]));
  const modes = new Map(list<string>(host["Binds"]).map((bind) => [bind.split(":")[1], bind.split(":")[2] ?? ""]));
  return list<Described>(mounts).map(({ Type, Name, Source, Destination, RW, Driver, Mode, Propagation, ...rest }) => {
    const mount = asked.get(Destination) ?? {};
    const size = copyOf(mount["TmpfsOptions"])["SizeBytes"];
    // Volumes have z by themselves; what was asked for is in Binds.
    const mode = modes.get(String(Destination)) ?? (Mode === "z" ? "" : Mode);
    return {
      type: Type,
      source: Type === "volume" ? Name : Type === "tmpfs" ? undefined : Source,
      target: Destination,
      read_only: RW === false,
      ...(Type === "tmpfs" && !isNothing(size) && { tmpfs: { size } }),
      ...(typeof Driver === "string" && !["", "local"].includes(Driver) && { driver: Driver }),
      ...(typeof Propagation === "string" && !["", "rprivate"].includes(Propagation) && { propagation: Propagation }),
      ...(typeof mode === "string" && !["", "ro", "rw"].includes(mode) && { mode }),
      ...otherOptions(mount),
      ...rest,
    };
  });
}

/** What was asked of a mount that is not known, one level deep: "VolumeOptions.NoCopy". */
function otherOptions(mount: Described): Described {
  const flat = Object.entries(mount).flatMap(([key, value]): [string, unknown][] =>
    key.endsWith("Options")
      ? Object.entries(copyOf(value)).map(([option, each]) => [`${key}.${option}`, each])
      : [[key, value]],
  );
  return Object.fromEntries(flat.filter(([key, value]) => !known.has(key) && !isNothing(value)));
}
