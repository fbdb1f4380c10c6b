// The settings of the original, in both of its forms, load as they are.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { OzError } from "../errors.ts";
import { envFilePaths, parseSettings } from "./parse-settings.ts";
import { candidateSpecs } from "./resolve-spec.ts";
import type { Settings } from "./settings.ts";

const fixtures = new URL("../../tests/fixtures/", import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, fixtures), "utf8");

function load(text: string, envFiles: Record<string, string> = {}): Settings {
  const result = parseSettings([{ name: "ozwald.yml", text }], { envFiles });
  expect(result.problems).toEqual([]);
  if (result.settings === undefined) throw new Error("no settings");
  return result.settings;
}

const readme = /```yaml\n([\s\S]*?)```/.exec(read("original-readme.md"))?.[1] ?? "";
const later = load(read("later-form.yml"), {
  "common.env": "LEVEL=info\nMODEL_NAME=from-file\n",
  "cpu.env": "THREADS=8\n",
});
const service = (settings: Settings, name: string): Settings["services"][number] =>
  settings.services.find((s) => s.name === name) ?? expect.fail(`no service ${name}`);

test("the settings of the original README load unchanged", () => {
  const settings = load(readme);
  expect(settings).toMatchObject({
    project: "default",
    hosts: [{ name: "localhost", ip: "127.0.0.1" }],
    instances: [],
    registries: {},
  });
  expect(settings.services.map(({ name, group, type }) => [name, group, type])).toEqual([
    ["qwen1.5-vllm", "default", "container"],
    ["fiction-sources", "default", "source-files"],
  ]);
  expect(settings.notices).toEqual([
    "provisioners[].cache: accepted, not needed: the state is in the control plane's own file.",
  ]);
});

test("varieties come in declared order, each with what its name implies and the profile laid over", () => {
  const candidates = candidateSpecs(
    service(load(readme), "qwen1.5-vllm"),
    { instance: "q", group: "default", variety: "", profile: "fast-gpu" },
    {},
  );
  expect(
    candidates.map(({ variety, requires, spec }) => [
      variety,
      requires,
      spec.image,
      spec.resources?.gpus,
      spec.resources?.gpuVendor,
    ]),
  ).toEqual([
    ["nvidia", { gpu: "nvidia", runtime: "nvidia" }, "openai-api-vllm.nvidia", 1, "nvidia"],
    ["amdgpu", { gpu: "amd" }, "openai-api-vllm.amdgpu", 1, "amd"],
    ["cpu-only", {}, "openai-api-vllm.cpu-only", 0, ""],
  ]);
  expect(candidates[2]?.spec.environment).toEqual({
    MODEL_NAME: "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
    GPU: "false",
    GPU_MEMORY_UTILIZATION: "0.9",
    CPU_OFFLOAD_GB: "",
  });
});

test("the two variables that the original substitutes in paths take the values of where ozctl runs", () => {
  const text = `volumes:
  books: { type: bind, source: "\${OZWALD_PROJECT_ROOT_DIR}/books" }
realms:
  default:
    volumes: [{ name: work, type: tmp-writeable, source: "\${SETTINGS_FILE_DIR}/work" }]
    service-definitions: [{ name: s, type: container, image: i, volumes: ["books:/b", "work:/w", "\${SETTINGS_FILE_DIR}:/s"] }]
`;
  const variables = { SETTINGS_FILE_DIR: "/home/ada/shop", OZWALD_PROJECT_ROOT_DIR: "/opt/ozwald" };
  const { settings } = parseSettings([{ name: "ozwald.yml", text, variables }]);
  expect(settings?.services[0]?.base.volumes?.map(({ source }) => source)).toEqual([
    "/opt/ozwald/books",
    "/home/ada/shop/work",
    "/home/ada/shop",
  ]);
  expect(settings?.notices).toHaveLength(2);
});

test("what the original's own settings file has beside that: a list as a value, and services that have no image yet", () => {
  const text = `services:
  - { name: chunker, type: container, environment: { SOURCES: ['fiction-sources', "b"], SIZES: [1, 0.5, true, null], CHUNK_SIZE: 1000 } }
  - { name: sqlite-vector, type: container, environment: { DIMENSION: 768 }, profiles: { coarse: { environment: { DIMENSION: 128 } } } }
realms:
  lab: { service-definitions: [{ name: sqlite-vector, type: container }] }
`;
  const settings = load(text);
  expect(service(settings, "chunker").base.environment).toEqual({
    SOURCES: '["fiction-sources","b"]',
    SIZES: "[1,0.5,true,null]",
    CHUNK_SIZE: "1000",
  });
  expect(settings.notices).toEqual([
    'environment: a list becomes JSON text, such as ["a","b"].',
    "chunker: it has no image; an instance of it needs one of its own.",
    "sqlite-vector: it has no image; an instance of it needs one of its own.",
    "lab:sqlite-vector: it has no image; an instance of it needs one of its own.",
  ]);
  const wish = { instance: "c", group: "default", variety: "", profile: "" };
  expect(() => candidateSpecs(service(settings, "chunker"), wish, {})).toThrow("service chunker has no image");
});

test("source files are listed and never run", () => {
  const wish = { instance: "f", group: "default", variety: "", profile: "" };
  expect(() => candidateSpecs(service(load(readme), "fiction-sources"), wish, {})).toThrow(
    expect.objectContaining({
      code: "not_supported",
      message: "fiction-sources is of type source-files, which is listed and never run",
    }) as OzError,
  );
});

test("the later form loads unchanged: realms are groups, persistent services are instances", () => {
  expect(later.services.map(({ name, group }) => `${group}/${name}`)).toEqual([
    "default/qwen",
    "default/index",
    "default/fiction",
  ]);
  expect(later.instances).toEqual([
    { name: "index", group: "default", service: "index", variety: "", profile: "small", replicas: 1, host: "" },
    { name: "chat", group: "default", service: "qwen", variety: "nvidia", profile: "long", replicas: 1, host: "" },
  ]);
  expect(service(later, "index").profiles).toEqual([
    { name: "small", layer: { environment: { LIMIT: "10" } } },
    { name: "empty", layer: {} },
    { name: "nothing", layer: {} },
  ]);
});

test("the later form resolves to specs", () => {
  const [nvidia, cpu] = candidateSpecs(
    service(later, "qwen"),
    { instance: "chat", group: "default", variety: "", profile: "long" },
    {},
  ).map(({ spec }) => spec);
  expect(nvidia?.environment).toEqual({
    LEVEL: "info",
    MODEL_NAME: "Qwen/Qwen2.5-1.5B",
    TEMPERATURE: "0.70",
    TRUST: "true",
    EMPTY: "",
    GPU: "true",
    MAX_MODEL_LEN: "32768",
  });
  expect(nvidia?.command).toEqual(["--host", "0.0.0.0", "--served-model-name", "qwen small"]);
  expect(nvidia?.entrypoint).toEqual(["python3", "-m", "vllm.entrypoints.openai.api_server"]);
  expect(nvidia?.mounts.map(({ source, target, readOnly }) => [source, target, readOnly])).toEqual([
    ["/srv/models", "/models", true],
    ["/srv/work", "/work", false],
    ["/srv/cache-nvidia", "/cache", false],
    ["v2", "/t2", false],
    ["", "/tmp/scratch", false],
    ["/exports/archive", "/archive", true],
  ]);
  expect(nvidia?.mounts[4]).toMatchObject({ kind: 3, tmpfsBytes: 67_108_864n });
  expect(cpu).toMatchObject({
    image: "openai-api-vllm.cpu-only",
    command: ["--device", "cpu"],
    entrypoint: ["python3", "-m", "cpu_server"],
  });
  expect(cpu?.environment).toMatchObject({ THREADS: "8", GPU: "false" });
  expect(cpu?.environment).not.toHaveProperty("LEVEL");
});

test("what is accepted and not done gives one notice each, by name", () => {
  const names = later.notices.map((notice) => notice.slice(0, notice.indexOf(": ")));
  expect(names.toSorted()).toEqual(
    [
      "archive-two",
      "archive",
      "bridge-connector",
      "footprint",
      "hosts[].resources",
      "lockers",
      "networks",
      "portals",
      "provisioners[].cache",
      "provisioners[].encrypted_storage_dir",
      "provisioners",
      "realms.default.networks lab",
      "realms.default.networks sealed",
      "tutor",
      "vault.lockers",
      "versioned-read-only",
      "volumes[].driver",
      "volumes[].lifecycle",
      "volumes[].options",
      "volumes[].scope",
    ]
      .map((name) => (name.startsWith("archive") ? `volumes.${name}` : name))
      .toSorted(),
  );
  expect(new Set(names).size).toBe(names.length);
  expect(later.notices).toContain(
    "volumes.archive: nfs is not supported yet: mount nas.home:/export/archive at /exports/archive on each host that runs it.",
  );
});

test("the env files that the settings name are found", () => {
  expect(envFilePaths([{ name: "a", text: read("later-form.yml") }])).toEqual(["common.env", "cpu.env"]);
});
