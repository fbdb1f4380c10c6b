// What people see, as it is: one command, one text.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { EventsService } from "#proto/events_pb.ts";
import { HostsService, HostState } from "#proto/hosts_pb.ts";
import { InstancesService } from "#proto/instances_pb.ts";
import { OperationsService, OperationState } from "#proto/operations_pb.ts";
import { ReplicasService, ReplicaState } from "#proto/replicas_pb.ts";
import { ServicesService } from "#proto/services_pb.ts";
import { PlanAction } from "#proto/settings_pb.ts";
import { StatusService } from "#proto/status_pb.ts";
import { apiError, fakeControlplane, type FakeControlplane } from "../testing/fake-controlplane.ts";
import { type FakeIoOptions, runOzctl } from "../testing/fake-io.ts";

const nowMs = Date.UTC(2026, 10, 21, 14, 2, 11);
const ago = (seconds: number) => timestampFromMs(nowMs - seconds * 1000);
const GiB = 2n ** 30n;

beforeAll(() => {
  process.env["TZ"] = "UTC";
});

let open: FakeControlplane | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function run(routes: (router: ConnectRouter) => void, argv: string[], options: FakeIoOptions = {}) {
  open ??= await fakeControlplane(routes);
  const result = await runOzctl(argv, { nowMs, columns: 80, ...options, env: { ...open.env, ...options.env } });
  if (options.columns !== 1000 && !argv.includes("wide")) {
    for (const line of `${result.out}${result.err}`.split("\n"))
      expect(line.length, line).toBeLessThanOrEqual(line.includes("  ozctl ") ? 120 : 80);
  }
  return result;
}

function lines(...text: string[]): string {
  return text.map((line) => `${line}\n`).join("");
}

const tinyLlm = {
  name: "tiny-llm",
  group: "default",
  service: "tiny-llm",
  replicas: 1,
  owner: "settings/shop",
  units: [
    {
      id: "k3v9x2m4q7ab",
      instance: "tiny-llm",
      group: "default",
      host: "devbox",
      state: ReplicaState.READY,
      since: ago(125),
      service: "tiny-llm",
      variety: "cpu-only",
      image: "tiny-llm:latest",
      observed: {
        endpoints: [{ name: "http", address: "127.0.0.1", port: 11000, protocol: "http" }],
        starts: 1,
        memoryBytes: 404n * 2n ** 20n,
      },
    },
  ],
};
const embed = {
  name: "embed",
  group: "shop",
  service: "embed",
  replicas: 2,
  owner: "dynamic",
  units: [
    {
      id: "a1",
      instance: "embed",
      group: "shop",
      slot: 0,
      host: "devbox",
      state: ReplicaState.PULLING,
      since: ago(5),
      service: "embed",
      variety: "cpu-only",
      profile: "8k",
      observed: { pull: { doneBytes: 131n, totalBytes: 212n } },
    },
    {
      id: "a2",
      instance: "embed",
      group: "shop",
      slot: 1,
      state: ReplicaState.PENDING,
      since: ago(5),
      reason: "no host has 64 GiB of RAM free",
    },
  ],
};
const down = { name: "web", group: "default", service: "web", replicas: 1, owner: "settings/shop", overridden: true };
const unknown = {
  id: "zzz",
  instance: "old",
  group: "default",
  host: "tower",
  state: ReplicaState.UNKNOWN,
  since: ago(7_200),
  service: "old",
  variety: "nvidia",
};

describe("ps", () => {
  const routes = (answer: object) => (router: ConnectRouter) =>
    router.rpc(InstancesService.method.listInstances, () => answer);

  test("one ready instance", async () => {
    expect(await run(routes({ instances: [tinyLlm] }), ["ps"])).toEqual({
      code: 0,
      err: "",
      out: lines(
        "WANTED    RECIPE             HOST    STATE  SINCE  ENDPOINT",
        "tiny-llm  tiny-llm:cpu-only  devbox  ready  2 min  http://127.0.0.1:11000",
      ),
    });
  });

  test("everything that can stand there, 80 columns wide", async () => {
    const { out } = await run(routes({ instances: [tinyLlm, down, embed], unknown: [unknown] }), ["ps"]);
    expect(out).toBe(
      lines(
        "WANTED        RECIPE         HOST    STATE         SINCE  ENDPOINT",
        "tiny-llm      tiny-llm:cpu…  devbox  ready         2 min  http://127.0.0.1:11000",
        "web           web            -       down          -      -",
        "shop:embed#0  embed:cpu-on…  devbox  pulling 61 %  5.0 s  -",
        "shop:embed#1  embed          -       pending       5.0 s  -",
        "old           old:nvidia     tower   unknown       2 h    -",
        "web is down although the settings want it.  ozctl up web   or   ozctl apply",
        "shop:embed#1: no host has 64 GiB of RAM free.  ozctl why shop:embed",
        "Unknown: it runs and nothing asks for it. It keeps running until you say:",
        "  ozctl adopt tower/zzz   or   ozctl retire tower/zzz",
      ),
    );
  });

  test.each([
    ["exit code 3", "exit code 3."],
    ["its image cannot be had.", "its image cannot be had."],
    ["the registry is away (it is asked again.)", "the registry is away (it is asked again.)"],
  ])("the reason %j ends in one dot", async (reason, shown) => {
    const [, unit] = embed.units;
    const { out } = await run(routes({ instances: [{ ...embed, units: [{ ...unit, reason }] }] }), ["ps"]);
    expect(out).toContain(`: ${shown}  ozctl why shop:embed\n`);
  });

  test("nothing", async () => {
    expect((await run(routes({}), ["ps"])).out).toBe(
      "Nothing is wanted and nothing runs.  ozctl apply -f ozwald.yml   or   ozctl services\n",
    );
  });

  test("for programs: names, and every field of the contract", async () => {
    const answer = { instances: [tinyLlm, embed], unknown: [] };
    expect((await run(routes(answer), ["ps", "-o", "name"])).out).toBe("tiny-llm\nshop:embed\n");
    const json = JSON.parse((await run(routes(answer), ["ps", "-o", "json"])).out) as {
      instances: { units: object[]; overridden: boolean }[];
    };
    expect(json.instances[0]).toMatchObject({
      overridden: false,
      units: [{ state: "REPLICA_STATE_READY", observed: { memoryBytes: "423624704" } }],
    });
    const { out } = await run(routes(answer), ["ps", "-o", "yaml"]);
    expect(out).toContain("- name: tiny-llm\n");
    expect((await run(routes(answer), ["ps", "-o", "wide"])).out).toContain("404 MiB");
  });
});

test("hosts", async () => {
  const inventory = { cpuCores: 2, memoryBytes: 24n * GiB, engine: { name: "docker", version: "28.5" }, devices: [] };
  const gpu = { id: "GPU-1", vendor: "nvidia", model: "RTX 4090", vramBytes: 24n * GiB };
  const hosts = [
    {
      name: "cpu2",
      state: HostState.OFFLINE,
      since: ago(180),
      inventory,
      replicas: 2,
      telemetry: { memoryAvailableBytes: GiB },
    },
    {
      name: "devbox",
      state: HostState.ONLINE,
      since: ago(7_200),
      inventory,
      replicas: 1,
      telemetry: { memoryAvailableBytes: 21n * GiB, diskFreeBytes: 80n * GiB },
    },
    { name: "later", state: HostState.EXPECTED },
    {
      name: "tower",
      state: HostState.ONLINE,
      since: ago(60),
      inventory: { devices: [gpu], warnings: ["clock is 4 s behind"] },
      telemetry: { devices: [{ id: "GPU-1", vramUsedBytes: GiB }] },
    },
  ];
  const { out } = await run((router) => router.rpc(HostsService.method.listHosts, () => ({ hosts })), ["hosts"]);
  expect(out).toBe(
    lines(
      "HOST    STATE     SINCE  CORES  RAM       FREE      DISK FREE  GPUS  REPLICAS",
      "cpu2    offline   3 min  2      24.0 GiB  ?         ?          none  2",
      "devbox  online    2 h    2      24.0 GiB  21.0 GiB  80.0 GiB   none  1",
      "later   expected  -      -      -         -         -          -     0",
      "tower   online    60 s   ?      ?         ?         ?          1     0",
      "tower gpu 0  RTX 4090  24.0 GiB, 1.0 GiB used",
      "cpu2: not heard for 3 min; 2 replicas ran when last seen",
      "later: never joined.  ozctl host invite --name later",
      "tower: clock is 4 s behind",
    ),
  );
});

test("why", async () => {
  const answer = {
    summary: "judge has no place: it needs 43.8 GiB of RAM",
    candidates: [
      { host: "devbox", variety: "cpu-only", reason: "misses by 22.8 GiB" },
      { host: "tower", fits: true },
    ],
    events: [{ at: ago(3_600), message: "no host fits" }],
    next: ["ozctl up judge --profile 8k", "ozctl hosts"],
  };
  const { out } = await run(
    (router) => router.rpc(InstancesService.method.explainInstance, () => answer),
    ["why", "judge"],
  );
  expect(out).toBe(
    lines(
      "judge has no place: it needs 43.8 GiB of RAM",
      "Hosts looked at, best first:",
      "  devbox (cpu-only)  misses by 22.8 GiB",
      "  tower              would do",
      "What happened:",
      "  13:02:11  no host fits",
      "Next  ozctl up judge --profile 8k",
      "      ozctl hosts",
    ),
  );
});

test("ops", async () => {
  const step = { instance: "web", action: PlanAction.START };
  const operations = [
    {
      id: 12n,
      title: "apply shop",
      state: OperationState.RUNNING,
      started: ago(8),
      steps: [{ ...step, done: true }, step],
    },
    {
      id: 11n,
      title: "up embed",
      state: OperationState.FAILED,
      started: ago(600),
      ended: ago(569),
      steps: [{ ...step, failed: true }],
    },
  ];
  const { out } = await run(
    (router) => router.rpc(OperationsService.method.listOperations, () => ({ operations })),
    ["ops"],
  );
  expect(out).toBe(
    lines(
      "OP  WHAT        STATE     STEPS  STARTED     TOOK",
      "12  apply shop  going on  1/2    8.0 s ago   -",
      "11  up embed    failed    0/1    10 min ago  31 s",
    ),
  );
});

test("services", async () => {
  const services = [
    {
      name: "tiny-llm",
      group: "default",
      type: "container",
      varieties: [{ name: "nvidia", image: "a:gpu" }, { name: "cpu-only" }],
      profiles: ["small", "long"],
    },
    { name: "tool", group: "shop", type: "source-files" },
  ];
  const { out } = await run(
    (router) => router.rpc(ServicesService.method.listServices, () => ({ services })),
    ["services"],
  );
  expect(out).toBe(
    lines(
      "SERVICE    VARIETIES         PROFILES     IMAGE",
      "tiny-llm   nvidia, cpu-only  small, long  a:gpu",
      "shop:tool  -                 -            source-files, not scheduled",
    ),
  );
});

test("show: an instance with a failed replica, and a service that is not wanted", async () => {
  const failed = {
    ...tinyLlm.units[0]!,
    state: ReplicaState.FAILED,
    reason: "5 starts without becoming ready",
    observed: { starts: 5, exitCode: 1, logTail: ["boom"] },
    relaxations: ["cap_add SYS_NICE"],
  };
  const services = [
    {
      name: "web",
      group: "default",
      type: "container",
      image: "nginx",
      varieties: [{ name: "nvidia", requires: "gpu nvidia" }],
    },
  ];
  const routes = (router: ConnectRouter) => {
    router.rpc(InstancesService.method.listInstances, () => ({ instances: [{ ...tinyLlm, units: [failed] }] }));
    router.rpc(ServicesService.method.listServices, () => ({ services }));
  };
  expect((await run(routes, ["show", "tiny-llm"])).out).toBe(
    lines(
      "instance    tiny-llm",
      "recipe      tiny-llm",
      "replicas    1",
      "wanted by   settings/shop",
      "replica 0   failed since 2 min",
      "  host        devbox",
      "  recipe      tiny-llm:cpu-only",
      "  image       tiny-llm:latest",
      "  why         5 starts without becoming ready",
      "  starts      5",
      "  last end    exit code 1",
      "  relaxed     cap_add SYS_NICE",
      "  | boom",
    ),
  );
  expect((await run(routes, ["show", "web"])).out).toBe(
    lines(
      "service     web",
      "image       nginx",
      "varieties   nvidia (gpu nvidia)",
      "Not wanted at present.  ozctl up web",
    ),
  );
  expect(await run(routes, ["show", "wbe"])).toMatchObject({
    code: 2,
    err: 'There is no instance and no service "wbe".\nDid you mean web?\n',
  });
});

test("status: exit 1 and what to do when a check fails", async () => {
  const checks = [
    { name: "store", ok: true, message: "3.1 MiB" },
    { name: "listener 127.0.0.1:8000", message: "taken by vllm (pid 42)", hint: "Choose another:  --rest-port 8001" },
  ];
  const status = {
    version: "0.1.0",
    address: "https://10.0.0.5:7443",
    started: ago(7_200),
    hostsOnline: 1,
    hosts: 2,
    replicasReady: 1,
    replicas: 1,
    checks,
  };
  const routes = (router: ConnectRouter) => router.rpc(StatusService.method.getStatus, () => status);
  expect(await run(routes, ["status"])).toEqual({
    code: 1,
    err: "",
    out: lines(
      "Ozwald 0.1.0 at https://10.0.0.5:7443, up 2 h",
      "  ok    store                    3.1 MiB",
      "  FAIL  listener 127.0.0.1:8000  taken by vllm (pid 42)",
      "        Choose another:  --rest-port 8001",
      "1 of 2 hosts online, 1 of 1 replicas ready",
    ),
  });
  expect((await run(routes, ["version", "--server"])).out).toContain("control plane 0.1.0 at https://10.0.0.5:7443\n");
});

test("events", async () => {
  const events = [
    { sequence: 1n, at: ago(90_000), kind: "host.joined", subject: "host/devbox", message: "joined", actor: "token" },
    { sequence: 2n, at: ago(10), kind: "replica.ready", subject: "instance/tiny-llm", message: "ready after 1.8 s" },
  ];
  const routes = (router: ConnectRouter) => {
    router.rpc(EventsService.method.listEvents, () => ({ events }));
    router.rpc(EventsService.method.watchEvents, async function* ({ afterSequence }) {
      yield { event: { ...events[1]!, sequence: afterSequence + 1n, message: "again" } };
    });
  };
  const listed = lines(
    "11-20 13:02:11  host.joined       host/devbox         joined",
    "14:02:01  replica.ready     instance/tiny-llm   ready after 1.8 s",
  );
  expect((await run(routes, ["events"])).out).toBe(listed);
  expect((await run(routes, ["events", "-f"])).out).toBe(
    `${listed}14:02:01  replica.ready     instance/tiny-llm   again\n`,
  );
});

test("events go on when those that came next are no longer kept", async () => {
  const at = ago(10);
  const event = (sequence: bigint) => ({ sequence, at, kind: "k", subject: "host/a", message: `number ${sequence}` });
  const asked: bigint[] = [];
  const routes = (router: ConnectRouter) => {
    router.rpc(EventsService.method.listEvents, ({ limit }) => ({
      events: (limit === 1000 ? [2n, 8n, 9n] : [1n]).map(event),
    }));
    router.rpc(EventsService.method.watchEvents, async function* ({ afterSequence }) {
      asked.push(afterSequence);
      if (afterSequence === 9n) yield { event: event(10n) };
      else if (afterSequence === 1n) {
        yield { event: event(2n) };
        throw apiError("cursor_too_old", "events up to 7 are no longer kept");
      }
    });
  };
  const { code, out, err } = await run(routes, ["events", "-f"]);
  expect({ code, err }).toEqual({ code: 0, err: "Some events are no longer kept; going on with those that are.\n" });
  expect(out.match(/number \d+/g)).toEqual([1, 2, 8, 9, 10].map((n) => `number ${n}`));
  expect(asked).toEqual([1n, 9n]);
});

test("a history that went back is told from its beginning, and a watch that is refused again ends", async () => {
  const event = (sequence: bigint) => ({
    sequence,
    at: ago(10),
    kind: "k",
    subject: "host/a",
    message: `n${sequence}`,
  });
  const routes = (router: ConnectRouter) => {
    router.rpc(EventsService.method.listEvents, ({ limit }) => ({
      events: (limit === 1000 ? [3n] : [70n]).map(event),
    }));
    router.rpc(EventsService.method.watchEvents, () => {
      throw apiError("cursor_too_old", "revision 70 is not part of this history", "List again.");
    });
  };
  const { code, out, err } = await run(routes, ["events", "-f"]);
  expect({ code, said: out.match(/n\d+/g) }).toEqual({ code: 1, said: ["n70", "n3"] });
  expect(err).toContain("not part of this history");
});

test("host invite and host rm", async () => {
  const asked: object[] = [];
  const routes = (router: ConnectRouter) => {
    router.rpc(HostsService.method.createInvite, ({ name, ttlSeconds }) => {
      asked.push({ name, ttlSeconds });
      const installLine = name === "bare" ? "curl … | sh -s -- --token ozj_7f" : "";
      return { token: "ozj_7f", address: "https://10.0.0.5:7443", installLine };
    });
    router.rpc(HostsService.method.removeHost, ({ name, force }) => {
      asked.push({ name, force });
      return {};
    });
  };
  expect((await run(routes, ["host", "invite"])).out).toBe(
    "On that machine, as root (valid 15 min, once):\n  ozwald-agent join https://10.0.0.5:7443 --token ozj_7f\n",
  );
  expect((await run(routes, ["host", "invite", "--name", "tower", "--ttl", "2h"])).out).toMatch(
    /^On tower, as root \(valid 2 h, once\):/,
  );
  expect((await run(routes, ["host", "invite", "--name", "bare"])).out).toBe(
    lines(
      "On bare, as root (valid 15 min, once):",
      "  curl … | sh -s -- --token ozj_7f",
      "Where Ozwald is installed already:",
      "  ozwald-agent join https://10.0.0.5:7443 --token ozj_7f",
    ),
  );
  expect((await run(routes, ["host", "rm", "tower", "--force"])).code).toBe(0);
  expect(asked).toEqual([
    { name: "", ttlSeconds: 900 },
    { name: "tower", ttlSeconds: 7200 },
    { name: "bare", ttlSeconds: 900 },
    { name: "tower", force: true },
  ]);
});

test("adopt and retire: one, all, or the list to choose from", async () => {
  const asked: object[] = [];
  const note = ({ host, replicaId }: { host: string; replicaId: string }) => {
    asked.push({ host, replicaId });
    return { replicaIds: replicaId === "" ? ["zzz", "yyy"] : [replicaId] };
  };
  const routes = (router: ConnectRouter) => {
    router.rpc(ReplicasService.method.listReplicas, () => ({
      replicas: [unknown, { ...unknown, id: "fine", state: ReplicaState.READY }],
    }));
    router.rpc(ReplicasService.method.adoptReplicas, note);
    router.rpc(ReplicasService.method.retireReplicas, note);
  };
  expect(await run(routes, ["adopt", "tower"])).toEqual({
    code: 2,
    out: "",
    err: lines("Say which of tower, or --all:", "  ozctl adopt tower/zzz   old#0"),
  });
  expect((await run(routes, ["adopt", "tower/zzz"])).out).toBe("1 replica on tower adopted.  ozctl ps\n");
  expect((await run(routes, ["retire", "tower", "--all"])).out).toBe("2 replicas on tower being retired.  ozctl ps\n");
  expect(asked).toEqual([
    { host: "tower", replicaId: "zzz" },
    { host: "tower", replicaId: "" },
  ]);
});
