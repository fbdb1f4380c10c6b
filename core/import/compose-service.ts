// One Compose service as a service of the settings, and whether it shall run.
import { amountText, spanText } from "./amounts.ts";
import { importHealthcheck, importRestart } from "./compose-health.ts";
import { importPorts } from "./compose-ports.ts";
import { importDevices, importGpus, importResources } from "./compose-resources.ts";
import { importSecurity } from "./compose-security.ts";
import { hostPath, importVolumes, type MountPlace, type VolumeBook } from "./compose-volumes.ts";
import { InputMap, isMap, plainText } from "./input-map.ts";
import { LayerDraft } from "./layer-draft.ts";
import { asMap } from "./merge-compose.ts";
import { shown } from "./notes.ts";
import { hostPathRefusal } from "../mount-rules.ts";
import { splitWords } from "../settings/words.ts";

export type ServiceContext = {
  readonly project: string;
  readonly place: MountPlace;
  readonly volumes: VolumeBook;
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Text of an env file by its absolute path; undefined when it is not there. */
  readonly envFile: (path: string) => string | undefined;
  /** Files of secrets and configs by "secrets.NAME"; undefined for those that are no file. */
  readonly files: ReadonlyMap<string, string>;
  /** Names in the settings of the services that will run, by their name in the file. */
  readonly running: ReadonlyMap<string, string>;
};

export type ImportedService = { readonly layer: Record<string, unknown>; readonly replicas: number };

/** What is known about keys that have no setting. "~" says that nothing is lost. */
const reasons: Readonly<Record<string, string>> = {
  container_name: "containers are named by Ozwald; others reach it by the name of its instance.",
  hostname: "the name inside is that of the instance.",
  domainname: "the name inside is that of the instance.",
  labels: "labels of containers belong to Ozwald.",
  annotations: "labels of containers belong to Ozwald.",
  logging: "logs are always kept as three files of 10 MiB; see ozctl logs.",
  expose: "~members of a group reach each other on every port.",
  links: "~members of a group find each other by instance name.",
  external_links: "only members of one group find each other.",
  build: "images are not built here: build it with docker compose build on the host, or push it to a registry.",
  working_dir: "set it in the image, or begin the command with cd.",
  stop_signal: "the image's own stop signal is used.",
  init: "the image has to bring its own init.",
  extra_hosts: "names come from the group's network only.",
  mem_reservation: "memory is promised and limited by one number: resources.memory.",
  memswap_limit: "~a container with a memory limit never swaps here.",
  attach: "~it concerns the terminal of docker compose only.",
  develop: "it concerns docker compose watch only.",
};

/** Reads one service; everything it says is in the result or in the notes. */
export function importService(input: InputMap, context: ServiceContext): ImportedService {
  const draft = new LayerDraft(input);
  const deploy = input.map("deploy");
  importImage(input, draft, context);
  importWords(input, draft, "entrypoint");
  importWords(input, draft, "command");
  importEnvironment(input, draft, context);
  const onHost = importNetworkMode(input, draft);
  if (onHost && input.has("ports")) {
    const ports = shown(input.take("ports"));
    input.notNeeded("ports", `on the host's network every port is open as it is, ${ports} too.`);
  }
  importPorts(input, draft);
  importNetworks(input);
  importVolumes(input, draft, context.volumes, context.place);
  importFiles(input, draft, context, "secrets");
  importFiles(input, draft, context, "configs");
  importDependencies(input, draft, context);
  importGpus(input, draft);
  importDevices(input, draft);
  importResources(input, draft, deploy);
  importHealthcheck(input, draft);
  importRestart(input, draft, deploy);
  importSecurity(input, draft);
  draft.put("stop_grace", spanText(input.text("stop_grace_period")), "stop_grace_period");
  draft.put("shm_size", amountText(input.text("shm_size")), "shm_size");
  importUlimits(input, draft);
  const replicas = replicasOf(input, deploy);
  deploy?.close({ mode: "~so many as replicas says are always run.", labels: "labels are not carried." });
  input.close(reasons);
  return { layer: draft.layer, replicas };
}

function importImage(input: InputMap, draft: LayerDraft, context: ServiceContext): void {
  const image = input.text("image");
  const built = input.has("build");
  const policies: Record<string, string> = { if_not_present: "missing", build: "never" };
  const policy = input.text("pull_policy");
  draft.put("image", image ?? (built ? `${context.place.prefix.replace("_", "-")}:latest` : undefined), "image");
  draft.put("pull_policy", policy === undefined ? undefined : (policies[policy] ?? policy), "pull_policy");
  // What was built on the host is nowhere to be pulled from.
  if (built && image === undefined && policy === undefined) draft.put("pull_policy", "never", "build");
}

function importWords(input: InputMap, draft: LayerDraft, key: "command" | "entrypoint"): void {
  const value = input.take(key);
  if (value === undefined) return;
  const words = typeof value === "string" ? splitWords(value) : Array.isArray(value) ? value.map(plainText) : undefined;
  if (words === undefined) input.refuse(key, `${shown(value)} is no command.`);
  else if (words.length === 0) input.refuse(key, "an empty one would mean none; here the image's own is used.");
  else draft.put(key, words, key);
}

function importEnvironment(input: InputMap, draft: LayerDraft, context: ServiceContext): void {
  for (const [i, entry] of input.list("env_file").entries())
    importEnvFile(entry, `env_file[${i}]`, input, draft, context);
  const given = input.take("environment");
  if (given === undefined) return;
  const variables = asMap(given);
  if (!isMap(variables)) return input.refuse("environment", `${shown(given)} is no map.`);
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) {
    const text = value ?? context.variables[name];
    if (text === undefined)
      input.refuse(`environment.${name}`, "its value comes from the shell, and this one has none.");
    else if (typeof text === "object" || /[=\0\s]/.test(name) || name === "" || plainText(text).includes("\0"))
      input.refuse(`environment.${name}`, `${shown(text)} is no value of a variable.`);
    else Object.defineProperty(environment, name, { value: String(text), enumerable: true, configurable: true });
  }
  if (environment["NVIDIA_VISIBLE_DEVICES"] !== undefined)
    input.changed("environment.NVIDIA_VISIBLE_DEVICES", "placement sets it to the GPUs that were chosen.");
  if (Object.keys(environment).length > 0) draft.put("environment", environment, "environment");
}

function importEnvFile(
  entry: unknown,
  from: string,
  input: InputMap,
  draft: LayerDraft,
  context: ServiceContext,
): void {
  const map = isMap(entry) ? new InputMap(entry, input.at(from), input.notes) : undefined;
  const path = map === undefined ? plainText(entry) : map.text("path");
  const required = map?.truth("required") ?? true;
  map?.close({ format: "env files are read as KEY=VALUE lines." });
  if (path === undefined) return input.refuse(from, `${shown(entry)} is no path.`);
  const place = hostPath(path, context.place);
  if (place === undefined) return input.refuse(from, `nobody knows which folder ${path} begins with.`);
  const text = context.envFile(place);
  if (text === undefined && !required) return input.refuse(from, `${path} is not there, and not required.`);
  if (text?.includes("$")) input.changed(from, `${path} has a $, and env files are taken as they are here.`);
  if (place !== path) input.changed(from, `${path} is ${place} on this machine; ozctl reads it there.`);
  draft.append("env_file", place, from);
}

/** True on the host's network. */
function importNetworkMode(input: InputMap, draft: LayerDraft): boolean {
  const mode = input.text("network_mode");
  if (mode === undefined) return false;
  if (mode === "host") draft.putIn("security", "host_network", true, "network_mode");
  else input.refuse("network_mode", `${mode}: a service is on its group's private network, or on the host's.`);
  return mode === "host";
}

/** Networks are the group's one; what is asked of one of them is listed. */
function importNetworks(input: InputMap): void {
  const networks = input.take("networks");
  if (networks === undefined) return;
  const names = Array.isArray(networks) ? networks.map(plainText) : isMap(networks) ? Object.keys(networks) : [];
  input.notNeeded("networks", `${names.join(", ") || shown(networks)}: members of a group share one private network.`);
  if (!isMap(networks)) return;
  for (const [name, value] of Object.entries(networks))
    new InputMap(value, input.at(`networks.${name}`), input.notes).close({
      aliases: "others reach it by the name of its instance only.",
      ipv4_address: "addresses are given by the engine.",
      ipv6_address: "addresses are given by the engine.",
      mac_address: "addresses are given by the engine.",
    });
}

/** Secrets and configs that are files become read-only mounts; the others are listed. */
function importFiles(input: InputMap, draft: LayerDraft, context: ServiceContext, kind: "secrets" | "configs"): void {
  for (const [i, entry] of input.list(kind).entries()) {
    const from = `${kind}[${i}]`;
    const map = isMap(entry) ? new InputMap(entry, input.at(from), input.notes) : undefined;
    const name = (map === undefined ? plainText(entry) : map.text("source")) ?? "";
    const target = map?.text("target") ?? name;
    map?.close({
      mode: "the file keeps its own mode.",
      uid: "the file keeps its owner.",
      gid: "the file keeps its group.",
    });
    const path = context.files.get(`${kind}.${name}`);
    const source = path === undefined ? undefined : hostPath(path, context.place);
    if (source === undefined || source.includes(":") || target.includes(":")) {
      input.refuse(from, `${shown(entry)} is no file; put it into one and mount it, or into environment.`);
      continue;
    }
    const reason = hostPathRefusal(source);
    if (reason !== undefined) {
      input.refuse(from, `${source}: ${reason}.`);
      continue;
    }
    const inside = target.startsWith("/") ? target : `${kind === "secrets" ? "/run/secrets" : ""}/${target}`;
    input.changed(
      from,
      `it is ${source} on this machine, mounted read-only; it has to exist on the host that runs the service.`,
    );
    draft.append("volumes", `${source}:${inside}:ro`, from);
  }
}

function importDependencies(input: InputMap, draft: LayerDraft, context: ServiceContext): void {
  const given = input.take("depends_on");
  if (given === undefined) return;
  const names = Array.isArray(given)
    ? given.map((name) => [plainText(name), {}] as const)
    : isMap(given)
      ? Object.entries(given)
      : [];
  if (names.length === 0) return input.refuse("depends_on", `${shown(given)} names no service.`);
  for (const [name, value] of names) {
    const from = `depends_on.${name}`;
    const map = new InputMap(value, input.at(from), input.notes);
    const condition = map.text("condition") ?? "service_started";
    map.close({
      required: "what is named is always waited for.",
      restart: "it is not restarted when the other one is.",
    });
    const instance = context.running.get(name);
    if (instance === undefined) input.refuse(from, "it is not started by default, or is not in the file.");
    else if (condition === "service_completed_successfully")
      input.refuse(from, `nothing waits for the end of ${instance}; run it first, or let the service try again.`);
    else {
      if (condition !== "service_healthy")
        input.changed(from, `it waits until ${instance} is ready, not only started.`);
      draft.append("depends_on", instance, from);
    }
  }
}

function importUlimits(input: InputMap, draft: LayerDraft): void {
  const map = input.map("ulimits");
  for (const name of map?.keys ?? []) {
    const value = map?.take(name);
    if (isMap(value)) {
      const within = new InputMap(value, map?.at(name) ?? name, input.notes);
      const [soft, hard] = [within.number("soft"), within.number("hard")];
      within.close();
      const both = { soft: soft ?? hard, hard: hard ?? soft };
      if (
        both.soft !== undefined &&
        both.hard !== undefined &&
        (both.hard === -1 || (both.soft !== -1 && both.soft <= both.hard))
      )
        draft.putIn("ulimits", name, both, `ulimits.${name}`);
      else input.refuse(`ulimits.${name}`, `${shown(value)} is no limit.`);
    } else draft.putIn("ulimits", name, Number(value), `ulimits.${name}`);
  }
}

function replicasOf(input: InputMap, deploy: InputMap | undefined): number {
  const [scale, replicas] = [input.number("scale"), deploy?.number("replicas")];
  const wanted = replicas ?? scale ?? 1;
  if (scale !== undefined && replicas !== undefined) input.notNeeded("scale", `deploy.replicas says it, not ${scale}.`);
  if (Number.isInteger(wanted) && wanted >= 0 && wanted <= 1000) return wanted;
  input.refuse("scale", `${wanted} is no number of replicas from 0 to 1000.`);
  return 1;
}
