// Compose files as settings: everything they say is in the settings or in the notes.
import { OzError } from "../errors.ts";
import { isName } from "../names.ts";
import { importService, type ServiceContext } from "./compose-service.ts";
import { volumeBook } from "./compose-volumes.ts";
import { dotEnv } from "./dot-env.ts";
import { InputMap, isMap, plainText } from "./input-map.ts";
import { interpolateTree, type Variables } from "./interpolate.ts";
import { mergeCompose, withExtends } from "./merge-compose.ts";
import { type ImportNote, NoteList, shown } from "./notes.ts";
import { type ComposeFile, readCompose } from "./read-compose.ts";
import { settled } from "./replaced-value.ts";

export type ImportedSettings = {
  readonly project: string;
  readonly volumes?: Record<string, unknown>;
  readonly services: readonly Record<string, unknown>[];
  readonly instances: readonly Record<string, unknown>[];
};
export type Imported = { readonly settings: ImportedSettings; readonly notes: readonly ImportNote[] };

export type ComposeOptions = {
  /** Absolute folder of the first file, as the system writes it: relative paths begin there, and the project is named after it. */
  readonly folder: string;
  /** Name of the project; else that of the files, else that of the folder. */
  readonly project?: string;
  /** Compose profiles that are started. */
  readonly profiles?: readonly string[];
  /** Variables of the shell; HOME is what ~ stands for. */
  readonly variables?: Variables;
  /** Text of .env beside the first file: variables that the shell does not have. */
  readonly dotEnv?: string;
  /** Text of an env file by its absolute path; undefined when it is not there. */
  readonly envFile?: (path: string) => string | undefined;
};

/** Reads Compose files, later ones laid over earlier ones. Throws bad_request for text that is no Compose file. */
export function importCompose(files: readonly { name: string; text: string }[], options: ComposeOptions): Imported {
  const notes = new NoteList();
  const missing = (name: string, path: string, message: string) =>
    notes.add(
      "changed",
      path,
      name === ""
        ? `${shown(message)} is no variable; it stays as it is written.`
        : `$${name} has no value here, so it is empty${message === "" ? "" : ` (${message})`}.`,
    );
  const shell = options.variables ?? {};
  const folder = withSlashes(options.folder);
  const ofFile = dotEnv(options.dotEnv ?? "", shell, (key, name, message) => missing(name, `.env ${key}`, message));
  const variables = { ...ofFile, ...shell };
  const read = files.map((file) => readCompose(file, notes));
  const merged = read.map(({ value }) => value).reduce((base, over) => mergeCompose(base, over), undefined);
  const value = interpolateTree(merged, variables, missing);
  // What is in a service is settled when it has taken over what it extends.
  const top = new InputMap(isMap(value) ? settledBeside(value) : value, "", notes);
  const named = top.text("name");
  const project = projectName(options.project ?? named ?? folder.split("/").at(-1) ?? "", notes);
  const services = settled(top.take("services"), 1);
  if (!isMap(services) || Object.keys(services).length === 0)
    throw new OzError("bad_request", `${files.map(({ name }) => name).join(", ")}: there are no services.`, {
      hint: withoutServices(merged),
    });
  const volumes = volumeBook(top.map("volumes"), project, notes);
  const shared = {
    project,
    volumes,
    variables,
    envFile: options.envFile ?? (() => ""),
    files: filesOf(top),
  };
  for (const key of top.keys.filter((each) => each.startsWith("x-"))) {
    top.take(key);
    top.notNeeded(key, "what it shares is written where it is used.");
  }
  top.close(topReasons);
  const imported = importServices(services, shared, { ...options, folder }, notes);
  return { ...imported, notes: notes.all.map((note) => ({ ...note, at: placeOf(note.key, read, services) })) };
}

/** A folder of Windows as Windows reads it just as well. */
function withSlashes(folder: string): string {
  return /^[A-Za-z]:\\/.test(folder) ? folder.replaceAll("\\", "/") : folder;
}

/** Everything but the services. */
function settledBeside({ services, ...others }: Record<string, unknown>): Record<string, unknown> {
  return { ...(settled(others) as Record<string, unknown>), ...(services !== undefined && { services }) };
}

/** What to say about files in which no services are found. */
function withoutServices(value: unknown): string {
  const looksOld =
    isMap(value) && Object.values(value).some((each) => isMap(each) && ("image" in each || "build" in each));
  return looksOld
    ? "A file of Compose's first format names its services at the top: put them under services:"
    : "A Compose file has services: with at least one.";
}

/** Where a note's key stands. Several files, and extends, make lists of which no item is where its number says. */
function placeOf(key: string, files: readonly ComposeFile[], services: Record<string, unknown>): string | undefined {
  const [, service = ""] = /^services\.([^.[]+)/.exec(key) ?? [];
  const joined = files.length > 1 || (isMap(services[service]) && "extends" in services[service]);
  const sure = joined ? key.replace(/\[.*/, "") : key;
  const places = files.map(({ place }) => place(sure)).filter((place) => place !== undefined);
  return places.at(-1);
}

function importServices(
  services: Record<string, unknown>,
  shared: Omit<ServiceContext, "place" | "running">,
  options: ComposeOptions,
  notes: NoteList,
): { settings: ImportedSettings } {
  const whole = Object.keys(services).map((key) => ({ key, ...withExtends(services, key) }));
  const names = settingsNames(whole.map(({ key }) => key));
  const starts = whole.filter(({ value }) => isStarted(value, options.profiles ?? []));
  const running = new Map(starts.map(({ key }) => [key, names.get(key) ?? key]));
  const written: Record<string, unknown>[] = [];
  const instances: Record<string, unknown>[] = [];
  for (const { key, value, lost } of whole) {
    const name = names.get(key) ?? key;
    notes.about(name);
    const input = new InputMap(value, `services.${key}`, notes);
    if (lost !== undefined)
      input.refuse("extends", `${lost} is not in this file; print one file first: docker compose config.`);
    if (name !== key) notes.add("changed", `services.${key}`, `it is named ${name} here.`);
    const profiles = input.texts("profiles");
    if (profiles.length > 0) {
      const how = running.has(key)
        ? "it is started, since --profile names one."
        : `it is defined, and started by: ozctl up ${name}`;
      input.changed("profiles", `[${profiles.join(", ")}] ${how}`);
    }
    const place = { folder: options.folder, home: shared.variables["HOME"], prefix: `${shared.project}_${key}` };
    const { layer, replicas } = importService(input, { ...shared, place, running });
    if (layer["image"] === undefined) {
      input.refuse("image", `a service without an image cannot run; it is left out. It says ${shown(value)}.`);
      running.delete(key);
      continue;
    }
    written.push({ name, ...layer });
    if (running.has(key)) instances.push(replicas === 1 ? { name } : { name, replicas });
    else if (replicas !== 1)
      notes.add("changed", `services.${key}`, `so many replicas: ozctl up ${name} --replicas ${replicas}`);
  }
  notes.about("");
  const declared = shared.volumes.declared;
  const volumes = Object.keys(declared).length > 0 ? { volumes: declared } : {};
  return { settings: { project: shared.project, ...volumes, services: withoutLost(written, running), instances } };
}

/** A service that was left out is not waited for. */
function withoutLost(services: readonly Record<string, unknown>[], running: ReadonlyMap<string, string>) {
  const known = new Set(running.values());
  return services.map((service) => {
    const kept = ((service["depends_on"] ?? []) as string[]).filter((name) => known.has(name));
    return Object.fromEntries(
      Object.entries(service).flatMap(([key, value]) =>
        key !== "depends_on" ? [[key, value]] : kept.length > 0 ? [[key, kept]] : [],
      ),
    );
  });
}

function isStarted(service: unknown, profiles: readonly string[]): boolean {
  const own = isMap(service) && Array.isArray(service["profiles"]) ? service["profiles"].map(plainText) : [];
  return own.length === 0 || own.some((profile) => profiles.includes(profile) || profiles.includes("*"));
}

/** A name for each service that settings accept, each one once. */
function settingsNames(keys: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Set(keys.filter(isName));
  for (const key of keys) {
    const base = isName(key)
      ? key
      : key
          .replace(/[^A-Za-z0-9._-]+/g, "-")
          .replace(/^[^A-Za-z0-9]+/, "")
          .slice(0, 50) || "service";
    let name = base;
    for (let n = 2; name !== key && taken.has(name); n++) name = `${base}-${n}`;
    taken.add(name);
    names.set(key, name);
  }
  return names;
}

function projectName(written: string, notes: NoteList): string {
  const name =
    written
      .toLowerCase()
      .replace(/[^a-z0-9_-]/g, "")
      .replace(/^[^a-z0-9]+/, "")
      .slice(0, 40) || "imported";
  if (name !== written)
    notes.add("changed", "name", `the project is named ${name}, as Compose makes it of ${JSON.stringify(written)}.`);
  return name;
}

/** Files of secrets and configs; what is no file is listed. */
function filesOf(top: InputMap): Map<string, string> {
  const files = new Map<string, string>();
  for (const kind of ["secrets", "configs"]) {
    const map = top.map(kind);
    for (const name of map?.keys ?? []) {
      const entry = map?.map(name);
      const file = entry?.text("file");
      if (file !== undefined) files.set(`${kind}.${name}`, file);
      entry?.close({ environment: "put it into a file, or into environment.", external: "nothing outside keeps it." });
    }
  }
  return files;
}

const topReasons = {
  version: "~it means nothing any more.",
  networks: "~members of a group share one private network, and nobody else reaches it.",
  include: "print one file first: docker compose config.",
};
