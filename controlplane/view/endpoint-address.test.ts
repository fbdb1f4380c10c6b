import { create, toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ObservedSchema } from "#proto/replicas_pb.ts";
import { withDialableEndpoints } from "./endpoint-address.ts";

test.each([
  ["0.0.0.0", "10.0.0.5", "10.0.0.5"],
  ["::", "10.0.0.5:40112", "10.0.0.5"],
  ["", "[fd00::1]:40112", "fd00::1"],
  ["0.0.0.0", "[fd00::1]", "fd00::1"],
  ["0.0.0.0", "fd00::1", "fd00::1"],
  ["0.0.0.0", "", "127.0.0.1"],
  ["127.0.0.1", "10.0.0.5", "127.0.0.1"],
  ["192.168.7.1", "10.0.0.5", "192.168.7.1"],
])("published on %j of a host at %j: dial %s", (address, hostAddress, dialled) => {
  const observed = create(ObservedSchema, { replicaId: "r", endpoints: [{ name: "http", address, port: 11000 }] });
  const shown = withDialableEndpoints(observed, hostAddress);
  expect(toJson(ObservedSchema, shown)).toEqual({
    replicaId: "r",
    endpoints: [{ name: "http", address: dialled, port: 11000 }],
  });
  expect(observed.endpoints[0]?.address).toBe(address);
});
