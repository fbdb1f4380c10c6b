// Fetching images: each image once at a time however many replicas want it, few images at once, with progress. A pull that nobody
// waits for any more is ended.
import type { Clock } from "#core/clock.ts";
import type { ContainerEngine } from "./engine.ts";
import type { Slots } from "./slots.ts";

export type Login = { readonly registry: string; readonly file: string };

export type PullStatus = {
  readonly image: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
};

export type ImagePulls = {
  /** Resolves when the image is on the host. Throws what the engine says, or the signal's reason. */
  pull(image: string, logins: readonly Login[], signal: AbortSignal): Promise<void>;
  /** How far an image is; undefined when it is not being fetched. */
  status(image: string): PullStatus | undefined;
};

type Running = {
  done: Promise<void>;
  abort: AbortController;
  waiters: number;
  status: PullStatus;
  samples: { at: number; bytes: number }[];
};

const rateWindowMs = 5_000;

/** onProgress is called as bytes come in, at most every 500 ms per image. */
export function createImagePulls(deps: {
  engine: Pick<ContainerEngine, "pull">;
  slots: Slots;
  clock: Clock;
  onProgress: () => void;
}): ImagePulls {
  const { engine, slots, clock, onProgress } = deps;
  const running = new Map<string, Running>();

  function begin(image: string, logins: readonly Login[]): Running {
    const abort = new AbortController();
    let told = 0;
    const entry: Running = {
      abort,
      waiters: 0,
      samples: [],
      status: { image, doneBytes: 0, totalBytes: 0, bytesPerSecond: 0 },
      done: slots.run(abort.signal, () => engine.pull(image, logins, note, abort.signal)),
    };
    function note({ doneBytes, totalBytes }: { doneBytes: number; totalBytes: number }): void {
      const now = clock.now();
      entry.samples = [
        ...entry.samples.filter(({ at }) => at > now - rateWindowMs),
        { at: now, bytes: doneBytes },
      ].slice(-50);
      entry.status = { image, doneBytes, totalBytes, bytesPerSecond: rate(entry.samples) };
      if (now - told < 500) return;
      told = now;
      onProgress();
    }
    const forget = () => {
      if (running.get(image) === entry) running.delete(image);
    };
    entry.done.then(forget, forget);
    running.set(image, entry);
    return entry;
  }

  return {
    status: (image) => running.get(image)?.status,
    async pull(image, logins, signal) {
      signal.throwIfAborted();
      const entry = running.get(image) ?? begin(image, logins);
      entry.waiters++;
      const left = Promise.withResolvers<never>();
      const onAbort = () => left.reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        await Promise.race([entry.done, left.promise]);
      } finally {
        signal.removeEventListener("abort", onAbort);
        entry.waiters--;
        if (entry.waiters === 0 && running.get(image) === entry) {
          running.delete(image);
          entry.abort.abort(signal.reason);
        }
      }
    },
  };
}

function rate(samples: readonly { at: number; bytes: number }[]): number {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.at <= first.at) return 0;
  return Math.max(0, Math.round(((last.bytes - first.bytes) * 1000) / (last.at - first.at)));
}
