// What is said of hosts that are silent, shut out, or different.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { HostState } from "#proto/hosts_pb.ts";
import { GetStatusResponseSchema } from "#proto/status_pb.ts";
import { type HostInit, look, nowMs, sampleHost, wellFacts } from "../../testing/facts.ts";
import { hostChecks as checks } from "./hosts.ts";

const with1 = (init: HostInit) => ({ hosts: [sampleHost(init)] });

describe("hosts-silent", () => {
  test.each([HostState.OFFLINE, HostState.SUSPECT])(
    "state %i: the machine that answers is told from the one that does not",
    (state) => {
      const off = with1({ state });
      expect(look(checks, "hosts-silent", off)?.[0]?.message).toContain("nothing answers at 10.0.0.7");
      const alive = look(checks, "hosts-silent", { ...off, alive: new Set(["devbox"]) });
      expect(alive?.[0]?.message).toContain("a firewall stands between");
      expect(alive?.[0]?.fix).toContain("https://10.0.0.5:7443");
    },
  );
});

describe("hosts-shut-out", () => {
  test("quarantined and fenced hosts have different fixes", () => {
    expect(look(checks, "hosts-shut-out", with1({ state: HostState.QUARANTINED }))?.[0]?.fix).toContain(
      "ozctl host rm devbox",
    );
    const fenced = look(checks, "hosts-shut-out", with1({ problem: "it obeys another history" }));
    expect(fenced?.[0]).toMatchObject({
      message: "it obeys another history",
      fix: expect.stringContaining("ozctl adopt"),
    });
  });
});

describe("hosts-never-joined", () => {
  test("one of the settings, or none at all", () => {
    expect(look(checks, "hosts-never-joined", with1({ state: HostState.EXPECTED }))?.[0]?.fix).toBe(
      "ozctl host invite --name devbox",
    );
    const status = create(GetStatusResponseSchema, { hosts: 0 });
    expect(look(checks, "hosts-never-joined", { hosts: [], status })?.[0]?.message).toBe("no machine has joined");
  });
});

test("agent-version is a notice", () => {
  expect(look(checks, "agent-version", with1({ agentVersion: "0.0.9" }))).toMatchObject([
    { subject: "devbox", message: "its agent is 0.0.9, the control plane 0.1.0", notice: true },
  ]);
});

describe("clock-hosts", () => {
  const at = (offMs: number, more: HostInit = {}) =>
    with1({ telemetry: { at: timestampFromMs(nowMs + offMs) }, ...more });
  test.each([
    [4_000, []],
    [-170_000, []],
    [60_000, ["its clock is about 60 s ahead of the control plane's"]],
    [-3_600_000, ["its clock is about 60 min behind the control plane's"]],
  ])("a sample %i ms from now", (offMs, said) => {
    expect(look(checks, "clock-hosts", at(offMs))?.map((one) => one.message)).toEqual(said);
  });

  test("is compared with the control plane's clock, and a silent host's old sample says nothing", () => {
    expect(look(checks, "clock-hosts", { ...at(60_000), clockAheadMs: 60_000 })).toEqual([]);
    expect(look(checks, "clock-hosts", at(-3_600_000, { state: HostState.OFFLINE }))).toEqual([]);
  });
});

describe("proxy", () => {
  const here = { ...wellFacts.here, proxies: ["HTTPS_PROXY"] };
  test.each([
    ["", true],
    ["localhost,10.0.0.6", true],
    ["localhost, 10.0.0.5", false],
    ["*", false],
    ["localhost,10.0.0.0/8", false],
    ["10.0.0.4/31", false],
    ["10.0.1.0/24,fd00::/8", true],
    ["10.0.0.0/33,10.0.0.0/x", true],
  ])("NO_PROXY %j", (noProxy, told) => {
    const found = look(checks, "proxy", { here: { ...here, noProxy } });
    expect(found?.map((one) => one.notice)).toEqual(told ? [true] : []);
  });

  test("networks of IPv6", () => {
    const reach = { address: "https://[fd00::5]:7443" };
    for (const noProxy of ["fd00::/8", "::/0", "fd00::5", "[fd00::5]"])
      expect(look(checks, "proxy", { reach, here: { ...here, noProxy } }), noProxy).toEqual([]);
    for (const noProxy of ["fe80::/10", "10.0.0.0/8"])
      expect(look(checks, "proxy", { reach, here: { ...here, noProxy } }), noProxy).toHaveLength(1);
  });

  test("a domain in NO_PROXY covers the names below it", () => {
    const reach = { address: "https://ozwald.lab.example:7443" };
    expect(look(checks, "proxy", { reach, here: { ...here, noProxy: ".lab.example" } })).toEqual([]);
    expect(look(checks, "proxy", { reach, here: { ...here, noProxy: "other.example" } })).toHaveLength(1);
  });

  test("where nothing is reached it is what is wrong", () => {
    const failed = { stage: "tcp" as const, message: "no answer", hint: "" };
    const found = look(checks, "proxy", { here, reach: { address: "https://10.0.0.5:7443", failed } });
    expect(found).toMatchObject([{ message: expect.stringContaining("does not go through a proxy") }]);
    expect(found?.[0]?.notice).toBeUndefined();
  });
});

test("control-address: a host that stays at an old address says why", () => {
  const [dialedAddress, addressProblem] = ["https://10.0.0.5:7443", "https://control.lan:7443: DNS: no address"];
  expect(look(checks, "control-address", with1({ dialedAddress, addressProblem }))).toEqual([
    expect.objectContaining({
      subject: "devbox",
      message: `it dials ${dialedAddress}, an old address of the control plane, and does not reach ${addressProblem}`,
    }),
  ]);
  expect(look(checks, "control-address", with1({ dialedAddress }))).toEqual([]);
});
