// A bound on how many things happen at once. Those that wait are served in order.
export type Slots = {
  /** Waits for a slot, runs fn, gives the slot back. Throws the signal's reason when it aborts while waiting. */
  run<T>(signal: AbortSignal, fn: () => Promise<T>): Promise<T>;
};

export function createSlots(most: number): Slots {
  let free = most;
  const waiting: (() => void)[] = [];

  async function take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (free > 0) {
      free--;
      return;
    }
    const turn = Promise.withResolvers<void>();
    const onAbort = () => {
      const index = waiting.indexOf(turn.resolve);
      if (index < 0) return; // its turn came already
      waiting.splice(index, 1);
      turn.reject(signal.reason);
    };
    waiting.push(turn.resolve);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  function giveBack(): void {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next(); // the slot goes over without becoming free
  }

  return {
    async run(signal, fn) {
      await take(signal);
      try {
        return await fn();
      } finally {
        giveBack();
      }
    },
  };
}
