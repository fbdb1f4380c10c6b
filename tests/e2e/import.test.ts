// Bring what you have: containers and Compose files become settings, and what the engine says of the result is what it said before.
// Folders of weights stay read-only, and one cache on a host is shared by replicas and outlives them.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { busyboxImage } from "../support/busybox-image.ts";
import { stays } from "../support/busybox-settings.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { machineDocker } from "../support/cluster-containers.ts";
import { freePort } from "../support/control-plane.ts";
import { runCommand } from "../support/run-command.ts";
import { type Inspected, inspectInstance, sayInside } from "../support/settings-cluster.ts";

let cluster: Cluster;
const made: string[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.addHost();
  await mkdir(join(cluster.folder, "weights"));
  await writeFile(join(cluster.folder, "weights/model.gguf"), "weights");
});

afterAll(async () => {
  for (const name of made) await runCommand(["docker", "rm", "-f", name]);
  await cluster?.dispose();
  for (const volume of ["data", "cache"]) await runCommand(["docker", "volume", "rm", "-f", volumeName(volume)]);
});

const volumeName = (name: string) => `ozwald-import-${cluster.id.slice(0, 8)}_${name}`;

async function inspect(id: string): Promise<Inspected> {
  return (JSON.parse(await machineDocker("inspect", id)) as [Inspected])[0];
}

/** What the engine does for a check that says nothing. */
const engineDefaults = { Interval: 30e9, Timeout: 30e9, Retries: 3 };

/** What a person chose, in a form in which two containers can be compared. */
function chosen({ Config, HostConfig, Mounts }: Inspected): object {
  const env = (Config["Env"] as string[]).filter((line) => !/^(PATH|NVIDIA_VISIBLE_DEVICES)=/.test(line));
  const mounts = (Mounts as Inspected[]).map(({ Type, Name, Source, Destination, RW }) => [
    Type,
    Name ?? Source,
    Destination,
    RW,
  ]);
  const tmpfs = Object.keys(HostConfig["Tmpfs"] ?? {}).map((target) => ["tmpfs", "", target, true]);
  const ports = Object.entries(
    (HostConfig["PortBindings"] ?? {}) as Record<string, { HostIp: string; HostPort: string }[]>,
  );
  return {
    env: env.toSorted(),
    command: Config["Cmd"],
    entrypoint: Config["Entrypoint"],
    user: Config["User"],
    image: Config["Image"],
    health: { ...engineDefaults, ...Config["Healthcheck"] },
    ports: ports
      .map(
        ([port, places]) =>
          `${port} ${places.map(({ HostIp, HostPort }) => `${HostIp || "0.0.0.0"}:${HostPort}`).join()}`,
      )
      .toSorted(),
    mounts: [...mounts, ...tmpfs].map((mount) => JSON.stringify(mount.map((part) => part ?? ""))).toSorted(),
    limits: ["Memory", "NanoCpus", "PidsLimit", "ShmSize", "ReadonlyRootfs", "Privileged"].map(
      (key) => HostConfig[key],
    ),
    ulimits: HostConfig["Ulimits"],
    devices: HostConfig["Devices"],
    capabilities: (HostConfig["CapAdd"] ?? []).toSorted(),
  };
}

/** Prints settings with ozctl, applies them, and gives the words about what was not carried. */
async function importAndApply(...words: string[]): Promise<string> {
  const printed = await cluster.ozctl("import", ...words);
  expect(printed).toMatchObject({ code: 0 });
  await cluster.mustApply(printed.stdout);
  return printed.stderr;
}

describe("round trip", () => {
  test("a container: imported, stopped, applied, and the engine says the same of it", async () => {
    const name = `ozwald-import-one-${cluster.id.slice(0, 8)}`;
    const port = await freePort();
    made.push(name);
    const flags = [
      ["-e", "PLAIN=1", "-e", "WORDS=two words, 'quoted' and $PATH", "-e", "EMPTY="],
      [
        "-p",
        `127.0.0.1:${port}:8080`,
        "-v",
        `${volumeName("data")}:/data`,
        "-v",
        `${cluster.folder}/weights:/models:ro`,
      ],
      ["--tmpfs", "/scratch:size=1m", "--memory", "64m", "--cpus", "0.5", "--pids-limit", "99", "--shm-size", "16m"],
      ["--ulimit", "nofile=100:200", "--user", "1000:1000", "--cap-drop", "ALL", "--read-only", "--restart", "always"],
      ["--device", "/dev/null", "--health-cmd", "test -d /data", "--health-interval", "2s", "--health-retries", "4"],
      ["--entrypoint", "/bin/sh", "--label", "mine=1", "--stop-timeout", "1", "-w", "/tmp"],
    ].flat();
    await machineDocker("run", "-d", "--name", name, ...flags, busyboxImage, "-c", stays());
    const before = await inspect(name);
    const printed = await cluster.ozctl("import", "container", name);
    expect(printed).toMatchObject({ code: 0 });
    expect(printed.stderr).toMatch(/working_dir: not carried/);
    expect(printed.stderr).toMatch(/labels: not carried: .*"mine":"1"/);
    await machineDocker("stop", "-t", "1", name);
    await cluster.mustApply(printed.stdout);
    const after = await inspectInstance(cluster, name);
    expect(chosen(after)).toEqual(chosen(before));
    expect(await sayInside(cluster, name, "touch /models/new")).toMatch(/Read-only file system/);
  });

  test("a Compose file: its services are what docker run makes of the same words", async () => {
    const port = await freePort();
    await writeFile(join(cluster.folder, "app.env"), "FROM_FILE=yes\nBOTH=file\n");
    await writeFile(
      join(cluster.folder, "compose.yml"),
      JSON.stringify({
        name: volumeName("").slice(0, -1),
        services: {
          db: {
            image: busyboxImage,
            command: ["sh", "-c", stays()],
            restart: "unless-stopped",
            volumes: ["data:/data"],
            healthcheck: {
              test: ["CMD", "test", "-d", "/data"],
              interval: "1s",
              timeout: "2s",
              retries: 3,
              start_period: "1s",
            },
            stop_grace_period: "1s",
          },
          web: {
            image: busyboxImage,
            entrypoint: ["sh", "-c"],
            command: [stays("echo $GREETING").replaceAll("$", "$$$$")],
            environment: ["GREETING=${GREETING:-hello}", "BOTH=environment"],
            env_file: "app.env",
            depends_on: { db: { condition: "service_healthy" } },
            ports: [`127.0.0.1:${port}:80`],
            volumes: ["./weights:/models:ro", { type: "tmpfs", target: "/scratch", tmpfs: { size: 65_536 } }],
            deploy: { resources: { limits: { memory: "32M", cpus: "0.25", pids: 50 } } },
            ulimits: { nofile: { soft: 50, hard: 60 } },
            cap_drop: ["ALL"],
            cap_add: ["NET_BIND_SERVICE"],
            stop_grace_period: "1s",
            restart: "always",
            labels: { a: "b" },
          },
        },
        volumes: { data: {} },
      }),
    );
    const said = await importAndApply("compose", join(cluster.folder, "compose.yml"));
    expect(said).toMatch(/services\.web\.labels: not carried/);
    expect(chosen(await inspectInstance(cluster, "web"))).toMatchObject({
      env: ["BOTH=environment", "FROM_FILE=yes", "GREETING=hello"],
      command: [stays("echo $GREETING")],
      entrypoint: ["sh", "-c"],
      ports: [`80/tcp 127.0.0.1:${port}`],
      mounts: [`["bind","${cluster.folder}/weights","/models",false]`, '["tmpfs","","/scratch",true]'],
      limits: [32 << 20, 25e7, 50, 64 << 20, false, false],
      ulimits: [{ Name: "nofile", Soft: 50, Hard: 60 }],
      capabilities: ["NET_BIND_SERVICE"],
    });
    const db = await inspectInstance(cluster, "db");
    expect(db["Config"]["Healthcheck"]).toEqual({
      Test: ["CMD", "test", "-d", "/data"],
      Interval: 1e9,
      Timeout: 2e9,
      Retries: 3,
      StartPeriod: 1e9,
    });
    expect(db["Mounts"]).toMatchObject([{ Type: "volume", Name: volumeName("data"), Destination: "/data", RW: true }]);
    expect((await cluster.ozctl("logs", "web")).stdout).toContain("hello\n");
  });
});

describe("one cache on a host", () => {
  const settings = (replicas: number) =>
    JSON.stringify({
      project: "cache",
      volumes: { [volumeName("cache")]: { type: "named" } },
      services: [
        {
          name: "model",
          image: busyboxImage,
          command: ["sh", "-c", stays()],
          stop_grace: "1s",
          volumes: [`${volumeName("cache")}:/cache`, `${cluster.folder}/weights:/models:ro`],
        },
      ],
      instances: [{ name: "model", replicas }],
    });
  const inSlot = (slot: number, script: string) =>
    runCommand(["docker", "exec", slotNames[slot] ?? "", "sh", "-c", script]).then(({ stdout, stderr }) =>
      (stdout + stderr).trim(),
    );
  let slotNames: string[] = [];

  async function untilReplicas(count: number): Promise<void> {
    await cluster.waitFor(`${count} replicas run`, async () => {
      const seen = (await cluster.containers()).filter((each) => each.instance === "model" && each.running);
      slotNames = seen.map(({ id }) => id);
      return seen.length === count;
    });
  }

  test("is shared by its replicas; the folder of weights is read-only for both", async () => {
    await cluster.mustApply(settings(2));
    await untilReplicas(2);
    expect(await inSlot(0, "echo fetched > /cache/weights")).toBe("");
    expect(await inSlot(1, "cat /cache/weights /models/model.gguf")).toBe("fetched\nweights");
    for (const slot of [0, 1]) expect(await inSlot(slot, "touch /models/new")).toMatch(/Read-only file system/);
  });

  test("survives a restart, and the end of every replica", async () => {
    expect(await cluster.ozctl("restart", "model")).toMatchObject({ code: 0 });
    await untilReplicas(2);
    for (const slot of [0, 1]) expect(await inSlot(slot, "cat /cache/weights")).toBe("fetched");
    await cluster.mustApply(JSON.stringify({ project: "cache" }));
    await untilReplicas(0);
    // In the engine its name says whose it is.
    expect(await machineDocker("volume", "ls", "-q", "--filter", `name=${volumeName("cache")}`)).toBe(
      `ozwald-${cluster.id.slice(0, 6)}-default-${volumeName("cache")}`,
    );
    await cluster.mustApply(settings(1));
    await untilReplicas(1);
    expect(await inSlot(0, "cat /cache/weights")).toBe("fetched");
  });
});
