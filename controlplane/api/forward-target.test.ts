import { expect, test } from "vitest";
import { chosenPort, type KnownPort } from "./forward-target.ts";

const port = (containerPort: number, protocol = "http", transport = "tcp"): KnownPort => ({
  containerPort,
  protocol,
  transport,
});

test.each<[string, KnownPort[], number, { containerPort: number; protocol: string }]>([
  ["the only one", [port(8000)], 0, { containerPort: 8000, protocol: "http" }],
  ["http before others", [port(50_051, "grpc"), port(8000)], 0, { containerPort: 8000, protocol: "http" }],
  ["the first of others", [port(5432, "tcp"), port(50_051, "grpc")], 0, { containerPort: 5432, protocol: "tcp" }],
  ["no datagrams", [port(53, "tcp", "udp"), port(54, "tcp")], 0, { containerPort: 54, protocol: "tcp" }],
  ["the one that is named", [port(8000), port(9000, "grpc")], 9000, { containerPort: 9000, protocol: "grpc" }],
  ["one that no settings name", [port(8000)], 22, { containerPort: 22, protocol: "" }],
])("%s", (_what, ports, wanted, expected) => {
  expect(chosenPort("web", ports, wanted)).toEqual(expected);
});

test("none at all, and what is no port", () => {
  expect(() => chosenPort("shop:web", [], 0)).toThrow("the settings of shop:web name no TCP port");
  expect(() => chosenPort("web", [port(53, "tcp", "udp")], 0)).toThrow("name no TCP port");
  expect(() => chosenPort("web", [port(80)], 70_000)).toThrow("70000 is no port");
});
