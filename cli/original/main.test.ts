// The actions that ask, against a REST interface made of answers.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { fakeIo } from "../testing/fake-io.ts";
import { originalMain } from "./main.ts";

const resources = {
  host: "devbox",
  total_cpu_cores: 16,
  available_cpu_cores: 12.5,
  total_ram_gb: 62.7,
  available_ram_gb: 30.25,
  total_vram_gb: null,
  available_vram_gb: null,
  total_gpus: null,
  available_gpus: null,
  gpus: [],
};
const active = {
  name: "qwen",
  service: "qwen1.5-vllm",
  variety: "cpu-only",
  profile: null,
  status: "available",
  host: "devbox",
  endpoint: "127.0.0.1:11000",
};
const configured = {
  service_name: "qwen1.5-vllm",
  type: "container",
  description: "Qwen",
  varieties: { nvidia: {}, "cpu-only": {} },
  profiles: { "no-gpu": {} },
};

type Answers = Record<string, { status?: number; body: unknown }>;
const well: Answers = {
  "/srv/services/configured/": { body: [configured] },
  "/srv/services/active/": { body: [active] },
  "/srv/host/resources": { body: resources },
};

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

/** A server that wants the key "k" for everything but /health. */
async function serve(answers: Answers): Promise<number> {
  const made = createServer((request, response) => {
    const known = request.url === "/health" ? { body: { status: "healthy" } } : answers[request.url ?? ""];
    const allowed = request.url === "/health" || request.headers.authorization === "Bearer k";
    const answer = allowed ? (known ?? { status: 404, body: {} }) : { status: 401, body: { detail: "no" } };
    response.writeHead(answer.status ?? 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer.body));
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  return (made.address() as AddressInfo).port;
}

async function ozwald(argv: readonly string[], env: Record<string, string> = { OZWALD_SYSTEM_KEY: "k" }) {
  const io = fakeIo({ env: { OZWALD_PROVISIONER_DIR: "/nonexistent", ...env } });
  const code = await originalMain(argv, io);
  return { code, ...io.written() };
}

describe("ozwald", () => {
  test("list_configured_services shows varieties and profiles, and the ozctl equivalent on standard error", async () => {
    const port = await serve(well);
    expect(await ozwald(["list_configured_services", "--port", `${port}`])).toEqual({
      code: 0,
      out: "SERVICE       TYPE       VARIETIES        PROFILES  DESCRIPTION\nqwen1.5-vllm  container  nvidia cpu-only  no-gpu    Qwen\n",
      err: "The same with ozctl:  ozctl services\n",
    });
  });

  test("list_active_services shows where each answers", async () => {
    const port = await serve(well);
    const { code, out, err } = await ozwald(["list_active_services", "--api-port", `${port}`]);
    expect({ code, err }).toEqual({ code: 0, err: "The same with ozctl:  ozctl ps\n" });
    expect(out.split("\n")[1]).toMatch(/^qwen +qwen1\.5-vllm +cpu-only +- +available +devbox +127\.0\.0\.1:11000$/);
  });

  test("show_host_resources --use-api: what is not known is ?", async () => {
    const port = await serve(well);
    const { code, out } = await ozwald(["show_host_resources", "--use-api", "--port", `${port}`]);
    expect({ code, out }).toEqual({
      code: 0,
      out: "host  devbox\nCPU   12.5 of 16 cores available\nRAM   30.25 of 62.7 GB available\nGPU   ? of ? GPUs available\nVRAM  ? of ? GB available\n",
    });
  });

  test("status is 0 when it is well", async () => {
    const port = await serve(well);
    const { code, out } = await ozwald(["status", "--port", `${port}`]);
    expect(code).toBe(0);
    expect(out).toContain("healthy\n");
    expect(out).toContain("1 active, 1 available\n");
  });

  test.each([
    [
      "no host",
      { "/srv/host/resources": { status: 503, body: { detail: "no host has joined yet", hint: "Invite one" } } },
    ],
    ["a failed service", { "/srv/services/active/": { body: [{ ...active, status: "failed" }] } }],
  ])("status is 1 with %s", async (_what, change) => {
    const port = await serve({ ...well, ...change });
    const { code, out } = await ozwald(["status", "--port", `${port}`]);
    expect(code).toBe(1);
    expect(out).toContain("healthy\n");
  });

  test("a wrong key, no key, nothing there and something else there are told apart", async () => {
    const port = await serve(well);
    const wrong = await ozwald(["list_active_services", "--port", `${port}`], { OZWALD_SYSTEM_KEY: "x" });
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain("does not accept the key");
    const none = await ozwald(["list_active_services", "--port", `${port}`], {});
    expect(none.code).toBe(2);
    expect(none.err).toContain("OZWALD_SYSTEM_KEY is not set");
    server?.close();
    server?.closeAllConnections();
    const away = await ozwald(["status", "--port", `${port}`]);
    expect(away.code).toBe(1);
    expect(away.err).toContain(`No provisioner runs at 127.0.0.1:${port}`);
    const other = createServer((_request, response) => response.end("hello"));
    server = other;
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const stranger = await ozwald(["status", "--port", `${(other.address() as AddressInfo).port}`]);
    expect(stranger.code).toBe(1);
    expect(stranger.err).toContain("no provisioner");
  });

  test("without a provisioner show_host_resources has the operating system's numbers and says so", async () => {
    const { code, out, err } = await ozwald(["show_host_resources"], {});
    expect(code).toBe(0);
    expect(err).toContain("the operating system's numbers");
    expect(out).toMatch(/^RAM {3}[\d.]+ of [\d.]+ GB available$/m);
  });

  test("help is asked for with 0 and got with 2", async () => {
    expect((await ozwald(["--help"])).code).toBe(0);
    expect(await ozwald([])).toMatchObject({ code: 2, err: "" });
  });
});
