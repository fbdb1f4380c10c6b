// Fetching images from a registry that wants a password, and from ones that fail.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "#core/clock.ts";
import type { OzError } from "#core/errors.ts";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { createDockerEngine } from "../../agent/apply/docker-engine.ts";
import type { PullEvent } from "../../agent/apply/engine.ts";
import { localRegistry, type LocalRegistry } from "../support/local-registry.ts";
import { mustRun, runCommand } from "../support/run-command.ts";

const layerBytes = 6 << 20;
const engineWith = (clock: Clock = systemClock) =>
  createDockerEngine({ clusterId: "pulltest", log: quietLog, clock, loginFile: "/nonexistent/config.json" });
const engine = engineWith();
const localName = `ozwald-test-pull-${process.pid}:1`;
let registry: LocalRegistry;
let folder = "";
let image = "";

beforeAll(async () => {
  registry = await localRegistry();
  folder = await mkdtemp(join(tmpdir(), "ozwald-pull-"));
  await writeFile(join(folder, "one"), randomBytes(layerBytes));
  await writeFile(join(folder, "two"), randomBytes(layerBytes));
  await writeFile(join(folder, "Dockerfile"), "FROM scratch\nCOPY one /one\nCOPY two /two\nLABEL ozwald.test=1\n");
  await mustRun(["docker", "build", "-q", "-t", localName, folder], { env: { DOCKER_BUILDKIT: "0" } });
  image = await registry.push(localName, "team/big:1");
  await mustRun(["docker", "rmi", localName]);
});
afterAll(async () => {
  await runCommand(["docker", "rmi", "-f", image, localName]);
  await registry.dispose();
  await rm(folder, { recursive: true, force: true });
});

async function pull(
  name: string,
  logins: { registry: string; file: string }[] = [],
  from = engine,
  signal = new AbortController().signal,
) {
  const events: PullEvent[] = [];
  const error = await from
    .pull(name, logins, (event) => events.push(event), signal)
    .then(
      () => undefined,
      (thrown: OzError) => thrown,
    );
  return { events, error };
}

describe("a registry that wants a password", () => {
  const logins = () => [{ registry: registry.address, file: registry.loginFile }];

  test("refuses, and the error names it and the fix", async () => {
    const { error } = await pull(image);
    expect(error?.code).toBe("registry_refused");
    expect(error?.message).toContain(`${image} was refused by ${registry.address}`);
    expect(error?.hint).toContain(`registries: { ${registry.address}: { file:`);
    expect(await engine.resolveImage(image)).toBeUndefined();
  });

  test("refuses a wrong password", async () => {
    const file = join(folder, "wrong.json");
    await writeFile(
      file,
      JSON.stringify({ auths: { [registry.address]: { auth: Buffer.from("tester:no").toString("base64") } } }),
    );
    const { error } = await pull(image, [{ registry: registry.address, file }]);
    expect(error?.code).toBe("registry_refused");
    expect(`${error?.message}${error?.hint}`).not.toContain("tester:no");
  });

  test("gives the image to who has a login, with progress in bytes", async () => {
    const { error, events } = await pull(image, logins());
    expect(error).toBeUndefined();
    expect((await engine.resolveImage(image))?.image).toBe(image);
    const last = events.at(-1);
    expect(last?.doneBytes).toBe(last?.totalBytes);
    expect(last?.totalBytes).toBeGreaterThanOrEqual(2 * layerBytes);
    for (let n = 1; n < events.length; n++)
      expect(events[n]?.doneBytes).toBeGreaterThanOrEqual(events[n - 1]?.doneBytes ?? 0);
    // Again: everything is there.
    expect((await pull(image, logins())).error).toBeUndefined();
  });

  test("says so when it does not have the image", async () => {
    const absent = `${registry.address}/team/absent:1`;
    const { error } = await pull(absent, logins());
    expect(error).toMatchObject({ code: "image_missing", message: expect.stringContaining(absent) });
    expect(error?.hint).toMatch(/docker save .* docker load/);
  });
});

describe("a registry that fails", () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const serve = async (onConnection: (socket: Socket) => void) => {
    const server = createServer((socket) => {
      sockets.add(socket.on("error", () => {}));
      onConnection(socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(server.address() as { port: number }).port}/x:1`;
  };
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
  });

  test("by being away", async () => {
    const { error } = await pull("127.0.0.1:1/x:1");
    expect(error).toMatchObject({
      code: "registry_unreachable",
      message: expect.stringMatching(/127\.0\.0\.1:1 cannot be asked for it: .*refused/),
    });
  });

  test("by answering nonsense", async () => {
    const name = await serve((socket) => socket.end("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"));
    const { error } = await pull(name);
    expect(error?.code).toBe("registry_unreachable");
    expect(error?.message).toContain(name);
  });

  test("by silence: a pull does not wait for ever", async () => {
    const name = await serve(() => {});
    // A hundred times as fast, so that a minute is short.
    const hasty: Clock = { now: () => Date.now(), after: (ms, fn) => systemClock.after(ms / 100, fn) };
    const { error } = await pull(name, [], engineWith(hasty));
    expect(error?.code).toBe("timeout");
    expect(error?.message).toContain(name);
  });

  test("while somebody ends the pull", async () => {
    const name = await serve(() => {});
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 200);
    const { error } = await pull(name, [], engine, stop.signal);
    expect(error?.code).toBe("cancelled");
  });
});

test("a name without a registry that nobody can be asked for says what to do", async () => {
  const { error } = await pull("ozwald-test-nobody-has-this:1");
  // The second where docker.io cannot be reached.
  expect(["image_missing", "registry_unreachable"]).toContain(error?.code);
  expect(error?.message).toMatch(/ozwald-test-nobody-has-this:1 is not on this host and docker\.io/);
  expect(error?.hint).toMatch(/If it is built from source, build it on this host/);
});
