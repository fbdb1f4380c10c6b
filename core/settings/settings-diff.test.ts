import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { type ReplicaSpec, ReplicaSpecSchema } from "#proto/spec_pb.ts";
import { maskService } from "./mask-service.ts";
import { relaxations } from "./relaxations.ts";
import { candidateSpecs } from "./resolve-spec.ts";
import type { Layer, ServiceDefinition } from "./settings.ts";
import { settingsDiff } from "./settings-diff.ts";

function specOf(layer: Layer): ReplicaSpec {
  const service: ServiceDefinition = {
    name: "s",
    group: "g",
    type: "container",
    description: "",
    base: { image: "a", ...layer },
    varieties: [],
    profiles: [],
  };
  const [candidate] = candidateSpecs(service, { instance: "i", group: "g", variety: "", profile: "" }, {});
  return candidate?.spec ?? expect.fail("no spec");
}

const port = {
  name: "",
  containerPort: 80,
  hostPort: 0,
  hostAddress: "127.0.0.1",
  transport: "tcp" as const,
  protocol: "http",
};
const check = { test: ["curl", "x"], intervalMs: 5000 };

test.each<[Layer, Layer, string]>([
  [{}, {}, ""],
  [
    { environment: { MAX_MODEL_LEN: "2048" } },
    { environment: { MAX_MODEL_LEN: "4096" }, image: "b" },
    "MAX_MODEL_LEN 2048 → 4096, image a → b",
  ],
  [{ environment: { A: "1" } }, { environment: { B: "" } }, "- A, + B=none"],
  [{ environment: { A: "x".repeat(99) } }, { environment: { A: "x".repeat(98) } }, "A changed"],
  [{ environment: { API_TOKEN: "old" } }, { environment: { API_TOKEN: "new" } }, "API_TOKEN changed"],
  [{}, { environment: { API_TOKEN: "new-secret" } }, "+ API_TOKEN=•••"],
  [
    { environment: { LICENSE: "old" } },
    { environment: { LICENSE: "new" }, secretKeys: ["LICENSE"] },
    "LICENSE changed, secret_keys none → LICENSE",
  ],
  [
    { environment: { DB: "postgres://u:old@h" }, command: ["--db", "postgres://u:old@h"] },
    { environment: { DB: "postgres://u:new@h2" }, command: ["--db", "postgres://u:new@h2"] },
    "DB postgres://u:•••@h → postgres://u:•••@h2, command --db postgres://u:•••@h → --db postgres://u:•••@h2",
  ],
  [{ environment: { DB: "redis://:old@h" } }, { environment: { DB: "redis://:new@h" } }, "DB changed"],
  [{ command: ["a"] }, { command: ["a", "--port", "1"] }, "command a → a --port 1"],
  [{ command: ["--api-key", "one", "--token=two"] }, { command: ["--api-key", "three", "--token=four"] }, ""],
  [
    { command: ["run", "hunter22"], environment: { PASSWORD: "hunter22" } },
    { command: ["run"] },
    "- PASSWORD, command run ••• → run",
  ],
  [{ entrypoint: ["a"] }, {}, "entrypoint a → none"],
  [
    { resources: { memoryBytes: 2 ** 30, cpuMillis: 500, pids: 10, gpus: 1, vramBytes: 2 ** 33, diskBytes: 1024 } },
    {},
    "memory 1.0 GiB → none, cpu 0.5 → none, pids 10 → 4096, gpus 1 → none, vram 8.0 GiB → none, disk 1.0 KiB → none",
  ],
  [
    { shmBytes: 1024, stopGraceMs: 1000, startupTimeoutMs: 60_000 },
    {},
    "shm 1.0 KiB → none, stop grace 1.0 s → 10 s, startup timeout 60 s → 2 min",
  ],
  [{ ulimits: { nofile: { soft: 1, hard: 2 } } }, {}, "ulimits nofile 1:2 → none"],
  [{ probes: [{ tcp: { port: 1 } }] }, {}, 'probes {"tcp":{"port":1},"timeoutMs":"5000","failureThreshold":3} → none'],
  [
    { healthcheck: check },
    { healthcheck: { disabled: true } },
    "healthcheck curl x every 5.0 s for at most 30 s, 3 retries, after 0.0 s → off",
  ],
  [
    {},
    { restart: { condition: "on-failure" } },
    "restart always 1.0 s to 5 min, 5 starts, 12 in 10 min → on-failure 1.0 s to 5 min, 5 starts, 12 in 10 min",
  ],
  [
    {},
    { security: { privileged: true, readOnly: true, user: "1", capAdd: ["A"], devices: ["/dev/x"] } },
    "security none → privileged read-only cap_add A /dev/x user 1",
  ],
  [{ dependsOn: ["a"] }, { dependsOn: ["b"] }, "depends_on a → b"],
  [{}, { pullPolicy: "always" }, "pull policy missing → always"],
  [
    { volumes: [{ kind: "named", source: "a", target: "/a", readOnly: false }] },
    { volumes: [{ kind: "bind", source: "/b", target: "/a", readOnly: true }] },
    "volume /a a → /b (read-only)",
  ],
  [
    { volumes: [{ kind: "tmpfs", source: "", target: "/a", readOnly: false }] },
    { volumes: [{ kind: "tmpfs", source: "", target: "/b", readOnly: false }] },
    "- volume /a, + volume /b",
  ],
  [
    { ports: [port] },
    { ports: [{ ...port, hostPort: 8080, hostAddress: "0.0.0.0" }] },
    "port 80/tcp http http on 127.0.0.1:any → http http on 0.0.0.0:8080",
  ],
])("diff %#", (before, after, expected) => {
  expect(settingsDiff(specOf(before), specOf(after))).toBe(expected);
});

test("a spec of nothing is compared as well", () => {
  expect(settingsDiff(create(ReplicaSpecSchema), specOf({}))).toContain("image none → a");
});

test.each<[MessageInitShape<typeof ReplicaSpecSchema>, string[]]>([
  [{}, []],
  [{ security: { user: "0", readOnly: true }, resources: { pids: 4096 } }, []],
  [
    {
      security: {
        privileged: true,
        capAdd: ["SYS_ADMIN"],
        allowNewPrivileges: true,
        devices: ["/dev/fuse"],
        hostIpc: true,
        hostNetwork: true,
      },
    },
    ["privileged", "cap_add SYS_ADMIN", "new privileges", "device /dev/fuse", "host IPC", "host network"],
  ],
  [
    {
      ports: [
        { containerPort: 80, hostPort: 8000, hostAddress: "0.0.0.0" },
        { containerPort: 81, hostAddress: "10.0.0.1" },
        { containerPort: 82, hostAddress: "127.0.0.1" },
      ],
    },
    ["port 8000 on 0.0.0.0", "port 81 on 10.0.0.1"],
  ],
  [
    {
      mounts: [
        { kind: 1, source: "/var/run/docker.sock", target: "/s" },
        { kind: 1, source: "/etc", target: "/e", readOnly: true },
        { kind: 1, source: "/srv", target: "/x" },
        { kind: 1, source: "/", target: "/h" },
        { kind: 2, source: "/etc", target: "/n" },
      ],
    },
    ["bind /var/run/docker.sock", "bind /etc (read-only)", "bind /"],
  ],
  [
    {
      mounts: [
        "/usr/local/bin", "/lib/systemd/system", "/etc/cron.d", "/var/spool/cron", "/usr/share/fonts", "/home/u", "/home/u/.ssh",
        "/home/u/models", "/root/models", "/etc/ssl/certs", "/srv/models", "/usrdata", "/var/lib/ozwald/models", "/var/lib/ozwald/agent",
      ].flatMap((source, i) => [
        { kind: 1, source, target: `/${i}` },
        { kind: 1, source, target: `/${i}ro`, readOnly: true },
      ]),
    },
    [
      "bind /usr/local/bin", "bind /lib/systemd/system", "bind /etc/cron.d", "bind /etc/cron.d (read-only)", "bind /var/spool/cron",
      "bind /usr/share/fonts", "bind /home/u", "bind /home/u/.ssh", "bind /root/models", "bind /root/models (read-only)",
      "bind /etc/ssl/certs", "bind /etc/ssl/certs (read-only)", "bind /var/lib/ozwald/agent", "bind /var/lib/ozwald/agent (read-only)",
    ],
  ], // prettier-ignore
  [{ resources: { pids: 9000 } }, ["pids 9000"]],
])("relaxations %#", (spec, expected) => {
  expect(relaxations(create(ReplicaSpecSchema, spec))).toEqual(expected);
});

test("a definition is shown without its secrets, in every layer", () => {
  const service: ServiceDefinition = {
    name: "s",
    group: "g",
    type: "container",
    description: "",
    base: { environment: { A: "1", API_TOKEN: "x", LICENSE: "x" }, envFile: { PASSWORD: "x", B: "2" } },
    varieties: [{ name: "cpu", layer: { environment: { LICENSE: "y" }, secretKeys: ["LICENSE"] } }],
    profiles: [{ name: "p", layer: { environment: { LICENSE: "z" }, image: "i" } }],
  };
  expect(maskService(service)).toEqual({
    ...service,
    base: { environment: { A: "1", API_TOKEN: "•••", LICENSE: "•••" }, envFile: { PASSWORD: "•••", B: "2" } },
    varieties: [{ name: "cpu", layer: { environment: { LICENSE: "•••" }, secretKeys: ["LICENSE"] } }],
    profiles: [{ name: "p", layer: { environment: { LICENSE: "•••" }, image: "i" } }],
  });
});
