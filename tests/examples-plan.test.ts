// Every example, planned against hosts with and without GPUs, and checked by the line in its README.
import { globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { aHost, gib } from "../controlplane/testing/snapshots.ts";
import { place } from "../controlplane/schedule/place.ts";
import { candidateSpecs } from "#core/settings/resolve-spec.ts";
import { parseSettings } from "#core/settings/parse-settings.ts";
import type { Settings } from "#core/settings/settings.ts";
import { runOzctl } from "../cli/testing/fake-io.ts";
import { ClaimedCommands, commandLines } from "./support/document-commands.ts";

const root = resolve(import.meta.dirname, "..");
const files = globSync("examples/*/ozwald.yml", { cwd: root }).toSorted();

function settingsOf(file: string): Settings {
  const { settings } = parseSettings([{ name: file, text: readFileSync(join(root, file), "utf8") }]);
  if (settings === undefined) throw new Error(`${file} has problems`);
  return settings;
}

const gpu = (vendor: string, vram = 24 * gib) => ({ id: `${vendor}-0`, vendor, vram });
const hosts = {
  nvidia: aHost("nvidia", { memory: 64 * gib, gpus: [gpu("nvidia")], runtimes: ["runc", "nvidia"] }),
  amd: aHost("amd", { memory: 64 * gib, gpus: [gpu("amd")] }),
  intel: aHost("intel", { memory: 64 * gib, gpus: [gpu("intel")] }),
  cpu: aHost("cpu", { memory: 64 * gib }),
};
type HostName = keyof typeof hosts;

/** Variety that the only host takes for an instance; the reason when it takes none. */
function placedOn(file: string, host: HostName, instance: string): string {
  const settings = settingsOf(file);
  const wish = settings.instances.find(({ name }) => name === instance);
  const service = settings.services.find(({ name }) => name === wish?.service);
  if (wish === undefined || service === undefined) throw new Error(`${file} has no instance ${instance}`);
  const candidates = candidateSpecs(service, { ...wish, instance }, settings.registries).map((candidate) => ({
    ...candidate,
    specHash: "",
  }));
  const answer = place([{ host: hosts[host], held: [] }], candidates, { instance, host: "", rejectedBy: [] }, "spread");
  return answer.hostId === null ? answer.reason : answer.variety;
}

describe("placement", () => {
  test.each<[folder: string, instance: string, Record<HostName, string | RegExp>]>([
    ["quickstart", "tiny-llm", { nvidia: "nvidia", amd: "amdgpu", intel: "cpu-only", cpu: "cpu-only" }],
    ["vllm", "vllm", { nvidia: "nvidia", amd: /no nvidia GPU/, intel: /no nvidia GPU/, cpu: /no nvidia GPU/ }],
    ["llama-cpp", "llama-cpp", { nvidia: "cuda", amd: "rocm", intel: "vulkan", cpu: "cpu" }],
    ["ollama", "ollama", { nvidia: "nvidia", amd: "amdgpu", intel: "cpu-only", cpu: "cpu-only" }],
    ["triton", "triton", { nvidia: "nvidia", amd: "cpu-only", intel: "cpu-only", cpu: "cpu-only" }],
    [
      "text-embeddings-inference",
      "embeddings",
      { nvidia: "nvidia", amd: "cpu-only", intel: "cpu-only", cpu: "cpu-only" },
    ],
    ["onnx-embeddings", "onnx-embeddings", { nvidia: "", amd: "", intel: "", cpu: "" }],
    ["web-ui", "tiny-llm", { nvidia: "", amd: "", intel: "", cpu: "" }],
    ["web-ui", "web-ui", { nvidia: "", amd: "", intel: "", cpu: "" }],
  ])("%s: %s takes the variety of each host", (folder, instance, expected) => {
    for (const [host, variety] of Object.entries(expected)) {
      const placed = placedOn(`examples/${folder}/ozwald.yml`, host as HostName, instance);
      if (typeof variety === "string") expect([host, placed]).toEqual([host, variety]);
      else expect(placed).toMatch(variety);
    }
  });

  test("every example is placed above", () => {
    expect(files.map((file) => file.split("/")[1])).toEqual(
      [
        "llama-cpp",
        "ollama",
        "onnx-embeddings",
        "quickstart",
        "text-embeddings-inference",
        "triton",
        "vllm",
        "web-ui",
      ].toSorted(),
    );
  });
});

describe("images", () => {
  test.each(files.filter((file) => !file.includes("quickstart")))("%s pins every image by a version", (file) => {
    for (const { base, varieties } of settingsOf(file).services) {
      for (const { image } of [base, ...varieties.map(({ layer }) => layer)]) {
        if (image === undefined) continue;
        expect(image).toMatch(/:[\w.-]*\d[\w.-]*$|^(tiny-llm|onnx-embeddings):cpu$/);
      }
    }
  });
});

describe("what the READMEs show", () => {
  const commands = new ClaimedCommands("tests/examples-plan.test.ts");

  test.each(files.filter((file) => !file.includes("quickstart")))("%s has a README that checks it", async (file) => {
    const readme = `${dirname(file)}/README.md`;
    await commands.run(readme, `ozctl check -f ${file}`, async (block) => {
      for (const line of commandLines(block)) {
        const [, ...words] = line.split(" ");
        expect(await runOzctl(words, { cwd: root })).toMatchObject({ code: 0, out: expect.stringContaining("fine.") });
      }
    });
  });

  test("nothing else is claimed here", () => expect(commands.left).toEqual([]));
});
