// Mounts of a Compose service, and the volumes that a file declares. Data that exists stays where it is: same volume, same folder.
import { hostPathRefusal, insidePathRefusal } from "../mount-rules.ts";
import { isName } from "../names.ts";
import { amountText } from "./amounts.ts";
import { InputMap, isMap, plainText } from "./input-map.ts";
import type { LayerDraft } from "./layer-draft.ts";
import type { NoteList } from "./notes.ts";

export type VolumeBook = {
  /** Name a declared volume has on the engine, or the folder it is bound to; undefined when it cannot be carried. */
  find(name: string): string | undefined;
  /** Declarations of the volumes that were asked for. */
  readonly declared: Record<string, { type: "named"; external?: true }>;
};

export type MountPlace = {
  /** Absolute folder of the file, for relative paths. */
  readonly folder: string;
  /** What ~ stands for; undefined when nobody knows. */
  readonly home: string | undefined;
  /** Beginning of the names of volumes that have none: "shop_web". */
  readonly prefix: string;
};

/** What an engine calls a volume to which nobody gave a name. */
const anonymous = /^[0-9a-f]{64}$/;
const driverOptions = "a volume that is on the engine keeps its options, a new one gets none.";

/** The volumes of a file. Compose names them project_volume on the engine unless told otherwise. */
export function volumeBook(input: InputMap | undefined, project: string, notes: NoteList): VolumeBook {
  const declared: VolumeBook["declared"] = {};
  const known = new Map<string, string>();
  for (const key of input?.keys ?? []) {
    const volume = input?.map(key) ?? new InputMap({}, `volumes.${key}`, notes);
    const { external, named } = externalOf(volume);
    const name = volume.text("name") ?? named ?? (external ? key : `${project}_${key}`);
    const options = volume.map("driver_opts");
    const type = options?.text("type");
    const bound = type === "none" ? options?.text("device") : undefined;
    if (bound !== undefined) options?.take("o");
    else if (type !== undefined) options?.refuse("type", `${driverOptions} It says ${JSON.stringify(type)}.`);
    options?.close({ o: driverOptions, device: driverOptions });
    const driver = volume.text("driver");
    if (driver === "local") volume.notNeeded("driver", "the engine's own driver keeps every volume.");
    else if (driver !== undefined) volume.refuse("driver", `${driver}: only the engine's own driver keeps volumes.`);
    volume.close({
      labels: "labels of volumes are not carried.",
    });
    known.set(key, bound ?? name);
  }
  return {
    declared,
    find(name) {
      // One that is null in the file has no options, so it is not among the keys: it counts as declared.
      const real = known.get(name) ?? `${project}_${name}`;
      if (real.startsWith("/")) return real;
      if (!isName(real)) return undefined;
      declared[real] = { type: "named", external: true };
      return real;
    },
  };
}

/** `external: true`, or as older files have it: `external: { name: NAME }`. */
function externalOf(volume: InputMap): { external: boolean; named?: string | undefined } {
  const external = volume.take("external");
  if (!isMap(external))
    return { external: new InputMap({ external }, volume.path, volume.notes).truth("external") === true };
  const map = new InputMap(external, volume.at("external"), volume.notes);
  const named = map.text("name");
  map.close();
  return { external: true, named };
}

/** Writes volumes and tmpfs of a service; what cannot be read is listed. */
export function importVolumes(input: InputMap, draft: LayerDraft, book: VolumeBook, place: MountPlace): void {
  const targets = new Set<string>();
  const add = (mount: string | Record<string, unknown> | undefined, target: string, from: string): void => {
    const path = target.replace(/(.)\/+$/, "$1");
    if (mount === undefined) return;
    const reason = insidePathRefusal(path);
    if (!path.startsWith("/") || /(^|\/)\.\.(\/|$)/.test(path))
      input.refuse(from, `${JSON.stringify(target)} is no folder inside the container that can be mounted.`);
    else if (reason !== undefined) input.refuse(from, `${reason}.`);
    else if (targets.has(path)) input.refuse(from, `${path} is mounted a second time.`);
    else draft.append("volumes", mount, from);
    targets.add(path);
  };
  for (const [i, entry] of input.list("volumes").entries()) {
    const from = `volumes[${i}]`;
    const mount = isMap(entry)
      ? longForm(new InputMap(entry, input.at(from), input.notes))
      : shortForm(plainText(entry), from, input);
    if (mount === undefined) input.refuse(from, `${JSON.stringify(entry)} is no volume that can be mounted.`);
    else if (mount.type === "tmpfs") add(tmpfs(mount.target, mount.size), mount.target, from);
    else add(sourceOf(mount, from, input, book, place), mount.target, from);
  }
  for (const [i, entry] of input.texts("tmpfs").entries()) {
    const [target = "", options = ""] = entry.split(":");
    const size = /(?:^|,)size=([^,]+)/.exec(options)?.[1];
    const others = options.split(",").filter((option) => option !== "" && !option.startsWith("size="));
    if (others.length > 0) input.refuse(`tmpfs[${i}]`, `options ${others.join(",")} of a tmpfs are not carried.`);
    add(tmpfs(target, size), target, `tmpfs[${i}]`);
  }
}

type WrittenMount = {
  type: "bind" | "volume" | "tmpfs";
  source: string;
  target: string;
  readOnly: boolean;
  size?: string;
};

function longForm(map: InputMap): WrittenMount | undefined {
  const [type = "volume", source = "", target] = [map.text("type"), map.text("source"), map.text("target")];
  const [readOnly = false, tmpfsOptions] = [map.truth("read_only"), map.map("tmpfs")];
  const size = tmpfsOptions?.text("size");
  tmpfsOptions?.close();
  const bind = map.map("bind");
  if (bind?.truth("create_host_path") === true) bind.refuse("create_host_path", "the folder has to exist on the host.");
  bind?.close();
  map.map("volume")?.close();
  map.close({ consistency: "~it means something on other systems only." });
  if (target === undefined || (type !== "bind" && type !== "volume" && type !== "tmpfs")) return undefined;
  return { type, source, target, readOnly, ...(size !== undefined && { size }) };
}

function shortForm(written: string, from: string, input: InputMap): WrittenMount | undefined {
  const [source = "", target, mode = "", ...rest] = written.split(":");
  if (source === "" || rest.length > 0) return undefined;
  const modes = mode.split(",").filter((each) => each !== "" && each !== "rw" && each !== "ro");
  if (modes.length > 0) input.refuse(from, `the options ${modes.join(",")} of a mount are not carried.`);
  const type = target !== undefined && /^[./~]/.test(source) ? "bind" : "volume";
  const readOnly = mode.split(",").includes("ro");
  return { type, source: target === undefined ? "" : source, target: target ?? source, readOnly };
}

function tmpfs(target: string, size: string | undefined): Record<string, unknown> {
  return { type: "tmpfs", target, ...(size !== undefined && { size: amountText(size) }) };
}

function sourceOf(
  mount: WrittenMount,
  from: string,
  input: InputMap,
  book: VolumeBook,
  place: MountPlace,
): string | undefined {
  const source = mount.type === "bind" ? hostPath(mount.source, place) : volumeOf(mount, from, input, book, place);
  if (source === undefined || /[:]/.test(source) || mount.target.includes(":"))
    return input.refuse(from, `${JSON.stringify(mount.source)} is no folder or volume of a host.`);
  const reason = source.startsWith("/") ? hostPathRefusal(source) : undefined;
  if (reason !== undefined) return input.refuse(from, `${source}: ${reason}.`);
  if (mount.type === "bind" && !mount.source.startsWith("/"))
    input.changed(
      from,
      `${mount.source} is ${source} on this machine; it has to exist on the host that runs the service.`,
    );
  return `${source}:${mount.target}${mount.readOnly ? ":ro" : ""}`;
}

function volumeOf(
  mount: WrittenMount,
  from: string,
  input: InputMap,
  book: VolumeBook,
  { prefix }: MountPlace,
): string | undefined {
  const unnamed = mount.source === "" || anonymous.test(mount.source);
  if (!unnamed) return book.find(mount.source);
  const name = `${prefix}${mount.target.replace(/[^A-Za-z0-9]+/g, "_").replace(/_+$/, "")}`;
  if (!isName(name)) return undefined;
  book.declared[name] = { type: "named" };
  const old = mount.source === "" ? "the old one" : mount.source;
  input.changed(from, `a volume without a name gets one: ${name}. What ${old} holds is not copied.`);
  return name;
}

/** A path of a Compose file as an absolute one; undefined when that is not possible. */
export function hostPath(written: string, { folder, home }: Pick<MountPlace, "folder" | "home">): string | undefined {
  if (/^~(\/|$)/.test(written)) return home === undefined ? undefined : tidy(`${home}/${written.slice(1)}`);
  return tidy(written.startsWith("/") ? written : `${folder}/${written}`);
}

function tidy(path: string): string {
  const [drive = ""] = /^[A-Za-z]:(?=\/)/.exec(path) ?? [];
  const steps: string[] = [];
  for (const step of path.slice(drive.length).split("/")) {
    if (step === "..") steps.pop();
    else if (step !== "" && step !== ".") steps.push(step);
  }
  return `${drive}/${steps.join("/")}`;
}
