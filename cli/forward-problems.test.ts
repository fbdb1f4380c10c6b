// What a person is told while a forward runs.
import { afterEach, describe, expect, test, vi } from "vitest";
import { OzError } from "#core/errors.ts";
import { problemTeller } from "./forward-problems.ts";
import { fakeIo } from "./testing/fake-io.ts";

const away = new OzError("unavailable", "No control plane at https://10.0.0.5:7443 (connection refused).");
const refused = new OzError("unavailable", "no replica took the connection");
let end = new AbortController();
afterEach(() => {
  end.abort();
  end = new AbortController();
});

function teller(answers: () => Promise<void>, nowMs?: number) {
  const io = fakeIo(nowMs === undefined ? {} : { nowMs });
  return { io, tell: problemTeller({ io, answers, signal: end.signal }) };
}

describe("a control plane that is away", () => {
  test("is told once, however many connections fail, and so is its return", async () => {
    let up = false;
    const answers = vi.fn(async () => {
      if (!up) throw away;
    });
    const { io, tell } = teller(answers);
    tell(away);
    await vi.waitFor(() => expect(io.written().err).toContain("Connections fail until it answers again"));
    for (let n = 0; n < 20; n++) tell(new OzError("unavailable", `another ${n}`));
    up = true;
    await vi.waitFor(() => expect(io.written().err).toContain("answers again.\n"), 5_000);
    await vi.waitFor(() =>
      expect(io.written().err).toBe(
        `${away.message}\nConnections fail until it answers again; it is asked every few seconds.\nThe control plane answers again.\n`,
      ),
    );
    expect(answers.mock.calls.length).toBeLessThan(6);
  });

  test("is no longer asked when the forward has ended", async () => {
    const stop = new AbortController();
    const io = fakeIo();
    const answers = vi.fn(() => Promise.reject(away));
    problemTeller({ io, answers, signal: stop.signal })(away);
    await vi.waitFor(() => expect(answers).toHaveBeenCalled());
    stop.abort();
    const asked = answers.mock.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(answers.mock.calls.length).toBe(asked);
  });
});

test("a replica that does not answer is told without a word about the control plane, the same only now and then", async () => {
  const { io, tell } = teller(() => Promise.resolve(), 0);
  for (let n = 0; n < 5; n++) tell(refused);
  tell(new OzError("failed", "something else"));
  await Promise.resolve();
  expect(io.written().err).toBe(`${refused.message}\nsomething else\n`);
});
