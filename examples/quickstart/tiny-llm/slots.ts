// A bounded queue in front of a fixed number of places: first come, first served, and whoever leaves the line costs nothing.

import { ApiError } from "./api-error.ts";

type Waiter<T> = { resolve: (item: T) => void; reject: (error: unknown) => void };

export class Slots<T> {
  readonly #maxWaiting: number;
  #free: T[] = [];
  #taken = new Set<T>();
  #waiters: Waiter<T>[] = [];
  #idle: (() => void)[] = [];

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  get running(): number {
    return this.#taken.size;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  /** Opens the places. Only when no place is taken. */
  open(items: readonly T[]): void {
    if (this.#taken.size > 0) throw new Error("slots opened while some are taken");
    this.#free = [...items];
    while (this.#waiters.length > 0 && this.#free.length > 0) this.#hand(this.#free.pop() as T);
  }

  /** Takes the free places away and refuses everybody who waits. Places in use stay until they are given back. */
  close(reason: ApiError): void {
    this.#free = [];
    for (const waiter of this.#waiters.splice(0)) waiter.reject(reason);
  }

  /** Waits for a place. Rejects with 429 when the line is full, with the signal's reason when it aborts first. */
  take(signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const item = this.#free.pop();
    if (item !== undefined) {
      this.#taken.add(item);
      return Promise.resolve(item);
    }
    if (this.#waiters.length >= this.#maxWaiting) {
      const text = `${this.#maxWaiting} requests wait already; try again in a moment`;
      return Promise.reject(new ApiError(429, text, { type: "rate_limit_error", retryAfterSeconds: 1 }));
    }
    return new Promise<T>((resolve, reject) => {
      const leave = (): void => {
        this.#waiters = this.#waiters.filter((one) => one !== waiter);
        reject(signal.reason);
      };
      const settled = (): void => signal.removeEventListener("abort", leave);
      const waiter: Waiter<T> = {
        resolve: (place) => (settled(), resolve(place)),
        reject: (error) => (settled(), reject(error)),
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** Gives a place back. `keep: false` drops it, for a place whose model is being unloaded. */
  give(item: T, keep = true): void {
    if (!this.#taken.delete(item)) return;
    if (keep) this.#hand(item);
    if (this.#taken.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Resolves when no place is taken. */
  async idle(): Promise<void> {
    if (this.#taken.size === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #hand(item: T): void {
    const next = this.#waiters.shift();
    if (next === undefined) {
      this.#free.push(item);
      return;
    }
    this.#taken.add(item);
    next.resolve(item);
  }
}
