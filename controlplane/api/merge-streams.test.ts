import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { mergeStreams } from "./merge-streams.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

async function* speaks<T>(...values: T[]): AsyncGenerator<T> {
  yield* values;
}

async function readAll<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of stream) values.push(value);
  return values;
}

test("each stream's order is kept, and the end is the end of all", async () => {
  const merged = await readAll(mergeStreams<string>([speaks("a1", "a2", "a3"), speaks(), speaks("b1", "b2")]));
  expect(merged.filter((value) => value.startsWith("a"))).toEqual(["a1", "a2", "a3"]);
  expect(merged.filter((value) => value.startsWith("b"))).toEqual(["b1", "b2"]);
  expect(await readAll(mergeStreams([]))).toEqual([]);
});

test("nothing that was read is kept while another stream is silent", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const read: WeakRef<Uint8Array>[] = [];
  async function* writer(): AsyncGenerator<Uint8Array> {
    for (let n = 0; n < 100; n++) yield new Uint8Array(1024);
  }
  async function* silent(): AsyncGenerator<Uint8Array> {
    yield* await promise.then(() => []);
  }
  for await (const bytes of mergeStreams([silent(), writer()])) {
    read.push(new WeakRef(bytes));
    if (read.length === 100) resolve();
    await new Promise((done) => setImmediate(done));
    if (read.length !== 99) continue;
    collectGarbage();
    expect(read.filter((one) => one.deref() !== undefined).length).toBeLessThan(5);
  }
  expect(read.length).toBe(100);
});

test("a slow reader slows the writers: one message of each is held", async () => {
  let written = 0;
  async function* writer(): AsyncGenerator<number> {
    for (;;) yield ++written;
  }
  const merged = mergeStreams([writer(), writer()]);
  await merged.next();
  await new Promise((done) => setTimeout(done, 20));
  expect(written).toBeLessThan(5);
  await merged.return(undefined);
});
