// Images of the examples: built on this machine without any registry, and only when something in them changed.

import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { spawn } from "node:child_process";
import { basename, join } from "node:path";
import Docker from "dockerode";
import { OzError } from "#core/errors.ts";
import { repositoryRoot } from "../lib/repository.ts";
import { makeScratchFolder } from "../lib/scratch-folder.ts";
import type { StageOptions } from "./stage-node.ts";

export type ExampleImage = {
  /** Name and tag. */
  image: string;
  /** Value of the label `ozwald.example` of every build, also of those that a newer one replaced. */
  label: string;
  /** Folder of the server. */
  source: string;
  /** Every file that goes in or decides what does; a change of one is a new image. */
  files: readonly string[];
  stage: (options: StageOptions) => Promise<void>;
};

export type BuiltImage = { image: string; built: boolean; bytes: number; seconds: number };

/** Label with the hash of everything that goes in; equal means nothing to do. */
const CONTENT_LABEL = "ozwald.example.content";

/** Makes sure that the image exists and is current. */
export async function ensureExampleImage(example: ExampleImage, docker: Docker = new Docker()): Promise<BuiltImage> {
  const started = performance.now();
  const content = contentHash(example.files);
  const present = await inspect(docker, example.image);
  const done = (built: boolean, bytes: number): BuiltImage => {
    return { image: example.image, built, bytes, seconds: (performance.now() - started) / 1000 };
  };
  if (present?.Config.Labels?.[CONTENT_LABEL] === content) return done(false, present.Size);
  const stage = makeScratchFolder(join(repositoryRoot, ".cache"), `${example.label}-`);
  try {
    await example.stage({ source: example.source, stage, node: nodeProgram() });
    await buildImage(docker, stage, example, content);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
  if (present !== undefined) await removeUnused(docker, present.Id);
  const made = await inspect(docker, example.image);
  if (made === undefined) throw new OzError("internal", `the engine built ${example.image} but does not list it`);
  return done(true, made.Size);
}

/** Files of this folder that lay out every image. */
export function stagingFiles(...names: string[]): string[] {
  return ["stage-node.ts", ...names].map((name) => join(import.meta.dirname, name));
}

/** One line about it for a person. */
export function saidOf({ image, built, bytes, seconds }: BuiltImage): string {
  return `${image} ${built ? `built in ${seconds.toFixed(1)} s` : "is current"}, ${Math.round(bytes / 1e6)} MB\n`;
}

function nodeProgram(): string {
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  throw new OzError("precondition", `this needs Node 24, and runs on ${process.version}`, {
    hint: "./scripts/quickstart brings Node 24 with it",
  });
}

function contentHash(files: readonly string[]): string {
  const hash = createHash("sha256").update(`${process.version} ${process.arch}\n`);
  for (const file of files) hash.update(`${basename(file)}\n`).update(readFileSync(file));
  return hash.digest("hex");
}

async function inspect(docker: Docker, image: string): Promise<Docker.ImageInspectInfo | undefined> {
  try {
    return await docker.getImage(image).inspect();
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
async function buildImage(
  docker: Docker,
  stage: string,
  { image, label }: ExampleImage,
  content: string,
): Promise<void> {
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
  const labels = { [CONTENT_LABEL]: content, "ozwald.example": label };
  const answer = docker.buildImage(tar.stdout, { t: image, labels, rm: true, forcerm: true });
  const output = await Promise.race([answer, failedTar]);
  await new Promise<void>((resolve, reject) => {
    const finished = (error: Error | null, lines: { error?: string }[]): void => {
      const failure = error?.message ?? lines.find((line) => line.error !== undefined)?.error;
      if (failure === undefined) resolve();
      else reject(new OzError("engine_refused", `building ${image} failed: ${failure}`));
    };
    docker.modem.followProgress(output, finished);
  });
}
