// Every field of the one request, and the property that nothing opens unless its relaxation is set.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MountKind, ReplicaSpecSchema } from "#proto/spec_pb.ts";
import { containerRequest, type RequestOptions } from "./container-request.ts";
import type { ContainerPlan } from "./engine.ts";

type Spec = MessageInitShape<typeof ReplicaSpecSchema>;

function planOf(spec: Spec = {}, rest: Partial<ContainerPlan> = {}): ContainerPlan {
  return {
    clusterId: "c1u2s3t4e5r6", replicaId: "k2m3n4p5q6r7", generation: 2, attempt: 5, slot: 1, specHash: "h4sh", image: "web:1", hostPorts: {},
    ...rest,
    spec: create(ReplicaSpecSchema, { instance: "web", group: "default", service: "website", image: "web:1", ...spec }),
  }; // prettier-ignore
}
const request = (spec: Spec = {}, rest: Partial<ContainerPlan> = {}, options: RequestOptions = {}) =>
  containerRequest(planOf(spec, rest), "ozwald-c1u2s3-default", options);
const host = (spec: Spec = {}, rest: Partial<ContainerPlan> = {}, options: RequestOptions = {}) =>
  request(spec, rest, options).HostConfig ?? {};

test("the plainest request, whole", async () => {
  await expect(JSON.stringify(request(), undefined, 2) + "\n").toMatchFileSnapshot("golden/request-plain.json");
});

test("a request with everything, whole", async () => {
  const full = request(
    {
      variety: "nvidia", profile: "large", command: ["serve", "--port", "8000"], entrypoint: ["/bin/server"],
      environment: { MODEL: "m", NVIDIA_VISIBLE_DEVICES: "all" },
      mounts: [
        { kind: MountKind.BIND, source: "/srv/models", target: "/models", readOnly: true },
        { kind: MountKind.NAMED, source: "cache", target: "/cache" },
        { kind: MountKind.TMPFS, target: "/tmp", tmpfsBytes: 1048576n },
      ],
      ports: [{ name: "http", containerPort: 8000, transport: "tcp" }, { containerPort: 53, transport: "udp", hostAddress: "10.0.0.5", hostPort: 5353 }],
      resources: { memoryBytes: 2n ** 30n, cpuMillis: 1500, pids: 100, gpus: 2, gpuVendor: "nvidia", deviceIds: ["GPU-a", "GPU-b"] },
      health: { containerCheck: { test: ["curl", "-f", "http://localhost"], intervalMs: 5000n, timeoutMs: 1000n, retries: 2, startPeriodMs: 60000n } },
      security: { user: "1000:1000", readOnly: true, capAdd: ["NET_BIND_SERVICE"], devices: ["/dev/fuse"] },
      shmBytes: 2n ** 33n, ulimits: [{ name: "memlock", soft: -1n, hard: -1n }],
    },
    { hostPorts: { "8000/tcp": 41000 } },
    { hostCpus: 8, nvidiaRuntime: true },
  ); // prettier-ignore
  await expect(JSON.stringify(full, undefined, 2) + "\n").toMatchFileSnapshot("golden/request-full.json");
});

describe("each setting", () => {
  test.each([
    ["cap_add", { security: { capAdd: ["SYS_NICE"] } }, { CapAdd: ["SYS_NICE"], CapDrop: ["ALL"] }],
    ["privileged", { security: { privileged: true } }, { Privileged: true, CapDrop: ["ALL"] }],
    ["allow_new_privileges", { security: { allowNewPrivileges: true } }, { SecurityOpt: [] }],
    ["read_only", { security: { readOnly: true } }, { ReadonlyRootfs: true }],
    ["host_ipc", { security: { hostIpc: true } }, { IpcMode: "host" }],
    ["host_network", { security: { hostNetwork: true } }, { NetworkMode: "host", PortBindings: {} }],
    [
      "devices",
      { security: { devices: ["/dev/fuse"] } },
      { Devices: [{ PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm" }] },
    ],
    ["memory", { resources: { memoryBytes: 99n << 20n } }, { Memory: 99 << 20, MemorySwap: 99 << 20 }],
    ["cpu", { resources: { cpuMillis: 250 } }, { NanoCpus: 250_000_000 }],
    ["pids", { resources: { pids: 10 } }, { PidsLimit: 10 }],
    ["shm", { shmBytes: 5n }, { ShmSize: 5 }],
    [
      "ulimits",
      { ulimits: [{ name: "nofile", soft: 1n, hard: -1n }] },
      { Ulimits: [{ Name: "nofile", Soft: 1, Hard: -1 }] },
    ],
  ] as const)("%s", (_, spec, expected) => {
    expect(host(spec as unknown as Spec)).toMatchObject(expected);
  });

  test("a ceiling above what the host has is none that Docker would refuse", () => {
    expect(host({ resources: { cpuMillis: 64_000 } }, {}, { hostCpus: 2 }).NanoCpus).toBe(2e9);
    expect(host({})).not.toHaveProperty("NanoCpus");
    expect(host({})).not.toHaveProperty("Memory");
  });

  test("ports are bound to 127.0.0.1 and the chosen port, elsewhere only when said", () => {
    const ports = [{ containerPort: 80 }, { containerPort: 81, hostAddress: "0.0.0.0", hostPort: 8081 }];
    expect(host({ ports }, { hostPorts: { "80/tcp": 40_000 } }).PortBindings).toEqual({
      "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "40000" }],
      "81/tcp": [{ HostIp: "0.0.0.0", HostPort: "8081" }],
    });
    expect(host({ ports: [{ containerPort: 80 }] }).PortBindings["80/tcp"]).toEqual([
      { HostIp: "127.0.0.1", HostPort: "" },
    ]);
  });

  test("health checks: shell for one word, program for several, off, the image's own", () => {
    const check = (containerCheck: object) => request({ health: { containerCheck } }).Healthcheck?.Test;
    expect(check({ test: ["curl -f x || exit 1"] })).toEqual(["CMD-SHELL", "curl -f x || exit 1"]);
    expect(check({ test: ["a", "b"] })).toEqual(["CMD", "a", "b"]);
    expect(check({ disabled: true })).toEqual(["NONE"]);
    expect(check({ test: [] })).toBeUndefined();
    expect(request()).not.toHaveProperty("Healthcheck");
  });

  test("on the host's network there is no name, no alias, no published port", () => {
    const open = request({ security: { hostNetwork: true }, ports: [{ containerPort: 80 }] });
    for (const key of ["Hostname", "NetworkingConfig", "ExposedPorts"]) expect(open).not.toHaveProperty(key);
    expect(request().NetworkingConfig?.EndpointsConfig).toEqual({
      "ozwald-c1u2s3-default": { Aliases: ["web", "web-1"] },
    });
  });

  test("GPUs come from placement only", () => {
    const env = (spec: Spec, options: RequestOptions = { nvidiaRuntime: true }) => request(spec, {}, options).Env;
    expect(env({})).toEqual(["NVIDIA_VISIBLE_DEVICES=void"]);
    expect(env({ environment: { NVIDIA_VISIBLE_DEVICES: "all" } })).toEqual(["NVIDIA_VISIBLE_DEVICES=void"]);
    expect(env({ environment: { NVIDIA_VISIBLE_DEVICES: "all" } }, {})).toEqual([]);
    const nvidia = { resources: { gpus: 1, gpuVendor: "nvidia", deviceIds: ["GPU-a"] } };
    expect(env(nvidia)).toEqual(["NVIDIA_VISIBLE_DEVICES=GPU-a"]);
    expect(host(nvidia).DeviceRequests).toEqual([
      { Driver: "nvidia", DeviceIDs: ["GPU-a"], Capabilities: [["gpu", "compute", "utility"]] },
    ]);
    const paths = { gpuPaths: { "0000:03:00.0": ["/dev/dri/renderD128"] } };
    const files = (vendor: string) => {
      const resources = { gpus: 1, gpuVendor: vendor, deviceIds: ["0000:03:00.0"] };
      return host({ resources }, {}, paths).Devices.map((device: { PathOnHost: string }) => device.PathOnHost);
    };
    expect(files("amd")).toEqual(["/dev/kfd", "/dev/dri/renderD128"]);
    expect(files("intel")).toEqual(["/dev/dri/renderD128"]);
    expect(() => host({ resources: { gpus: 1 } })).toThrow(/was given 0/);
    expect(() => host({ resources: { gpus: 1, gpuVendor: "amd", deviceIds: ["x"] } })).toThrow(/No device file/);
  });

  test("names are cut and cleaned, and stay apart", () => {
    const long = "n".repeat(63);
    const name = request({ instance: long, group: long }, { generation: 10 ** 9, attempt: 10 ** 6 }).name ?? "";
    expect(name.length).toBeLessThanOrEqual(128);
    expect(name).toMatch(/^ozwald-n{40}-n{40}-1-1000000000\.1000000-k2m3n4$/);
    expect(request({ instance: `a.B_${"x".repeat(70)}`.slice(0, 63) }).Hostname).toMatch(/^a-b-x+-1$/);
    expect(request({ instance: `a.B_${"x".repeat(70)}`.slice(0, 63) }).Hostname?.length).toBeLessThanOrEqual(63);
  });
});

describe("property", () => {
  const path = fc.constantFrom("/srv/a", "/home/u/models", "/data");
  const spec = fc.record({
    instance: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
    group: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
    command: fc.array(fc.string(), { maxLength: 4 }),
    environment: fc.dictionary(fc.stringMatching(/^[A-Z_]{1,12}$/), fc.stringMatching(/^[ -~]*$/)),
    mounts: fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant(MountKind.BIND), source: path, target: path, readOnly: fc.boolean() }),
        fc.record({ kind: fc.constant(MountKind.NAMED), source: fc.constant("vol"), target: path }),
        fc.record({ kind: fc.constant(MountKind.TMPFS), target: path, tmpfsBytes: fc.bigInt(0n, 2n ** 40n) }),
      ),
      { maxLength: 4 },
    ),
    ports: fc.array(fc.record({ containerPort: fc.integer({ min: 1, max: 65_535 }), hostPort: fc.integer({ min: 0, max: 65_535 }) }), { maxLength: 4 }),
    resources: fc.record({ memoryBytes: fc.bigInt(0n, 2n ** 45n), cpuMillis: fc.nat(200_000), pids: fc.nat(10_000) }),
    security: fc.record({
      capAdd: fc.subarray(["SYS_NICE", "NET_ADMIN"]),
      privileged: fc.boolean(),
      readOnly: fc.boolean(),
      allowNewPrivileges: fc.boolean(),
      hostIpc: fc.boolean(),
      hostNetwork: fc.boolean(),
      devices: fc.subarray(["/dev/fuse", "/dev/net/tun"]),
    }),
    shmBytes: fc.bigInt(0n, 2n ** 40n),
  }); // prettier-ignore

  test("whatever the spec, nothing opens unless its relaxation is set", () => {
    fc.assert(
      fc.property(spec, (wanted) => {
        const made = request(wanted);
        const config = made.HostConfig ?? {};
        const { security } = wanted;
        expect(config.CapDrop).toEqual(["ALL"]);
        expect(config.CapAdd).toEqual(security.capAdd);
        expect(config.Privileged).toBe(security.privileged);
        expect(config.SecurityOpt).toEqual(security.allowNewPrivileges ? [] : ["no-new-privileges:true"]);
        expect(config.IpcMode).toBe(security.hostIpc ? "host" : "private");
        expect(config.NetworkMode).toBe(security.hostNetwork ? "host" : "ozwald-c1u2s3-default");
        expect(config.PidsLimit).toBeGreaterThan(0);
        expect(config.RestartPolicy).toEqual({ Name: "no" });
        expect(config.LogConfig).toEqual({ Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } });
        expect(config.MemorySwap).toBe(config.Memory);
        expect(config.Memory ?? 0).toBe(Number(wanted.resources.memoryBytes));
        expect(config.Devices.length).toBe(security.devices.length);
        for (const key of [
          "Binds",
          "VolumesFrom",
          "PidMode",
          "UsernsMode",
          "UTSMode",
          "Sysctls",
          "ExtraHosts",
          "CgroupParent",
        ]) {
          expect(config).not.toHaveProperty(key);
        }
        const bindings = Object.values(config.PortBindings as Record<string, { HostIp: string }[]>).flat();
        for (const binding of bindings) expect(binding.HostIp).toBe("127.0.0.1");
        const mounts = JSON.stringify(config.Mounts);
        expect(mounts).not.toMatch(/DriverConfig|"Propagation":"(?!rprivate)/);
        expect(made.Labels?.["ozwald.cluster"]).toBe("c1u2s3t4e5r6");
        expect(made.name?.length).toBeLessThanOrEqual(128);
        expect(made.name).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/);
      }),
    );
  });
});
