import { describe, expect, test } from "vitest";
import { aCandidate, aHost, anInstance, aReplica, gib } from "../testing/snapshots.ts";
import { compareVersions } from "./filters.ts";
import { place } from "./place.ts";

const request = { instance: "web", host: "", rejectedBy: [] };
const empty = (host: ReturnType<typeof aHost>) => ({ host, held: [] });

describe("place", () => {
  test("takes the first declared variety that fits anywhere", () => {
    const candidates = [
      aCandidate("web", { variety: "nvidia", requires: { gpu: "nvidia", runtime: "nvidia" } }),
      aCandidate("web", { variety: "cpu-only" }),
    ];
    const onCpu = place([empty(aHost("a"))], candidates, request, "spread");
    expect(onCpu).toMatchObject({ host: "a", variety: "cpu-only" });
    const gpuHost = aHost("b", { gpus: [{ id: "GPU-1", vendor: "nvidia", vram: 24 * gib }], runtimes: ["nvidia"] });
    const onGpu = place([empty(aHost("a")), empty(gpuHost)], candidates, request, "spread");
    expect(onGpu).toMatchObject({ host: "b", variety: "nvidia" });
    expect(onGpu.hostId !== null && onGpu.spec.resources?.deviceIds).toEqual(["GPU-1"]);
    expect(onGpu.hostId !== null && onGpu.claims.map((c) => [c.resource, c.bytes])).toEqual([
      ["GPU-1", BigInt(24 * gib)],
    ]);
  });

  test("every loser keeps its reason and what it missed by", () => {
    const big = anInstance("big", { memory: 12 * gib });
    const loads = [
      { host: aHost("full"), held: [aReplica(big, aHost("full"))] },
      empty(aHost("small", { memory: 2 * gib })),
      empty(aHost("away", { state: "offline", problem: "offline 3 min" })),
      empty(aHost("other", { obeys: false, problem: "obeys another history" })),
      empty(aHost("soon", { state: "expected" })),
    ];
    const refusal = place(loads, [aCandidate("web", { memory: 6 * gib })], request, "spread");
    expect(refusal.hostId).toBeNull();
    expect(refusal.candidates.map((c) => `${c.host}: ${c.reason}`)).toEqual([
      "full: needs 6.0 GiB RAM, misses by 2.0 GiB; big holds 12.0 GiB",
      "small: needs 6.0 GiB RAM, misses by 4.0 GiB, even empty by 4.0 GiB",
      "away: offline 3 min",
      "other: obeys another history",
      "soon: has not joined yet",
    ]);
    expect(refusal.hostId === null && refusal.reason).toBe(
      "full: needs 6.0 GiB RAM, misses by 2.0 GiB; big holds 12.0 GiB, and 4 other hosts will not do either",
    );
  });

  test.each([
    ["no GPU at all", aHost("h"), { requires: { gpu: "amd" as const } }, "no amd GPU"],
    [
      "toolkit missing",
      aHost("h", { gpus: [{ id: "g", vendor: "nvidia", vram: gib }] }),
      { requires: { gpu: "nvidia" as const, runtime: "nvidia" } },
      "the container engine has no nvidia runtime (install its container toolkit)",
    ],
    [
      "driver too old",
      aHost("h", { gpus: [{ id: "g", vendor: "nvidia", vram: gib }] }),
      { requires: { gpu: "nvidia" as const, driver: "560" } },
      "driver 550.1 is older than 560",
    ],
    [
      "VRAM too small",
      aHost("h", { gpus: [{ id: "g", vendor: "nvidia", vram: 8 * gib }] }),
      { requires: { gpu: "nvidia" as const }, vram: 10 * gib },
      "needs 10.0 GiB VRAM on one GPU, misses by 2.0 GiB",
    ],
    ["disk too full", aHost("h", { diskFree: gib }), { disk: 3 * gib }, "needs 3.0 GiB disk, misses by 2.0 GiB"],
    ["disk nearly full", aHost("h", { diskFree: gib }), {}, "its disk is nearly full (1.0 GiB free)"],
  ])("%s", (_name, host, fields, reason) => {
    const refusal = place([empty(host)], [aCandidate("web", fields)], request, "spread");
    expect(refusal.candidates.map((c) => c.reason)).toEqual([reason]);
  });

  test("an engine that does not answer, a host bound elsewhere, one that turned it down, a port that is held", () => {
    const broken = aHost("broken");
    if (broken.inventory?.engine !== undefined) broken.inventory.engine.error = "does not answer";
    const web = anInstance("web", { port: 80 });
    const loads = [
      empty(broken),
      { host: aHost("holder"), held: [aReplica(anInstance("shop", { port: 80 }), aHost("holder"))] },
      empty(aHost("no")),
    ];
    const refusal = place(loads, web.candidates, { ...request, rejectedBy: ["id-no"] }, "spread");
    expect(refusal.candidates.map((c) => c.reason)).toEqual([
      "container engine: does not answer",
      "port 80 is held by shop",
      "turned it down",
    ]);
    const bound = place(loads, web.candidates, { ...request, host: "nowhere" }, "spread");
    expect(bound.hostId === null && bound.reason).toBe("no host nowhere");
    expect(place([], web.candidates, request, "spread")).toMatchObject({
      hostId: null,
      reason: "no host has joined yet",
    });
  });

  test("a GPU that another replica holds is not given twice, and unlike cards are never mixed", () => {
    const host = aHost("h", {
      gpus: [
        { id: "n1", vendor: "nvidia", vram: 24 * gib },
        { id: "a1", vendor: "amd", vram: 48 * gib },
      ],
    });
    const holder = anInstance("holder");
    const held = aReplica(holder, host);
    if (held.spec.resources !== undefined) held.spec.resources.deviceIds = ["n1"];
    const refusal = place(
      [{ host, held: [held] }],
      [aCandidate("web", { requires: { gpu: "nvidia" } })],
      request,
      "spread",
    );
    expect(refusal.candidates.map((c) => c.reason)).toEqual(["needs 1 GPU, 0 free; held by holder"]);
    const two = place([empty(host)], [aCandidate("web", { requires: { gpu: "nvidia" }, gpus: 2 })], request, "spread");
    expect(two.hostId).toBeNull();
  });

  test("ranks: image there, spread or binpack, then name", () => {
    const busy = anInstance("busy", { memory: 4 * gib });
    const loads = [
      empty(aHost("b")),
      { host: aHost("a"), held: [aReplica(busy, aHost("a"))] },
      empty(aHost("c", { images: ["web:1"] })),
    ];
    expect(place(loads, [aCandidate("web")], request, "spread")).toMatchObject({ host: "c" });
    expect(place(loads.slice(0, 2), [aCandidate("web")], request, "spread")).toMatchObject({ host: "b" });
    expect(place(loads.slice(0, 2), [aCandidate("web")], request, "binpack")).toMatchObject({ host: "a" });
  });

  test("versions compare number by number", () => {
    expect(compareVersions("550.54.15", "550.54.9")).toBeGreaterThan(0);
    expect(compareVersions("535", "535.0")).toBe(0);
    expect(compareVersions("9.1", "10")).toBeLessThan(0);
  });
});
