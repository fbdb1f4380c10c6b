import { expect, test } from "vitest";
import { formatProblem, type ParseOptions, parseSettings } from "./parse-settings.ts";
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

test("problems read as on the screen, all at once, in file order", () => {
  const text =
    "services:\n  - name: api\n    image: a\n  - name: web\n    image: a\n    enviroment: {}\ninstances:\n  - name: x\n    service: wbe\n";
  const { problems } = parseSettings([{ name: "ozwald.yml", text }]);
  expect(problems.map(formatProblem)).toEqual([
    "ozwald.yml:6:5    services[1].enviroment: unknown key. Did you mean environment?",
    'ozwald.yml:9:14   instances[0].service: no service "wbe". Did you mean web?',
  ]);
});

const web = "services:\n  - name: web\n    image: a\n    varieties: { cpu: {} }\n    profiles: { fast: {} }\n";

test.each([
  // YAML itself
  ["", "f:1:1 Empty or invalid YAML configuration. A settings file holds keys such as services: and hosts:."],
  ["- a\n", "f:1:1 Empty or invalid YAML configuration: it must be a map of keys. Begin with a key such as services:."],
  ["project: *x\n", "f:1:10 project: no anchor &x before this"],
  ["x-a: &abc 1\nproject: *abd\n", "f:2:10 project: no anchor &abd before this. Did you mean abc?"],
  ["x-a: &a\n  b: *a\n", "f:2:6 x-a.b: *a stands inside what it stands for"],
  ["project: a\n---\nproject: b\n", "f:2:1 a second document begins here. Put it into a file of its own."],
  ["project: !secret a\n", "f:1:10 YAML: Unresolved tag: !secret"],
  ["project: a\nproject: b\n", "f:2:1 project: the key is written twice. Remove one of them."],
  ["? [a]\n: 1\n", "f:1:3 a key must be text"],
  ["x-a:\n  <<: 5\n", "f:2:3 x-a: << takes a map or a list of maps"],
  // Types and unknown keys
  ["project: 5\n", "f:1:10 project: must be text, not 5. Put it in quotes."],
  [
    "project: 'a b'\n",
    'f:1:10 project: must be a name: letters, digits, dot, dash, underscore, at most 63, beginning with a letter or digit, not "a b"',
  ],
  ["servces: []\n", "f:1:1 servces: unknown key. Did you mean services?"],
  ["hosts: {}\n", "f:1:8 hosts: must be a list, not a map"],
  [
    "hosts: [{ name: a, ip: 10.0.0.300 }]\n",
    'f:1:24 hosts[0].ip: must be an IP address or a host name, not "10.0.0.300"',
  ],
  ["hosts: [{ ip: 10.0.0.3 }]\n", "f:1:9 hosts[0].name: missing"],
  ["hosts: [{ name: a, nme: b }]\n", "f:1:20 hosts[0].nme: unknown key. Did you mean name?"],
  ["hosts: [{ name: a, address: b }]\n", "f:1:20 hosts[0].address: unknown key. There are: name, ip, resources."],
  [`${web}    zzzz: 1\n`, "f:6:5 services[0].zzzz: unknown key. docs/settings.md lists every key."],
  [
    `${web}    pull_policy: allways\n`,
    'f:6:18 services[0].pull_policy: must be missing, always or never, not "allways". Did you mean always?',
  ],
  [
    `${web}    environment: { A: [1] }\n`,
    "f:6:23 services[0].environment.A: must be text, a number, true or false, or nothing, not a list",
  ],
  [
    `${web}    environment: { "A B": 1 }\n`,
    'f:6:20 services[0].environment["A B"]: a variable has no =, no space and at least one character in its name',
  ],
  [
    `${web}    resources: { memory: 24 apples }\n`,
    'f:6:26 services[0].resources.memory: must be an amount such as "24GiB" or "512m", or a number of bytes, not "24 apples"',
  ],
  [
    `${web}    resources: { cpu: -1 }\n`,
    'f:6:23 services[0].resources.cpu: must be a number of cores such as 2, 0.5 or "500m", not -1',
  ],
  [
    `${web}    stop_grace: soon\n`,
    'f:6:17 services[0].stop_grace: must be a time such as "90s", "1m30s" or "500ms", or a number of seconds, at most 365d, not "soon"',
  ],
  [
    `${web}    command: "a 'b"\n`,
    "f:6:14 services[0].command: a quote is not closed. Close it, or write a list of words.",
  ],
  [
    `${web}    ulimits: { nofile: { soft: 2, hard: 1 } }\n`,
    "f:6:24 services[0].ulimits.nofile: the soft limit 2 is above the hard limit 1",
  ],
  [
    `${web}    probes: [{ interval: 1s }]\n`,
    "f:6:14 services[0].probes[0]: a probe has exactly one of http, tcp and exec. Write several probes to check several things.",
  ],
  [
    `${web}    healthcheck: { test: [curl, x] }\n`,
    'f:6:26 services[0].healthcheck.test: a list begins with CMD, CMD-SHELL or NONE and goes on with the command. Write test: ["CMD", "program", "argument"], or the command as text.',
  ],
  [
    `${web}    restart: sometimes\n`,
    'f:6:14 services[0].restart: must be always, on-failure, never, unless-stopped or no, not "sometimes"',
  ],
  [`${web}    networks: [lap]\n`, 'f:6:16 services[0].networks[0]: no network "lap". There is: default.'],
  [
    `${web}    env_file: a.env\n`,
    'f:6:15 services[0].env_file: the env file "a.env" was not found. Its path is relative to the settings file, on the machine where ozctl runs.',
  ],
  // Names that refer to something
  [
    "services: [{ name: a }]\n",
    "f:1:20 services[0].name: service a has no image. Add image: to it, or to its varieties.",
  ],
  [
    `${web}  - { name: web, image: b }\n`,
    "f:6:13 services[1].name: service web is named twice. The first is on line 2; names are unique.",
  ],
  [
    `${web}instances: [{ name: web }, { name: web }]\n`,
    "f:6:36 instances[1].name: instance web is named twice. The first is on line 6; names are unique.",
  ],
  [`${web}instances: [{ name: wep }]\n`, 'f:6:13 instances[0].service: no service "wep". Did you mean web?'],
  [
    `${web}instances: [{ name: web, variety: cpuu }]\n`,
    'f:6:35 instances[0].variety: service web has no variety "cpuu". Did you mean cpu?',
  ],
  [
    `${web}instances: [{ name: web, profile: fats }]\n`,
    'f:6:35 instances[0].profile: service web has no profile "fats". Did you mean fast?',
  ],
  [
    `services: [{ name: a, image: b }]\ninstances: [{ name: a, variety: x }]\n`,
    'f:2:33 instances[0].variety: service a has no variety "x". a has no varieties: leave it out.',
  ],
  [
    `hosts: [{ name: box }]\n${web}instances: [{ name: web, host: bax }]\n`,
    'f:7:32 instances[0].host: no host "bax". Did you mean box?',
  ],
  [
    `${web}instances: [{ name: web, group: dev }]\n`,
    'f:6:33 instances[0].group: no group "dev". Declare it: groups: { dev: {} }',
  ],
  [
    `groups: { devs: {} }\n${web}instances: [{ name: web, group: dev }]\n`,
    'f:7:33 instances[0].group: no group "dev". Did you mean devs?',
  ],
  [
    `services: [{ name: f, type: source-files }]\ninstances: [{ name: f }]\n`,
    "f:2:13 instances[0].service: f is of type source-files, which is never run. Take the instance out; the service stays listed.",
  ],
  [
    `${web}instances: [{ name: web, depends_on: [wbe] }]\n`,
    'f:6:39 instances[0].depends_on[0]: depends on "wbe", and nothing has that name. Did you mean web?',
  ],
  [
    `${web}instances: [{ name: a, service: web, depends_on: [web] }]\n`,
    "f:6:21 instances[0].name: it waits for itself: a → a. Take one of the depends_on out.",
  ],
  [
    `${web}instances: [{ name: a, service: web, depends_on: [b] }, { name: b, service: web, depends_on: [a] }]\n`,
    "f:6:21 instances[0].name: it waits for itself: a → b → a. Take one of the depends_on out.",
  ],
  [
    `${web}  - { name: db, image: c }\ninstances: [{ name: web, depends_on: [db] }]\n`,
    "f:7:21 instances[0].name: it depends on db, which no instance of group default runs. Add one: instances: [{ name: db }]",
  ],
  [
    `${web}instances:\n  - { name: a, service: web, host: h, ports: ["80:80"] }\n  - { name: b, service: web, host: h, ports: ["0.0.0.0:80:8080"] }\n`,
    "f:8:13 instances[1].name: host port 80 of h is taken by a. Choose another, or leave it out to have one chosen.",
  ],
  [
    `${web}instances:\n  - { name: a, service: web, host: h, replicas: 2, ports: ["80:80"] }\n`,
    "f:7:13 instances[0].name: 2 replicas cannot all publish host port 80 of h. Leave the host port out to have one chosen for each.",
  ],
  [
    `${web}    ports: [{ name: x, container_port: 1 }]\ninstances: [{ name: web, ports: [{ name: x, container_port: 2 }] }]\n`,
    "f:7:21 instances[0].name: two of its ports are named x. Give each its own name.",
  ],
  [
    `groups: { a: { service-definitions: [{ name: s, image: i }] }, b: { service-definitions: [{ name: s, image: i }] } }\ninstances: [{ name: s }]\n`,
    "f:2:13 instances[0].service: service s exists in the groups a, b. Put the instance into one of them with group:.",
  ],
  [
    "provisioners: [{ name: p, host: hst }]\nhosts: [{ name: host }]\n",
    'f:1:33 provisioners[0].host: no host "hst". Did you mean host?',
  ],
  [
    `${web}    bridge-connector: { name: c, port: 1 }\nportals: [{ name: p, port: 80, bridge: { connector: d } }]\n`,
    'f:7:53 portals[0].bridge.connector: no bridge-connector "d" in group default. Did you mean c?',
  ],
  [
    "portals: [{ name: p, port: 80, bridge: { realm: x, connector: d } }]\n",
    'f:1:49 portals[0].bridge.realm: no group "x". There is: default.',
  ],
])("problem: %j", (text, expected) => {
  expect(problemsOf(text)).toEqual([expected]);
});

test("a portal port is opened once", () => {
  const text = `${web}    bridge-connector: { name: c, port: 1 }\nportals: [{ name: p, port: 80, bridge: { connector: c } }, { name: q, port: 80, bridge: { connector: c } }]\n`;
  expect(problemsOf(text)).toEqual(["f:7:77 portals[1].port: Duplicate portal port 80. Choose another."]);
});

test("one mistake is one problem: what follows from it is not reported", () => {
  expect(problemsOf("services: [{ name: web, image: 5 }]\ninstances: [{ name: web }]\n")).toEqual([
    "f:1:32 services[0].image: must be text, not 5. Put it in quotes.",
  ]);
  expect(problemsOf("services: [{ name: 5, image: a }]\ninstances: [{ name: a, service: 7 }]\n")).toHaveLength(2);
});

test("a file that cannot be read spoils no other problem, and no names are judged then", () => {
  const { problems } = parseSettings([
    { name: "a", text: "services: [" },
    { name: "b", text: "instances: [{ name: x, servce: y }]" },
  ]);
  expect(problems.map(({ file, path }) => `${file} ${path}`)).toEqual(["a ", "b instances[0].servce"]);
});

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
    healthcheck: { test: ["curl", "-f", "x"], intervalMs: 5000, timeoutMs: 1000, retries: 2, startPeriodMs: 60_000 },
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
