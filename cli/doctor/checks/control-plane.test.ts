// The control plane's own troubles.
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { GetStatusResponseSchema } from "#proto/status_pb.ts";
import { look, nowMs, wellFacts } from "../../testing/facts.ts";
import { controlPlaneChecks as checks } from "./control-plane.ts";

const printed = wellFacts.printed!;

describe("listeners", () => {
  test("a taken REST port is told with its fix; what it says of hosts is another check", () => {
    const failing = [
      { name: "listener 127.0.0.1:8000", ok: false, message: "taken by vllm (pid 7)", hint: "--rest 127.0.0.1:PORT" },
      { name: "host tower", ok: false, message: "silent", hint: "x" },
    ];
    const status = create(GetStatusResponseSchema, { checks: failing });
    expect(look(checks, "listeners", { status })).toEqual([
      {
        ...{ subject: "control plane", message: "listener 127.0.0.1:8000: taken by vllm (pid 7)" },
        fix: "--rest 127.0.0.1:PORT",
      },
    ]);
  });
});

describe("printed-address", () => {
  test.each([
    ["is not reached", { unreached: "connection refused" }, "nobody answers there (connection refused)"],
    ["is not in the certificate", { namesIt: false }, "the certificate there is for IP Address:10.0.0.5"],
  ])("%s", (_what, change, said) => {
    const found = look(checks, "printed-address", { printed: { ...printed, ...change } });
    expect(found).toHaveLength(1);
    expect(found?.[0]?.message).toContain(said);
    expect(found?.[0]?.fix).toContain("ozwald-controlplane address set");
  });
});

test("context-address: an old one is a note, a present one or the local socket is well", () => {
  const old = "https://10.0.0.5:7443";
  const found = look(checks, "context-address", { oldAddresses: [old], reach: { address: old } });
  expect(found).toEqual([expect.objectContaining({ notice: true, message: expect.stringContaining(old) as string })]);
  for (const address of ["https://control.lan:7443", "unix:/run/ozwald/control.sock"])
    expect(look(checks, "context-address", { oldAddresses: [old], reach: { address } })).toEqual([]);
});

test.each([
  [8 * 86_400_000, []],
  [6 * 86_400_000, ["its certificate ends in 6 d"]],
  [-1, ["its certificate has ended"]],
])("certificate-end with %i ms left", (leftMs, said) => {
  const found = look(checks, "certificate-end", { printed: { ...printed, endsAtMs: nowMs + leftMs } });
  expect(found?.map((one) => one.message)).toEqual(said);
});

test.each([
  [5_000, []],
  [65_000, ["its clock is 65 s behind the control plane's"]],
  [-7_200_000, ["its clock is 2 h ahead of the control plane's"]],
])("clock-here with the control plane %i ms ahead", (clockAheadMs, said) => {
  expect(look(checks, "clock-here", { clockAheadMs })?.map((one) => one.message)).toEqual(said);
});
