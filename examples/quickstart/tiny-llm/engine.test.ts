import { describe, expect, it } from "vitest";
import { Engine } from "./engine.ts";
import { Slots } from "./slots.ts";

type FakeModel = { sequences: string[]; dispose: () => Promise<void> };

function setUp(options: { fail?: boolean; drainMs?: number } = {}) {
  const events: string[] = [];
  const slots = new Slots<string>(5);
  const load = async (): Promise<FakeModel> => {
    if (options.fail === true) throw new Error("no such file");
    events.push("load");
    return { sequences: ["s"], dispose: async () => void events.push("dispose") };
  };
  return { events, slots, engine: new Engine<string, FakeModel>(load, slots, options.drainMs ?? 1000) };
}

const never = (): AbortSignal => new AbortController().signal;

describe("Engine", () => {
  it("refuses while loading, answers when loaded", async () => {
    const { engine } = setUp();
    expect(() => engine.ready()).toThrow(/loading/);
    await engine.start();
    expect(engine.ready().sequences).toEqual(["s"]);
  });

  it("sleeps and wakes, each only once", async () => {
    const { engine, events } = setUp();
    await engine.start();
    await Promise.all([engine.sleep(), engine.sleep()]);
    expect(engine.state).toBe("asleep");
    expect(() => engine.ready()).toThrow(/asleep; POST \/wake_up/);
    await Promise.all([engine.wake(), engine.wake()]);
    expect(engine.state).toBe("ready");
    expect(events).toEqual(["load", "dispose", "load"]);
  });

  it("lets a running request finish before it disposes", async () => {
    const { engine, slots, events } = setUp();
    await engine.start();
    const place = await slots.take(never());
    const sleeping = engine.sleep();
    await Promise.resolve();
    expect(events).toEqual(["load"]);
    slots.give(place, false);
    await sleeping;
    expect(events).toEqual(["load", "dispose"]);
  });

  it("cuts a request that outlives the drain time", async () => {
    const { engine, slots } = setUp({ drainMs: 5 });
    await engine.start();
    const place = await slots.take(never());
    engine.unloadSignal.addEventListener("abort", () => slots.give(place, false));
    await engine.sleep();
    expect(engine.state).toBe("asleep");
  });

  it("says so when the model cannot be loaded", async () => {
    const { engine } = setUp({ fail: true });
    await expect(engine.start()).rejects.toThrow("no such file");
    expect(engine.state).toBe("failed");
    await expect(engine.wake()).rejects.toThrow(/could not be loaded/);
  });
});
