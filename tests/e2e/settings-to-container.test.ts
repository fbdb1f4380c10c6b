// What is written in the settings is what is inside the container: `ozctl apply` on a real engine, looked at from within and by the engine.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { busyboxImage } from "../support/busybox-image.ts";
import { stays } from "../support/busybox-settings.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { machineDocker } from "../support/cluster-containers.ts";
import { freePort } from "../support/control-plane.ts";
import { inspectInstance, inspectNewest, lacksSysResource, sayInside } from "../support/settings-cluster.ts";

let cluster: Cluster;
let fixedPort: number;
let firstPlan: string;

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.addHost();
  fixedPort = await freePort();
  await mkdir(join(cluster.folder, "host"));
  await mkdir(join(cluster.folder, "env"));
  await writeFile(join(cluster.folder, "host", "file"), "from the host");
  await writeEnvFile("one");
  firstPlan = (await cluster.ozctl("plan", "-f", await cluster.settings(settings()))).stdout;
  await cluster.mustApply(settings());
});

afterAll(() => cluster?.dispose());

/** The env file lies beside the settings, not where ozctl is run. */
function writeEnvFile(value: string): Promise<void> {
  return writeFile(
    join(cluster.folder, "env/app.env"),
    `# of the app\nexport FROM_FILE='${value} $HOME'\nLAYER=file\nFILE_AND_BASE=file\n`,
  );
}

const volume = () => `ozwald-test-${cluster.id}`;
/** In the engine its name says whose it is. */
const volumeInEngine = () => `ozwald-${cluster.id.slice(0, 6)}-default-${volume()}`;

function settings(): string {
  const service = (name: string, more: object) => ({ name, image: busyboxImage, stop_grace: "1s", ...more });
  const shell = (script: string, more: object = {}) => ({ command: ["sh", "-c", script], ...more });
  const www = "echo answer > /tmp/index.html; for port in 8000 8001 8002; do httpd -p $port -h /tmp; done";
  return JSON.stringify({
    volumes: { [volume()]: { type: "named" } },
    groups: { red: {}, blue: {} },
    services: [
      service("layers", {
        // Only ozwald-test-busybox exists on the host.
        image: busyboxImage.replace("ozwald-", ""),
        entrypoint: ["/bin/sh", "-c"],
        command: [stays("echo started as $0 $1"), "zero", "first word"],
        env_file: "env/app.env",
        environment: { LAYER: "base", BASE: "base", FILE_AND_BASE: "base", NUMBER: 1.5, FLAG: true, NOTHING: null },
        varieties: { "cpu-only": { environment: { LAYER: "variety", VARIETY: "variety" } } },
        profiles: { fast: { environment: { LAYER: "profile", PROFILE: "profile" } } },
      }),
      service("plain", shell(stays())),
      service("narrow", {
        ...shell(stays()),
        security: { user: "1000:1000", read_only: true },
        resources: { memory: "48MiB", cpu: 0.5, pids: 64 },
        shm_size: "32MiB",
        ulimits: { nofile: { soft: 200, hard: 300 } },
      }),
      service("disks", {
        ...shell(stays()),
        volumes: [
          `${cluster.folder}/host:/bind:ro`,
          `${volume()}:/kept`,
          { type: "tmpfs", target: "/scratch", size: "1MiB" },
        ],
      }),
      service("web", {
        ...shell(stays(www)),
        ports: [
          8000,
          { name: "fixed", container_port: 8001, host_port: fixedPort },
          { name: "wide", container_port: 8002, host_address: "0.0.0.0" },
        ],
        probes: [{ http: { port: 8000 } }],
      }),
      service("db", shell(stays("while :; do echo red-db | nc -l -p 7000; done & :"))),
    ],
    instances: [
      { name: "layers", profile: "fast" },
      ...["plain", "narrow", "disks", "web"].map((name) => ({ name })),
      { name: "db", group: "red" },
      { name: "app", group: "red", service: "plain" },
      { name: "other", group: "blue", service: "plain" },
    ],
  });
}

describe("program and environment", () => {
  test("entrypoint and command are those of the settings, and an image is found with ozwald- before its name", async () => {
    expect((await cluster.ozctl("logs", "layers")).stdout).toMatch(/^started as zero first word\n/);
    const { Config } = await inspectInstance(cluster, "layers");
    expect(Config).toMatchObject({ Image: busyboxImage, Entrypoint: ["/bin/sh", "-c"] });
  });

  test("the environment is file < base < variety < profile", async () => {
    const lines = (await sayInside(cluster, "layers", "env")).split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "FROM_FILE=one $HOME",
        "FILE_AND_BASE=base",
        "BASE=base",
        "VARIETY=variety",
        "PROFILE=profile",
        "LAYER=profile",
        "NUMBER=1.5",
        "FLAG=true",
        "NOTHING=",
      ]),
    );
    expect((await cluster.replica("layers"))?.variety).toBe("cpu-only");
  });

  test("a change in the env file restarts what reads it, and nothing else", async () => {
    const plan = ["plan", "--detailed-exit-code", "-f", await cluster.settings(settings())];
    expect(await cluster.ozctl(...plan)).toMatchObject({ code: 0 });
    const before = await cluster.containers();
    await writeEnvFile("two");
    const planned = await cluster.ozctl(...plan);
    expect(planned.code).toBe(3);
    expect(planned.stdout).toMatch(/~ layers +restart +alpha +FROM_FILE one \$HOME → two \$HOME\n/);
    expect(planned.stdout.match(/^ {2}~/gm)).toHaveLength(1);
    await cluster.mustApply(settings());
    expect(await sayInside(cluster, "layers", "echo $FROM_FILE")).toBe("two $HOME");
    const others = before.filter(({ instance, running }) => running && instance !== "layers");
    expect(others).toHaveLength(7);
    for (const { instance, pid } of others) expect(await cluster.container(instance)).toMatchObject({ pid });
  });
});

describe("isolation", () => {
  test("what nobody relaxed is closed, by the engine's word and from within", async () => {
    const { HostConfig, Config } = await inspectInstance(cluster, "plain");
    expect(HostConfig).toMatchObject({
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true"],
      Privileged: false,
      ReadonlyRootfs: false,
      IpcMode: "private",
      PidMode: "",
      PidsLimit: 4096,
      PortBindings: {},
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
    });
    const given = ["CapAdd", "Binds", "Mounts", "Devices", "DeviceRequests", "VolumesFrom", "Ulimits"];
    expect(given.filter((key) => (HostConfig[key]?.length ?? 0) > 0)).toEqual([]);
    expect(HostConfig["NetworkMode"]).toBe(`ozwald-${cluster.id.slice(0, 6)}-default`);
    expect(Config["User"]).toBe("");
    const status = await sayInside(cluster, "plain", "cat /proc/1/status");
    expect(status).toMatch(/CapEff:\s+0{16}\n/);
    expect(status).toMatch(/CapBnd:\s+0{16}\n/);
    expect(status).toMatch(/NoNewPrivs:\s+1\n/);
    expect(await sayInside(cluster, "plain", "mknod /tmp/null c 1 3")).toContain("Operation not permitted");
    expect(await sayInside(cluster, "plain", "chown 1:1 /tmp")).toContain("Operation not permitted");
  });

  test("user, read-only root, memory, processors, processes, shared memory and limits are in force", async () => {
    const { HostConfig } = await inspectInstance(cluster, "narrow");
    expect(HostConfig).toMatchObject({
      Memory: 48 << 20,
      MemorySwap: 48 << 20,
      NanoCpus: 5e8,
      PidsLimit: 64,
      ShmSize: 32 << 20,
      ReadonlyRootfs: true,
      Ulimits: [{ Name: "nofile", Soft: 200, Hard: 300 }],
    });
    expect(await sayInside(cluster, "narrow", "id -u; id -g; ulimit -Sn; ulimit -Hn")).toBe("1000\n1000\n200\n300");
    expect(await sayInside(cluster, "narrow", "touch /new")).toMatch(/Read-only file system/);
    expect(await sayInside(cluster, "narrow", "df -k /dev/shm")).toMatch(/ 32768 /);
  });

  test("a raised limit and privileges are asked for as written; a host that cannot give them is named with them", async () => {
    const once = { restart: { max_starts_without_ready: 1 }, image: busyboxImage, command: ["sh", "-c", stays()] };
    const text = JSON.stringify({
      project: "raised",
      services: [
        { name: "limit", ...once, ulimits: { nofile: 9_000_000 } },
        { name: "mighty", ...once, security: { privileged: true, cap_add: ["SYS_RESOURCE"] } },
      ],
      instances: [{ name: "limit" }, { name: "mighty" }],
    });
    const planned = await cluster.ozctl("plan", "-f", await cluster.settings(text));
    expect(planned.stdout).toMatch(/\+ mighty .*\n +relaxed: privileged, cap_add SYS_RESOURCE\n/);
    expect(planned.stdout).not.toMatch(/\+ limit .*\n +relaxed/);
    const { code, stderr, stdout } = await cluster.apply(text);
    expect((await inspectNewest(cluster, "mighty"))["HostConfig"]).toMatchObject({
      Privileged: true,
      CapAdd: ["SYS_RESOURCE"],
    });
    expect((await inspectNewest(cluster, "limit"))["HostConfig"]["Ulimits"]).toEqual([
      { Name: "nofile", Soft: 9_000_000, Hard: 9_000_000 },
    ]);
    if (await lacksSysResource()) {
      expect(code).toBe(1);
      expect(stdout + stderr).toMatch(
        /limit failed on alpha: Could not start limit: .*the limit nofile.*\nWhy: {2}ozctl why limit /,
      );
      expect(stdout + stderr).toMatch(/mighty failed on alpha: .*capabilities/);
      expect((await cluster.ozctl("why", "limit")).stdout).toMatch(/nofile/);
    } else expect(code).toBe(0);
    await cluster.mustApply(JSON.stringify({ project: "raised" }));
  });
});

describe("volumes", () => {
  test("bind, named and tmpfs are there, read-only where said, as large as said", async () => {
    expect(await sayInside(cluster, "disks", "cat /bind/file")).toBe("from the host");
    expect(await sayInside(cluster, "disks", "touch /bind/new")).toMatch(/Read-only file system/);
    expect(await sayInside(cluster, "disks", "dd if=/dev/zero of=/scratch/big bs=1k count=2000")).toMatch(
      /No space left/,
    );
    expect(await machineDocker("volume", "inspect", "-f", '{{index .Labels "ozwald.cluster"}}', volumeInEngine())).toBe(
      cluster.id,
    );
  });

  test("a named volume survives a restart, memory and the container's own disk do not", async () => {
    await sayInside(cluster, "disks", "for place in /kept /scratch /tmp; do echo old > $place/note; done");
    const before = await cluster.container("disks");
    expect(await cluster.ozctl("restart", "disks")).toMatchObject({ code: 0 });
    expect((await cluster.container("disks")).id).not.toBe(before.id);
    expect(await sayInside(cluster, "disks", "cat /kept/note; ls /scratch /tmp")).toBe("old\n/scratch:\n\n/tmp:");
  });
});

describe("ports", () => {
  test("ps prints endpoints that answer; only what is written as such leaves the loopback address", async () => {
    const { stdout } = await cluster.ozctl("ps", "-o", "wide");
    const row = stdout.split("\n").find((line) => line.startsWith("web ")) ?? "";
    const urls = row.match(/http:\/\/\S+/g) ?? [];
    expect(urls).toHaveLength(3);
    expect(urls.join()).not.toContain("0.0.0.0");
    for (const url of urls) expect(await (await fetch(url)).text()).toBe("answer\n");
    expect(urls).toContain(`http://127.0.0.1:${fixedPort}`);
    const narrow = (await cluster.ozctl("ps")).stdout.split("\n").find((line) => line.startsWith("web "));
    expect(narrow).toMatch(/http:\/\/127\.0\.0\.1:11\d{3}$/);
    const { Ports } = (await inspectInstance(cluster, "web"))["NetworkSettings"] as { Ports: Record<string, unknown> };
    expect(Ports).toMatchObject({
      "8000/tcp": [{ HostIp: "127.0.0.1", HostPort: expect.stringMatching(/^11\d{3}$/) }],
      "8001/tcp": [{ HostIp: "127.0.0.1", HostPort: String(fixedPort) }],
      "8002/tcp": [{ HostIp: "0.0.0.0", HostPort: expect.stringMatching(/^11\d{3}$/) }],
    });
  });

  test("the port that leaves it is named as a relaxation", async () => {
    expect(firstPlan).toMatch(/\+ web .*\n +relaxed: port 8002 on 0\.0\.0\.0\n/);
    expect(firstPlan.match(/relaxed/g)).toHaveLength(1);
    expect((await cluster.ozctl("show", "web")).stdout).toMatch(/relaxed +port 8002 on 0\.0\.0\.0\n/);
  });

  test("a second replica with the same fixed port has no place, and why says who holds it", async () => {
    const port = await freePort();
    const service = { name: "pair", image: busyboxImage, command: ["sh", "-c", stays()], ports: [`${port}:8000`] };
    const text = { project: "pair", services: [service], instances: [{ name: "pair", replicas: 2 }] };
    expect((await cluster.apply(JSON.stringify(text))).code).toBe(1);
    expect((await cluster.ozctl("why", "pair")).stdout).toContain(`  alpha  port ${port} is held by pair\n`);
    await cluster.mustApply(JSON.stringify({ project: "pair" }));
  });

  test("an automatic port stays the same over a restart", async () => {
    const before = (await cluster.replica("web"))?.observed;
    await machineDocker("kill", (await cluster.container("web")).id);
    const after = await cluster.waitFor("it is ready again", async () => {
      const { state, observed } = (await cluster.replica("web")) ?? {};
      return state === ReplicaState.READY && observed?.attempt !== before?.attempt ? observed : undefined;
    });
    expect(after.endpoints.map(({ port }) => port)).toEqual(before?.endpoints.map(({ port }) => port));
  });
});

describe("groups", () => {
  test("members find each other by name; another group neither finds nor reaches them", async () => {
    for (const name of ["db", "db-0"]) {
      const answer = () => sayInside(cluster, "app", `nc -w 2 ${name} 7000 </dev/null`);
      await cluster.waitFor(`${name} answers`, async () => (await answer()) === "red-db");
    }
    const networks = (await inspectInstance(cluster, "db"))["NetworkSettings"]["Networks"] as Record<string, unknown>;
    expect(Object.keys(networks)).toEqual([`ozwald-${cluster.id.slice(0, 6)}-red`]);
    const { IPAddress } = Object.values(networks)[0] as { IPAddress: string };
    expect(await sayInside(cluster, "app", `nc -w 2 ${IPAddress} 7000 </dev/null`)).toBe("red-db");
    expect(await sayInside(cluster, "other", "nc -w 2 db 7000 </dev/null")).toMatch(/bad address/);
    expect(await sayInside(cluster, "other", `nc -w 1 ${IPAddress} 7000 </dev/null`)).not.toContain("red-db");
  });
});
