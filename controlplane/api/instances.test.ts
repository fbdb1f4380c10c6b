import { ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ErrorDetailSchema } from "#proto/errors_pb.ts";
import { EventsService } from "#proto/events_pb.ts";
import { InstancesService } from "#proto/instances_pb.ts";
import { PlanAction, SettingsService } from "#proto/settings_pb.ts";
import { startTestControlPlane, type TestControlPlane } from "../testing/control-plane.ts";

const text = `
project: shop
groups: { red: {}, blue: {} }
hosts: [{ name: tower }, { name: devbox }]
services:
  - name: model
    image: model:1
    varieties: { cpu-only: {}, small: { requires: {} } }
    profiles: { short: { environment: { LENGTH: 1 } }, long: { environment: { LENGTH: 2 } } }
  - { name: other, image: "other:1", varieties: { cpu-only: {} } }
instances:
  - { name: assistant, service: model, variety: cpu-only, profile: long, replicas: 3, host: tower }
`;

let plane: TestControlPlane;
beforeEach(async () => {
  plane = await startTestControlPlane();
  await plane.addHost("tower");
  await plane.addHost("devbox");
  await plane.client(SettingsService).applySettings({ files: [{ name: "ozwald.yml", text }] });
});
afterEach(() => plane[Symbol.asyncDispose]());

const client = () => plane.client(InstancesService);
const instance = async (name: string, group = "default") =>
  (await client().listInstances({})).instances.find((known) => known.name === name && known.group === group);

describe("up of an instance that exists", () => {
  const asItWas = {
    ...{ service: "model", variety: "cpu-only", profile: "long", replicas: 3, host: "tower" },
    owner: "settings/shop",
  };

  test.each([
    [{}, {}],
    [{ profile: "short" }, { profile: "short" }],
    [{ variety: "small" }, { variety: "small" }],
    [{ host: "devbox" }, { host: "devbox" }],
    [{ replicas: 4 }, { replicas: 4 }],
    [{ service: "model" }, {}],
    [{ service: "model", profile: "short" }, { profile: "short" }],
    [{ service: "other" }, { service: "other", variety: "", profile: "" }],
    [
      { service: "other", variety: "cpu-only" },
      { service: "other", profile: "" },
    ],
  ])("%j changes that only", async (said, changed) => {
    await client().upInstance({ name: "assistant", ...said });
    expect(await instance("assistant")).toMatchObject({ ...asItWas, ...changed });
  });

  test.each([
    [{ group: "bleu" }, "no group bleu", "Did you mean blue?"],
    [{ group: "other" }, "no group other", "Declare it in settings and apply them: groups: { other: {} }"],
    [{ group: "../x y\n" }, '"../x y\\n" is no name', "Use letters, digits"],
    [{ replicas: 1001 }, "1001 replicas are too many", "At most 1000"],
    [{ replicas: 4_294_967_295 }, "4294967295 replicas are too many", "At most 1000"],
  ])("%j is refused", async (said, message, hint) => {
    const thrown = await client()
      .upInstance({ name: "mine", service: "model", ...said })
      .catch((error: unknown) => error);
    const error = ConnectError.from(thrown);
    expect(error.rawMessage).toContain(message);
    expect(error.findDetails(ErrorDetailSchema)[0]?.hint).toContain(hint);
    expect(await instance("mine", "bleu")).toBeUndefined();
  });

  test("a declared group, and one that something is in, is a group", async () => {
    await client().upInstance({ name: "mine", service: "model", group: "blue" });
    await client().upInstance({ name: "mine", service: "model", group: "red" });
    expect(await instance("mine", "blue")).toBeDefined();
    const replaced = client().replaceDynamicInstances({ instances: [{ name: "a", service: "model", group: "rad" }] });
    expect(ConnectError.from(await replaced.catch((error: unknown) => error)).rawMessage).toBe("no group rad");
  });

  test("a project has a name", async () => {
    const applied = plane
      .client(SettingsService)
      .applySettings({ files: [{ name: "ozwald.yml", text }], project: "../../etc x" });
    const error = ConnectError.from(await applied.catch((thrown: unknown) => thrown));
    expect(error.rawMessage).toBe('"../../etc x" is no name');
  });

  test("a new one has one replica and no host of its own", async () => {
    await client().upInstance({ name: "mine", service: "model" });
    expect(await instance("mine")).toMatchObject({ replicas: 1, host: "", variety: "", profile: "", owner: "dynamic" });
  });
});

describe("down of an instance that is said to be something", () => {
  const refused = async (said: object) => {
    const error = ConnectError.from(
      await client()
        .downInstance({ name: "assistant", ...said })
        .catch((e: unknown) => e),
    );
    return { code: error.findDetails(ErrorDetailSchema)[0]?.code, message: error.rawMessage };
  };

  test.each([
    [{ service: "other" }, "assistant is another one: its service is model, not other"],
    [
      { variety: "nvidia", profile: "short" },
      "assistant is another one: its variety is cpu-only, not nvidia; its profile is long, not short",
    ],
    [{ host: "devbox" }, "assistant is another one: its host is tower, not devbox"],
  ])("%j: refused with what it is", async (said, message) => {
    expect(await refused(said)).toEqual({ code: "bad_request", message });
    expect(await instance("assistant")).toMatchObject({ overridden: false, replicas: 3 });
  });

  test("what placement chose counts where the instance leaves it open", async () => {
    await client().upInstance({ name: "mine", service: "model", replicas: 5 });
    const hosts = (await instance("mine"))!.units.map((unit) => unit.host);
    expect(new Set(hosts)).toEqual(new Set(["tower", "devbox"]));
    const failed = client().downInstance({ name: "mine", variety: "cpu-only", host: "tower" });
    await expect(failed).rejects.toThrow("mine is another one: its host is devbox and tower, not tower alone");
    await client().downInstance({ name: "mine", service: "model", variety: "cpu-only" });
    await expect.poll(() => instance("mine")).toBeUndefined();
  });

  test("what it is takes it down", async () => {
    const { service, variety, profile, host } = (await instance("assistant"))!;
    await client().downInstance({ name: "assistant", service, variety, profile, host });
    expect(await instance("assistant")).toMatchObject({ overridden: true });
  });
});

test("events of one name in two groups are told apart", async () => {
  for (const group of ["red", "blue", ""]) await client().upInstance({ name: "web", service: "other", group });
  const subjects = async (subject: string) =>
    new Set((await plane.client(EventsService).listEvents({ subject })).events.map((event) => event.subject));
  await expect.poll(() => subjects("")).toContain("instance/blue:web");
  for (const subject of ["instance/red:web", "instance/web"]) {
    await expect.poll(() => subjects(subject)).toEqual(new Set([subject]));
  }
  await client().restartInstance({ name: "web", group: "blue" });
  const told = async (group: string) =>
    (await client().explainInstance({ name: "web", group })).events.map((event) => event.message);
  await expect.poll(() => told("blue")).toContain("restart blue:web");
  for (const group of ["red", "default"]) expect(await told(group)).not.toContain("restart blue:web");
  await expect.poll(() => told("red")).toEqual(["up red:web", expect.stringMatching(/^web is ready on /)]);
  await client().downInstance({ name: "web", group: "red" });
  const failed = client().restartInstance({ name: "web", group: "green" });
  const { hint } = ConnectError.from(await failed.catch((e: unknown) => e)).findDetails(ErrorDetailSchema)[0]!;
  expect(hint).toBe("There are: blue:web, web.");
});

test("restart begins anew what runs, also when its service is no longer in any settings", async () => {
  await client().upInstance({ name: "mine", service: "other" });
  const apply = { files: [{ name: "ozwald.yml", text: text.replaceAll("other", "another") }] };
  await plane.client(SettingsService).applySettings(apply);
  expect((await instance("mine"))?.units).toMatchObject([{ generation: 1n }]);
  const { operationId, plan } = await client().restartInstance({ name: "mine" });
  expect(operationId).toBeGreaterThan(0n);
  expect(plan?.steps).toMatchObject([{ action: PlanAction.RESTART, reason: "restart asked for" }]);
  expect((await instance("mine"))?.units).toMatchObject([{ generation: 2n, image: "other:1" }]);
});
