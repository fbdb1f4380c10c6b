// Commands that carry bytes: logs over the small transport, exec over HTTP/2.
import type { ConnectRouter } from "@connectrpc/connect";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { InstancesService } from "#proto/instances_pb.ts";
import { ExecService, type ExecStart, type GetLogsRequest, LogsService } from "#proto/logs_pb.ts";
import { main } from "../main.ts";
import { makeAuthority } from "../testing/authority.ts";
import { apiError, fakeControlplane, type FakeControlplane, type FakeOptions } from "../testing/fake-controlplane.ts";
import { type FakeIo, fakeIo, runOzctl } from "../testing/fake-io.ts";

let open: FakeControlplane | undefined;
afterEach(async () => {
  vi.unstubAllEnvs();
  await open?.close();
  open = undefined;
});

const text = (data: string) => new TextEncoder().encode(data);

describe("logs", () => {
  const asked: Partial<GetLogsRequest>[] = [];
  async function start(units: object[], parts: { slot?: number; data: Uint8Array; stderr?: boolean }[]) {
    asked.length = 0;
    open = await fakeControlplane((router) => {
      router.rpc(InstancesService.method.listInstances, () => ({
        instances: ["web", "half"].map((name) => ({ name, group: "default", units })),
      }));
      router.rpc(LogsService.method.getLogs, async function* (request, context) {
        asked.push(request);
        yield* parts;
        if (request.instance === "half")
          throw apiError("failed", "1 of 2 replicas of half could not be read to the end");
        if (request.follow) await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      });
    });
  }

  test("one replica: its bytes as they are, each on its stream", async () => {
    await start([{}], [{ data: text("no line end ") }, { data: text("ü\n") }, { data: text("oh\n"), stderr: true }]);
    const result = await runOzctl(["logs", "web", "--tail", "5", "--previous", "-t"], { env: open!.env });
    expect(result).toEqual({ code: 0, out: "no line end ü\n", err: "oh\n" });
    expect(asked).toMatchObject([
      { instance: "web", group: "", tail: 5, previous: true, timestamps: true, follow: false },
    ]);
  });

  test("several: whole lines with their slot, letters cut in two put together", async () => {
    const [a, b] = [text("ü").subarray(0, 1), text("ü").subarray(1)];
    await start(
      [{}, {}],
      [
        { slot: 0, data: text("one\ntw") },
        { slot: 1, data: a },
        { slot: 0, data: text("o\n") },
        { slot: 1, data: b },
      ],
    );
    expect((await runOzctl(["logs", "web"], { env: open!.env })).out).toBe("0 | one\n0 | two\n1 | ü\n");
    await runOzctl(["logs", "web#1"], { env: open!.env });
    expect(asked.at(-1)).toMatchObject({ slot: 1 });
    expect((await runOzctl(["logs", "web#1", "--slot", "0"], { env: open!.env })).code).toBe(2);
  });

  test("an error at the end costs no line that was begun", async () => {
    await start([{}, {}], [{ slot: 0, data: text("one\ntw") }]);
    expect(await runOzctl(["logs", "half"], { env: open!.env })).toEqual({
      code: 1,
      out: "0 | one\n0 | tw\n",
      err: "1 of 2 replicas of half could not be read to the end\n",
    });
  });

  test("-f ends with Ctrl-C, exit 0", async () => {
    await start([{}], [{ data: text("on\n") }]);
    const io = fakeIo({ env: open!.env });
    const out = io.out;
    const code = await main(["logs", "-f", "web"], {
      ...io,
      out: (data) => {
        out(data);
        io.interrupt();
      },
    });
    expect(code).toBe(0);
    expect(io.written()).toEqual({ out: "on\n", err: "" });
  });
});

describe("exec", () => {
  let authority: Awaited<ReturnType<typeof makeAuthority>>;
  beforeAll(async () => {
    authority = await makeAuthority();
  });

  const starts: Partial<ExecStart>[] = [];
  const sizes: string[] = [];
  /** Runs `echo`: gives back what comes in, tells new sizes, ends with 7. */
  function routes(router: ConnectRouter) {
    starts.length = 0;
    sizes.length = 0;
    router.rpc(ExecService.method.exec, async function* (requests) {
      for await (const { message } of requests) {
        if (message.case === "start") {
          starts.push(message.value);
          if (message.value.instance === "gone")
            throw apiError("not_found", 'There is no instance "gone".', "Did you mean web?");
          yield { message: { case: "stderr", value: text("begun\n") } };
        } else if (message.case === "stdin") yield { message: { case: "stdout", value: message.value } };
        else if (message.case === "resize") {
          sizes.push(`${message.value.columns}x${message.value.rows}`);
          yield { message: { case: "stdout", value: text("resized\n") } };
        } else if (message.case === "stdinClosed") break;
      }
      yield { message: { case: "exitCode", value: 7 } };
    });
  }
  const start = async (options: FakeOptions = { on: "http2" }) => (open = await fakeControlplane(routes, options));

  test("without input: output, error output and exit code pass through", async () => {
    await start();
    const result = await runOzctl(["exec", "shop:web#1", "-u", "1000", "--", "ls", "-l", "--all"], { env: open!.env });
    expect(result).toEqual({ code: 7, out: "", err: "begun\n" });
    expect(starts).toMatchObject([
      {
        instance: "web",
        group: "shop",
        slot: 1,
        command: ["ls", "-l", "--all"],
        user: "1000",
        stdin: false,
        tty: false,
      },
    ]);
  });

  test.each([
    [["web", "ls", "-la"], { command: ["ls", "-la"], stdin: false }],
    [["web", "ls", "-i"], { command: ["ls", "-i"], stdin: false }],
    [["web", "-u", "1000", "ls", "--all", "--", "-x"], { command: ["ls", "--all", "--", "-x"], user: "1000" }],
    [["web", "-i", "--", "-cat"], { command: ["-cat"], stdin: true }],
    [["-i", "web", "--slot=2", "cat"], { command: ["cat"], stdin: true, slot: 2 }],
    [["web#1", "--slot", "1", "cat"], { command: ["cat"], slot: 1 }],
  ])("%j: the options after the command's first word are its own", async (argv, expected) => {
    await start();
    const io = fakeIo({ env: open!.env });
    io.stdin.end();
    expect(await main(["exec", ...argv], io)).toBe(7);
    expect(starts).toMatchObject([expected]);
  });

  test.each([
    [["web#1", "--slot", "0", "cat"], 'The slot is 1 in "web#1" and 0 in --slot.'],
    [["web", "--usr", "me", "cat"], "Did you mean --user?"],
    [["web"], "Missing required argument"],
    [["web", "-i"], "Missing required argument"],
  ])("%j: exit 2 before anything is sent", async (argv, message) => {
    await start();
    const { code, err } = await runOzctl(["exec", ...argv], { env: open!.env });
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(starts).toEqual([]);
  });

  test("--help after the name is ours", async () => {
    expect(await runOzctl(["exec", "web", "--help"])).toMatchObject({
      code: 0,
      out: expect.stringContaining("Usage:"),
    });
  });

  test("-i sends a megabyte and gets it back", async () => {
    await start();
    const io = fakeIo({ env: open!.env });
    const sent = "0123456789abcdef".repeat(65_536);
    io.stdin.end(sent);
    expect(await main(["exec", "-i", "web", "--", "cat"], io)).toBe(7);
    expect(io.written().out === sent).toBe(true);
  });

  test("-i with an input that cannot be read: the command gets its end, and the reason is told", async () => {
    await start();
    const io = fakeIo({ env: open!.env });
    const failing = io.stdin;
    failing.once("resume", () => failing.destroy(new Error("EISDIR: illegal operation on a directory, read")));
    expect(await main(["exec", "-i", "web", "--", "cat"], io)).toBe(7);
    expect(io.written().err).toContain("Standard input cannot be read: EISDIR");
  });

  test("-it: raw mode while it runs, sizes follow the terminal", async () => {
    await start();
    const modes: boolean[] = [];
    const io = fakeIo({ env: open!.env, columns: 90 });
    const terminal = Object.assign(io.stdin, { isTTY: true, setRawMode: (raw: boolean) => modes.push(raw) });
    const whenSaid = watchOutput(io, (said) => {
      if (said.endsWith("begun\n")) io.resize(100, 30);
      if (said.endsWith("resized\n")) terminal.write("exit\n");
      if (said.endsWith("exit\n")) terminal.end();
    });
    expect(await main(["exec", "-it", "web", "--", "sh"], whenSaid)).toBe(7);
    expect(modes).toEqual([true, false]);
    expect(sizes).toEqual(["100x30"]);
    expect(starts).toMatchObject([{ stdin: true, tty: true, size: { columns: 90, rows: 24 } }]);
  });

  test("-t where there is no terminal: exit 2 before anything is sent", async () => {
    await start();
    expect(await runOzctl(["exec", "-it", "web", "--", "sh"], { env: open!.env })).toMatchObject({
      code: 2,
      err: expect.stringContaining("Leave -t out"),
    });
    expect(starts).toEqual([]);
  });

  test("errors have the words of the API", async () => {
    await start();
    expect(await runOzctl(["exec", "gone", "--", "sh"], { env: open!.env })).toEqual({
      code: 2,
      out: "",
      err: 'There is no instance "gone".\nDid you mean web?\n',
    });
  });

  test("over TLS with the pinned authority, and not with another", async () => {
    await start({ on: "https2", ...authority });
    expect((await runOzctl(["exec", "web", "--", "ls"], { env: open!.env })).code).toBe(7);
    await open!.close();
    const stranger = await makeAuthority();
    await start({ on: "https2", ...authority, caPem: stranger.caPem });
    for (const checks of ["1", "0"]) {
      vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", checks);
      const { code, err } = await runOzctl(["exec", "web", "--", "ls"], { env: open!.env });
      expect([code, open!.requests], checks).toEqual([1, []]);
      expect(err).toContain("not of the cluster this context knows");
    }
  });

  test("no control plane: the sentence everybody knows", async () => {
    await start();
    const { env } = open!;
    const socket = open!.address;
    await open!.close();
    open = undefined;
    const { mkdirSync, writeFileSync, rmSync } = await import("node:fs");
    mkdirSync(`${env["OZWALD_CONFIG_DIR"]}/contexts`, { recursive: true });
    writeFileSync(`${env["OZWALD_CONFIG_DIR"]}/contexts/test.json`, JSON.stringify({ address: socket }), {
      mode: 0o600,
    });
    const { code, err } = await runOzctl(["exec", "web", "--", "ls"], { env });
    rmSync(env["OZWALD_CONFIG_DIR"]!, { recursive: true });
    expect(code).toBe(1);
    expect(err).toMatch(/^No control plane at unix:.* What runs keeps running\.\n/);
  });
});

describe("a reader of ours that reads nothing", () => {
  test.each([
    [["logs", "web"], "socket", 0],
    [["exec", "web", "--", "yes"], "http2", 130],
  ] as const)("%j: holds the sender back; Ctrl-C still ends it", async (argv, on, code) => {
    const [piece, all] = [new Uint8Array(64 * 1024), 256 * 2 ** 20];
    let sent = 0;
    async function* pieces() {
      for (; sent < all; sent += piece.length) yield piece;
    }
    open = await fakeControlplane(
      (router) => {
        router.rpc(InstancesService.method.listInstances, () => ({ instances: [] }));
        router.rpc(LogsService.method.getLogs, async function* () {
          for await (const data of pieces()) yield { data };
        });
        router.rpc(ExecService.method.exec, async function* () {
          for await (const value of pieces()) yield { message: { case: "stdout" as const, value } };
        });
      },
      { on },
    );
    const io = fakeIo({ env: open.env });
    const done = main(argv, { ...io, out: () => {}, taken: () => new Promise(() => {}) });
    let before = -1;
    await vi.waitUntil(() => sent > 0 && before === (before = sent), { timeout: 10_000, interval: 200 });
    expect(sent).toBeLessThan(32 * 2 ** 20);
    io.interrupt();
    expect(await done).toBe(code);
  });
});

/** The shell, with a callback for what was printed so far. */
function watchOutput(io: FakeIo, fn: (said: string) => void): FakeIo {
  let said = "";
  const tell = (write: FakeIo["out"]) => (data: string | Uint8Array) => {
    write(data);
    said += typeof data === "string" ? data : Buffer.from(data).toString();
    fn(said);
  };
  return { ...io, stdin: io.stdin, out: tell(io.out), err: tell(io.err) };
}
