// Waiting for a read that may not be worth waiting for.
import { expect, test } from "vitest";
import { unlessAborted } from "./unless-aborted.ts";

const never = new Promise<never>(() => {});

test("gives what the promise gives", async () => {
  const { signal } = new AbortController();
  await expect(unlessAborted(Promise.resolve(7), signal)).resolves.toBe(7);
  await expect(unlessAborted(Promise.reject(new Error("broken")), signal)).rejects.toThrow("broken");
});

test("ends with the signal, before and while it waits", async () => {
  const stop = new AbortController();
  const waits = unlessAborted(never, stop.signal);
  stop.abort();
  await expect(waits).rejects.toMatchObject({ code: "cancelled" });
  await expect(unlessAborted(never, stop.signal)).rejects.toMatchObject({ code: "cancelled" });
  await expect(unlessAborted(Promise.reject(new Error("late")), stop.signal)).rejects.toMatchObject({
    code: "cancelled",
  });
});
