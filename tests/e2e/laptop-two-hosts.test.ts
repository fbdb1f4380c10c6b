// A replica on the second of two machines, reached from a laptop that can reach the control plane only; by OpenAI's own client too.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BackgroundProgram, startProgram } from "../support/background-program.ts";
import { testedProgram } from "../support/built-programs.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { type NetnsHosts, netnsHosts } from "../support/netns-hosts.ts";
import { pythonWith } from "../support/python-venv.ts";
import { report } from "../support/report-time.ts";
import { runCommand } from "../support/run-command.ts";
import { ensureTalkImage } from "../support/talk-image.ts";
import { waitUntil } from "../support/wait-until.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("THE TEST OF A LAPTOP AND TWO HOSTS DOES NOT RUN: network name spaces need root.");

describe.skipIf(!isRoot)("a laptop and two hosts", () => {
  let machines: NetnsHosts;
  let cluster: Cluster;
  let program: BackgroundProgram;
  let url: string;

  beforeAll(async () => {
    const image = await ensureTalkImage();
    machines = await netnsHosts({ count: 2 });
    cluster = await startCluster({ address: machines.bridgeAddress });
    for (const [n, name] of ["alpha", "beta"].entries()) {
      const { engine, enter } = machines.hosts[n] ?? {};
      if (engine === undefined || enter === undefined) throw new Error("there is no such machine");
      await cluster.addHost({ name, engine, enter });
      if (name === "beta") await engine.loadImage(image);
    }
    await cluster.mustApply(
      JSON.stringify({
        services: [{ name: "talk", image, probes: [{ http: { port: 8000, path: "/hello" } }] }],
        instances: [{ name: "talk", host: "beta" }],
      }),
    );
    await cluster.untilReady("talk", 60_000);
    program = startProgram([...testedProgram("ozctl"), "forward", "talk"], { env: cluster.env });
    const line = await waitUntil(
      "ozctl forward listens",
      () => /^(\S+) → talk on beta\. Ctrl-C ends it\.$/m.exec(program.output()) ?? undefined,
      20_000,
    );
    url = line[1] ?? "";
  });

  afterAll(async () => {
    await program?.stop();
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
});
