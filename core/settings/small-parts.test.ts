// The small readers: ports, volumes, env files, words, problems.
import { expect, test } from "vitest";
import { samePublished } from "./compile-ports.ts";
import { isLoopback } from "./relaxations.ts";
import { envFilePaths, parseEnvFile } from "./env-file.ts";
import { parseSettings } from "./parse-settings.ts";
import { createProblemList, formatPath, formatProblem } from "./problem.ts";
import type { Layer } from "./settings.ts";
import { splitWords } from "./words.ts";

const volumes =
  "volumes: { data: , host: { type: bind, source: /srv/h }, mem: { type: tmpfs, options: { size: 1k } }, disk: { type: named, driver: x }, nas: { type: nfs, server: n, path: /p } }\n";

function layerOf(keys: string): Layer {
  const result = parseSettings([{ name: "f", text: `${volumes}services: [{ name: s, image: a, ${keys} }]\n` }]);
  expect(result.problems).toEqual([]);
  return result.settings?.services[0]?.base ?? {};
}

function messagesOf(keys: string, top = volumes): string[] {
  return parseSettings([{ name: "f", text: `${top}services: [{ name: s, image: a, ${keys} }]\n` }]).problems.map(
    ({ path, message }) => `${path}: ${message}`,
  );
}

test.each<[string, [number, number, string, string]]>([
  ["8000", [8000, 0, "127.0.0.1", "tcp"]],
  ['"8000"', [8000, 0, "127.0.0.1", "tcp"]],
  ['"8080:8000"', [8000, 8080, "127.0.0.1", "tcp"]],
  ['":8000"', [8000, 0, "127.0.0.1", "tcp"]],
  ['"127.0.0.1:8080:8000"', [8000, 8080, "127.0.0.1", "tcp"]],
  ['"0.0.0.0:8080:8000"', [8000, 8080, "0.0.0.0", "tcp"]],
  ['"0.0.0.0::8000"', [8000, 0, "0.0.0.0", "tcp"]],
  ['"[::1]:8080:8000"', [8000, 8080, "::1", "tcp"]],
  ['"8080:8000/udp"', [8000, 8080, "127.0.0.1", "udp"]],
  ["{ container_port: 80 }", [80, 0, "127.0.0.1", "tcp"]],
  ["{ container_port: 80, host_port: 81, host_address: 10.0.0.1, transport: udp }", [80, 81, "10.0.0.1", "udp"]],
])("port %s", (written, expected) => {
  const [port] = layerOf(`ports: [${written}]`).ports ?? [];
  expect([port?.containerPort, port?.hostPort, port?.hostAddress, port?.transport]).toEqual(expected);
});

test.each([
  ['"8000-8010"', 'services[0].ports[0]: "8000-8010" is no port'],
  ['"a"', 'services[0].ports[0]: "a" is no port'],
  ['"80/sctp"', 'services[0].ports[0]: unknown transport "sctp"'],
  ['"70000"', 'services[0].ports[0]: "70000" has a port outside 1 to 65535'],
  ['"0"', 'services[0].ports[0]: "0" has a port outside 1 to 65535'],
  ['"host:80:80"', 'services[0].ports[0]: "host" is no IP address'],
  ["80, 80", "services[0].ports[1]: port 80/tcp is published twice"],
  ['"80:1", "80:2"', "services[0].ports[1]: host port 80 is taken by 1/tcp above"],
  ["{ name: a, container_port: 1 }, { name: a, container_port: 2 }", "services[0].ports[1]: two ports are named a"],
  [
    "{ container_port: 1, host_address: localhost }",
    'services[0].ports[0].host_address: must be an IP address such as 127.0.0.1, not "localhost"',
  ],
  ["{ host_port: 1 }", "services[0].ports[0].container_port: missing"],
  ["true", 'services[0].ports[0]: must be a port such as 8000 or "8080:8000", or a map, not true'],
])("no port: %s", (written, expected) => {
  expect(messagesOf(`ports: [${written}]`)).toEqual([expected]);
});

test("two ports are in each other's way on the same address, or where one takes every address", () => {
  const port = (hostAddress: string, hostPort = 1, transport: "tcp" | "udp" = "tcp") => ({
    name: "",
    containerPort: 1,
    hostPort,
    hostAddress,
    transport,
    protocol: "",
  });
  expect(samePublished(port("10.0.0.1"), port("10.0.0.1"))).toBe(true);
  expect(samePublished(port("10.0.0.1"), port("::"))).toBe(true);
  expect(samePublished(port("10.0.0.1"), port("127.0.0.1"))).toBe(false);
  expect(samePublished(port("10.0.0.1"), port("10.0.0.1", 1, "udp"))).toBe(false);
  expect(samePublished(port("10.0.0.1", 0), port("10.0.0.1", 0))).toBe(false);
  expect(["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "10.0.0.1"].map(isLoopback)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test.each<[string, object]>([
  ["data:/d", { kind: "named", source: "data", target: "/d", readOnly: false }],
  ["data:/d:ro", { kind: "named", source: "data", target: "/d", readOnly: true }],
  ["disk:/d:rw", { kind: "named", source: "disk", target: "/d", readOnly: false }],
  ["host:/d/", { kind: "bind", source: "/srv/h", target: "/d", readOnly: false }],
  ["mem:/d", { kind: "tmpfs", source: "", target: "/d", readOnly: false, tmpfsBytes: 1024 }],
  ["nas:/d:ro", { kind: "bind", source: "/exports/nas", target: "/d", readOnly: true }],
  ["/a//b/./c:/d", { kind: "bind", source: "/a/b/c", target: "/d", readOnly: false }],
  ["/etc/ssl/certs:/certs:ro", { kind: "bind", source: "/etc/ssl/certs", target: "/certs", readOnly: true }],
  ["{ name: data, target: /d, read_only: true }", { kind: "named", source: "data", target: "/d", readOnly: true }],
  ["{ source: /a, target: /d }", { kind: "bind", source: "/a", target: "/d", readOnly: false }],
  ["{ type: tmpfs, target: /d }", { kind: "tmpfs", source: "", target: "/d", readOnly: false }],
])("volume %s", (written, expected) => {
  expect(layerOf(`volumes: [${written.startsWith("{") ? written : JSON.stringify(written)}]`).volumes).toEqual([
    expected,
  ]);
});

test.each([
  ["/data", '"/data" is no volume'],
  ["a:b:c:d", '"a:b:c:d" is no volume'],
  ["data:/d:z", 'unknown mode "z"'],
  ["dta:/d", 'no volume "dta"'],
  ["./d:/d", '"./d" is no absolute path on the target host'],
  ["~/d:/d", '"~/d" is no absolute path on the target host'],
  ["data:d", 'the mount target must be an absolute path inside the container, not "d"'],
  ["data:/", "nothing can be mounted over /"],
  ["data:/proc/x", "/proc/x belongs to the kernel, inside too"],
  ["/:/host:ro", '"/": the whole file system of a host may not be mounted'],
  ["/etc//:/e:ro", '"/etc//": /etc of a host may not be mounted as a whole'],
  ["/sys/class:/s", '"/sys/class": nothing below /sys of a host may be mounted'],
  [
    "/var/run/docker.sock:/var/run/docker.sock",
    '"/var/run/docker.sock": it would hand over the container engine, and with it the host',
  ],
  ["/a/../b:/d", 'a path must not hold .., as "/a/../b" does'],
  ["${HOME}/x:/d", "${HOME} has no value: paths are paths on the target host"],
])("no volume: %s", (written, expected) => {
  expect(messagesOf(`volumes: [${JSON.stringify(written)}]`)).toEqual([`services[0].volumes[0]: ${expected}`]);
});

test.each([
  ["{ type: tmpfs, source: /a, target: /d }", "volumes[0].source: a tmpfs has no source"],
  ["{ name: data, target: /d, size: 1m }", "volumes[0].size: only a tmpfs has a size"],
  ["{ target: /d }", "volumes[0]: it names no volume"],
  ["{ name: data, source: /a, target: /d }", "volumes[0].source: it has a name and a source"],
  [
    "{ type: bind, source: data, target: /d }",
    'volumes[0].source: a bind takes an absolute path on the target host, not "data"',
  ],
  ["{ name: data }", "volumes[0].target: missing"],
  ['"data:/d", "mem:/d"', "volumes[1]: /d is mounted twice"],
  ["{ type: named, source: /srv/y, target: /d }", "volumes[0].source: a named volume has no path on the host"],
  ["{ type: named, name: host, target: /d }", "volumes[0].name: host is declared with type bind"],
])("no volume: %s", (written, expected) => {
  expect(messagesOf(`volumes: [${written}]`)).toEqual([`services[0].${expected}`]);
});

test.each([
  ["volumes: { v: { type: bind } }\n", ["volumes.v.source: missing"]],
  [
    "volumes: { v: { type: bind, source: here } }\n",
    ['volumes.v.source: "here" is no absolute path on the target host'],
  ],
  ["volumes: { v: { type: nfs } }\n", ["volumes.v.server: missing", "volumes.v.path: missing"]],
  ["volumes: { v: { type: cephfs } }\n", ['volumes.v.type: must be bind, named, tmpfs or nfs, not "cephfs"']],
  [
    "realms: { default: { volumes: [{ name: v, type: tmp-writeable, source: x }] } }\n",
    ['realms.default.volumes[0].source: "x" is no absolute path on the target host'],
  ],
  ["volumes: { v: { source: /srv/v } }\n", ["volumes.v.source: a volume of type named has no source"]],
  ["volumes: { v: { type: named, server: n } }\n", ["volumes.v.server: a volume of type named has no server"]],
  ["volumes: { v: { type: tmpfs, source: /v } }\n", ["volumes.v.source: a volume of type tmpfs has no source"]],
  [
    "volumes: { v: { type: tmpfs, external: true } }\n",
    ["volumes.v.external: a volume of type tmpfs is never external"],
  ],
  [
    "volumes: { v: { type: bind, source: /v, external: true } }\n",
    ["volumes.v.external: a volume of type bind is never external"],
  ],
  ["volumes: { v: { type: bind, source: /v, path: /w } }\n", ["volumes.v.path: a volume of type bind has no path"]],
  ['volumes: { v: { type: tmpfs, options: "size=lots" } }\n', ['volumes.v.options: size is no amount: "lots"']],
  ["volumes: { v: { type: tmpfs, options: { size: [] } } }\n", ["volumes.v.options: size is no amount: []"]],
])("a wrong declaration is one problem, not one more at each use: %s", (top, expected) => {
  expect(messagesOf('volumes: ["v:/d"]', top)).toEqual(expected);
});

test("variables in paths of the host take the values that are given", () => {
  const text = (name: string) => `services: [{ name: ${name}, image: a, volumes: ["\${SETTINGS_FILE_DIR}/x:/d"] }]\n`;
  const { settings } = parseSettings([
    { name: "a/o.yml", text: text("a"), variables: { SETTINGS_FILE_DIR: "/srv/a" } },
    { name: "b/o.yml", text: text("b"), variables: { SETTINGS_FILE_DIR: "/srv/b" } },
  ]);
  expect(settings?.services.map(({ base }) => base.volumes?.[0]?.source)).toEqual(["/srv/a/x", "/srv/b/x"]);
  expect(settings?.notices).toEqual([
    "${SETTINGS_FILE_DIR} in a/o.yml: it is /srv/a; each host that runs what mounts it needs that folder under the same path.",
    "${SETTINGS_FILE_DIR} in b/o.yml: it is /srv/b; each host that runs what mounts it needs that folder under the same path.",
  ]);
});

test("one path of an env file is another file in another folder", () => {
  const text = (name: string) => `services: [{ name: ${name}, image: a, env_file: web.env }]\n`;
  const { settings } = parseSettings(
    [
      { name: "a/o.yml", text: text("a"), envFiles: { "web.env": "OF=a" } },
      { name: "b/o.yml", text: text("b"), envFiles: { "web.env": "OF=b" } },
      { name: "c/o.yml", text: text("c") },
    ],
    { envFiles: { "web.env": "OF=all" } },
  );
  expect(settings?.services.map(({ base }) => base.envFile)).toEqual([{ OF: "a" }, { OF: "b" }, { OF: "all" }]);
});

test("env files", () => {
  const problems = createProblemList();
  const text = `\uFEFF# comment\r\n\r\nA=1\r\nexport B = two words # comment\nC='single # "quoted"' # c\nD="line\\nbreak \\"q\\" \\x"\nE=\nF=a#b\n A.b-c=ok\nA=2\n`;
  expect(parseEnvFile("e", text, problems)).toEqual({
    A: "2",
    B: "two words",
    C: 'single # "quoted"',
    D: 'line\nbreak "q" \\x',
    E: "",
    F: "a#b",
    "A.b-c": "ok",
  });
  expect(problems.sorted().problems).toEqual([]);
});

test("only keys that are env files name env files", () => {
  const text =
    "services: [{ env_file: [a, b, a, 5, ''], environment: { env_file: no }, varieties: { cpu: { env_file: c } } }]\ninstances: [{ env_file: d }]\nx-old: { env_file: no }\n";
  expect(
    envFilePaths([
      { name: "f", text },
      { name: "g", text: "env_file: [" },
    ]),
  ).toEqual(["a", "b", "c", "d"]);
});

test.each([
  ["a  b\tc", ["a", "b", "c"]],
  [`a 'b c' "d 'e'" f""`, ["a", "b c", "d 'e'", "f"]],
  [String.raw`a\ b "c\"d" "e\f" 'g\h'`, ["a b", 'c"d', String.raw`e\f`, String.raw`g\h`]],
  ["''", [""]],
  ["  ", []],
  ["a 'b", undefined],
  ["a\\", undefined],
])("words of %j", (text, expected) => {
  expect(splitWords(text)).toEqual(expected);
});

test("a problem on one line, in columns", () => {
  expect(formatProblem({ file: "f", line: 1, column: 2, path: "a", message: "wrong", hint: "" })).toBe(
    "f:1:2    a: wrong",
  );
  expect(formatProblem({ file: "f", line: 1234, column: 567, path: "", message: "wrong", hint: "Do it." })).toBe(
    "f:1234:567 wrong. Do it.",
  );
  expect(formatPath(["a", 0, "b-c", "d.e", "f".repeat(70)])).toBe(`a[0].b-c["d.e"].${"f".repeat(70)}`);
  expect(formatPath(["a", "é".repeat(70)])).toBe(`a["${"é".repeat(64)}…"]`);
});
