// Volumes: what is declared by name, and what a service mounts of it. Paths are paths on the target host.
import { hostPathRefusal, insidePathRefusal } from "../mount-rules.ts";
import { isName } from "../names.ts";
import { parseBytes } from "../units.ts";
import type { NoticeList } from "./notices.ts";
import { inside, type Place, type ProblemList } from "./problem.ts";
import { elementsOf } from "./fitting.ts";
import { hintFor } from "./hint-for.ts";
import { volumeOptions, type WrittenVolumeDeclaration } from "./schema.ts";
import type { WrittenVolume } from "./schema-layer.ts";
import { isSet } from "./schema-values.ts";
import type { VolumeMount } from "./settings.ts";

/** A declared volume: where its bytes live. `readOnly` forces every mount of it. */
export type DeclaredVolume = Omit<VolumeMount, "target">;

export type VolumeContext = {
  readonly problems: ProblemList;
  readonly notices: NoticeList;
  /** Volumes that the group of the service knows. */
  readonly declared: ReadonlyMap<string, DeclaredVolume>;
  /** Every name that is written for one, right or wrong: a wrong declaration is not reported again where it is used. */
  readonly named: ReadonlySet<string>;
};

/** Folder of the host under which NFS shares are expected to be mounted, as the original has it. */
const nfsRoot = "/exports";

/** What a top-level volume is. Undefined when it is wrong. */
export function declareVolume(
  name: string,
  written: WrittenVolumeDeclaration,
  place: Place,
  context: Pick<VolumeContext, "problems" | "notices">,
): DeclaredVolume | undefined {
  checkKeys(written, place, context.problems);
  switch (written.type ?? "named") {
    case "bind": {
      if (!isSet(written.source))
        return context.problems.add(inside(place, "source"), "missing", "A bind volume has a path on the target host.");
      const source = hostPath(written.source, inside(place, "source"), context);
      return source === undefined ? undefined : { kind: "bind", source, readOnly: false };
    }
    case "nfs":
      if (!isSet(written.server))
        context.problems.add(inside(place, "server"), "missing", "An nfs volume has a server and a path.");
      if (!isSet(written.path) && !isSet(written.source))
        context.problems.add(inside(place, "path"), "missing", "An nfs volume has a server and a path.");
      return { kind: "bind", source: `${nfsRoot}/${name}`, readOnly: false };
    case "tmpfs": {
      const size = volumeOptions(written).find(([name]) => name === "size")?.[1];
      const tmpfsBytes = typeof size === "string" || typeof size === "number" ? parseBytes(size) : undefined;
      if (size !== undefined && tmpfsBytes === undefined)
        return context.problems.add(
          inside(place, "options"),
          `size is no amount: ${JSON.stringify(size)}`,
          'Write "size=64m", or { size: 64m }.',
        );
      return { kind: "tmpfs", source: "", readOnly: false, ...(tmpfsBytes === undefined ? {} : { tmpfsBytes }) };
    }
    case "named":
      return { kind: "named", source: name, readOnly: false, ...(written.external === true ? { external: true } : {}) };
  }
}

const keysOfType: Readonly<Record<string, readonly string[]>> = {
  bind: ["source"],
  nfs: ["source", "server", "path"],
  named: ["external"],
  tmpfs: [],
};

/** What only volumes of another type have says that this type was not meant. */
function checkKeys(written: WrittenVolumeDeclaration, place: Place, problems: ProblemList): void {
  const type = written.type ?? "named";
  for (const key of ["source", "server", "path", "external"] as const) {
    const value = written[key];
    if (!isSet(value) || value === false || keysOfType[type]?.includes(key)) continue;
    const others = Object.keys(keysOfType).filter((other) => keysOfType[other]?.includes(key));
    problems.add(
      inside(place, key),
      `a volume of type ${type} ${key === "external" ? "is never external" : `has no ${key}`}`,
      `Leave it out, or write type: ${others.join(" or ")}.`,
    );
  }
}

/** Mounts of one layer, in the order written. Wrong ones are reported and left out. */
export function compileVolumes(
  written: readonly (string | WrittenVolume)[],
  place: Place,
  context: VolumeContext,
): VolumeMount[] {
  const mounts = new Map<string, VolumeMount>();
  for (const { value: entry, place: at } of elementsOf(written, place)) {
    const mount = typeof entry === "string" ? fromText(entry, at, context) : fromMap(entry, at, context);
    if (mount === undefined) continue;
    if (mounts.has(mount.target))
      context.problems.add(at, `${mount.target} is mounted twice`, "One target takes one volume.");
    mounts.set(mount.target, mount);
  }
  return [...mounts.values()];
}

function fromText(written: string, place: Place, context: VolumeContext): VolumeMount | undefined {
  const [source = "", target, mode, ...rest] = written.split(":");
  if (source === "" || target === undefined || rest.length > 0) {
    return context.problems.add(
      place,
      `${JSON.stringify(written)} is no volume`,
      'Write "name:/inside" or "/on/the/host:/inside", with ":ro" for read-only.',
    );
  }
  if (mode !== undefined && mode !== "ro" && mode !== "rw")
    return context.problems.add(place, `unknown mode ${JSON.stringify(mode)}`, "It is ro or rw.");
  return mounted(source, target, mode === "ro", { place, source: place, target: place }, context);
}

function fromMap(written: WrittenVolume, place: Place, context: VolumeContext): VolumeMount | undefined {
  const readOnly = written.read_only ?? false;
  const places = {
    place,
    source: inside(place, !isSet(written.name) ? "source" : "name"),
    target: inside(place, "target"),
  };
  if (written.type === "tmpfs") {
    if (isSet(written.source) || isSet(written.name))
      return context.problems.add(places.source, "a tmpfs has no source", "Leave it out; its bytes live in memory.");
    const target = insidePath(written.target, places.target, context.problems);
    const tmpfsBytes = !isSet(written.size) ? undefined : parseBytes(written.size);
    return target === undefined
      ? undefined
      : { kind: "tmpfs", source: "", target, readOnly, ...(tmpfsBytes === undefined ? {} : { tmpfsBytes }) };
  }
  if (isSet(written.size))
    return context.problems.add(inside(place, "size"), "only a tmpfs has a size", "Add type: tmpfs, or leave it out.");
  const source = written.name ?? written.source;
  if (!isSet(source))
    return context.problems.has(place)
      ? undefined
      : context.problems.add(
          place,
          "it names no volume",
          "Add name: of a declared volume, or source: with a path on the target host.",
        );
  if (isSet(written.name) && isSet(written.source))
    return context.problems.add(inside(place, "source"), "it has a name and a source", "Keep one of them.");
  if (written.type === "bind" && isName(source))
    return context.problems.add(
      places.source,
      `a bind takes an absolute path on the target host, not ${JSON.stringify(source)}`,
    );
  if (written.type === "named" && !isName(source))
    return context.problems.add(
      places.source,
      "a named volume has no path on the host",
      "Write type: bind for a folder of the host, or name: with a volume declared under volumes.",
    );
  const kind = context.declared.get(source)?.kind ?? "named";
  if (written.type === "named" && kind !== "named")
    return context.problems.add(places.source, `${source} is declared with type ${kind}`, "Leave type out here.");
  return mounted(source, written.target, readOnly, places, context);
}

type MountPlaces = { place: Place; source: Place; target: Place };

function mounted(
  source: string,
  target: string,
  readOnly: boolean,
  places: MountPlaces,
  context: VolumeContext,
): VolumeMount | undefined {
  const path = insidePath(target, places.target, context.problems);
  const declared = isName(source) ? byName(source, places.source, context) : bound(source, places.source, context);
  if (path === undefined || declared === undefined) return undefined;
  return { ...declared, target: path, readOnly: readOnly || declared.readOnly };
}

function byName(name: string, place: Place, context: VolumeContext): DeclaredVolume | undefined {
  const declared = context.declared.get(name);
  if (declared === undefined && !context.named.has(name)) {
    context.problems.add(
      place,
      `no volume ${JSON.stringify(name)}`,
      hintFor(name, context.declared.keys()) || `Declare it: volumes: { ${name}: { type: named } }`,
    );
  }
  return declared;
}

function bound(source: string, place: Place, context: VolumeContext): DeclaredVolume | undefined {
  const path = hostPath(source, place, context);
  return path === undefined ? undefined : { kind: "bind", source: path, readOnly: false };
}

/** An absolute path on the target host, `${NAME}` replaced where a value is known. Undefined when it is wrong. */
export function hostPath(
  written: string,
  place: Place,
  context: Pick<VolumeContext, "problems" | "notices">,
): string | undefined {
  let failed = false;
  const path = written.replace(/\$\{([^}]*)\}/g, (_whole, variable: string) => {
    const { name, variables } = place.source;
    const value = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
    failed ||= value === undefined;
    if (value === undefined)
      context.problems.add(
        place,
        `\${${variable}} has no value: paths are paths on the target host`,
        variable === "OZWALD_PROJECT_ROOT_DIR"
          ? "Set it where ozctl runs, or write the absolute path there."
          : "Write the absolute path there.",
      );
    else
      context.notices.addNamed(
        `\${${variable}} in ${name}`,
        `it is ${value}; each host that runs what mounts it needs that folder under the same path.`,
      );
    return value ?? "";
  });
  if (failed) return undefined;
  if (!path.startsWith("/"))
    return context.problems.add(
      place,
      `${JSON.stringify(path)} is no absolute path on the target host`,
      "Begin it with /, or name a declared volume.",
    );
  const clean = tidy(path, place, context.problems);
  const reason = clean === undefined ? undefined : hostPathRefusal(clean);
  if (reason === undefined) return clean;
  return context.problems.add(
    place,
    `${JSON.stringify(path)}: ${reason}`,
    "Leave it out, or mount another folder, with only what it needs.",
  );
}

function insidePath(written: string, place: Place, problems: ProblemList): string | undefined {
  if (!written.startsWith("/"))
    return problems.add(
      place,
      `the mount target must be an absolute path inside the container, not ${JSON.stringify(written)}`,
      "Begin it with /.",
    );
  const path = tidy(written, place, problems);
  const reason = path === undefined ? undefined : insidePathRefusal(path);
  return reason === undefined ? path : problems.add(place, reason, "Choose another folder inside.");
}

/** One slash at a time, none at the end. `..` is refused: what is mounted must be what is written. */
function tidy(path: string, place: Place, problems: ProblemList): string | undefined {
  const steps = path.split("/").filter((step) => step !== "" && step !== ".");
  if (steps.includes("..") || path.includes("\0"))
    return problems.add(place, `a path must not hold .., as ${JSON.stringify(path)} does`);
  return `/${steps.join("/")}`;
}
