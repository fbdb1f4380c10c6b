// ozctl import: files in, settings out; a small engine of the test's own for containers.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runOzctl } from "../testing/fake-io.ts";

let folder = "";
let server: http.Server | undefined;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "oz-import-"))));
afterEach(async () => {
  await new Promise((done) => (server === undefined ? done(undefined) : server.close(done)));
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const run = (argv: string[], env = {}) => runOzctl(argv, { cwd: folder, env });

test("the Compose file of the folder, with .env; what it prints is fine for check", async () => {
  write(".env", "TAG=2\nPORT=81\n");
  write("docker-compose.yml", "services: { web: { image: 'web:${TAG}', ports: ['${PORT}:80'], tty: true } }");
  const { code, out, err } = await run(["import", "compose", "--project", "shop"], { PORT: "82" });
  expect(code).toBe(0);
  expect(out).toContain("image: web:2");
  expect(out).toContain("0.0.0.0:82:80");
  expect(out).toContain("# services.web.tty: not carried");
  expect(err).toMatch(/services\.web\.tty: not carried: .*\n1 service, 1 instance, 3 notes\.\n$/);
  write("ozwald.yml", out);
  expect(await run(["check"])).toMatchObject({ code: 0, out: expect.stringContaining("fine. 1 service, 1 instance") });
});

test("an env file beside a Compose file elsewhere is found by check, and .env replaces variables in itself", async () => {
  mkdirSync(join(folder, "stack"));
  write("stack/.env", "TAG=2\nFULL=${TAG}-slim\n");
  write("stack/app.env", "A=1\n");
  write("stack/docker-compose.yml", "services: { web: { image: 'web:${FULL}', env_file: app.env } }");
  const { out } = await run(["import", "compose", "stack/docker-compose.yml", "--project", "shop"]);
  expect(out).toContain("image: web:2-slim");
  write("ozwald.yml", out);
  expect(await run(["check"])).toMatchObject({ code: 0, out: expect.stringContaining("fine. 1 service, 1 instance") });
});

test("input that cannot be read ends with 2 and says why", async () => {
  expect(await run(["import", "compose"])).toMatchObject({ code: 2, err: expect.stringContaining("no Compose file") });
  expect(await run(["import", "compose", "x.yml"])).toMatchObject({
    code: 2,
    err: expect.stringContaining("does not exist"),
  });
  write("bad.yml", "services: [");
  expect(await run(["import", "compose", "bad.yml"])).toMatchObject({ code: 2, out: "" });
  expect(await run(["import", "container", "a"], { DOCKER_HOST: "tcp://1.2.3.4:2375" })).toMatchObject({ code: 2 });
});

test("containers are asked of the engine's socket, with their image", async () => {
  const fixture = readFileSync(resolve(import.meta.dirname, "../../tests/fixtures/container-inspect.json"), "utf8");
  const asked: string[] = [];
  server = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const known = request.url === "/containers/one/json";
    response.writeHead(known ? 200 : 404).end(known ? fixture : JSON.stringify({ message: "No such thing" }));
  });
  const path = join(folder, "engine.sock");
  await new Promise<void>((done) => server?.listen(path, done));
  const env = { DOCKER_HOST: `unix://${path}` };
  const { code, out } = await run(["import", "container", "one"], env);
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining("image: ozwald-test-busybox:1") });
  expect(asked.every((line) => line.startsWith("GET "))).toBe(true);
  expect(await run(["import", "container", "two"], env)).toMatchObject({
    code: 2,
    err: expect.stringContaining("No such thing"),
  });
  expect(await run(["import", "container", "a"], { DOCKER_HOST: `unix://${folder}/none` })).toMatchObject({
    code: 1,
    err: expect.stringContaining("docker ps"),
  });
});
