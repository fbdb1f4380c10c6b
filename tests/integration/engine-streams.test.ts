// Output of containers and commands inside them, on a real Docker Engine.
import { describe, expect, test } from "vitest";
import { collectOutput } from "../support/collect-output.ts";
import { engineUnderTest, failure, sh } from "../support/engine-under-test.ts";
import { waitUntil } from "../support/wait-until.ts";

const { engine, execText, observed, run } = engineUnderTest();

describe("output", () => {
  test("is followed to its end, both streams apart", async () => {
    const id = await run(sh("for i in 1 2 3; do echo out$i; echo err$i >&2; sleep 0.1; done"));
    const output = collectOutput();
    await engine.logs(id, { follow: true, tail: 0, timestamps: false }, output, new AbortController().signal);
    expect(output.out).toBe("out1\nout2\nout3\n");
    expect(output.err).toBe("err1\nerr2\nerr3\n");
    const stamped = collectOutput();
    await engine.logs(id, { follow: false, tail: 1, timestamps: true }, stamped, new AbortController().signal);
    expect(stamped.out + stamped.err).toMatch(/^\d{4}-\d\d-\d\dT.* (out|err)3\n$/);
    expect((await engine.tail(id, 3)).length).toBe(3);
    expect(await engine.tail(id, 0)).toEqual([]);
  });

  test("of a flood waits for a slow reader, and ends when nobody listens any more", async () => {
    const id = await run(sh("while :; do echo 0123456789012345678901234567890123456789; done"));
    const stop = new AbortController();
    let bytes = 0;
    let atOnce = 0;
    let most = 0;
    const slow = async (chunk: Uint8Array) => {
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setTimeout(resolve, 2));
      atOnce--;
      bytes += chunk.length;
      if (bytes > 50_000) stop.abort();
    };
    await engine.logs(id, { follow: true, tail: 0, timestamps: false }, { stdout: slow, stderr: slow }, stop.signal);
    expect(most).toBe(1);
    expect(bytes).toBeGreaterThan(50_000);
    expect((await observed(id)).phase).toBe("running");
  });

  test("of a container that is gone is refused in words", async () => {
    const gone = engine.logs(
      "0".repeat(64),
      { follow: false, tail: 0, timestamps: false },
      collectOutput(),
      new AbortController().signal,
    );
    expect((await failure(gone)).message).toMatch(/No such container/);
  });
});

describe("commands inside", () => {
  test("give output and exit code", async () => {
    const id = await run();
    expect(await execText(id, ["sh", "-c", "echo hi; exit 5"])).toEqual({ code: 5, out: "hi\n" });
    expect((await execText(id, ["nope"])).code).toBeGreaterThanOrEqual(126);
  });

  test("take input until it ends", async () => {
    const id = await run();
    const output = collectOutput();
    const options = { command: ["wc", "-c"], stdin: true, tty: false, columns: 0, rows: 0, user: "" };
    const session = await engine.exec(id, options, output, new AbortController().signal);
    for (let n = 0; n < 10; n++) await session.write(Buffer.alloc(20_000, "x"));
    session.endInput();
    expect(await session.exitCode).toBe(0);
    expect(output.out.trim()).toBe("200000");
  });

  test("have a terminal with a size", async () => {
    const id = await run();
    const output = collectOutput();
    const options = { command: ["sh"], stdin: true, tty: true, columns: 91, rows: 33, user: "1000:1000" };
    const session = await engine.exec(id, options, output, new AbortController().signal);
    await session.write(Buffer.from("stty size; id -u\n"));
    await waitUntil("the size is shown", () => /33 91\s+1000/.test(output.out));
    await session.resize(120, 40);
    await session.write(Buffer.from("stty size; exit 3\n"));
    expect(await session.exitCode).toBe(3);
    expect(output.out).toMatch(/40 120/);
  });

  test("are ended when nobody wants them any more", async () => {
    const id = await run();
    const stop = new AbortController();
    const options = { command: ["sleep", "543"], stdin: false, tty: false, columns: 0, rows: 0, user: "" };
    const session = await engine.exec(id, options, collectOutput(), stop.signal);
    await waitUntil("it runs", async () => (await execText(id, ["ps"])).out.includes("sleep 543"));
    stop.abort();
    expect((await failure(session.exitCode)).code).toBe("cancelled");
    await waitUntil("it is gone", async () => !(await execText(id, ["ps"])).out.includes("sleep 543"));
  });
});
