// Says in one line what differs between two specs, for people. Secret values never appear.
import { toJson } from "@bufbuild/protobuf";
import {
  type Mount,
  MountKind,
  type Port,
  ProbeSchema,
  PullPolicy,
  type ReplicaSpec,
  RestartCondition,
} from "#proto/spec_pb.ts";
import { looksSecret, mask, maskValues, secretValues, shownValue } from "../secret.ts";
import { formatBytes, formatDuration } from "../units.ts";

/** "MAX_MODEL_LEN 2048 → 4096, image a → b". Empty when nothing differs. */
export function settingsDiff(before: ReplicaSpec, after: ReplicaSpec): string {
  const secrets = [before, after].flatMap((spec) => secretValues(spec.environment, spec.secretKeys));
  const rowText = rows.flatMap(([label, show]) =>
    changed(label, maskValues(show(before), secrets), maskValues(show(after), secrets), show(before) !== show(after)),
  );
  return [
    ...environmentDiff(before, after),
    ...rowText,
    ...byNameDiff("volume", mountTexts(before.mounts), mountTexts(after.mounts)),
    ...byNameDiff("port", portTexts(before.ports), portTexts(after.ports)),
  ].join(", ");
}

const rows: readonly (readonly [label: string, show: (spec: ReplicaSpec) => string])[] = [
  ["image", (spec) => spec.image],
  ["service", (spec) => spec.service],
  ["variety", (spec) => spec.variety],
  ["profile", (spec) => spec.profile],
  ["command", (spec) => commandText(spec.command)],
  ["entrypoint", (spec) => commandText(spec.entrypoint)],
  ["memory", (spec) => bytesText(spec.resources?.memoryBytes)],
  ["cpu", (spec) => (spec.resources?.cpuMillis ? `${spec.resources.cpuMillis / 1000}` : "")],
  ["pids", (spec) => `${spec.resources?.pids ?? ""}`],
  ["gpus", (spec) => (spec.resources?.gpus ? `${spec.resources.gpus} ${spec.resources.gpuVendor}`.trim() : "")],
  ["vram", (spec) => bytesText(spec.resources?.vramBytes)],
  ["disk", (spec) => bytesText(spec.resources?.diskBytes)],
  ["devices", (spec) => (spec.resources?.deviceIds ?? []).join(" ")],
  ["shm", (spec) => bytesText(spec.shmBytes)],
  ["ulimits", (spec) => spec.ulimits.map(({ name, soft, hard }) => `${name} ${soft}:${hard}`).join(" ")],
  ["stop grace", (spec) => formatDuration(Number(spec.stopGraceMs))],
  ["startup timeout", (spec) => formatDuration(Number(spec.health?.startupTimeoutMs ?? 0n))],
  [
    "probes",
    (spec) => (spec.health?.probes ?? []).map((probe) => JSON.stringify(toJson(ProbeSchema, probe))).join(" "),
  ],
  ["healthcheck", healthcheckText],
  ["restart", restartText],
  ["security", securityText],
  ["depends_on", (spec) => spec.dependsOn.join(" ")],
  ["pull policy", (spec) => wordOf(PullPolicy, spec.pullPolicy)],
  ["login", (spec) => spec.registryLogins.map(({ registry, file }) => `${registry} ${file}`).join(" ")],
  ["secret_keys", (spec) => spec.secretKeys.join(" ")],
];

function changed(label: string, before: string, after: string, differs: boolean): string[] {
  if (!differs) return [];
  const [from, to] = [short(before), short(after)];
  return [from === to ? `${label} changed` : `${label} ${from} → ${to}`];
}

function short(text: string): string {
  return text === "" ? "none" : text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function environmentDiff(before: ReplicaSpec, after: ReplicaSpec): string[] {
  const hidden = [...before.secretKeys, ...after.secretKeys];
  const keys = [...new Set([...Object.keys(before.environment), ...Object.keys(after.environment)])].toSorted();
  return keys.flatMap((key) => {
    const [from, to] = [before.environment[key], after.environment[key]];
    if (from === to) return [];
    if (to === undefined) return [`- ${key}`];
    const shown = shownValue(key, to, hidden);
    if (from === undefined) return [`+ ${key}=${short(shown)}`];
    return changed(key, shownValue(key, from, hidden), shown, true);
  });
}

/** A command with the values behind flags such as --api-key hidden. */
function commandText(words: readonly string[]): string {
  return words
    .map((word, i) => {
      const flag = /^(--?[\w-]+)=/.exec(word)?.[1];
      if (flag !== undefined && isSecretFlag(flag)) return `${flag}=${mask}`;
      return i > 0 && !word.startsWith("-") && isSecretFlag(words[i - 1] ?? "") ? mask : shownValue("", word);
    })
    .join(" ");
}

function isSecretFlag(word: string): boolean {
  return /^--?[\w-]+$/.test(word) && looksSecret(word.replace(/^-+/, "").replaceAll("-", "_"));
}

function bytesText(bytes: bigint | undefined): string {
  return bytes === undefined || bytes === 0n ? "" : formatBytes(bytes);
}

function healthcheckText({ health }: ReplicaSpec): string {
  const check = health?.containerCheck;
  if (check === undefined) return "";
  if (check.disabled) return "off";
  return `${check.test.join(" ")} every ${formatDuration(Number(check.intervalMs))} for at most ${formatDuration(Number(check.timeoutMs))}, ${check.retries} retries, after ${formatDuration(Number(check.startPeriodMs))}`;
}

function wordOf(words: Readonly<Record<string, number>>, value: number): string {
  const word = Object.keys(words).find((name) => words[name] === value) ?? "";
  return word.toLowerCase().replace("_", "-");
}

function restartText({ restart }: ReplicaSpec): string {
  if (restart === undefined) return "";
  const condition = wordOf(RestartCondition, restart.condition);
  const [min, max, window] = [restart.backoffMinMs, restart.backoffMaxMs, restart.windowMs].map((ms) =>
    formatDuration(Number(ms)),
  );
  return `${condition} ${min} to ${max}, ${restart.maxStartsWithoutReady} starts, ${restart.maxStartsInWindow} in ${window}`;
}

function securityText({ security: s }: ReplicaSpec): string {
  if (s === undefined) return "";
  const flags = [
    [s.privileged, "privileged"],
    [s.readOnly, "read-only"],
    [s.allowNewPrivileges, "new privileges"],
    [s.hostIpc, "host IPC"],
    [s.hostNetwork, "host network"],
  ] as const;
  return [
    ...flags.filter(([on]) => on).map(([, name]) => name),
    ...s.capAdd.map((c) => `cap_add ${c}`),
    ...s.devices,
    ...(s.user === "" ? [] : [`user ${s.user}`]),
  ].join(" ");
}

function mountTexts(mounts: readonly Mount[]): Map<string, string> {
  const text = (m: Mount): string =>
    `${m.kind === MountKind.TMPFS ? `tmpfs ${bytesText(m.tmpfsBytes)}`.trim() : m.source}${m.readOnly ? " (read-only)" : ""}`;
  return new Map(mounts.map((mount) => [mount.target, text(mount)]));
}

function portTexts(ports: readonly Port[]): Map<string, string> {
  const text = (p: Port): string => `${p.name} ${p.protocol} on ${p.hostAddress}:${p.hostPort || "any"}`;
  return new Map(ports.map((port) => [`${port.containerPort}/${port.transport}`, text(port)]));
}

function byNameDiff(what: string, before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [from, to] = [before.get(name), after.get(name)];
    if (from === to) return [];
    if (from === undefined) return [`+ ${what} ${name}`];
    return to === undefined ? [`- ${what} ${name}`] : [`${what} ${name} ${from} → ${to}`];
  });
}
