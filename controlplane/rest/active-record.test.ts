import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { InstanceSchema } from "#proto/instances_pb.ts";
import { ServiceSchema } from "#proto/services_pb.ts";
import { activeRecords } from "./active-record.ts";

test("the properties shown are those of the project that owns the instance", () => {
  const service = (project: string) =>
    create(ServiceSchema, {
      project,
      group: "default",
      name: "web",
      type: "container",
      definitionJson: JSON.stringify({
        name: "web",
        group: "default",
        type: "container",
        description: "",
        base: { properties: { of: project } },
        varieties: [],
        profiles: [],
      }),
    });
  const instance = (name: string, owner: string) =>
    create(InstanceSchema, { name, group: "default", service: "web", owner, replicas: 1 });
  const records = activeRecords(
    [instance("a", "settings/alpha"), instance("z", "settings/zeta"), instance("d", "dynamic")],
    [service("alpha"), service("zeta")],
  );
  expect(records.map(({ name, properties }) => [name, properties])).toEqual([
    ["a", { of: "alpha" }],
    ["z", { of: "zeta" }],
    ["d", {}],
  ]);
});
