// Waits for something to become true, for tests against real things.

/** Asks again every intervalMs (default 50) until the answer is neither false nor undefined; throws after timeoutMs (default 10 s). */
export async function waitUntil<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 10_000,
  intervalMs = 50,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (thrown) {
      last = thrown;
    }
    if (Date.now() >= deadline) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}.`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
