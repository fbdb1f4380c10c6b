// Everything that can be wrong in settings, as a person reads it.
import { expect, test } from "vitest";
import { formatProblem, type ParseOptions, parseSettings } from "./parse-settings.ts";

function problemsOf(text: string, options: ParseOptions = {}): string[] {
  return parseSettings([{ name: "f", text }], options).problems.map((problem) =>
    formatProblem(problem).replace(/ +/, " "),
  );
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
    `${web}    environment: { A: { B: 1 } }\n`,
    "f:6:23 services[0].environment.A: must be text, a number, true or false, a list of these, or nothing, not a map",
  ],
  [
    `${web}    environment: { A: [1, [2]] }\n`,
    "f:6:27 services[0].environment.A[1]: must be text, a number, true or false, or nothing, not a list",
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
    `${web}    healthcheck: { test: [CMD, /check] }\n`,
    'f:6:26 services[0].healthcheck.test: a health check of one word needs the container\'s shell. Write ["CMD-SHELL", ...], or probes: [{ exec: { command: [...] } }], which needs none.',
  ],
  [
    `${web}    healthcheck: { test: [curl, x] }\n`,
    'f:6:26 services[0].healthcheck.test: a list begins with CMD, CMD-SHELL or NONE and goes on with the command. Write test: ["CMD", "program", "argument"], or the command as text.',
  ],
  [
    `${web}    startup_timeout: 0\n`,
    'f:6:22 services[0].startup_timeout: must be a time above 0 such as "90s", "1m30s" or "500ms", or a number of seconds, at most 365d, not 0',
  ],
  [
    `${web}    probes: [{ tcp: { port: 1 }, interval: 0.0001 }]\n`,
    'f:6:44 services[0].probes[0].interval: must be a time above 0 such as "90s", "1m30s" or "500ms", or a number of seconds, at most 365d, not 0.0001',
  ],
  [
    `${web}    restart: { window: 0s }\n`,
    'f:6:24 services[0].restart.window: must be a time above 0 such as "90s", "1m30s" or "500ms", or a number of seconds, at most 365d, not "0s"',
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
    "services: [{ name: a }]\ninstances: [{ name: a }]\n",
    "f:2:21 instances[0].name: service a has no image. Add image: to the service or to the variety.",
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
    "services: [{ name: a, image: b, depends_on: [src] }, { name: src, type: source-files }]\ninstances: [{ name: a }]\n",
    "f:2:21 instances[0].name: it depends on src, which is of type source-files and never run. Take it out of depends_on.",
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
    'f:7:53 portals[0].bridge.connector: no bridge-connector "d" in group default. There is: c.',
  ],
  [
    "portals: [{ name: p, port: 80, bridge: { realm: x, connector: d } }]\n",
    'f:1:49 portals[0].bridge.realm: no group "x". There is: default.',
  ],
  // Names, references and words
  [
    'services: [{ name: s, image: "bad image name!!" }]\n',
    'f:1:30 services[0].image: must be an image such as "ghcr.io/org/name:tag", in small letters, not "bad image name!!"',
  ],
  [
    `${web}    varieties: { cpu: { image: Upper/Case } }\n`.replace("    varieties: { cpu: {} }\n", ""),
    'f:5:32 services[0].varieties.cpu.image: must be an image such as "ghcr.io/org/name:tag", in small letters, not "Upper/Case"',
  ],
  [
    "services: [{ name: s, type: Container, image: a }]\ninstances: [{ name: s }]\n",
    'f:1:29 services[0].type: unknown type "Container". Did you mean container?',
  ],
  [
    "realms: { default: { vault: { lockers: { hub: {} } }, service-definitions: [{ name: s, image: a, lockers: [hbu] }] } }\n",
    'f:1:108 realms.default.service-definitions[0].lockers[0]: no locker "hbu" in the vault of group default. Did you mean hub?',
  ],
  [
    `${web}    lockers: [hub]\n`,
    'f:6:15 services[0].lockers[0]: no locker "hub" in the vault of group default. Declare it: realms: { default: { vault: { lockers: { hub: {} } } } }',
  ],
  // Maps whose keys are names
  [
    "x-v: &v { image: a }\nservices: [{ name: s, image: a, varieties: { x-c: &c { foo: 1 }, cpu: { <<: *c } } }]\n",
    "f:2:56 services[0].varieties.cpu.foo: unknown key. docs/settings.md lists every key.",
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

test("with many names only those of about the same length are compared", () => {
  const services = Array.from({ length: 400 }, (_, i) => `  - { name: service-number-${i}, image: a }`).join("\n");
  const text = `services:\n${services}\n  - { name: wep, image: a }\ninstances: [{ name: web }, { name: quite-another }]\n`;
  expect(problemsOf(text)).toEqual([
    'f:403:13 instances[0].service: no service "web". Did you mean wep?',
    'f:403:28 instances[1].service: no service "quite-another". Define it under services.',
  ]);
});

test("in a list what is right is checked although something beside it is wrong, each at its own place", () => {
  const text = `services:
  - name: web
    image: a
    ports: [0, "80-90:80-90", "1:2:3:4"]
    volumes: [5, "dta:/d", { target: /t, typ: bind }, "/a:relative"]
    networks: ["a b", lap]
    depends_on: [{}, wbe]
    probes: [{ http: { port: no } }, { interval: 1s }]
    profiles:
      - { name: "a b" }
      - { name: fast, stop_grace: never, environment: { A: {} }, ports: [x] }
instances:
  - { name: web, profile: fast }
`;
  expect(problemsOf(text).map((problem) => problem.slice(0, problem.indexOf(": ")))).toEqual([
    "f:4:13 services[0].ports[0]",
    "f:4:16 services[0].ports[1]",
    "f:4:31 services[0].ports[2]",
    "f:5:15 services[0].volumes[0]",
    "f:5:18 services[0].volumes[1]",
    "f:5:42 services[0].volumes[2].typ",
    "f:5:55 services[0].volumes[3]",
    "f:6:16 services[0].networks[0]",
    "f:6:23 services[0].networks[1]",
    "f:7:18 services[0].depends_on[0]",
    "f:7:22 services[0].depends_on[1]",
    "f:8:30 services[0].probes[0].http.port",
    "f:8:38 services[0].probes[1]",
    "f:10:17 services[0].profiles[0].name",
    "f:11:35 services[0].profiles[1].stop_grace",
    "f:11:60 services[0].profiles[1].environment.A",
    "f:11:74 services[0].profiles[1].ports[0]",
  ]);
});

test("a misspelt key of an instance is one problem: what its default would be is not judged", () => {
  expect(problemsOf(`${web}instances: [{ name: wbe, servce: web }]\n`)).toEqual([
    "f:6:26 instances[0].servce: unknown key. Did you mean service?",
  ]);
});

test("keys that begin with x- are ignored in every map of settings", () => {
  const text = `volumes: { x-v: 1, data: {} }
groups: { x-g: [], blue: {} }
services:
  - name: s
    varieties: { x-common: &c { image: a, foo: 1 }, cpu: { image: b, x-y: 2 } }
    profiles: { x-p: { image: c }, fast: {} }
    ulimits: { x-u: 1, nofile: 5 }
    environment: { x-kept: 1 }
    properties: { x-kept: 1 }
`;
  const { settings, problems } = parseSettings([{ name: "f", text }]);
  expect(problems).toEqual([]);
  const [service] = settings?.services ?? [];
  expect(service?.varieties.map(({ name }) => name)).toEqual(["cpu"]);
  expect(service?.profiles.map(({ name }) => name)).toEqual(["fast"]);
  expect(service?.base).toMatchObject({
    ulimits: { nofile: { soft: 5, hard: 5 } },
    environment: { "x-kept": "1" },
    properties: { "x-kept": 1 },
  });
});

test("a volume of another group is no volume of this one", () => {
  const text = `groups:
  blue: { volumes: [{ name: data, type: tmp-writeable, source: /srv/data }] }
  green: { service-definitions: [{ name: web, image: a, volumes: ["data:/data"] }] }
`;
  expect(problemsOf(text)).toEqual([
    'f:3:67 groups.green.service-definitions[0].volumes[0]: no volume "data". Declare it: volumes: { data: { type: named } }',
  ]);
});

test.each([
  "a",
  "web:1",
  "nginx:1.27-alpine",
  "org/name",
  "library/a__b/c-d.e",
  "localhost/x",
  "localhost:5000/x:Tag_1.2",
  "ghcr.io/org/name:tag",
  "reg:5000/a/b",
  "10.0.0.1:5000/a",
  "[2001:db8::1]:5000/a",
  "Reg.example/a",
  `a@sha256:${"0".repeat(64)}`,
  `ghcr.io/a/b:1@sha256:${"a".repeat(64)}`,
  "",
])("image %j", (image) => {
  expect(
    problemsOf(`services: [{ name: s, image: a, varieties: { cpu: { image: ${JSON.stringify(image)} } } }]\n`),
  ).toEqual([]);
});

test.each([
  "A",
  "a b",
  "a:",
  ":a",
  "a/",
  "/a",
  "a//b",
  "a:b:c",
  "http://x/y",
  "a@sha256:12",
  "-a",
  "a.",
  "a..b",
  "a___b",
  "Org/name",
  "a:-x",
  " a",
  `a:${"t".repeat(129)}`,
  "a".repeat(256),
])("no image %j", (image) => {
  expect(problemsOf(`services: [{ name: s, image: ${JSON.stringify(image)} }]\n`)).toHaveLength(1);
});
