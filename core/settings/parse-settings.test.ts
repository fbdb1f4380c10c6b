import { expect, test } from "vitest";
import { formatProblem, type ParseOptions, parseSettings } from "./parse-settings.ts";
import { candidateSpecs } from "./resolve-spec.ts";
import type { Settings } from "./settings.ts";

function problemsOf(text: string, options: ParseOptions = {}): string[] {
  return parseSettings([{ name: "f", text }], options).problems.map((problem) =>
    formatProblem(problem).replace(/ +/, " "),
  );
}

function settingsOf(...texts: string[]): Settings {
  const result = parseSettings(texts.map((text, i) => ({ name: `${i}.yml`, text })));
  expect(result.problems).toEqual([]);
  return result.settings ?? expect.fail("no settings");
}

const web = "services:\n  - name: web\n    image: a\n    varieties: { cpu: {} }\n    profiles: { fast: {} }\n";

test("later files replace things of the same name and append new ones", () => {
  const settings = settingsOf(
    `project: one\nhosts: [{ name: a, ip: 10.0.0.1 }]\n${web}instances: [{ name: web }, { name: second, service: web }]\nregistries: { ghcr.io: { file: /a } }\n`,
    "project: two\nhosts: [{ name: a, ip: 10.0.0.2 }, { name: b }]\nservices: [{ name: web, image: b }, { name: db, image: c }]\ninstances: [{ name: web, replicas: 3 }]\nregistries: { ghcr.io: { file: /b }, 'r:5000': { file: /c } }\n",
  );
  expect(settings).toMatchObject({
    project: "two",
    hosts: [
      { name: "a", ip: "10.0.0.2" },
      { name: "b", ip: "" },
    ],
    registries: { "ghcr.io": { file: "/b" }, "r:5000": { file: "/c" } },
  });
  expect(settings.services.map(({ name, base: layer, varieties }) => [name, layer.image, varieties.length])).toEqual([
    ["web", "b", 0],
    ["db", "c", 0],
  ]);
  expect(settings.instances.map(({ name, replicas }) => [name, replicas])).toEqual([
    ["web", 3],
    ["second", 1],
  ]);
});

test("the project of the options comes first", () => {
  expect(parseSettings([{ name: "f", text: "project: a" }], { project: "b" }).settings?.project).toBe("b");
  expect(parseSettings([{ name: "f", text: "hosts: []" }]).settings?.project).toBe("default");
});

test("x- keys are ignored, and anchors and merge keys work", () => {
  const settings = settingsOf(
    "x-any: &common { image: a, environment: { A: 1 } }\nservices:\n  - { <<: *common, name: s, x-note: hi, environment: { x-b: 2 } }\n  - { <<: [{ image: b }, *common], name: t }\n",
  );
  expect(settings.services.map(({ base: layer }) => layer)).toEqual([
    { image: "a", environment: { "x-b": "2" } },
    { image: "b", environment: { A: "1" } },
  ]);
});

test("a wrong value is placed where the anchor holds it", () => {
  expect(problemsOf("x-a: &a\n  image: a\n  stop_grace: no\nservices:\n  - <<: *a\n    name: s\n")).toEqual([
    expect.stringContaining("f:3:15 services[0].stop_grace"),
  ]);
});

test("values of the environment are text: numbers as written, true and false, nothing", () => {
  const [service] = settingsOf(
    "services: [{ name: s, image: a, environment: { A: 0.90, B: 45000, C: True, D: , E: 1e3, F: '007', G: 0x1F, H: yes } }]",
  ).services;
  expect(service?.base.environment).toEqual({
    A: "0.90",
    B: "45000",
    C: "true",
    D: "",
    E: "1e3",
    F: "007",
    G: "0x1F",
    H: "yes",
  });
});

test("env files are laid below the environment; their problems have their own file", () => {
  const text = `${web}    env_file: [one.env, two.env]\n`;
  const settings = parseSettings([{ name: "f", text }], {
    envFiles: { "one.env": "A=1\nB=1", "two.env": "B=2" },
  }).settings;
  expect(settings?.services[0]?.base.envFile).toEqual({ A: "1", B: "2" });
  expect(problemsOf(text, { envFiles: { "one.env": "A=1\n  nonsense\nC='open\n", "two.env": "" } })).toEqual([
    "one.env:2:3 a line must read KEY=VALUE. Begin comments with #.",
    "one.env:3:1 the quotes of C are not closed. A value ends on its line; write \\n for a line break.",
  ]);
});

test("depends_on may name a service: it stands for its instances in the group", () => {
  const text = `${web}    depends_on: [db]\n  - { name: db, image: c }\ninstances: [{ name: web }, { name: db-1, service: db }, { name: db-2, service: db }]\n`;
  expect(settingsOf(text).instances[0]).toMatchObject({ name: "web", overrides: { dependsOn: ["db-1", "db-2"] } });
  expect(settingsOf(text.replace("db-1, service: db", "db")).instances[0]).not.toHaveProperty("overrides");
});

test("the layers of profiles and varieties are judged like the base", () => {
  const text =
    "services:\n  - name: s\n    image: a\n    varieties: { cpu: { depends_on: [x] } }\n    profiles:\n      - { name: p, depends_on: [y] }\n      - { name: p }\n";
  expect(problemsOf(text)).toEqual([
    expect.stringContaining('f:4:38 services[0].varieties.cpu.depends_on[0]: depends on "x"'),
    expect.stringContaining('f:6:33 services[0].profiles[0].depends_on[0]: depends on "y"'),
    expect.stringContaining("f:7:9 services[0].profiles[1]: profile p is named twice"),
  ]);
});

test("varieties that depend on different services must name instances", () => {
  const text = `services:\n  - { name: s, image: a, varieties: { cpu: { depends_on: [x] }, cuda: { depends_on: [y] } } }\n  - { name: x, image: a }\n  - { name: y, image: a }\ninstances: [{ name: s }, { name: x1, service: x }, { name: y1, service: y }]\n`;
  expect(problemsOf(text)).toEqual([
    "f:5:21 instances[0].name: its varieties depend on different services. Name the instances in depends_on, not the services.",
  ]);
});

test("groups: a service of the group itself comes before one of the default group", () => {
  const settings = settingsOf(
    `${web}groups:\n  dev: { service-definitions: [{ name: web, image: dev }] }\n  empty:\ninstances:\n  - { name: web, group: dev }\n  - { name: web, group: empty }\n`,
  );
  expect(settings.instances.map(({ group }) => group)).toEqual(["dev", "empty"]);
  expect(settings.services.map(({ name, group }) => `${group}/${name}`)).toEqual(["default/web", "dev/web"]);
});

test("persistent services of another type are left out with a notice", () => {
  const settings = settingsOf(
    "realms:\n  default:\n    service-definitions: [{ name: db, type: sqlite }]\n    persistent-services: [{ name: store, service: db }]\n",
  );
  expect(settings).toMatchObject({
    instances: [],
    notices: ["store: not started: db is of type sqlite, which is never run."],
  });
  expect(
    problemsOf(
      "realms:\n  default:\n    service-definitions: [{ name: db, type: sqlite }]\n    persistent-services: [{ name: store, service: bd }]\n",
    ),
  ).toEqual(['f:4:51 realms.default.persistent-services[0].service: no service "bd". Did you mean db?']);
});

test("every key of an instance is taken, its own layer as overrides", () => {
  const settings = settingsOf(
    `${web}instances:\n  - { name: w, service: web, variety: cpu, profile: fast, replicas: 2, host: h, restart: { condition: on-failure, backoff_max: 1m }, resources: { memory: 2g, cpu: 500m, gpus: 0, pids: 5, vram: 0, disk: 1GB } }\n`,
  );
  expect(settings.instances).toEqual([
    {
      name: "w",
      group: "default",
      service: "web",
      variety: "cpu",
      profile: "fast",
      replicas: 2,
      host: "h",
      overrides: {
        restart: { condition: "on-failure", backoffMaxMs: 60_000 },
        resources: { memoryBytes: 2 ** 31, cpuMillis: 500, gpus: 0, pids: 5, vramBytes: 0, diskBytes: 1e9 },
      },
    },
  ]);
});

test("all our own keys of a layer", () => {
  const [service] = settingsOf(`services:
  - name: s
    image: a
    requires: { gpu: nvidia, runtime: nvidia, driver: "550.54" }
    probes:
      - { http: { port: 80 }, interval: 1s, timeout: 2, failure_threshold: 4 }
      - tcp: { port: 81 }
      - exec: { command: "test -f '/a b'" }
    healthcheck: { test: [CMD, curl, -f, x], interval: 5s, timeout: 1s, retries: 2, start_period: 1m }
    startup_timeout: 1m30s
    restart: "no"
    security: { cap_add: [CAP_SYS_NICE, NET_ADMIN], privileged: false, user: "1000:1000", read_only: true, allow_new_privileges: true, devices: [/dev/fuse], host_ipc: true, host_network: false }
    shm_size: 8g
    ulimits: { nofile: 1024, memlock: { soft: -1, hard: -1 } }
    stop_grace: 0
    pull_policy: never
    secret_keys: [LICENSE]
    volumes: [{ type: tmpfs, target: /t, size: 1m }, { type: bind, source: /srv//x/, target: /x/, read_only: true }]
`).services;
  expect(service?.base).toEqual({
    image: "a",
    requires: { gpu: "nvidia", runtime: "nvidia", driver: "550.54" },
    probes: [
      { http: { port: 80, path: "/" }, intervalMs: 1000, timeoutMs: 2000, failureThreshold: 4 },
      { tcp: { port: 81 } },
      { exec: { command: ["test", "-f", "/a b"] } },
    ],
    healthcheck: {
      test: ["curl", "-f", "x"],
      intervalMs: 5000,
      timeoutMs: 1000,
      retries: 2,
      startPeriodMs: 60_000,
      disabled: false,
    },
    startupTimeoutMs: 90_000,
    restart: { condition: "never" },
    security: {
      capAdd: ["SYS_NICE", "NET_ADMIN"],
      privileged: false,
      user: "1000:1000",
      readOnly: true,
      allowNewPrivileges: true,
      devices: ["/dev/fuse"],
      hostIpc: true,
      hostNetwork: false,
    },
    shmBytes: 2 ** 33,
    ulimits: { nofile: { soft: 1024, hard: 1024 }, memlock: { soft: -1, hard: -1 } },
    stopGraceMs: 0,
    pullPolicy: "never",
    secretKeys: ["LICENSE"],
    volumes: [
      { kind: "tmpfs", source: "", target: "/t", readOnly: false, tmpfsBytes: 2 ** 20 },
      { kind: "bind", source: "/srv/x", target: "/x", readOnly: true },
    ],
  });
});

test("nothing given is a problem, and so are too many files", () => {
  expect(parseSettings([]).problems).toEqual([expect.objectContaining({ message: "no settings file was given" })]);
  const many = Array.from({ length: 65 }, (_, i) => ({ name: `${i}`, text: "hosts: []" }));
  expect(parseSettings(many).problems).toEqual([
    expect.objectContaining({ file: "0", message: "65 settings files were given, at most 64 are read" }),
  ]);
});

test("a project has a bounded number of instances", () => {
  const text = `services: [{ name: s, image: a }]\ninstances:\n${Array.from({ length: 5001 }, (_, i) => `- {name: i${i}, service: s}`).join("\n")}\n`;
  expect(problemsOf(text)).toEqual([
    "f:5003:10 instances[5000].name: a project has at most 5000 instances, here are 5001. Use replicas, or several projects.",
  ]);
});

test("hosts may have addresses of every kind", () => {
  expect(settingsOf("hosts: [{ name: a, ip: fd00::1 }, { name: b, ip: tower.lan }, { name: c }]").hosts).toEqual([
    { name: "a", ip: "fd00::1" },
    { name: "b", ip: "tower.lan" },
    { name: "c", ip: "" },
  ]);
});

test("a check that a layer writes replaces one that was switched off below it, and the other way round", () => {
  const { services } = settingsOf(
    "services: [{ name: s, image: a, healthcheck: { disable: true }, profiles: { on: { healthcheck: { test: [CMD, a, b] } }, rarely: { healthcheck: { interval: 1m } }, off: { healthcheck: { disable: true } } } }]\n",
  );
  const check = (profile: string) => {
    const [service] = services;
    if (service === undefined) throw new Error("no service");
    return candidateSpecs(service, { instance: "i", group: "default", variety: "", profile }, {})[0]?.spec.health
      ?.containerCheck;
  };
  expect(check("on")).toMatchObject({ test: ["a", "b"], disabled: false });
  expect(check("rarely")).toMatchObject({ disabled: true });
  expect(check("off")).toMatchObject({ disabled: true });
});
