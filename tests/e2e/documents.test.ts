// What README, docs and examples tell a person to type, typed as it stands on machines that have nothing of Ozwald: from nothing to an answer
// on processors, on two hosts, and from Compose. What they say it prints is compared, up to numbers.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureOnnxEmbeddingsImage, ONNX_EMBEDDINGS_IMAGE } from "../../scripts/images/onnx-embeddings-image.ts";
import { ensureTinyLlmImage, TINY_LLM_IMAGE } from "../../scripts/images/tiny-llm-image.ts";
import { placeEmbeddingModel } from "../../scripts/model/embedding-model.ts";
import { fetchModel } from "../../scripts/model/fetch-model.ts";
import { modelCacheFolder } from "../../scripts/model/model-cache.ts";
import { type BackgroundProgram, startProgram } from "../support/background-program.ts";
import { ClaimedCommands, commandLines, notPrinted } from "../support/document-commands.ts";
import { type FreshMachine, freshMachine } from "../support/fresh-machine.ts";
import { markdownBlocks } from "../support/markdown-blocks.ts";
import { type NetnsHosts, netnsHosts } from "../support/netns-hosts.ts";
import { waitUntil } from "../support/wait-until.ts";

const root = resolve(import.meta.dirname, "../..");
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("THE TEST OF THE DOCUMENTS DOES NOT RUN: network name spaces need root.");

const commands = new ClaimedCommands("tests/e2e/documents.test.ts");
const paris = /The capital of France is Paris/;

describe.skipIf(!isRoot)("what the documents say", () => {
  let machines: NetnsHosts;
  let control: FreshMachine;
  let tower: FreshMachine;
  const open: BackgroundProgram[] = [];
  const scratch = mkdtempSync(join(tmpdir(), "ozwald-documents-"));

  beforeAll(async () => {
    if (!existsSync(join(root, "dist/ozwald"))) throw new Error("dist/ozwald does not exist. Build it: npm run build");
    // There is no way out of the machines' networks: what a first run fetches is fetched before.
    const cache = modelCacheFolder();
    await ensureTinyLlmImage();
    await ensureOnnxEmbeddingsImage();
    await fetchModel({ source: undefined, cache, mayInstall: false });
    await placeEmbeddingModel(scratch, { cache, mayInstall: false });
    machines = await netnsHosts({ count: 2 });
    const [first, second] = machines.hosts;
    if (first === undefined || second === undefined) throw new Error("there are no machines");
    [control, tower] = [await freshMachine(first), await freshMachine(second)];
    for (const image of [TINY_LLM_IMAGE, ONNX_EMBEDDINGS_IMAGE]) await first.engine.loadImage(image);
    await standInForSsh(control, tower);
  }, 300_000);

  afterAll(async () => {
    for (const program of open) await program.stop();
    for (const machine of [control, tower]) await machine?.dispose();
    await machines?.dispose();
    rmSync(scratch, { recursive: true, force: true });
  });

  /** Runs each line of a block; questions are answered with yes. Everything that was printed. */
  async function type(machine: FreshMachine, block: string, cwd = root): Promise<string> {
    let output = "";
    for (const line of commandLines(block)) {
      const asks = /^ozctl apply\b/.test(line);
      const { code, stdout, stderr } = await machine.run(line, {
        cwd,
        ...(asks && { answer: "y" }),
        // The engine's builder that needs no plugin.
        env: { DOCKER_BUILDKIT: "0" },
      });
      output += stdout + stderr;
      if (code !== 0) throw new Error(`${line}\nexited with ${code}:\n${stdout}${stderr}`);
    }
    return output;
  }

  /** Runs a block that ends by itself and compares what it prints with what the document says. */
  const follow = (document: string, begins: string, machine = control, cwd = root): Promise<string> =>
    commands.run(document, begins, async (block, printed) => {
      const output = await type(machine, block, cwd);
      expect(notPrinted(printed, output), output).toEqual([]);
      return output;
    });

  /** Starts a command that goes on, until it printed that. */
  async function goOn(machine: FreshMachine, line: string, until: RegExp): Promise<string> {
    const program = startProgram(machine.argv(line));
    open.push(program);
    await waitUntil(`${line} prints ${until.source}`, () => until.test(program.output()), 60_000);
    return program.output();
  }

  describe("CPU", () => {
    test("the quickstart answers, and again", async () => {
      expect(await follow("examples/README.md", "./scripts/quickstart\n")).toMatch(paris);
      expect(await follow("README.md", "./scripts/quickstart\n")).toMatch(paris);
    });

    test("it is seen, talked to, and answers OpenAI's API", async () => {
      expect(await follow("examples/README.md", "ozctl ps")).toMatch(/Paris.*\n.* to first token, .* tok\/s/);
      const answer = JSON.parse(await follow("examples/README.md", "curl -s http://127.0.0.1:11000")) as Completion;
      expect(answer.choices[0]?.message.content).toMatch(paris);
    });

    test("README: the settings and every command", async () => {
      const folder = await control.mustRun("mktemp -d /root/shop.XXXX");
      const yaml = markdownBlocks(readFileSync(resolve(root, "README.md"), "utf8")).find(
        ({ language }) => language === "yaml",
      );
      await control.write(`${folder}/ozwald.yml`, yaml?.text ?? "");
      await control.write(`${folder}/compose.yml`, "services: { web: { image: 'nginx:1.29' } }\n");
      const lasting: Record<string, RegExp> = {
        "ozctl logs -f assistant": /"msg":"ready"/,
        "ozctl forward assistant": /^http:\/\/127\.0\.0\.1:\d+\/v1 → assistant on /m,
      };
      const typed: Record<string, string> = { "ozctl chat assistant": "What is the capital of France?" };
      const expected: Record<string, RegExp> = {
        "ozctl check -f ozwald.yml": /fine\./,
        "ozctl ps": /assistant +model:cpu-only:long +\S+ +ready/,
        "ozctl why assistant": /assistant/,
        "ozctl chat assistant": paris,
        "ozctl import compose": /image: nginx:1\.29/,
        "ozctl host invite": /^ {2}curl .* \| sh -s -- --token/m,
        "ozctl token create laptop": /ozctl login https:/,
      };
      await commands.run("README.md", "ozctl check", async (block) => {
        for (const line of commandLines(block)) {
          const until = lasting[line];
          if (until !== undefined) await goOn(control, `exec ${line}`, until);
          else if (line === "ozctl doctor") expect((await control.run(line)).stdout).toMatch(/checks?|well|wrong/);
          else {
            const question = typed[line];
            const whole = question === undefined ? line : `echo '${question}' | ${line}`;
            expect(await type(control, whole, folder), line).toMatch(expected[line] ?? /./);
          }
        }
      });
      await control.mustRun("ozctl down assistant");
    });

    test("embeddings", async () => {
      const readme = "examples/onnx-embeddings/README.md";
      await follow(readme, "npm run");
      await follow(readme, "ozctl apply");
    });

    test("a chat page", async () => {
      const readme = "examples/web-ui/README.md";
      await follow(readme, "docker build");
      await follow(readme, "ozctl apply");
      expect(await control.mustRun("curl -s http://127.0.0.1:3000/")).toContain("<title>Chat</title>");
    });

    test("from Compose", async () => {
      const readme = "examples/README.md";
      const folder = await control.mustRun("mktemp -d /root/compose.XXXX");
      const yaml = markdownBlocks(readFileSync(resolve(root, readme), "utf8")).find(
        ({ language }) => language === "yaml",
      );
      await control.write(`${folder}/docker-compose.yml`, yaml?.text ?? "");
      const said = await follow(readme, "ozctl import compose", control, folder);
      expect(said).toMatch(/services\.helper\.labels: not carried/);
      expect(said).toMatch(/fine\./);
      await follow(readme, "ozctl plan", control, folder);
      const answer = JSON.parse(await follow(readme, "curl -s http://127.0.0.1:8012", control, folder)) as Completion;
      expect(answer.choices[0]?.message.content).toMatch(paris);
    });

    test("away again", async () => {
      expect(await follow("examples/README.md", "./scripts/quickstart --down")).toContain("Removed:");
      expect(await control.mustRun("docker ps -q --filter label=ozwald.cluster")).toBe("");
    });
  });

  describe("two hosts", () => {
    const readme = "examples/README.md";

    test("a control plane that stays, by the page about installing too", async () => {
      await follow(readme, "./scripts/install --controlplane");
      expect(await follow("docs/install.md", "./scripts/install --controlplane\n")).toContain("not restarted");
    });

    test("the other machine joins by the printed line", async () => {
      const invited = await follow("docs/install.md", "ozctl host invite");
      expect(invited).toContain("On tower");
      const line = /^ {2}(curl .*)$/m.exec(await follow(readme, "ozctl host invite"))?.[1] ?? "exit 1";
      expect(await tower.mustRun(line)).toMatch(/joined .* as tower/);
      await waitUntil(
        "tower is online",
        async () => /tower +online/.test(await control.mustRun("ozctl hosts")),
        30_000,
      );
      expect(await follow(readme, "ozctl hosts")).toMatch(/tower/);
    });

    test("an image built here runs there, and answers through the control plane", async () => {
      await follow(readme, "npm run --silent example:onnx-embeddings");
      await commands.run(readme, "ozctl apply", async (block, printed) => {
        const [apply = "", forward = ""] = commandLines(block);
        await type(control, apply);
        const output = await goOn(control, `exec ${forward}`, /Ctrl-C ends it/);
        expect(notPrinted(printed, output), output).toEqual([]);
      });
      await follow(readme, "curl -s http://127.0.0.1:8011");
      expect(await tower.mustRun("docker ps --format '{{.Image}}'")).toBe(ONNX_EMBEDDINGS_IMAGE);
      expect(await control.mustRun("docker ps -q")).toBe("");
    });

    test("away again; what runs on the other machine keeps running", async () => {
      await follow("docs/install.md", "./scripts/install --controlplane --uninstall");
      expect(await tower.mustRun("docker ps --format '{{.Image}}'")).toBe(ONNX_EMBEDDINGS_IMAGE);
    });
  });

  test("every block that names this test was run", () => expect(commands.left).toEqual([]));
});

/** Gives a machine the words ssh and scp for one other: neither has a server for them, and what is typed at the other end is the same. */
async function standInForSsh(from: FreshMachine, to: FreshMachine): Promise<void> {
  const shell = to.argv("").slice(0, -1).join(" ");
  await from.write("/usr/local/bin/ssh", `#!/bin/sh\nshift\nexec ${shell} "$*"\n`);
  const copy = 'tar -C "$(dirname "$2")" -ch "$(basename "$2")" | ssh "${3%%:*}" tar -C "${3#*:}" -x';
  await from.write("/usr/local/bin/scp", `#!/bin/sh\n${copy}\n`);
  await from.mustRun("chmod 755 /usr/local/bin/ssh /usr/local/bin/scp");
}

type Completion = { choices: { message: { content: string } }[] };
