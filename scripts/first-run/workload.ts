// Steps 5 and 6: the image and the model, then the example settings, until the model answers.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { OzError } from "#core/errors.ts";
import { formatBytes } from "#core/units.ts";
import { ensureTinyLlmImage } from "../images/tiny-llm-image.ts";
import { runCommand, tryCommand } from "../lib/run-command.ts";
import { sha256File } from "../lib/sha256-file.ts";
import { fetchModel, type FoundModel } from "../model/fetch-model.ts";
import { modelCacheFolder } from "../model/model-cache.ts";
import { MODEL_FOLDER, placeModel } from "../model/place-model.ts";
import { clusterEnvironment, ozctlJson } from "./cluster.ts";
import { readMade, recordMade } from "./made.ts";
import { type Places, program } from "./places.ts";

export type Prepared = { model: FoundModel; modelChanged: boolean; lines: string[] };

/** Builds and downloads at the same time: one uses the processor, the other the network. */
export async function prepare(places: Places, source: string | undefined, mayInstall: boolean): Promise<Prepared> {
  const [image, model] = await Promise.all([ensureTinyLlmImage(), findModel(places, source, mayInstall)]);
  const modelChanged = await place(places, model);
  const imageLine = `image tiny-llm ${image.built ? "built here" : "is there"}, ${formatBytes(image.bytes)}`;
  const checked = { file: "your file", url: "checked", package: "sha256 ok", generated: "generated" }[model.origin];
  const modelLine = `model ${model.name}, ${formatBytes(model.bytes)}, ${checked}${model.added ? "" : ", kept from before"}`;
  return { model, modelChanged, lines: [imageLine, modelLine, ...(model.note === "" ? [] : [`${model.note}`])] };
}

async function findModel(places: Places, source: string | undefined, mayInstall: boolean): Promise<FoundModel> {
  const onAdd = (path: string): void => {
    const cached = new Set([...(readMade(places.made).cached ?? []), path, `${path}.sha256`]);
    recordMade(places.made, { cached: [...cached] });
  };
  return fetchModel({ source, cache: modelCacheFolder(), mayInstall, onAdd });
}

/** Puts the model where the example's volume is; never over a file that somebody else put there. */
async function place(places: Places, model: FoundModel): Promise<boolean> {
  const target = join(MODEL_FOLDER, "model.gguf");
  const ours = readMade(places.made).modelFolder === MODEL_FOLDER;
  if (!ours && existsSync(target)) {
    if ((await sha256File(target)) === model.sha256) return false;
    throw new OzError("already_exists", `${target} is there already, and not from a quickstart`, {
      hint: `move it away, or use it: ./scripts/quickstart --model ${target}`,
    });
  }
  recordMade(places.made, { modelFolder: MODEL_FOLDER });
  return placeModel(model);
}

type Unit = {
  host: string;
  variety: string;
  state: string;
  reason: string;
  observed?: { pid: number; endpoints: { name: string; address: string; port: number }[] };
};
type Instances = { instances: { name: string; units: Unit[] }[] };

export type Running = { host: string; variety: string; endpoint: string; pid: number };

/** Applies the example and waits until it is ready. */
export async function applyExample(places: Places, modelChanged: boolean): Promise<Running> {
  const env = clusterEnvironment(places);
  const wasThere = (await findReady(places)) !== undefined;
  const result = await tryCommand(program("ozctl"), ["apply", "-f", places.settings, "--yes"], {
    env,
    timeoutMs: 900_000,
  });
  if (result.code !== 0) {
    const said = `${result.stdout}${result.stderr}`
      .trim()
      .split("\n")
      .map((line) => `  | ${line}`)
      .join("\n");
    throw new OzError("failed", `ozctl apply ended with ${result.code}:\n${said}`, { hint: "ozctl why tiny-llm" });
  }
  // A running server has read the old file.
  if (wasThere && modelChanged)
    await runCommand(program("ozctl"), ["restart", "tiny-llm"], { env, timeoutMs: 300_000 });
  const deadline = Date.now() + 180_000;
  for (;;) {
    const running = await findReady(places);
    if (running !== undefined) return running;
    if (Date.now() > deadline) {
      throw new OzError("timeout", "tiny-llm did not become ready within 3 min", {
        hint: "ozctl why tiny-llm; ozctl logs tiny-llm",
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function findReady(places: Places): Promise<Running | undefined> {
  const list = await ozctlJson<Instances>(places, "ps");
  const unit = list?.instances
    .find((one) => one.name === "tiny-llm")
    ?.units.find((one) => one.state === "REPLICA_STATE_READY");
  const endpoint = unit?.observed?.endpoints[0];
  if (unit === undefined || endpoint === undefined) return undefined;
  const { host, variety, observed } = unit;
  return { host, variety, endpoint: `http://${endpoint.address}:${endpoint.port}`, pid: observed?.pid ?? 0 };
}
