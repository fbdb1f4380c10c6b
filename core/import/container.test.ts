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
      // An image's volume that nobody named: without a place here it would be empty after every start.
      volumes: { weights: { type: "named", external: true }, "imported_oz-imp-fix_anonymous": { type: "named" } },
      services: [{ volumes: ["weights:/models", "/srv/books:/books:ro", "imported_oz-imp-fix_anonymous:/anonymous"] }],
    });
    const [note] = notes.filter(({ key }) => key === "containers.oz-imp-fix.volumes[2]");
    expect(note?.text).toContain(
      `gets one: imported_oz-imp-fix_anonymous. What ${"f".repeat(64)} holds is not copied.`,
    );
  });

  test("control groups: the host's are listed, unless the engine gives them to everybody", () => {
    const container = changed(({ HostConfig }) => (HostConfig["CgroupnsMode"] = "host"));
    const keys = (engine: object) => importContainers([{ container, image, engine }]).notes.map(({ key }) => key);
    expect(keys({ CgroupVersion: "2" })).toContain("containers.oz-imp-fix.HostConfig.CgroupnsMode");
    expect(keys({ CgroupVersion: "1" })).not.toContain("containers.oz-imp-fix.HostConfig.CgroupnsMode");
  });

  test("what an engine hides by itself is not listed; more, less and nothing hidden is", () => {
    const notes = (paths: unknown) =>
      importContainers([{ container: changed(({ HostConfig }) => (HostConfig["MaskedPaths"] = paths)), image }])
        .notes.filter(({ key }) => key.endsWith("MaskedPaths"))
        .map(({ text: words }) => words.replace(/.* It says /, ""));
    const own = JSON.parse(plain) as Described;
    const usual = own.HostConfig["MaskedPaths"] as string[];
    expect(notes([...usual, "/sys/devices/virtual/powercap", "/proc/interrupts"])).toEqual([]);
    expect(notes([])).toEqual(['"unconfined".']);
    expect(notes([...usual, "/srv"])).toHaveLength(1);
    expect(notes(usual.slice(4))).toHaveLength(1);
  });

  test("an address of a running container is the engine's, unless no engine makes such", () => {
    const said = (mac: string, running: boolean) =>
      textOf(
        asked((container) => {
          container.NetworkSettings.Networks["lan"] = { MacAddress: mac };
          container.State = { Running: running };
        }),
      ).includes(mac);
    expect([said("02:42:ac:11:00:02", true), said("02:42:ac:11:00:02", false)]).toEqual([false, true]);
    expect(said("00:16:3e:11:00:02", true)).toBe(true);
  });

  test("every key at every depth, also one that nobody knows yet, changes the settings or the notes", () => {
    const whole = textOf(asked());
    const silent: string[] = [];
    const roots = ["Config", "HostConfig", "Mounts", "NetworkSettings.Networks"];
    for (const { path, parent, key } of places(asked())) {
      if (!roots.some((root) => path.startsWith(`${root}.`))) continue;
      const without = asked();
      const changedParent = parent(without);
      const isNew = key === "BrandNew";
      if (isNew) changedParent[key] = "brand new";
      else delete changedParent[key];
      if (textOf(without) === whole && !saysNothing.test(path)) silent.push(path);
    }
    expect(silent).toEqual([]);
  });

  test("two of one name become two services; what is no container is refused", () => {
    const container = JSON.parse(plain) as unknown;
    const { settings } = importContainers([{ container }, { container }], "shop");
    expect(settings.instances).toEqual([{ name: "oz-imp-fix" }, { name: "oz-imp-fix-2" }]);
    expect(() => importContainers([{ container: {} }])).toThrow("describes no container");
  });
});

type Asked = Described & {
  NetworkSettings: { Networks: Record<string, unknown> };
  State: unknown;
};

/** A container of which everything was asked that has parts. */
function asked(change: (container: Asked) => void = () => {}): Asked {
  const container = JSON.parse(plain) as Asked;
  Object.assign(container.Config, {
    OpenStdin: true,
    Cmd: ["sleep", "1"],
    Env: ["A=1"],
    Healthcheck: { Test: ["CMD", "a"], Interval: 2e9, Timeout: 3e9, Retries: 2, StartPeriod: 4e9, StartInterval: 5e9 },
  });
  Object.assign(container.HostConfig, {
    Binds: ["/srv/books:/books:ro,z", "weights:/models:nocopy"],
    Mounts: [
      {
        ...{ Type: "volume", Source: "data", Target: "/data" },
        VolumeOptions: {
          NoCopy: true,
          Subpath: "a",
          Labels: { b: "1" },
          DriverConfig: { Name: "nfs", Options: { o: "c" } },
        },
      },
      { Type: "tmpfs", Target: "/scratch", TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o700, Options: [["noexec"]] } },
      {
        ...{ Type: "bind", Source: "/srv/x", Target: "/x", Consistency: "cached" },
        BindOptions: {
          NonRecursive: true,
          CreateMountpoint: true,
          ReadOnlyNonRecursive: true,
          ReadOnlyForceRecursive: true,
        },
      },
    ],
    PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }] },
    RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
    LogConfig: { Type: "syslog", Config: { tag: "a" } },
    Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }],
    Devices: [{ PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "r" }],
    DeviceRequests: [{ Driver: "nvidia", Count: 2, DeviceIDs: null, Capabilities: [["gpu"]], Options: { a: "1" } }],
    MaskedPaths: [],
    ReadonlyPaths: [],
  });
  container.Mounts = [
    { Type: "bind", Source: "/srv/books", Destination: "/books", Mode: "ro,z", RW: false, Propagation: "rslave" },
    {
      Type: "volume",
      Name: "weights",
      Source: "/v/w",
      Destination: "/models",
      Driver: "nfs",
      Mode: "z",
      RW: true,
      Propagation: "",
    },
    {
      Type: "volume",
      Name: "data",
      Source: "/v/d",
      Destination: "/data",
      Driver: "local",
      Mode: "z",
      RW: true,
      Propagation: "",
    },
    { Type: "tmpfs", Source: "", Destination: "/scratch", Mode: "", RW: true, Propagation: "" },
    { Type: "bind", Source: "/srv/x", Destination: "/x", Mode: "", RW: true, Propagation: "rprivate" },
  ];
  container.NetworkSettings.Networks = {
    lan: {
      IPAMConfig: { IPv4Address: "172.30.0.5", IPv6Address: "fd00::5", LinkLocalIPs: ["169.254.34.68"] },
      ...{ Links: ["a:b"], Aliases: ["db", "oz-imp-fix", "8239be9586e9"], MacAddress: "02:42:aa:bb:cc:dd" },
      ...{ DriverOpts: { a: "1" }, GwPriority: 3, NetworkID: "", EndpointID: "", IPAddress: "", DNSNames: ["db"] },
    },
  };
  change(container);
  return container;
}

/** What the engine says twice, found out, or takes for granted. */
const saysNothing = new RegExp(
  [
    String.raw`^Config\.(AttachStdin|AttachStdout|AttachStderr|StdinOnce|Image|Volumes|Hostname|Labels|Labels\.ozwald\.test)$`,
    String.raw`^HostConfig\.(ContainerIDFile|ConsoleSize|NetworkMode|CgroupnsMode|ShmSize|Runtime|IpcMode)$`,
    String.raw`^HostConfig\.(PortBindings\.BrandNew|Devices\.0\.PathInContainer|DeviceRequests\.0\.(Driver|Capabilities))$`,
    // Mounts has these, too.
    String.raw`^HostConfig\.Mounts\.\d\.(Type|Source|ReadOnly)$`,
    String.raw`^Mounts\.\d\.(Mode|RW|Driver|Propagation|Source)$`,
    String.raw`^NetworkSettings\.Networks\.lan\.(NetworkID|EndpointID|IPAddress|DNSNames)$`,
  ].join("|"),
);

type Place = { path: string; key: string; parent: (root: Asked) => Record<string, unknown> };

/** Every key of maps that has a value, and in each map of several keys one that nobody knows. */
function places(root: Asked): Place[] {
  const found: Place[] = [];
  const walk = (value: unknown, at: string[]): void => {
    if (typeof value !== "object" || value === null) return;
    const parent = (from: Asked) =>
      at.reduce<unknown>((map, step) => (map as never)[step], from) as Record<string, unknown>;
    if (!Array.isArray(value) && at.length > 0)
      found.push({ path: [...at, "BrandNew"].join("."), key: "BrandNew", parent });
    for (const [key, each] of Object.entries(value)) {
      const isSaid = ![null, "", 0, false].includes(each as never) && !(typeof each === "object" && isEmpty(each));
      if (!Array.isArray(value) && isSaid) found.push({ path: [...at, key].join("."), key, parent });
      walk(each, [...at, key]);
    }
  };
  walk(root, []);
  return found;
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** The image with the environment that the container has from it. */
function withEnv(): unknown {
  return { Config: { ...image.Config, Env: (JSON.parse(plain) as Described).Config["Env"] } };
}
