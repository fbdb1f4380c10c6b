// The tail of a container that ended goes to the control plane and is shown: nothing secret is in it.
import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "vitest";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { ReplicaSpecSchema } from "#proto/spec_pb.ts";
import { fakeDocker, type FakeDocker } from "../testing/fake-docker.ts";
import { createDockerEngine } from "./docker-engine.ts";
import type { ContainerEngine } from "./engine.ts";
import { lastLineAt, maskedTail } from "./log-tail.ts";

const id = "e".repeat(64);
let docker: FakeDocker | undefined;
afterEach(() => docker?.dispose());

/** One frame of Docker's stream of standard output. */
function frame(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(8);
  head[0] = 1;
  head.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

async function tailOf(said: string, image: Record<string, string>, environment: Record<string, string>) {
  const Env = Object.entries({ ...image, ...environment }).map(([key, value]) => `${key}=${value}`);
  docker = await fakeDocker({
    [`GET /containers/${id}/json`]: { body: { Config: { Env, Labels: {} }, State: {} } },
    [`GET /containers/${id}/logs`]: (_request, response) => void response.writeHead(200).end(frame(said)),
  });
  const engine = createDockerEngine({
    clusterId: "abcdef123456",
    socketPath: docker.socketPath,
    log: quietLog,
    clock: systemClock,
  });
  return maskedTail(engine, id, create(ReplicaSpecSchema, { environment, secretKeys: ["PIN"] }));
}

test("secrets of the settings and of the image are hidden", async () => {
  const said = "login with geheim-1\nand geheim-2, geheim-3\nat postgres://u:geheim-4@db\n";
  const image = { IMAGE_TOKEN: "geheim-2", DATABASE_URL: "postgres://u:geheim-4@db" };
  expect(await tailOf(said, image, { API_KEY: "geheim-1", PIN: "geheim-3" })).toEqual([
    "login with •••",
    "and •••, •••",
    "at postgres://u:•••@db",
  ]);
});

test("a value of several lines is hidden, and so is one that is longer than a line of the tail", async () => {
  const pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n";
  expect(await tailOf(`1\n${pem}x MIIEvQIBADANBg\n`, {}, { TLS_KEY: pem })).toEqual(["1", "•••x •••"]);
  await docker?.dispose();
  expect(await tailOf(`a ${"k".repeat(9_000)} b\n`, {}, { TLS_KEY: "k".repeat(9_000) })).toEqual(["a ••• b"]);
});

test("what the engine does not give is no reason to fail", async () => {
  const engine = { environment: () => Promise.reject(new Error("gone")), tail: async () => ["x"] };
  expect(await maskedTail(engine, id, create(ReplicaSpecSchema, {}))).toEqual([]);
});

test("when the last line was written: told, not there, or not told in time, which is another thing", async () => {
  const signal = new AbortController().signal;
  const saying = (logs: ContainerEngine["logs"]) => lastLineAt({ logs }, id, signal, 50);
  const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const line = (text: string) => saying(async (_id, _options, sink) => void sink.stdout(Buffer.from(text)));
  expect(await line("2026-01-02T03:04:05.678000000Z shard 3 of 9\n")).toBe(at);
  expect(await saying(async () => {})).toBe(0);
  const silent: ContainerEngine["logs"] = (_id, _options, _sink, end) =>
    new Promise((resolve) => end.addEventListener("abort", () => resolve(), { once: true }));
  await expect(saying(silent)).rejects.toMatchObject({ code: "timeout" });
});
