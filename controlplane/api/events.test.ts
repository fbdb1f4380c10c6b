import { expect, test } from "vitest";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { watchEvents } from "./events.ts";

test("an event that is committed while another one is sent comes without a further change", async () => {
  await using plane = await startTestControlPlane();
  const { store, signal } = plane.context;
  const commit = (message: string) =>
    store.commit(undefined, ({ event }) => event({ kind: "test", subject: "test/one", message }));
  const stop = new AbortController();
  const start = store.revision;
  await commit("first");
  const events = watchEvents(plane.context, start, stop.signal);
  expect((await events.next()).value).toMatchObject({ message: "first" });
  const { position } = signal;
  await commit("second");
  await expect.poll(() => signal.position).toBeGreaterThan(position);
  const timer = setTimeout(() => stop.abort(), 2_000);
  expect((await events.next()).value).toMatchObject({ message: "second" });
  const third = events.next();
  await commit("third");
  expect((await third).value).toMatchObject({ message: "third" });
  clearTimeout(timer);
  stop.abort();
  expect(await events.next()).toMatchObject({ done: true });
});
