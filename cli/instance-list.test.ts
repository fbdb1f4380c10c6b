import { create, type JsonValue, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ListInstancesResponseSchema } from "#proto/instances_pb.ts";
import { psText } from "./commands/ps.ts";
import { readInstanceList } from "./instance-list.ts";
import { fakeIo } from "./testing/fake-io.ts";

const replica = fc.record(
  {
    id: fc.string(),
    instance: fc.string(),
    group: fc.string(),
    slot: fc.nat(5),
    host: fc.string(),
    state: fc.nat(12),
    since: fc.nat(2 ** 31).map((ms) => timestampFromMs(ms)),
    reason: fc.string(),
    service: fc.string(),
    variety: fc.string(),
    profile: fc.string(),
    image: fc.string(),
    observed: fc.record(
      {
        starts: fc.nat(9),
        memoryBytes: fc.bigInt(0n, 2n ** 40n),
        endpoints: fc.array(
          fc.record({ name: fc.string(), address: fc.ipV4(), port: fc.nat(65_535), protocol: fc.string() }),
          { maxLength: 2 },
        ),
        pull: fc.record({ doneBytes: fc.bigInt(0n, 2n ** 60n), totalBytes: fc.bigInt(0n, 2n ** 60n) }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);
const instance = fc.record(
  {
    name: fc.string(),
    group: fc.string(),
    service: fc.string(),
    variety: fc.string(),
    profile: fc.string(),
    replicas: fc.nat(3),
    owner: fc.string(),
    host: fc.string(),
    overridden: fc.boolean(),
    units: fc.array(replica, { maxLength: 3 }),
  },
  { requiredKeys: [] },
);

test("what is read without descriptors shows as what is read with them", () => {
  const io = fakeIo({ nowMs: 2 ** 32 });
  const answers = fc.record({
    instances: fc.array(instance, { maxLength: 3 }),
    unknown: fc.array(replica, { maxLength: 2 }),
  });
  fc.assert(
    fc.property(answers, (answer) => {
      const message = create(
        ListInstancesResponseSchema,
        answer as MessageInitShape<typeof ListInstancesResponseSchema>,
      );
      const text = JSON.stringify(toJson(ListInstancesResponseSchema, message) as JsonValue);
      expect(psText(io, readInstanceList(text), true)).toBe(psText(io, message, true));
    }),
  );
});
