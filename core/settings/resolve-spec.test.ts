import { toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ReplicaSpecSchema } from "#proto/spec_pb.ts";
import type { OzError } from "../errors.ts";
import { knownVarieties, serviceRequirementText } from "./requires.ts";
import { candidateSpecs, type SpecWish } from "./resolve-spec.ts";
import type { CandidateSpec, Layer, ServiceDefinition } from "./settings.ts";
import { registryOf } from "./spec-of-layer.ts";

const wish: SpecWish = { instance: "i", group: "g", variety: "", profile: "" };

function service(
  base: Layer,
  varieties: Record<string, Layer> = {},
  profiles: Record<string, Layer> = {},
): ServiceDefinition {
  const named = (layers: Record<string, Layer>): { name: string; layer: Layer }[] =>
    Object.entries(layers).map(([name, layer]) => ({ name, layer }));
  return {
    name: "s",
    group: "g",
    type: "container",
    description: "",
    base,
    varieties: named(varieties),
    profiles: named(profiles),
  };
}

function only(candidates: CandidateSpec[]): CandidateSpec {
  expect(candidates).toHaveLength(1);
  return candidates[0] ?? expect.fail("no candidate");
}

test("every default of the contract is filled in", () => {
  expect(toJson(ReplicaSpecSchema, only(candidateSpecs(service({ image: "a" }), wish, {})).spec)).toEqual({
    instance: "i",
    group: "g",
    service: "s",
    image: "a",
    resources: { pids: 4096 },
    health: { startupTimeoutMs: "120000" },
    restart: {
      condition: "RESTART_CONDITION_ALWAYS",
      maxStartsWithoutReady: 5,
      maxStartsInWindow: 12,
      windowMs: "600000",
      backoffMinMs: "1000",
      backoffMaxMs: "300000",
    },
    security: {},
    stopGraceMs: "10000",
    pullPolicy: "PULL_POLICY_MISSING",
  });
});

test("a first delay above the usual longest one is the longest one too", () => {
  const restart = (written: object) =>
    only(candidateSpecs(service({ image: "a", restart: written }), wish, {})).spec.restart;
  expect(restart({ backoffMinMs: 7_200_000 })).toMatchObject({ backoffMinMs: 7_200_000n, backoffMaxMs: 7_200_000n });
  expect(restart({ backoffMinMs: 2_000 })).toMatchObject({ backoffMinMs: 2_000n, backoffMaxMs: 300_000n });
});

test("everything that is written reaches the spec", () => {
  const full: Layer = {
    image: "ghcr.io/a/b:1",
    environment: { A: "2" },
    envFile: { A: "1", B: "1" },
    command: ["c"],
    entrypoint: ["e"],
    dependsOn: ["d"],
    volumes: [
      { kind: "tmpfs", source: "", target: "/t", readOnly: false, tmpfsBytes: 5 },
      { kind: "bind", source: "/x", target: "/y", readOnly: true },
    ],
    ports: [
      { name: "", containerPort: 53, hostPort: 0, hostAddress: "127.0.0.1", transport: "udp", protocol: "udp" },
      { name: "", containerPort: 80, hostPort: 8080, hostAddress: "0.0.0.0", transport: "tcp", protocol: "http" },
      { name: "", containerPort: 81, hostPort: 0, hostAddress: "127.0.0.1", transport: "tcp", protocol: "grpc" },
    ],
    resources: { memoryBytes: 1, cpuMillis: 2, pids: 3, gpus: 4, vramBytes: 5, diskBytes: 6 },
    probes: [
      { http: { port: 80, path: "/h" } },
      { tcp: { port: 1 }, intervalMs: 7, timeoutMs: 8, failureThreshold: 9 },
      { exec: { command: ["x"] } },
    ],
    healthcheck: { test: ["t"], startPeriodMs: 4 },
    restart: { condition: "on-failure" },
    security: { capAdd: ["SYS_NICE"], user: "1" },
    ulimits: { memlock: { soft: -1, hard: -1 } },
    shmBytes: 9,
    pullPolicy: "always",
    secretKeys: ["Z", "A"],
  };
  const json = toJson(
    ReplicaSpecSchema,
    only(candidateSpecs(service(full), wish, { "ghcr.io": { file: "/login" }, "other.io": { file: "/no" } })).spec,
  );
  expect(json).toMatchObject({
    environment: { A: "2", B: "1" },
    mounts: [
      { kind: "MOUNT_KIND_TMPFS", target: "/t", tmpfsBytes: "5" },
      { kind: "MOUNT_KIND_BIND", source: "/x", target: "/y", readOnly: true },
    ],
    ports: [
      { name: "udp-53" },
      { name: "http", hostAddress: "0.0.0.0", hostPort: 8080 },
      { name: "tcp-81", protocol: "grpc" },
    ],
    resources: { memoryBytes: "1", cpuMillis: 2, pids: 3, gpus: 4, vramBytes: "5", diskBytes: "6" },
    health: {
      probes: [
        { http: { port: 80, path: "/h" }, timeoutMs: "5000", failureThreshold: 3 },
        { tcp: { port: 1 }, intervalMs: "7", timeoutMs: "8", failureThreshold: 9 },
        { exec: { command: ["x"] } },
      ],
      containerCheck: { test: ["t"], intervalMs: "30000", timeoutMs: "30000", retries: 3, startPeriodMs: "4" },
    },
    restart: { condition: "RESTART_CONDITION_ON_FAILURE" },
    security: { capAdd: ["SYS_NICE"], user: "1" },
    ulimits: [{ name: "memlock", soft: "-1", hard: "-1" }],
    registryLogins: [{ registry: "ghcr.io", file: "/login" }],
    pullPolicy: "PULL_POLICY_ALWAYS",
    secretKeys: ["A", "Z"],
  });
});

test("a name that is written keeps its port the only http", () => {
  const ports = [
    { name: "", containerPort: 1 },
    { name: "http", containerPort: 2 },
  ].map((p) => ({ ...p, hostPort: 0, hostAddress: "127.0.0.1", transport: "tcp" as const, protocol: "http" }));
  expect(only(candidateSpecs(service({ image: "a", ports }), wish, {})).spec.ports.map(({ name }) => name)).toEqual([
    "tcp-1",
    "http",
  ]);
});

test.each<[string, Layer, string, Layer, object, number, string]>([
  ["known name", {}, "rocm", {}, { gpu: "amd" }, 1, "amd"],
  ["any vendor", {}, "vulkan", {}, { gpu: "any" }, 1, ""],
  [
    "cpu hides the GPU of the base",
    { resources: { gpus: 2, vramBytes: 5 }, requires: { gpu: "nvidia" } },
    "cpu-only",
    {},
    {},
    0,
    "",
  ],
  ["cpu that asks for one", {}, "cpu", { resources: { gpus: 1 } }, { gpu: "any" }, 1, ""],
  [
    "explicit requires win over the name",
    {},
    "nvidia",
    { requires: { gpu: "nvidia", driver: "550" } },
    { gpu: "nvidia", driver: "550" },
    1,
    "nvidia",
  ],
  ["unknown name", {}, "npu", {}, {}, 0, ""],
  [
    "unknown name keeps what the base requires",
    { requires: { gpu: "intel" } },
    "big",
    {},
    { gpu: "intel" },
    1,
    "intel",
  ],
  ["VRAM means a GPU", { resources: { vramBytes: 5 } }, "big", {}, { gpu: "any" }, 1, ""],
  [
    "a driver alone",
    {},
    "big",
    { requires: { driver: "5" }, resources: { gpus: 2 } },
    { driver: "5", gpu: "any" },
    2,
    "",
  ],
])("requires: %s", (_what, base, name, layer, requires, gpus, vendor) => {
  const candidate = only(candidateSpecs(service({ image: "a", ...base }, { [name]: layer }), wish, {}));
  expect(candidate.requires).toEqual(requires);
  expect([candidate.spec.resources?.gpus, candidate.spec.resources?.gpuVendor]).toEqual([gpus, vendor]);
  if (gpus === 0) expect(candidate.spec.resources?.vramBytes).toBe(0n);
});

test("what a variety requires, for people", () => {
  expect(knownVarieties.map((name) => [name, serviceRequirementText(name, {})])).toEqual([
    ["nvidia", "gpu nvidia, runtime nvidia"],
    ["cuda", "gpu nvidia, runtime nvidia"],
    ["amdgpu", "gpu amd"],
    ["amd", "gpu amd"],
    ["rocm", "gpu amd"],
    ["intel", "gpu intel"],
    ["vulkan", "any gpu"],
    ["cpu", "nothing"],
    ["cpu-only", "nothing"],
  ]);
  expect(serviceRequirementText("big", { requires: { driver: "550" } })).toBe("driver 550");
  expect(serviceRequirementText("toString", {})).toBe("nothing");
});

test("layers lie base, variety, profile, overrides; a base without an image takes the first variety's", () => {
  const definition = service(
    { environment: { A: "base", B: "base", C: "base", D: "base" } },
    { cuda: { image: "c", environment: { B: "v", C: "v", D: "v" } }, big: {} },
    { p: { environment: { C: "p", D: "p" } } },
  );
  const candidates = candidateSpecs(definition, { ...wish, profile: "p", overrides: { environment: { D: "o" } } }, {});
  expect(candidates.map(({ variety, spec }) => [variety, spec.image, spec.profile, spec.environment])).toEqual([
    ["cuda", "c", "p", { A: "base", B: "v", C: "p", D: "o" }],
    ["big", "c", "p", { A: "base", B: "base", C: "p", D: "o" }],
  ]);
  expect(only(candidateSpecs(definition, { ...wish, variety: "big" }, {})).spec.variety).toBe("big");
});

test.each<[ServiceDefinition, Partial<SpecWish>, object]>([
  [
    service({ image: "a" }, { cuda: {} }),
    { variety: "cida" },
    { code: "not_found", message: 'service s has no variety "cida"', hint: "Did you mean cuda?" },
  ],
  [service({ image: "a" }), { variety: "cuda" }, { code: "not_found", hint: "s has no varieties: leave it out." }],
  [
    service({ image: "a" }),
    { profile: "fast" },
    { code: "not_found", message: 'service s has no profile "fast"', hint: "s has no profiles: leave it out." },
  ],
  [
    { ...service({}), type: "sqlite" },
    {},
    { code: "not_supported", message: "s is of type sqlite, which is listed and never run" },
  ],
  [
    service({}, { cuda: {} }, { fast: {} }),
    { profile: "fast" },
    { code: "settings_invalid", message: "service s with variety cuda and profile fast has no image" },
  ],
  [service({}), {}, { code: "settings_invalid", message: "service s has no image" }],
])("refusal %#", (definition, part, expected) => {
  expect(() => candidateSpecs(definition, { ...wish, ...part }, {})).toThrow(
    expect.objectContaining(expected) as OzError,
  );
});

test("no time to stop is not the time of the contract's 0", () => {
  const graceMs = (stopGraceMs: number): bigint =>
    only(candidateSpecs(service({ image: "a", stopGraceMs }), wish, {})).spec.stopGraceMs;
  expect([graceMs(0), graceMs(3000)]).toEqual([1n, 3000n]);
});

test.each([
  ["a", "docker.io"],
  ["a/b", "docker.io"],
  ["ghcr.io/a/b", "ghcr.io"],
  ["localhost/a", "localhost"],
  ["r:5000/a:1", "r:5000"],
  ["a:1", "docker.io"],
])("registry of %s", (image, registry) => {
  expect(registryOf(image)).toBe(registry);
});

test("the login of Docker Hub is found under each of its names", () => {
  expect(
    only(candidateSpecs(service({ image: "vllm/vllm" }), wish, { "index.docker.io": { file: "/l" } })).spec
      .registryLogins,
  ).toMatchObject([{ registry: "docker.io", file: "/l" }]);
});
