// The image tiny-llm:cpu: built on this machine without any registry, and only when something in it changed.

import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { spawn } from "node:child_process";
import { join } from "node:path";
import Docker from "dockerode";
import { OzError } from "#core/errors.ts";
import { repositoryRoot } from "../lib/repository.ts";
import { makeScratchFolder } from "../lib/scratch-folder.ts";
import { sourceFiles, stageTinyLlm } from "./stage-tiny-llm.ts";

export const TINY_LLM_IMAGE = "tiny-llm:cpu";
/** Label with the hash of everything that goes in; equal means nothing to do. */
const CONTENT_LABEL = "ozwald.example.content";

/** Label of every build, also of those that a newer one replaced. */
export const EXAMPLE_LABEL = "ozwald.example=tiny-llm";

export type BuiltImage = { image: string; built: boolean; bytes: number; seconds: number };

/** Makes sure that the image exists and is current. */
export async function ensureTinyLlmImage(docker: Docker = new Docker()): Promise<BuiltImage> {
  const started = performance.now();
  const content = contentHash();
  const present = await inspect(docker);
  const done = (built: boolean, bytes: number): BuiltImage => {
    return { image: TINY_LLM_IMAGE, built, bytes, seconds: (performance.now() - started) / 1000 };
  };
  if (present?.Config.Labels?.[CONTENT_LABEL] === content) return done(false, present.Size);
  const stage = makeScratchFolder(join(repositoryRoot, ".cache"), "tiny-llm-");
  try {
    await stageTinyLlm({ source: sourceFolder(), stage, node: nodeProgram() });
    await buildImage(docker, stage, content);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
  if (present !== undefined) await removeUnused(docker, present.Id);
  const made = await inspect(docker);
  if (made === undefined) throw new OzError("internal", `the engine built ${TINY_LLM_IMAGE} but does not list it`);
  return done(true, made.Size);
}

function sourceFolder(): string {
  return join(repositoryRoot, "examples/quickstart/tiny-llm");
}

function nodeProgram(): string {
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  throw new OzError("precondition", `this needs Node 24, and runs on ${process.version}`, {
    hint: "./scripts/quickstart brings Node 24 with it",
  });
}

function contentHash(): string {
  const hash = createHash("sha256").update(`${process.version} ${process.arch}\n`);
  const source = sourceFolder();
  const locks = ["package-lock.json", "native/package.json", "native/package-lock.json", "Dockerfile"];
  const files = [...sourceFiles(source), ...locks].map((name) => join(source, name));
  for (const file of [...files, join(import.meta.dirname, "stage-tiny-llm.ts")]) {
    hash.update(`${file.slice(repositoryRoot.length)}\n`).update(readFileSync(file));
  }
  return hash.digest("hex");
}

async function inspect(docker: Docker): Promise<Docker.ImageInspectInfo | undefined> {
  try {
    return await docker.getImage(TINY_LLM_IMAGE).inspect();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

/** The image that was replaced; one that a container still uses stays. */
export async function removeUnused(docker: Docker, id: string): Promise<boolean> {
  try {
    await docker.getImage(id).remove();
    return true;
  } catch (error) {
    const status = (error as { statusCode?: number }).statusCode;
    if (status === 404 || status === 409) return false;
    throw error;
  }
}

/** The engine's own builder through its API: no docker command and no BuildKit needed. */
async function buildImage(docker: Docker, stage: string, content: string): Promise<void> {
  const tar = spawn("tar", ["--owner=0", "--group=0", "--numeric-owner", "-C", stage, "-c", "."], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const failedTar = new Promise<never>((_resolve, reject) => {
    tar.on("error", reject);
    tar.on("close", (code) => {
      if (code !== 0) reject(new OzError("failed", `tar ended with ${code} in ${stage}`));
    });
  });
  // It may fail after the engine already refused; then that is the error to show.
  failedTar.catch(() => undefined);
  const labels = { [CONTENT_LABEL]: content, "ozwald.example": "tiny-llm" };
  const answer = docker.buildImage(tar.stdout, { t: TINY_LLM_IMAGE, labels, rm: true, forcerm: true });
  const output = await Promise.race([answer, failedTar]);
  await new Promise<void>((resolve, reject) => {
    const finished = (error: Error | null, lines: { error?: string }[]): void => {
      const failure = error?.message ?? lines.find((line) => line.error !== undefined)?.error;
      if (failure === undefined) resolve();
      else reject(new OzError("engine_refused", `building ${TINY_LLM_IMAGE} failed: ${failure}`));
    };
    docker.modem.followProgress(output, finished);
  });
}
