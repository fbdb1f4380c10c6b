// Sums what an engine says about the layers of a pull. Pure.
import type { PullEvent } from "./engine.ts";

/** One line of the engine's answer to a pull. */
export type PullLine = {
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
};

type Layer = { done: number; total: number; fetched: boolean };

/** Layers being fetched have to move within this; a dead connection does not. */
const fetchStallMs = 60_000;
/** Checking and unpacking a layer of many GiB says nothing for minutes. */
const unpackStallMs = 600_000;
const fetchedStates = ["Verifying Checksum", "Download complete", "Extracting", "Pull complete", "Already exists"];

export class PullProgress {
  readonly #layers = new Map<string, Layer>();

  /** Takes in a line; true when the sums moved. */
  take(line: PullLine): boolean {
    if (line.id === undefined || line.status === undefined) return false;
    const isLayer =
      line.status === "Pulling fs layer" ||
      line.status === "Waiting" ||
      line.status === "Downloading" ||
      fetchedStates.includes(line.status);
    if (!isLayer) return false;
    const layer = this.#layers.get(line.id) ?? { done: 0, total: 0, fetched: false };
    this.#layers.set(line.id, layer);
    const before = `${layer.done}/${layer.total}`;
    if (line.status === "Downloading") {
      layer.done = Math.max(layer.done, line.progressDetail?.current ?? 0);
      layer.total = Math.max(layer.total, line.progressDetail?.total ?? 0, layer.done);
    } else if (fetchedStates.includes(line.status)) {
      layer.fetched = true;
      // Small layers are fetched without a single progress line; their size shows when they are unpacked.
      if (line.status === "Extracting") layer.total = Math.max(layer.total, line.progressDetail?.total ?? 0);
      layer.done = layer.total;
    }
    return before !== `${layer.done}/${layer.total}`;
  }

  /** Bytes over all layers; the total grows while the engine learns of more layers. */
  get sums(): PullEvent {
    let doneBytes = 0;
    let totalBytes = 0;
    for (const layer of this.#layers.values()) {
      doneBytes += layer.done;
      totalBytes += layer.total;
    }
    return { doneBytes, totalBytes };
  }

  /** Longest silence in milliseconds that still is no stall. */
  get quietLimitMs(): number {
    const layers = [...this.#layers.values()];
    return layers.length > 0 && layers.every((layer) => layer.fetched) ? unpackStallMs : fetchStallMs;
  }
}
