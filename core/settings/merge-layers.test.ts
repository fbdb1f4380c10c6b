import fc from "fast-check";
import { expect, test } from "vitest";
import { mergeLayers } from "./merge-layers.ts";
import type { Layer, PortWish, VolumeMount } from "./settings.ts";

const volume = (target: string, source: string): VolumeMount => ({ kind: "named", source, target, readOnly: false });
const port = (containerPort: number, hostPort = 0): PortWish => ({
  name: "",
  containerPort,
  hostPort,
  hostAddress: "127.0.0.1",
  transport: "tcp",
  protocol: "http",
});

test("the example of the original: each target keeps the place where it appeared first", () => {
  const merged = mergeLayers(
    { volumes: [volume("/t1", "base"), volume("/t2", "base"), volume("/t3", "base")] },
    { volumes: [volume("/t2", "variety")] },
    { volumes: [volume("/t4", "profile"), volume("/t1", "profile")] },
  );
  expect(merged.volumes?.map(({ target, source }) => [target, source])).toEqual([
    ["/t1", "profile"],
    ["/t2", "variety"],
    ["/t3", "base"],
    ["/t4", "profile"],
  ]);
});

test.each<[keyof Layer, Layer, Layer, Layer]>([
  [
    "environment",
    { environment: { A: "1", B: "1" } },
    { environment: { B: "2", C: "2" } },
    { environment: { A: "1", B: "2", C: "2" } },
  ],
  ["environment", { environment: { A: "1" } }, { environment: { A: "" } }, { environment: { A: "" } }],
  ["properties", { properties: { a: { x: 1 } } }, { properties: { a: { y: 2 } } }, { properties: { a: { y: 2 } } }],
  [
    "footprint",
    { footprint: { "run-time": 1, "run-script": "s" } },
    { footprint: { "run-time": 2 } },
    { footprint: { "run-time": 2, "run-script": "s" } },
  ],
  ["lockers", { lockers: ["a", "b"] }, { lockers: ["b", "c"] }, { lockers: ["a", "b", "c"] }],
  ["image", { image: "a" }, { image: "b" }, { image: "b" }],
  ["image", { image: "a" }, { image: "" }, { image: "a" }],
  ["command", { command: ["a", "b"] }, { command: ["c"] }, { command: ["c"] }],
  ["command", { command: ["a"] }, { command: [] }, { command: ["a"] }],
  ["entrypoint", { entrypoint: ["a"] }, { entrypoint: ["b"] }, { entrypoint: ["b"] }],
  ["dependsOn", { dependsOn: ["a"] }, { dependsOn: ["b"] }, { dependsOn: ["b"] }],
  ["envFile", { envFile: { A: "1" } }, { envFile: { B: "1" } }, { envFile: { B: "1" } }],
  ["envFile", { envFile: { A: "1" } }, { envFile: {} }, { envFile: { A: "1" } }],
  ["networks", { networks: ["a"] }, { networks: ["b"] }, { networks: ["b"] }],
  [
    "bridgeConnector",
    { bridgeConnector: { port: 1, name: "a", network: "n" } },
    { bridgeConnector: { port: 2, name: "b", network: "m" } },
    { bridgeConnector: { port: 2, name: "b", network: "m" } },
  ],
  ["resources", { resources: { gpus: 1, pids: 5 } }, { resources: { gpus: 2 } }, { resources: { gpus: 2, pids: 5 } }],
  [
    "restart",
    { restart: { condition: "always", windowMs: 1 } },
    { restart: { condition: "never" } },
    { restart: { condition: "never", windowMs: 1 } },
  ],
  [
    "security",
    { security: { privileged: true } },
    { security: { user: "1" } },
    { security: { privileged: true, user: "1" } },
  ],
  [
    "healthcheck",
    { healthcheck: { test: ["a"], retries: 1 } },
    { healthcheck: { retries: 2 } },
    { healthcheck: { test: ["a"], retries: 2 } },
  ],
  [
    "ulimits",
    { ulimits: { nofile: { soft: 1, hard: 1 } } },
    { ulimits: { core: { soft: 0, hard: 0 } } },
    { ulimits: { nofile: { soft: 1, hard: 1 }, core: { soft: 0, hard: 0 } } },
  ],
  [
    "ports",
    { ports: [port(1), port(2)] },
    { ports: [port(3), port(1, 80)] },
    { ports: [port(1, 80), port(2), port(3)] },
  ],
  [
    "probes",
    { probes: [{ tcp: { port: 1 } }] },
    { probes: [{ tcp: { port: 2 } }] },
    { probes: [{ tcp: { port: 2 } }] },
  ],
  ["requires", { requires: { gpu: "nvidia", driver: "550" } }, { requires: {} }, { requires: {} }],
  ["secretKeys", { secretKeys: ["A"] }, { secretKeys: ["B"] }, { secretKeys: ["A", "B"] }],
  ["stopGraceMs", { stopGraceMs: 5 }, { stopGraceMs: 0 }, { stopGraceMs: 0 }],
])("merge of %s", (_key, below, above, merged) => {
  expect(mergeLayers(below, above)).toEqual(merged);
});

const words = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 3 });
const keyed = fc.dictionary(fc.constantFrom("A", "B", "C"), fc.constantFrom("1", "2", ""), { maxKeys: 3 });
const layer: fc.Arbitrary<Layer> = fc.record(
  {
    image: fc.constantFrom("", "one", "two"),
    environment: keyed,
    properties: keyed,
    footprint: keyed,
    envFile: keyed,
    command: words,
    dependsOn: words,
    lockers: fc.uniqueArray(fc.constantFrom("a", "b", "c")),
    volumes: fc
      .uniqueArray(fc.record({ target: fc.constantFrom("/a", "/b", "/c", "/d"), source: fc.constantFrom("x", "y") }), {
        selector: (v) => v.target,
      })
      .map((list) => list.map((v) => volume(v.target, v.source))),
    ports: fc
      .uniqueArray(fc.record({ container: fc.integer({ min: 1, max: 4 }), host: fc.integer({ min: 0, max: 2 }) }), {
        selector: (p) => p.container,
      })
      .map((list) => list.map((p) => port(p.container, p.host))),
    resources: fc.record({ gpus: fc.nat(2), pids: fc.nat(2) }, { requiredKeys: [] }),
    requires: fc.constantFrom({}, { gpu: "nvidia" as const }, { driver: "5" }),
  },
  { requiredKeys: [] },
);

test("a layer laid over itself or over nothing says the same", () => {
  fc.assert(
    fc.property(layer, (a) => {
      expect(mergeLayers(a, a)).toEqual(mergeLayers(a));
      expect(mergeLayers({}, a)).toEqual(mergeLayers(a));
      expect(mergeLayers(a, {}, undefined)).toEqual(mergeLayers(a));
    }),
  );
});

test("only the order of the layers counts, not how they are grouped", () => {
  fc.assert(
    fc.property(layer, layer, layer, (a, b, c) => {
      const [left, right, flat] = [
        mergeLayers(mergeLayers(a, b), c),
        mergeLayers(a, mergeLayers(b, c)),
        mergeLayers(a, b, c),
      ];
      expect(left).toEqual(flat);
      expect(right).toEqual(flat);
    }),
  );
});

test("volumes keep the place of their first appearance and the value of their last", () => {
  fc.assert(
    fc.property(fc.array(layer, { maxLength: 4 }), (layers) => {
      const all = layers.flatMap((l) => l.volumes ?? []);
      const targets = [...new Set(all.map((v) => v.target))];
      const expected = targets.map((target) => all.findLast((v) => v.target === target));
      expect(mergeLayers(...layers).volumes ?? []).toEqual(expected);
    }),
  );
});

test("merging changes none of its layers", () => {
  fc.assert(
    fc.property(layer, layer, (a, b) => {
      const before = structuredClone([a, b]);
      mergeLayers(a, b);
      expect([a, b]).toEqual(before);
    }),
  );
});
