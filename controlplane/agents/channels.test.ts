import { expect, test } from "vitest";
import { manualClock } from "#core/testing/manual-clock.ts";
import { createChannels, type HostChannel } from "./channels.ts";

const channel = { send: async () => {}, cancel: () => {}, async *[Symbol.asyncIterator]() {} } as HostChannel;
const signal = new AbortController().signal;

function setUp() {
  let ids = 0;
  const asked: string[] = [];
  const clock = manualClock();
  const channels = createChannels({ clock, newId: () => `c${++ids}`, timeoutMs: 1_000 });
  const open = (host: string, stop = signal) => channels.open(host, (id) => asked.push(`${host} ${id}`), stop);
  return { channels, clock, asked, open };
}

test("a host is asked for sixteen at a time, the next ones as these come; another host does not wait", async () => {
  const { channels, asked, open } = setUp();
  const opened = Array.from({ length: 20 }, () => open("a"));
  expect(asked.length).toBe(16);
  void open("b").catch(() => {});
  expect(asked.at(-1)).toBe("b c21");
  for (let n = 1; n <= 20; n++) expect(channels.accept("a", `c${n}`, channel)).toBe(true);
  expect(asked.length).toBe(21);
  await Promise.all(opened);
});

test("who leaves while it waits is not asked for, and who leaves after that makes room", async () => {
  const { asked, open } = setUp();
  const stops = Array.from({ length: 18 }, () => new AbortController());
  const results = stops.map((stop) => open("a", stop.signal).catch((error: Error) => error.message));
  stops[16]?.abort();
  stops[0]?.abort();
  expect(asked.slice(16)).toEqual(["a c18"]);
  expect(await results[16]).toBe("the request was cancelled");
});

test("a host that does not answer is not asked for those whose time is up: so many at once would end its link", async () => {
  const { clock, asked, open } = setUp();
  const results = Array.from({ length: 200 }, () => open("a").catch((error: Error) => error.message));
  clock.advance(1_000);
  expect(new Set(await Promise.all(results))).toEqual(new Set(["the agent did not open a channel within 1000 ms"]));
  expect(asked.length).toBe(16);
  void open("a").catch(() => {});
  expect(asked.length).toBe(17);
});

test("a host that went away fails those that wait too, and begins anew", async () => {
  const { OzError } = await import("#core/errors.ts");
  const { channels, asked, open } = setUp();
  const results = Array.from({ length: 30 }, () => open("a").catch((error: Error) => error.message));
  channels.failHost("a", new OzError("unavailable", "gone"));
  expect(new Set(await Promise.all(results))).toEqual(new Set(["gone"]));
  const before = asked.length;
  void open("a").catch(() => {});
  expect(asked.length).toBe(before + 1);
});

test("too many are refused", async () => {
  const { open } = setUp();
  for (let n = 0; n < 16 + 1024; n++) void open("a").catch(() => {});
  await expect(open("a")).rejects.toMatchObject({ code: "limit" });
});
