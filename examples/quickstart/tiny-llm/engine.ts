// The model's life: loading -> ready <-> asleep, or failed. Sleeping frees weights and context; waking reads the file again.
//
//   loading --> ready --> falling-asleep --> asleep --> waking --> ready
//      |                                                  |
//      +---------------------> failed <-------------------+

import { ApiError } from "./api-error.ts";
import type { Slots } from "./slots.ts";

export type EngineState = "loading" | "ready" | "falling-asleep" | "asleep" | "waking" | "failed";

/** What the engine needs of a model: its places, and a way to let go of it. */
export type Unloadable<Place> = { readonly sequences: readonly Place[]; dispose(): Promise<void> };

export class Engine<Place, Model extends Unloadable<Place>> {
  readonly #load: () => Promise<Model>;
  readonly #slots: Slots<Place>;
  readonly #drainMs: number;
  #state: EngineState = "loading";
  #model: Model | undefined;
  #unloading = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(load: () => Promise<Model>, slots: Slots<Place>, drainMs: number) {
    this.#load = load;
    this.#slots = slots;
    this.#drainMs = drainMs;
  }

  get state(): EngineState {
    return this.#state;
  }

  get asleep(): boolean {
    return this.#state === "asleep" || this.#state === "falling-asleep" || this.#state === "waking";
  }

  /** Loads the model for the first time. Throws what loading threw. */
  start(): Promise<void> {
    return this.#inTurn(() => this.#bringUp());
  }

  /** The model, when it can answer; else 503 with what to do. */
  ready(): Model {
    if (this.#state === "ready" && this.#model !== undefined) return this.#model;
    throw notReady(this.#state);
  }

  /** Aborts when the model is taken away under running requests. */
  get unloadSignal(): AbortSignal {
    return this.#unloading.signal;
  }

  /** Frees the model. Requests that run may finish within the drain time, then they are cut; who waits gets 503. */
  sleep(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state === "asleep") return;
      if (this.#state !== "ready") throw notReady(this.#state);
      await this.#letGo("falling-asleep", "asleep");
    });
  }

  /** Loads the model again. Nothing to do when it is awake. */
  wake(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state === "ready") return;
      if (this.#state !== "asleep") throw notReady(this.#state);
      this.#state = "waking";
      await this.#bringUp();
    });
  }

  /** Ends for good: refuses new requests, lets running ones finish within the drain time. */
  async stop(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#state === "ready") await this.#letGo("falling-asleep", "asleep");
    });
  }

  async #bringUp(): Promise<void> {
    try {
      const model = await this.#load();
      this.#model = model;
      this.#unloading = new AbortController();
      this.#state = "ready";
      this.#slots.open(model.sequences);
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
  }

  async #letGo(during: EngineState, after: EngineState): Promise<void> {
    this.#state = during;
    this.#slots.close(notReady("asleep"));
    const cut = setTimeout(() => this.#unloading.abort(notReady("asleep")), this.#drainMs);
    await this.#slots.idle();
    clearTimeout(cut);
    await this.#model?.dispose();
    this.#model = undefined;
    this.#state = after;
  }

  /** Sleep and wake never overlap: each waits for the one before. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }
}

function notReady(state: EngineState): ApiError {
  const options = { type: "service_unavailable", retryAfterSeconds: 1 };
  if (state === "failed") return new ApiError(503, "the model could not be loaded, see the log", options);
  if (state === "asleep" || state === "falling-asleep") {
    return new ApiError(503, "the model is asleep; POST /wake_up first", { ...options, code: "asleep" });
  }
  return new ApiError(503, "the model is loading; try again in a moment", { ...options, code: "loading" });
}
