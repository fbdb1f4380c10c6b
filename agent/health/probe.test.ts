import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OzError } from "#core/errors.ts";
import { type Probe, ProbeSchema } from "#proto/spec_pb.ts";
import type { ExecSession } from "../apply/engine.ts";
import { createProbeRunner } from "./probe.ts";

let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === "/hang") return;
    response.statusCode = Number(request.url?.slice(1)) || 200;
    response.end("x".repeat(100_000));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const session = (exitCode: Promise<number>): ExecSession => ({
  exitCode,
  write: async () => {},
  endInput() {},
  resize: async () => {},
});

function run(check: Probe["check"], options: { exec?: Promise<number>; timeoutMs?: number; address?: boolean } = {}) {
  const { exec = Promise.resolve(0), timeoutMs = 1_000, address = true } = options;
  const runner = createProbeRunner({ exec: async () => session(exec) });
  const target = { containerId: "c", reach: () => (address ? { address: "127.0.0.1", port } : undefined) };
  return runner(
    target,
    create(ProbeSchema, { check, timeoutMs: BigInt(timeoutMs) } as never),
    new AbortController().signal,
  );
}

const http = (path: string) => ({ case: "http", value: { port: 8000, path } }) as Probe["check"];
const tcp = { case: "tcp", value: { port: 8000 } } as Probe["check"];
const exec = { case: "exec", value: { command: ["ready?"] } } as Probe["check"];

test("HTTP: 200 to 399 pass, everything else says what was answered", async () => {
  expect(await run(http("/"))).toEqual({ ok: true, detail: "" });
  expect(await run(http("/204"))).toMatchObject({ ok: true });
  expect(await run(http("/301"))).toMatchObject({ ok: true });
  expect(await run(http("/503"))).toEqual({ ok: false, detail: "GET :8000/503 answered 503" });
});

test("no answer in time, no listener and no address are failures with words", async () => {
  expect(await run(http("/hang"), { timeoutMs: 50 })).toEqual({
    ok: false,
    detail: "GET :8000/hang: no answer within 0.05 s",
  });
  expect(await run(http("/"), { address: false })).toEqual({ ok: false, detail: "GET :8000/: it has no address" });
  const closed = createProbeRunner({ exec: () => Promise.reject(new Error("unused")) });
  const target = { containerId: "c", reach: () => ({ address: "127.0.0.1", port: 1 }) };
  const sample = await closed(target, create(ProbeSchema, { check: tcp } as never), new AbortController().signal);
  expect(sample.detail).toContain("connection to :8000: connect ECONNREFUSED");
});

test("TCP passes when it opens", async () => {
  expect(await run(tcp)).toEqual({ ok: true, detail: "" });
});

test("a command passes with exit code 0, and is given up when it hangs", async () => {
  expect(await run(exec)).toEqual({ ok: true, detail: "" });
  expect(await run(exec, { exec: Promise.resolve(7) })).toEqual({ ok: false, detail: "ready?: exit code 7" });
  expect(await run(exec, { exec: new Promise(() => {}), timeoutMs: 30 })).toMatchObject({
    ok: false,
    detail: "ready?: no answer within 0.03 s",
  });
  const failing = createProbeRunner({ exec: () => Promise.reject(new OzError("engine_refused", "no such program")) });
  const sample = await failing(
    { containerId: "c", reach: () => undefined },
    create(ProbeSchema, { check: exec } as never),
    new AbortController().signal,
  );
  expect(sample).toEqual({ ok: false, detail: "ready?: no such program" });
});
