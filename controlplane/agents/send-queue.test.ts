// The way out of a stream: what may be replaced, what may not, and when a reader is given up.
import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import type { OzError } from "#core/errors.ts";
import { manualClock } from "#core/testing/manual-clock.ts";
import { createSendQueue } from "./send-queue.ts";

/** Takes `room` messages, then wants a drain for each one. */
class Pipe extends EventEmitter {
  readonly written: string[] = [];
  room = 1;
  write(message: string): boolean {
    this.written.push(message);
    this.room -= 1;
    return this.room > 0;
  }
  drain(room = 1): void {
    this.room = room;
    this.emit("drain");
  }
}

function setUp(limit = 4) {
  const [clock, pipe, errors] = [manualClock(), new Pipe(), [] as OzError[]];
  const kind = (message: string) => (message.startsWith("open") ? undefined : message.slice(0, 3));
  const queue = createSendQueue<string>({
    sink: pipe,
    clock,
    limit,
    stallMs: 1_000,
    kind,
    tooSlow: (error) => errors.push(error),
  });
  return { clock, pipe, errors, queue };
}

describe("send queue", () => {
  test("writes at once, then only after a drain", () => {
    const { pipe, queue } = setUp();
    for (const message of ["ack1", "open1", "open2"]) queue.push(message);
    expect(pipe.written).toEqual(["ack1"]);
    pipe.drain();
    expect(pipe.written).toEqual(["ack1", "open1"]);
    pipe.drain(5);
    queue.push("ack2");
    expect(pipe.written).toEqual(["ack1", "open1", "open2", "ack2"]);
  });

  test("the newest of a kind takes the place of one that waits; the others all go out in order", () => {
    const { pipe, queue } = setUp();
    for (const message of ["ack0", "set1", "open1", "set2", "open2", "set3", "ack9"]) queue.push(message);
    pipe.drain(9);
    expect(pipe.written).toEqual(["ack0", "set3", "open1", "open2", "ack9"]);
  });

  test("gives up on a reader that lets too much wait, once", () => {
    const { pipe, errors, queue } = setUp();
    for (let i = 0; i < 20; i++) queue.push(`open${i}`);
    expect(errors.map((error) => error.code)).toEqual(["limit"]);
    pipe.drain(9);
    expect(pipe.written).toEqual(["open0"]);
  });

  test("gives up on a reader that takes nothing for too long, and leaves no timer", () => {
    const { clock, pipe, errors, queue } = setUp();
    queue.push("open1");
    clock.advance(999);
    pipe.drain();
    queue.push("open2");
    clock.advance(999);
    expect(errors).toEqual([]);
    clock.advance(1);
    expect(errors.map((error) => error.message)).toEqual(["the other side took nothing for 1000 ms"]);
    expect([clock.waiting, pipe.listenerCount("drain")]).toEqual([0, 0]);
  });

  test("tells when all is out", () => {
    const { pipe, queue } = setUp();
    const told: string[] = [];
    for (const message of ["open1", "open2"]) queue.push(message);
    queue.flushed(() => told.push("flushed"));
    pipe.drain();
    expect(told).toEqual([]);
    pipe.drain();
    expect(told).toEqual(["flushed"]);
  });
});
