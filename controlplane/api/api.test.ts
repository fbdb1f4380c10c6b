import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ErrorDetailSchema } from "#proto/errors_pb.ts";
import { EventsService } from "#proto/events_pb.ts";
import { EnrollmentService, HostState, HostsService } from "#proto/hosts_pb.ts";
import { InstancesService } from "#proto/instances_pb.ts";
import { OperationState, OperationsService } from "#proto/operations_pb.ts";
import { ObservedSchema, ReplicaState, ReplicasService } from "#proto/replicas_pb.ts";
import { ServicesService } from "#proto/services_pb.ts";
import { PlanAction, SettingsProblemsSchema, SettingsService } from "#proto/settings_pb.ts";
import { HealthService, StatusService } from "#proto/status_pb.ts";
import { gib } from "../testing/snapshots.ts";
import { startTestControlPlane, type TestControlPlane } from "../testing/control-plane.ts";

const settings = (extra = "", len = 2048) => `
project: shop
services:
  - name: web
    image: web:1
    environment: { MAX_MODEL_LEN: ${len}, API_KEY: very-secret-value }
    varieties: { cpu-only: {} }
    profiles: { small: { environment: { SIZE: small } } }
  - name: sources
    type: source-files
    environment: { DIRECTORY: sources/ }
instances:
  - { name: web }
${extra}`;
const files = (text: string) => ({ files: [{ name: "ozwald.yml", text }] });

let plane: TestControlPlane;
beforeEach(async () => {
  plane = await startTestControlPlane();
});
afterEach(() => plane[Symbol.asyncDispose]());

async function ended(id: bigint) {
  for await (const { operation } of plane.client(OperationsService).watchOperation({ id })) {
    if (operation !== undefined && operation.state !== OperationState.RUNNING) return operation;
  }
  throw new Error("the watch ended before the operation did");
}

async function apply(text: string) {
  const { operationId, plan } = await plane.client(SettingsService).applySettings(files(text));
  if (operationId > 0n) await ended(operationId);
  return { operationId, plan };
}

async function failure(call: Promise<unknown>) {
  const error = ConnectError.from(
    await call.then(
      () => {
        throw new Error("this call should have failed");
      },
      (e: unknown) => e,
    ),
  );
  return {
    code: error.code,
    message: error.rawMessage,
    detail: error.findDetails(ErrorDetailSchema)[0],
    problems: error.findDetails(SettingsProblemsSchema)[0]?.problems ?? [],
  };
}

describe("settings", () => {
  test("plan changes nothing, apply starts, applying again does nothing, a change restarts with its reason", async () => {
    await plane.addHost("a");
    const preview = await plane.client(SettingsService).planSettings(files(settings()));
    expect(preview.plan?.steps).toMatchObject([
      { action: PlanAction.START, instance: "web", host: "a", variety: "cpu-only", needsPull: true },
    ]);
    expect((await plane.client(InstancesService).listInstances({})).instances).toEqual([]);
    const first = await apply(settings());
    expect(first.operationId).toBe(1n);
    const [web] = (await plane.client(InstancesService).listInstances({})).instances;
    expect(web).toMatchObject({
      name: "web",
      owner: "settings/shop",
      units: [{ host: "a", state: ReplicaState.READY }],
    });
    expect((await apply(settings())).operationId).toBe(0n);
    const changed = await apply(settings("", 4096));
    expect(changed.plan?.steps).toMatchObject([{ action: PlanAction.RESTART, reason: "MAX_MODEL_LEN 2048 → 4096" }]);
    expect(changed.plan).toMatchObject({ fromRevision: 1n, toRevision: 2n });
  });

  test("more RAM than there is where it runs changes nothing that runs, and the operation says what is missing", async () => {
    await plane.addHost("a", { memory: 4 * gib });
    await apply(settings());
    const needs = settings().replace("image: web:1", "image: web:1\n    resources: { memory: 6GiB }");
    const { operationId, plan } = await apply(needs);
    const reason = expect.stringContaining("needs 6.0 GiB RAM, misses by 2.0 GiB");
    expect(plan?.steps).toMatchObject([{ action: PlanAction.UNPLACED, host: "a", reason }]);
    expect(await ended(operationId)).toMatchObject({ state: OperationState.FAILED });
    expect(plane.hub.assigned.get("id-a")?.run).toMatchObject([{ generation: 1n }]);
    const [web] = (await plane.client(InstancesService).listInstances({})).instances;
    expect(web?.units).toMatchObject([{ state: ReplicaState.READY, generation: 1n }]);
    // Asked again it says so again, and there is nothing to wait for.
    expect(await apply(needs)).toMatchObject({ operationId: 0n, plan: { steps: [{ action: PlanAction.UNPLACED }] } });
    await apply(settings().replace("image: web:1", "image: web:1\n    resources: { memory: 3GiB }"));
    expect(plane.hub.assigned.get("id-a")?.run).toMatchObject([
      { generation: 2n, claims: [{ bytes: BigInt(3 * gib) }] },
    ]);
  });

  test("a port on every address is told as one that others can dial", async () => {
    await plane.addHost("a");
    await apply(settings());
    const [replica] = (await plane.client(ReplicasService).listReplicas({})).replicas;
    const { host, id: replicaId = "", generation = 0n } = replica ?? {};
    const [joined] = (await plane.client(HostsService).listHosts({})).hosts;
    const { id = "" } = joined?.name === host ? (joined ?? {}) : {};
    plane.hub.set(id, { address: "10.0.0.9" });
    const endpoints = create(ObservedSchema, { endpoints: [{ address: "0.0.0.0", port: 11000 }] }).endpoints;
    plane.hub.observe(id, { replicaId, generation, state: ReplicaState.READY, endpoints });
    const [web] = (await plane.client(InstancesService).listInstances({})).instances;
    expect(web?.units[0]?.observed?.endpoints).toMatchObject([{ address: "10.0.0.9", port: 11000 }]);
    const [listed] = (await plane.client(ReplicasService).listReplicas({})).replicas;
    expect(listed?.observed?.endpoints).toMatchObject([{ address: "10.0.0.9" }]);
    const { instance } = await plane.client(InstancesService).explainInstance({ name: "web" });
    expect(instance?.units[0]?.observed?.endpoints).toMatchObject([{ address: "10.0.0.9" }]);
  });

  test("every problem at once, with its place, and nothing changed", async () => {
    const { code, detail, problems } = await failure(
      plane.client(SettingsService).applySettings(files(settings("  - { name: x, service: wbe }\n  - { nam: y }"))),
    );
    expect(code).toBe(Code.InvalidArgument);
    expect(detail).toMatchObject({ code: "settings_invalid" });
    expect(problems.map((p) => p.hint)).toContain("Did you mean web?");
    expect(problems.length).toBeGreaterThanOrEqual(2);
    expect((await plane.client(ServicesService).listServices({})).services).toEqual([]);
  });

  test("as much as ozctl sends arrives; of more than 500 problems it says that there are more", async () => {
    const big = Array.from({ length: 3 }, (_, i) => ({ name: `${i}.yml`, text: `x-a: ${'\\t"'.repeat(349_000)}\n` }));
    const { plan } = await plane.client(SettingsService).planSettings({
      files: [...big, { name: "s.yml", text: settings(), envFiles: {}, variables: {} }],
    });
    expect(plan?.project).toBe("shop");
    const many = Array.from({ length: 501 }, (_, i) => `key${i}: 1`).join("\n");
    const client = plane.client(SettingsService);
    const error = ConnectError.from(await client.planSettings(files(many)).catch((thrown: unknown) => thrown));
    expect(error.rawMessage).toBe("the settings have more than 500 problems");
    expect(error.findDetails(SettingsProblemsSchema)).toMatchObject([{ more: true, problems: { length: 500 } }]);
  });

  test("env files and folders of each file are its own", async () => {
    await plane.addHost("a");
    const text = (name: string) => `project: shop
services: [{ name: ${name}, image: i, env_file: web.env, volumes: ["\${SETTINGS_FILE_DIR}/x:/x"] }]
instances: [{ name: ${name} }]
`;
    const file = (name: string) => ({
      name: `${name}/o.yml`,
      text: text(name),
      envFiles: { "web.env": `OF=${name}` },
      variables: { SETTINGS_FILE_DIR: `/srv/${name}` },
    });
    const { plan, operationId } = await plane
      .client(SettingsService)
      .applySettings({ files: [file("one"), file("two")] });
    await ended(operationId);
    expect(plan?.notices.filter((notice) => notice.startsWith("${SETTINGS_FILE_DIR}"))).toHaveLength(2);
    const { replicas } = await plane.context.world();
    const mounted = replicas.map(({ spec }) => [spec.environment["OF"] ?? "", spec.mounts[0]?.source] as const);
    expect(Object.fromEntries(mounted)).toEqual({ one: "/srv/one/x", two: "/srv/two/x" });
  });

  test("an expected revision that moved on is refused, the same key twice is one change", async () => {
    await plane.addHost("a");
    const client = plane.client(SettingsService);
    const request = { ...files(settings()), idempotencyKey: "k1" };
    const [one, two] = [await client.applySettings(request), await client.applySettings(request)];
    expect(two.operationId).toBe(one.operationId);
    expect(await failure(client.applySettings({ ...files(settings("", 1)), expectedRevision: 0n }))).toMatchObject({
      code: Code.Aborted,
      detail: { code: "conflict" },
    });
    expect(
      (await client.applySettings({ ...files(settings("", 1)), expectedRevision: 1n })).operationId,
    ).toBeGreaterThan(one.operationId);
  });

  test("an apply that moves nothing is known when it is asked for again, and changes nothing then", async () => {
    const client = plane.client(SettingsService);
    await plane.addHost("a");
    await apply(settings());
    const request = {
      ...files(settings().replace("sources/", "elsewhere/")),
      expectedRevision: 1n,
      idempotencyKey: "k",
    };
    const [one, two] = [await client.applySettings(request), await client.applySettings(request)];
    expect([one.operationId, two.operationId]).toEqual([0n, 0n]);
    // A late repetition does not undo what somebody did after the first.
    await plane.client(InstancesService).downInstance({ name: "web" });
    await client.applySettings(request);
    const [web] = (await plane.client(InstancesService).listInstances({})).instances;
    expect(web?.overridden).toBe(true);
    const other = client.applySettings({ ...files(settings()), expectedRevision: 1n, idempotencyKey: "other" });
    expect(await failure(other)).toMatchObject({ detail: { code: "conflict" } });
  });

  test("instances that settings no longer name are stopped; other owners keep theirs", async () => {
    await plane.addHost("a");
    await apply(settings("  - { name: more, service: web }"));
    const up = await plane.client(InstancesService).upInstance({ name: "mine", service: "web" });
    await ended(up.operationId);
    const { plan } = await apply(settings());
    expect(plan?.steps.map((s) => [s.instance, s.action])).toEqual([
      ["more", PlanAction.STOP],
      ["web", PlanAction.KEEP],
    ]);
    const left = (await plane.client(InstancesService).listInstances({})).instances.map((i) => [i.name, i.owner]);
    expect(left).toEqual([
      ["mine", "dynamic"],
      ["web", "settings/shop"],
    ]);
  });

  test("definitions that never run are diffed: new, changed, gone", async () => {
    const notices = async (text: string) => (await apply(text)).plan?.notices;
    expect(await notices(settings())).toEqual(["sources (source-files) is new; it is listed, nothing runs for it"]);
    expect(await notices(settings())).toEqual([]);
    const changed = settings().replace("DIRECTORY: sources/", "DIRECTORY: other/, PASSWORD: abcdef");
    expect(await notices(changed)).toEqual([
      "sources (source-files) changes: DIRECTORY sources/ → other/, PASSWORD (hidden)",
    ]);
    expect(await notices(settings().replace(/  - name: sources\n(    .*\n)+/, ""))).toEqual([
      "sources (source-files) goes",
    ]);
  });

  test("secret values are shown nowhere", async () => {
    await plane.addHost("a");
    const { plan } = await apply(settings());
    await apply(settings("", 4096).replace("very-secret-value", "another-secret-value"));
    const texts = [
      plan,
      await plane.client(ServicesService).listServices({}),
      await plane.client(EventsService).listEvents({}),
      await plane.client(OperationsService).listOperations({}),
      await plane.client(InstancesService).listInstances({}),
    ];
    const shown = JSON.stringify(texts, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    expect(shown).not.toContain("secret-value");
  });
});

describe("instances", () => {
  test("up, down and up again; down on settings is an override until the next apply", async () => {
    await plane.addHost("a");
    await apply(settings());
    const client = plane.client(InstancesService);
    await ended((await client.downInstance({ name: "web" })).operationId);
    expect((await client.listInstances({})).instances).toMatchObject([{ name: "web", overridden: true, units: [] }]);
    const { plan } = await apply(settings());
    expect(plan?.steps).toMatchObject([{ action: PlanAction.START }]);
    await ended((await client.upInstance({ name: "web2", service: "web", profile: "small" })).operationId);
    await ended((await client.downInstance({ name: "web2" })).operationId);
    expect((await client.listInstances({})).instances.map((i) => i.name)).toEqual(["web"]);
  });

  test.each([
    [{ name: "x", service: "wbe" }, "no service wbe", "Did you mean web?"],
    [{ name: "x", service: "web", variety: "cpu_only" }, "cpu_only", "Did you mean cpu-only?"],
    [{ name: "x", service: "web", profile: "smal" }, "smal", "Did you mean small?"],
    [{ name: "x", service: "web", host: "b" }, "no host b", "There is: a."],
    [{ name: "sources" }, "source-files", ""],
    [{ name: "a b" }, "is no name", ""],
  ])("bad input is refused with what to try: %j", async (request, message, hint) => {
    await plane.addHost("a");
    await apply(settings());
    const refused = await failure(plane.client(InstancesService).upInstance(request));
    expect(refused.message).toContain(message);
    expect(refused.detail?.hint).toContain(hint);
  });

  test("what fits nowhere fails its operation at once, stays wanted, and starts when a host comes", async () => {
    const { operationId, plan } = await plane.client(SettingsService).applySettings(files(settings()));
    expect(plan?.steps).toMatchObject([{ action: PlanAction.UNPLACED, reason: "no host has joined yet" }]);
    expect(await ended(operationId)).toMatchObject({ state: OperationState.FAILED });
    await plane.addHost("late");
    await expect
      .poll(async () => (await plane.client(InstancesService).listInstances({})).instances[0]?.units[0]?.state)
      .toBe(ReplicaState.READY);
    const why = await plane.client(InstancesService).explainInstance({ name: "web" });
    expect(why.summary).toContain("web is ready on late");
  });

  test("what waits for a host is no business of another instance's operation", async () => {
    await apply(settings());
    await plane.addHost("a");
    await apply(`${settings()}  - { name: gpu, service: web, host: a, resources: { gpus: 1 } }\n`);
    const { operationId, plan } = await plane.client(InstancesService).upInstance({ name: "mine", service: "web" });
    expect(plan?.steps.map((step) => step.instance)).toEqual(["mine"]);
    expect(await ended(operationId)).toMatchObject({ state: OperationState.DONE });
  });

  test("restart replaces failed replicas and asks for a new generation", async () => {
    await plane.addHost("a", {}, ReplicaState.FAILED);
    const { operationId } = await plane.client(SettingsService).applySettings(files(settings()));
    expect(await ended(operationId)).toMatchObject({ state: OperationState.FAILED, steps: [{ failed: true }] });
    plane.hub.join("id-a", {}, ReplicaState.READY);
    const restarted = await plane.client(InstancesService).restartInstance({ name: "web" });
    expect(await ended(restarted.operationId)).toMatchObject({ state: OperationState.DONE });
    expect(plane.hub.assigned.get("id-a")?.run).toMatchObject([{ generation: 2n }]);
  });

  test("the dynamic set is complete: what it leaves out stops, repeating it changes nothing", async () => {
    await plane.addHost("a");
    await apply(settings());
    const client = plane.client(InstancesService);
    const first = await client.replaceDynamicInstances({
      instances: [
        { name: "d1", service: "web" },
        { name: "d2", service: "web" },
      ],
    });
    await ended(first.operationId);
    expect(
      (
        await client.replaceDynamicInstances({
          instances: [
            { name: "d1", service: "web" },
            { name: "d2", service: "web" },
          ],
        })
      ).operationId,
    ).toBe(0n);
    await ended((await client.replaceDynamicInstances({ instances: [{ name: "d2", service: "web" }] })).operationId);
    expect((await client.listInstances({})).instances.map((i) => i.name)).toEqual(["d2", "web"]);
    expect((await failure(client.replaceDynamicInstances({ instances: [{ name: "web" }] }))).detail?.code).toBe(
      "already_exists",
    );
  });

  test("a watch says what is, then every change", async () => {
    await plane.addHost("a");
    const abort = new AbortController();
    const seen: string[][] = [];
    const watching = (async () => {
      for await (const { instances } of plane.client(InstancesService).watchInstances({}, { signal: abort.signal })) {
        seen.push(instances.map((i) => i.name));
        if (seen.at(-1)?.includes("web") === true) return;
      }
    })();
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    await apply(settings());
    await watching;
    expect(seen[0]).toEqual([]);
  });

  test("cancel takes back what was not finished", async () => {
    await plane.addHost("a", {}, ReplicaState.STARTING);
    await plane.client(SettingsService).applySettings(files(settings()));
    const { operation } = await plane.client(OperationsService).cancelOperation({ id: 1n });
    expect(operation?.state).toBe(OperationState.CANCELLED);
    await expect
      .poll(async () => (await plane.client(InstancesService).listInstances({})).instances)
      .toMatchObject([{ overridden: true, units: [] }]);
    expect((await failure(plane.client(OperationsService).cancelOperation({ id: 1n }))).detail?.code).toBe(
      "precondition",
    );
    expect((await failure(plane.client(OperationsService).cancelOperation({ id: 99n }))).detail?.code).toBe(
      "not_found",
    );
  });
});

describe("hosts and unknown replicas", () => {
  test("a replica that nobody named runs on as unknown until somebody decides", async () => {
    await plane.addHost("a");
    plane.hub.observe("id-a", {
      replicaId: "lost",
      generation: 3n,
      state: ReplicaState.READY,
      instance: "web",
      group: "default",
      slot: 0,
      specHash: "older",
    });
    const replicas = plane.client(ReplicasService);
    expect((await replicas.listReplicas({})).replicas).toMatchObject([
      { id: "lost", state: ReplicaState.UNKNOWN, host: "a" },
    ]);
    expect(await failure(replicas.adoptReplicas({ host: "a" }))).toMatchObject({ detail: { code: "precondition" } });
    const { plan, operationId } = await apply(settings());
    expect(plan?.steps).toMatchObject([
      { action: PlanAction.RESTART, reason: "runs already, with other settings; taken back" },
    ]);
    expect(operationId).toBeGreaterThan(0n);
    expect(plane.hub.assigned.get("id-a")?.run).toMatchObject([{ replicaId: "lost", generation: 4n }]);
  });

  test("retire ends an unknown replica for good", async () => {
    await plane.addHost("a");
    plane.hub.observe("id-a", {
      replicaId: "lost",
      generation: 1n,
      state: ReplicaState.READY,
      instance: "gone",
      group: "default",
    });
    expect((await plane.client(ReplicasService).retireReplicas({ host: "a", replicaId: "lo" })).replicaIds).toEqual([
      "lost",
    ]);
    await expect.poll(async () => (await plane.client(ReplicasService).listReplicas({})).replicas).toEqual([]);
    expect(plane.hub.host("id-a")?.observed.size).toBe(0);
  });

  test("deciding about a host of another history makes this control plane its authority", async () => {
    await plane.addHost("a");
    plane.hub.set("id-a", { obeys: false, problem: "belongs to another history" });
    plane.hub.observe("id-a", {
      replicaId: "lost",
      generation: 1n,
      state: ReplicaState.READY,
      instance: "gone",
      group: "default",
    });
    await plane.client(ReplicasService).retireReplicas({ host: "a" });
    expect(plane.context.store.epoch).toBeGreaterThan(7);
  });

  test("a host that turns a replica down is not asked again", async () => {
    await plane.addHost("a", { memory: 4 * gib }, ReplicaState.ASSIGNED);
    await plane.client(SettingsService).applySettings(files(settings()));
    await expect.poll(() => plane.hub.assigned.get("id-a")?.run.length).toBe(1);
    const run = plane.hub.assigned.get("id-a")?.run[0];
    plane.hub.set("id-a", { observed: new Map() });
    await plane.context.store.commit(undefined, ({ trx }) =>
      trx.updateTable("replicas").set({ observed: "" }).execute(),
    );
    plane.hub.reject("id-a", {
      $typeName: "ozwald.v1.AssignmentResult",
      revision: 1n,
      accepted: true,
      reason: "",
      rejected: [
        {
          $typeName: "ozwald.v1.Rejected",
          replicaId: run?.replicaId ?? "",
          generation: 1n,
          resource: "ram",
          needBytes: BigInt(2 * gib),
          freeBytes: BigInt(gib),
          holder: "gnome",
        },
      ],
    });
    await expect
      .poll(async () => (await plane.client(ReplicasService).listReplicas({})).replicas[0])
      .toMatchObject({ state: ReplicaState.PENDING, reason: "a: turned it down" });
  });

  test("hosts that settings name are expected until they join", async () => {
    await apply(`${settings()}hosts: [{ name: tower, ip: 10.0.0.7 }]\n`).catch(() => {});
    const { hosts } = await plane.client(HostsService).listHosts({});
    expect(hosts).toMatchObject([{ name: "tower", state: HostState.EXPECTED, id: "" }]);
  });

  test("invitations are single-use, named, and end; removing a host needs force while it runs something", async () => {
    const client = plane.client(HostsService);
    const { token, address, serverPin, installLine } = await client.createInvite({ name: "tower" });
    expect(address).toBe("https://127.0.0.1:7443");
    expect(serverPin).toBe(plane.context.authority.serverPinSha256);
    expect(installLine).toBe(
      `curl -fsSk --noproxy '*' --pinnedpubkey 'sha256//${serverPin}' https://127.0.0.1:7443/install | sh -s -- --token ${token}`,
    );
    expect(token).toMatch(/^ozj_/);
    expect((await failure(client.createInvite({ ttlSeconds: 999_999 }))).detail?.code).toBe("bad_request");
    expect(
      (await failure(plane.client(EnrollmentService, "").enroll({ token: "ozj_nonsense", csrPem: "", hostname: "h" })))
        .message,
    ).toContain("token");
    await plane.addHost("a");
    await apply(settings());
    expect((await failure(client.createInvite({ name: "a" }))).detail?.code).toBe("already_exists");
    expect(await failure(client.removeHost({ name: "a" }))).toMatchObject({ message: "a runs web" });
    await client.removeHost({ name: "a", force: true });
    expect((await client.listHosts({})).hosts).toEqual([]);
    expect((await failure(client.removeHost({ name: "a" }))).detail?.code).toBe("not_found");
  });
});

describe("who may call", () => {
  test("without a good token only health and enrolment answer", async () => {
    expect(await plane.client(HealthService, "").check({})).toMatchObject({ status: "healthy" });
    expect(await failure(plane.client(StatusService, "").getStatus({}))).toMatchObject({ code: Code.Unauthenticated });
    expect((await failure(plane.client(StatusService, "ozt_x_y").getStatus({}))).message).toContain("not known here");
    expect((await plane.client(StatusService).getStatus({})).checks).toMatchObject([{ name: "store", ok: true }]);
  });

  test("events are listed and watched from a cursor", async () => {
    await plane.addHost("a");
    await apply(settings());
    const { events } = await plane.client(EventsService).listEvents({});
    expect(events.map((e) => e.kind)).toContain("settings.applied");
    const first = events[0];
    const seen: string[] = [];
    for await (const { event } of plane
      .client(EventsService)
      .watchEvents({ afterSequence: (first?.sequence ?? 1n) - 1n })) {
      seen.push(event?.kind ?? "");
      if (seen.length === events.length) break;
    }
    expect(seen).toEqual(events.map((e) => e.kind));
  });
});
