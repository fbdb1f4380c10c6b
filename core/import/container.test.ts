// A container as an engine describes it: what nobody asked for says nothing, and what somebody asked for is carried or listed.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { parseSettings } from "../settings/parse-settings.ts";
import { formatProblem } from "../settings/problem.ts";
import { importContainers } from "./container.ts";
import { settingsYaml } from "./settings-yaml.ts";

type Described = {
  Id: string;
  Name: string;
  Config: Record<string, unknown>;
  HostConfig: Record<string, unknown>;
  Mounts: unknown[];
};

/** What `docker create busybox` gives, word for word. */
const plain = readFileSync(resolve(import.meta.dirname, "../../tests/fixtures/container-inspect.json"), "utf8");
const image = { Config: { Cmd: ["sh"], Env: ["PATH=/bin"], Labels: { "ozwald.test": "1" } } };

function changed(change: (container: Described) => void): Described {
  const container = JSON.parse(plain) as Described;
  change(container);
  return container;
}

function textOf(container: unknown): string {
  return settingsYaml(importContainers([{ container, image }]), "test");
}

describe("a container", () => {
  test("of which nobody asked anything is its image and little else", () => {
    const { settings } = importContainers([{ container: JSON.parse(plain), image: withEnv() }]);
    expect(settings.services).toEqual([
      {
        name: "oz-imp-fix",
        image: "ozwald-test-busybox:1",
        restart: "never",
        security: { cap_add: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"] },
      },
    ]);
  });

  test.each<[string, unknown, unknown?]>([
    ["Memory", 1 << 29],
    ["MemoryReservation", 1 << 28],
    ["MemorySwap", 1 << 30],
    ["NanoCpus", 15e8],
    ["CpuQuota", 50_000],
    ["CpuShares", 512],
    ["CpusetCpus", "0"],
    ["PidsLimit", 100],
    ["ShmSize", 1 << 20],
    ["Privileged", true],
    ["ReadonlyRootfs", true],
    ["CapAdd", ["NET_ADMIN"]],
    ["CapDrop", ["ALL"]],
    ["SecurityOpt", ["label=disable"]],
    ["NetworkMode", "host"],
    ["NetworkMode", "container:abc"],
    ["IpcMode", "host"],
    ["PidMode", "host"],
    ["UTSMode", "host"],
    ["UsernsMode", "host"],
    ["CgroupParent", "/a"],
    ["Devices", [{ PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm" }]],
    ["DeviceRequests", [{ Driver: "", Count: -1, DeviceIDs: null, Capabilities: [["gpu"]], Options: {} }]],
    ["DeviceCgroupRules", ["c 1:3 mr"]],
    ["Dns", ["1.1.1.1"]],
    ["ExtraHosts", ["a:1.2.3.4"]],
    ["GroupAdd", ["video"]],
    ["Links", ["/a:/b"]],
    ["VolumesFrom", ["a"]],
    ["VolumeDriver", "nfs"],
    ["StorageOpt", { size: "1G" }],
    ["Sysctls", { "net.core.somaxconn": "1" }],
    ["Tmpfs", { "/scratch": "size=1m" }],
    ["Ulimits", [{ Name: "nofile", Soft: 1, Hard: 2 }]],
    ["PortBindings", { "80/tcp": [{ HostIp: "", HostPort: "8080" }] }],
    ["PublishAllPorts", true],
    ["RestartPolicy", { Name: "always", MaximumRetryCount: 0 }],
    ["AutoRemove", true],
    ["Init", true],
    ["OomKillDisable", true],
    ["OomScoreAdj", 5],
    ["Runtime", "nvidia"],
    ["LogConfig", { Type: "syslog", Config: {} }],
    ["BlkioWeight", 10],
    ["Something", "new"],
  ])("HostConfig.%s %j is carried or listed", (key, value) => {
    const text = textOf(changed(({ HostConfig }) => (HostConfig[key] = value)));
    expect(text).not.toBe(textOf(JSON.parse(plain)));
    expect(parseSettings([{ name: "s.yml", text }]).problems.map(formatProblem)).toEqual([]);
  });

  test.each<[string, unknown]>([
    ["Env", ["PATH=/bin", "A=1"]],
    ["Cmd", ["sleep", "9"]],
    ["Entrypoint", ["/bin/sh"]],
    ["User", "1000"],
    ["WorkingDir", "/srv"],
    ["Hostname", "box"],
    ["Domainname", "example.com"],
    ["Labels", { mine: "1" }],
    ["Tty", true],
    ["StopSignal", "SIGINT"],
    ["StopTimeout", 3],
    ["Healthcheck", { Test: ["CMD", "a", "b"], Interval: 2e9, Retries: 2 }],
    ["MacAddress", "00:11:22:33:44:55"],
    ["Something", "new"],
  ])("Config.%s %j is carried or listed", (key, value) => {
    const text = textOf(changed(({ Config }) => (Config[key] = value)));
    expect(text).not.toBe(textOf(JSON.parse(plain)));
    expect(parseSettings([{ name: "s.yml", text }]).problems.map(formatProblem)).toEqual([]);
  });

  test("keeps its volumes and folders, also those of --mount", () => {
    const mounts = [
      {
        Type: "volume",
        Name: "weights",
        Source: "/var/lib/x",
        Destination: "/models",
        Driver: "local",
        Mode: "z",
        RW: true,
        Propagation: "",
      },
      { Type: "bind", Source: "/srv/books", Destination: "/books", Mode: "", RW: false, Propagation: "rprivate" },
      {
        Type: "volume",
        Name: "f".repeat(64),
        Source: "/x",
        Destination: "/anonymous",
        Driver: "local",
        Mode: "",
        RW: true,
      },
    ];
    const { settings, notes } = importContainers([{ container: changed((c) => (c.Mounts = mounts)), image }]);
    expect(settings).toMatchObject({
      volumes: { weights: { type: "named", external: true } },
      services: [{ volumes: ["weights:/models", "/srv/books:/books:ro"] }],
    });
    expect(notes.map(({ key }) => key)).toContain("containers.oz-imp-fix.volumes[2]");
  });

  test("two of one name become two services; what is no container is refused", () => {
    const container = JSON.parse(plain) as unknown;
    const { settings } = importContainers([{ container }, { container }], "shop");
    expect(settings.instances).toEqual([{ name: "oz-imp-fix" }, { name: "oz-imp-fix-2" }]);
    expect(() => importContainers([{ container: {} }])).toThrow("describes no container");
  });
});

/** The image with the environment that the container has from it. */
function withEnv(): unknown {
  return { Config: { ...image.Config, Env: (JSON.parse(plain) as Described).Config["Env"] } };
}
