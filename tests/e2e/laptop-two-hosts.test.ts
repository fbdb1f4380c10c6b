// A replica on the second of two machines, reached from a laptop that can reach the control plane only; by OpenAI's own clients and under load too.
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BackgroundProgram, startProgram } from "../support/background-program.ts";
import { testedProgram } from "../support/built-programs.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { type NetnsHosts, netnsHosts } from "../support/netns-hosts.ts";
import { npmFolder } from "../support/npm-folder.ts";
import { pythonWith } from "../support/python-venv.ts";
import { report } from "../support/report-time.ts";
import { runCommand } from "../support/run-command.ts";
import { ensureTalkImage } from "../support/talk-image.ts";
import { waitUntil } from "../support/wait-until.ts";
import { wrk } from "../support/wrk.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("THE TEST OF A LAPTOP AND TWO HOSTS DOES NOT RUN: network name spaces need root.");

describe.skipIf(!isRoot)("a laptop and two hosts", () => {
  let machines: NetnsHosts;
  let cluster: Cluster;
  const programs: BackgroundProgram[] = [];
  /** To the replica on beta, the far machine. */
  let url: string;
  /** To the one on alpha. */
  let nearUrl: string;

  beforeAll(async () => {
    const image = await ensureTalkImage();
    machines = await netnsHosts({ count: 2 });
    cluster = await startCluster({ address: machines.bridgeAddress });
    for (const [n, name] of ["alpha", "beta"].entries()) {
      const { engine, enter } = machines.hosts[n] ?? {};
      if (engine === undefined || enter === undefined) throw new Error("there is no such machine");
      await cluster.addHost({ name, engine, enter });
      await engine.loadImage(image);
    }
    await cluster.mustApply(
      JSON.stringify({
        services: [{ name: "talk", image, probes: [{ http: { port: 8000, path: "/hello" } }] }],
        instances: [
          { name: "talk", host: "beta" },
          { name: "near", service: "talk", host: "alpha" },
        ],
      }),
    );
    await cluster.untilReady("talk", 60_000);
    await cluster.untilReady("near", 60_000);
    url = await forward("talk", "beta");
    nearUrl = await forward("near", "alpha");
  });

  async function forward(name: string, host: string): Promise<string> {
    const program = startProgram([...testedProgram("ozctl"), "forward", name], { env: cluster.env });
    programs.push(program);
    const line = new RegExp(`^(\\S+) → ${name} on ${host}\\. Ctrl-C ends it\\.$`, "m");
    return waitUntil("ozctl forward listens", () => line.exec(program.output())?.[1], 20_000);
  }

  afterAll(async () => {
    for (const program of programs) await program.stop();
    await cluster?.dispose();
    await machines?.dispose();
  });

  test("the replica on the other machine answers", async () => {
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
    const began = performance.now();
    expect(await (await fetch(`${url}/models`)).json()).toEqual({ data: [{ id: "talk" }] });
    report("a request to the other machine", performance.now() - began);
    const chat = await cluster.ozctl("chat", "talk", "Name three colours.");
    expect(chat).toMatchObject({ code: 0, stdout: "Red, blue and green.\n" });
  });

  test("curl -N shows a stream as it comes", async () => {
    const { code, stdout } = await runCommand(["curl", "-sN", "--max-time", "1", url.replace("/v1", "/events")]);
    expect(code).toBe(28);
    expect(stdout.split("\n\n").length).toBeGreaterThan(10);
  });

  test("OpenAI's Python client, as it is", async () => {
    const python = await pythonWith(join(import.meta.dirname, "requirements-openai.txt"));
    const script = join(cluster.folder, "ask.py");
    await writeFile(
      script,
      [
        "import sys",
        "from openai import OpenAI",
        'client = OpenAI(base_url=sys.argv[1], api_key="none")',
        "model = client.models.list().data[0].id",
        'stream = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Name three colours."}], stream=True)',
        'print("".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices))',
        "",
      ].join("\n"),
    );
    const asked = await runCommand([python, script, url], { timeoutMs: 60_000 });
    expect(asked).toMatchObject({ code: 0, stdout: "Red, blue and green.\n" });
  });

  test("OpenAI's JavaScript client, as it is", async () => {
    const folder = await npmFolder(join(import.meta.dirname, "openai-js"));
    const script = join(folder, "ask.mjs");
    await writeFile(
      script,
      [
        'import OpenAI from "openai";',
        'const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none" });',
        "const model = (await client.models.list()).data[0].id;",
        'const messages = [{ role: "user", content: "Name three colours." }];',
        "const stream = await client.chat.completions.create({ model, messages, stream: true });",
        'let text = "";',
        'for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";',
        "console.log(text);",
        "",
      ].join("\n"),
    );
    for (const base of [url, nearUrl]) {
      const asked = await runCommand([process.execPath, script, base], { timeoutMs: 60_000 });
      expect(asked).toMatchObject({ code: 0, stdout: "Red, blue and green.\n" });
    }
  });

  test("under wrk, on both machines at the same time, nothing is lost and nothing comes twice", async () => {
    const connections = 16;
    const counted = async (base: string) =>
      ((await (await fetch(base.replace("/v1", "/state"))).json()) as { counted: number }).counted;
    await Promise.all(
      [url, nearUrl].map(async (base) => {
        const figures = await wrk(base.replace("/v1", "/count"), { connections, seconds: 3 });
        report(`wrk, ${connections} connections`, 0, `${Math.round(figures.perSecond)} requests a second`);
        expect(figures.errors).toEqual({ connect: 0, read: 0, write: 0, status: 0, timeout: 0 });
        expect(figures.requests).toBeGreaterThan(100);
        // wrk leaves when its time is over; each connection may have one request on its way then.
        const beyond = (await counted(base)) - figures.requests;
        expect(beyond).toBeGreaterThanOrEqual(0);
        expect(beyond).toBeLessThanOrEqual(connections);
      }),
    );
    expect(programs.map((program) => program.output().split("\n").length)).toEqual([2, 2]);
  });

  test("curl sends a large body and gets it back whole from the other machine", async () => {
    const file = join(cluster.folder, "body");
    await writeFile(file, randomBytes(30 * 2 ** 20));
    const back = `${file}.back`;
    const argv = ["curl", "-sf", "--data-binary", `@${file}`, "-o", back, url.replace("/v1", "/echo")];
    expect(await runCommand(argv)).toMatchObject({ code: 0 });
    expect((await readFile(back)).equals(await readFile(file))).toBe(true);
  });
});
