import { describe, expect, test } from "vitest";
import { OzError } from "#core/errors.ts";
import { ask } from "./ask.ts";
import { converse } from "./converse.ts";
import { untilInterrupted } from "./session.ts";
import { type FakeIo, fakeIo } from "./testing/fake-io.ts";

/** A terminal at which fn happens the moment that text is shown, before the program does anything else. */
function terminal(text: string, fn: (io: FakeIo) => void): FakeIo {
  const io = fakeIo({ columns: 80 });
  const shows = {
    ...io,
    out(data: string | Uint8Array) {
      io.out(data);
      if (io.written().out.endsWith(text)) fn(io);
    },
  };
  return shows;
}

describe("Ctrl-C the moment a question is shown", () => {
  test("ends a talk, not the program", async () => {
    const io = terminal("> ", (shown) => shown.interrupt());
    await converse(io, () => Promise.reject(new Error("nothing was asked")));
    expect(io.written()).toEqual({ out: "> \n", err: "" });
  });

  test("is a no", async () => {
    const io = terminal("[y/N] ", (shown) => shown.interrupt());
    expect(await ask(io, "Remove it?")).toBe(false);
  });
});

test("a talk: lines are answered in turn, Ctrl-C within an answer and an answer that fails do not end it", async () => {
  const questions = ["first\n", "  \n", "cut\n", "fails\n", "last\n"];
  const io = terminal("> ", (shown) => {
    const line = questions.shift();
    if (line === undefined) shown.stdin.end();
    else shown.stdin.write(line);
  });
  const answered: string[] = [];
  await converse(io, async (question) => {
    answered.push(question);
    if (question === "fails") throw new OzError("unavailable", "The model is gone.");
    if (question === "cut")
      await untilInterrupted(io, async (signal) => {
        io.interrupt();
        signal.throwIfAborted();
      });
  });
  expect(answered).toEqual(["first", "cut", "fails", "last"]);
  expect(io.written().out).toBe("> > > > > > \n");
  expect(io.written().err).toContain("The model is gone.");
});

test("from the first question to the end of a talk somebody takes Ctrl-C: between two it would end the program", async () => {
  const questions = ["first\n", "second\n"];
  const io = terminal("> ", (shown) => {
    const line = questions.shift();
    if (line === undefined) shown.stdin.end();
    else shown.stdin.write(line);
  });
  let takers = 0;
  const left: number[] = [];
  const onInterrupt = (fn: () => void) => {
    takers++;
    const forget = io.onInterrupt(fn);
    return () => {
      left.push(--takers);
      forget();
    };
  };
  await converse({ ...io, onInterrupt }, () => Promise.resolve());
  expect(left).toEqual([1, 1, 1, 0]);
});
