// A laptop: it gets a token, logs in with the authority pinned, and reaches what runs on a host that publishes nothing.
import { createHash, randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HostState } from "#proto/hosts_pb.ts";
import { type BackgroundProgram, startProgram } from "../support/background-program.ts";
import { testedProgram } from "../support/built-programs.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { report } from "../support/report-time.ts";
import { type CommandResult, runCommand } from "../support/run-command.ts";
import { ensureTalkImage } from "../support/talk-image.ts";
import { waitUntil } from "../support/wait-until.ts";

const mib = 2 ** 20;

let cluster: Cluster;
/** As on another machine: no socket, no context but those of login. */
let laptop: Record<string, string>;

beforeAll(async () => {
  const image = await ensureTalkImage();
  cluster = await startCluster();
  laptop = { ...cluster.env, OZWALD_CONFIG_DIR: join(cluster.folder, "laptop"), OZWALD_CONTEXT: "" };
  laptop["OZWALD_SOCKET"] = join(cluster.folder, "no.sock");
  await cluster.addHost();
  await cluster.mustApply(
    JSON.stringify({
      services: [
        {
          name: "talk",
          image,
          stop_grace: "1s",
          probes: [{ http: { port: 8000, path: "/hello" } }],
        },
      ],
      instances: [{ name: "talk", replicas: 2 }],
    }),
  );
}, 240_000);

afterAll(() => cluster?.dispose());

function onLaptop(args: string[], input = ""): Promise<CommandResult> {
  return runCommand([...testedProgram("ozctl"), ...args], { env: laptop, input });
}

async function newToken(name: string, ...flags: string[]): Promise<{ token: string; line: string[]; id: string }> {
  const made = await cluster.ozctl("token", "create", name, ...flags);
  expect(made.code, made.stderr).toBe(0);
  const token = /^ {2}(ozt_\S+)$/m.exec(made.stdout)?.[1] ?? "";
  const line = /^ {2}ozctl (login .*)$/m.exec(made.stdout)?.[1]?.split(" ") ?? [];
  return { token, line, id: token.split("_")[1] ?? "" };
}

describe("token and login", () => {
  test("the printed line logs in with the token on standard input; a wrong hash sends nothing", async () => {
    const { token, line } = await newToken("laptop", "--expires", "30d");
    expect(line).toEqual([
      "login",
      `https://127.0.0.1:${cluster.port}`,
      "--ca-sha256",
      expect.stringMatching(/^(..:){31}..$/),
    ]);
    const wrong = line.map((word) => (word.includes(":") && !word.startsWith("https") ? "00".repeat(32) : word));
    const refused = await onLaptop([...wrong, "--token-stdin"], token);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/is not the control plane with the key 00:.*Nothing was sent/);
    expect((await onLaptop(["ps"])).stderr).toContain("No control plane is known here");

    const logged = await onLaptop([...line, "--token-stdin", "--name", "lab"], `${token}\n`);
    expect(logged.stderr).toBe("");
    expect(logged.stdout).toContain("From now on: context lab");
    expect((await onLaptop(["ps"])).code).toBe(0);
    const file = join(laptop["OZWALD_CONFIG_DIR"] ?? "", "contexts/lab.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const listed = await onLaptop(["token", "ls"]);
    expect(listed.stdout).toMatch(/^\* +laptop +\w+ +.*in 30 d$/m);
    expect(listed.stdout).not.toContain(token);
  });

  test("a token that is not good makes no context; a revoked one ends at once, and one's own is asked for", async () => {
    const { token, line, id } = await newToken("other");
    const bad = await onLaptop([...line, "--token-stdin", "--name", "bad"], `${token.slice(0, -4)}AAAA`);
    expect(bad).toMatchObject({ code: 1, stdout: "" });
    expect((await onLaptop(["context", "ls", "-o", "name"])).stdout).toBe("lab\n");
    expect((await cluster.ozctl("token", "create", "other")).stderr).toContain("there is a token other already");

    await onLaptop([...line, "--token-stdin", "--name", "second"], token);
    const own = await onLaptop(["--context", "second", "token", "revoke", "other"]);
    expect(own).toMatchObject({ code: 1, stdout: "" });
    expect(own.stderr).toMatch(/is the token that asks[^]*--yes/);
    const revoked = await onLaptop(["--context", "second", "token", "revoke", id, "--yes"]);
    expect(revoked.stdout).toBe("Token other is revoked.\n");
    expect(revoked.stderr).toContain("the one ozctl used here");
    const after = await onLaptop(["--context", "second", "ps"]);
    expect(after.code).toBe(1);
    expect(after.stderr).toContain("not known here, or has ended");
    const events = (await cluster.ozctl("events", "--subject", "token/other")).stdout;
    expect(events).toMatch(/was made[^]*was revoked/);
    await onLaptop(["context", "use", "lab"]);
  });
});

type Forward = { program: BackgroundProgram; url: string; port: number };

async function forward(...args: string[]): Promise<Forward> {
  const program = startProgram([...testedProgram("ozctl"), "forward", ...args], { env: laptop });
  const line = await waitUntil(
    "ozctl forward listens",
    () => {
      if (program.exitCode() !== undefined) throw new Error(program.output());
      return /^(\S+) → (\S+) on (\S+)\. Ctrl-C ends it\.$/m.exec(program.output()) ?? undefined;
    },
    20_000,
  );
  const url = line[1] ?? "";
  return { program, url, port: Number(/:(\d+)/.exec(url.replace("http:", ""))?.[1]) };
}

function dialLocal(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

async function readAll(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) text += String(chunk);
  return text;
}

describe("forward", () => {
  let to: Forward;
  let base: string;

  beforeAll(async () => {
    await cluster.waitFor("both replicas are ready", async () => {
      const replicas = [await cluster.replica("talk", 0), await cluster.replica("talk", 1)];
      return replicas.every((replica) => replica?.state === 5);
    });
    to = await forward("talk");
    base = `http://127.0.0.1:${to.port}`;
  }, 60_000);
  afterAll(() => to?.program.stop());

  const state = async (): Promise<Record<string, number>> => (await (await fetch(`${base}/state`)).json()) as never;

  test("says where it goes, and what is asked there is answered although nothing is published", async () => {
    expect(to.program.output()).toBe(`${base}/v1 → talk on alpha. Ctrl-C ends it.\n`);
    const container = (await cluster.containers()).find(({ instance }) => instance === "talk");
    expect(JSON.stringify(container)).not.toContain("HostPort");
    const began = performance.now();
    expect(await (await fetch(`${to.url}/models`)).json()).toEqual({ data: [{ id: "talk" }] });
    report("a request through forward", performance.now() - began);
  });

  test("20 MiB come back as they went", async () => {
    const body = randomBytes(20 * mib);
    const began = performance.now();
    const response = await fetch(`${base}/echo`, { method: "POST", body });
    const back = Buffer.from(await response.arrayBuffer());
    const ms = performance.now() - began;
    report("20 MiB there and back", ms, `${Math.round(40_000 / ms)} MiB/s`);
    expect(back.equals(body)).toBe(true);
  });

  test("what the caller does not read is not sent, and what the replica does not read is not taken", async () => {
    const reader = await dialLocal(to.port);
    reader.pause();
    reader.write("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const sent = (await state())["bigSent"] ?? 0;
    expect(sent).toBeGreaterThan(64 * 1024);
    expect(sent).toBeLessThan(32 * mib);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await state())["bigSent"]).toBe(sent);
    reader.destroy();

    const writer = await dialLocal(to.port);
    writer.write(`POST /stall HTTP/1.1\r\nHost: x\r\nContent-Length: ${64 * mib}\r\n\r\n`);
    const piece = Buffer.alloc(mib);
    let taken = 0;
    for (let n = 0; n < 64; n++) writer.write(piece, (error) => (error ? undefined : (taken += mib)));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(taken).toBeLessThan(32 * mib);
    writer.destroy();
    report("held back", 0, `${Math.round(sent / 1024)} KiB on the way down, ${taken / 1024} KiB on the way up`);
  });

  test("a caller that leaves is seen by the replica within a second", async () => {
    const leave = new AbortController();
    const before = await state();
    const response = await fetch(`${base}/events`, { signal: leave.signal });
    const events = response.body?.getReader();
    expect(Buffer.from((await events?.read())?.value ?? []).toString()).toContain("data: 0");
    expect(await state()).toMatchObject({ events: before["events"]! + 1, eventsEnded: before["eventsEnded"] });
    leave.abort();
    const left = performance.now();
    await waitUntil(
      "the replica sees it",
      async () => (await state())["eventsEnded"]! > before["eventsEnded"]!,
      1_000,
      10,
    );
    report("cancel to the replica", performance.now() - left);
  });

  test("server-sent events come one by one, as they are made", async () => {
    const leave = new AbortController();
    const response = await fetch(`${base}/events`, { signal: leave.signal });
    const times: number[] = [];
    let text = "";
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      times.push(performance.now());
      if (times.length === 10) break;
    }
    leave.abort();
    expect(text).toMatch(/^id: 0\ndata: 0\n\nid: 1\ndata: 1\n\n/);
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(60);
  });

  test("WebSocket", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${to.port}/`);
    const heard: string[] = [];
    const closed = new Promise<void>((resolve) => socket.addEventListener("close", () => resolve()));
    socket.addEventListener("open", () => socket.send("one"));
    socket.addEventListener("message", ({ data }) => {
      heard.push(String(data));
      if (heard.length < 3) socket.send(`${data}+`);
      else socket.close();
    });
    await closed;
    expect(heard).toEqual(["one", "one+", "one++"]);
  });

  test("250 connections at the same time", async () => {
    const bodies = Array.from({ length: 250 }, (_, n) => `body ${n} `.repeat(1_000));
    const sockets = await Promise.all(bodies.map(() => dialLocal(to.port)));
    const answers = await Promise.all(
      sockets.map(async (socket, n) => {
        const body = bodies[n] ?? "";
        socket.write(`POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`);
        // Every one of them is open before the first one can be done.
        await new Promise((resolve) => setTimeout(resolve, 300));
        socket.write(body);
        return readAll(socket);
      }),
    );
    for (const [n, answer] of answers.entries())
      expect(answer.replace(/\r\n[0-9a-f]+\r\n/g, "").includes(bodies[n] ?? "?"), answer.slice(0, 300)).toBe(true);
    for (const socket of sockets) socket.destroy();
  }, 60_000);

  test("each way ends by itself", async () => {
    const hashing = await forward("talk", "--remote-port", "9001", "--port", String(await freePortNear(to.port)));
    const socket = await dialLocal(hashing.port);
    const body = randomBytes(3 * mib);
    socket.end(body);
    expect(await readAll(socket)).toBe(createHash("sha256").update(body).digest("hex"));
    await hashing.program.stop();

    const bye = await forward("talk#0", "--remote-port", "9002");
    const before = (await state())["received"] ?? 0;
    const half = await dialLocal(bye.port);
    expect(await readAll(half)).toBe("bye");
    half.end(Buffer.alloc(100_000));
    await waitUntil("the replica got it", async () => (await state())["received"] === before + 100_000, 5_000, 20);
    await bye.program.stop();
  });

  test("a port nobody listens on is told, and the caller is reset", async () => {
    const closed = await forward("talk", "--remote-port", "9");
    const socket = await dialLocal(closed.port);
    await expect(readAll(socket)).rejects.toThrow(/ECONNRESET/);
    expect(closed.program.output()).toContain(
      "nothing takes connections at port 9 inside the container (ECONNREFUSED)",
    );
    expect(await closed.program.stop()).toBe(0);
  });

  test("goes on to the next replica when one goes, and over a restart of the control plane", async () => {
    const hostOf = async () => ((await (await fetch(`${base}/hello`)).json()) as { host: string }).host;
    const first = await hostOf();
    expect(await hostOf()).toBe(first);
    expect(first).toBe("talk-0");
    const gone = (await cluster.containers()).find(({ name }) => name.includes("talk-0-"));
    await runCommand(["docker", "kill", gone?.id ?? ""]);
    const next = await cluster.waitFor("another replica answers", () => hostOf().catch(() => undefined), 5_000);
    expect(next).not.toBe(first);
    await cluster.control.restart();
    await cluster.waitFor("it answers again", () => hostOf().catch(() => undefined), 20_000);
  }, 60_000);
});

describe("a forward whose control plane is away", () => {
  const hello = (to: Forward) =>
    fetch(`http://127.0.0.1:${to.port}/hello`, { signal: AbortSignal.timeout(5_000) }).then(
      (response) => response.ok,
      () => false,
    );

  test("says so once, goes on when it is back, and ends at once in between", async () => {
    const to = await forward("talk");
    expect(await hello(to)).toBe(true);
    await cluster.control.kill9();
    expect(await hello(to)).toBe(false);
    await waitUntil(
      "it says so",
      () => to.program.output().includes("Connections fail until it answers again"),
      20_000,
    );
    expect(await hello(to)).toBe(false);
    await cluster.control.start();
    await waitUntil("it says that it is back", () => to.program.output().includes("answers again.\n"), 20_000);
    await cluster.waitFor("connections come through", () => hello(to), 30_000);
    expect(to.program.output().match(/No control plane at|Connections fail/g)).toHaveLength(2);

    await cluster.control.kill9();
    // In its place something that takes connections and never answers: the worst case for who waits for it.
    const taken: Socket[] = [];
    const mute = createServer((socket) => void taken.push(socket.on("error", () => {})));
    await new Promise<void>((resolve, reject) => {
      mute.once("error", reject).listen(cluster.port, "127.0.0.1", resolve);
    });
    const waiting = await dialLocal(to.port);
    waiting.on("error", () => {});
    waiting.write("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    // The agent is one of those that come; the forward is another.
    await waitUntil("it connects", () => taken.length > 1, 30_000);
    const began = performance.now();
    process.kill(to.program.pid, "SIGINT");
    await waitUntil("it ended", () => to.program.exitCode() !== undefined, 5_000, 10);
    report("Ctrl-C without a control plane", performance.now() - began);
    expect(to.program.exitCode()).toBe(0);
    waiting.destroy();
    for (const socket of taken) socket.destroy();
    await new Promise((resolve) => mute.close(resolve));
    await cluster.control.start();
    await cluster.untilHost("alpha", HostState.ONLINE, 30_000);
  }, 120_000);

  test("callers that leave in the middle are nothing for the control plane's log", async () => {
    const to = await forward("talk");
    for (let round = 0; round < 3; round++) {
      const sockets = await Promise.all(Array.from({ length: 30 }, () => dialLocal(to.port)));
      for (const [n, socket] of sockets.entries()) {
        socket.on("error", () => {}).write(`GET /${n % 2 === 0 ? "big" : "events"} HTTP/1.1\r\nHost: x\r\n\r\n`);
      }
      await new Promise((resolve) => sockets[1]?.once("data", resolve));
      for (const [n, socket] of sockets.entries()) {
        if (n % 3 === 0) socket.destroy();
        if (n % 3 === 1) socket.resetAndDestroy();
      }
    }
    await to.program.kill();
    await cluster.waitFor("the control plane has seen it", async () => (await cluster.ozctl("ps")).code === 0);
    const loud = cluster.control
      .present()
      .split("\n")
      .filter((line) => /"level":(50|60)/.test(line));
    expect(loud).toEqual([]);
  }, 60_000);
});

async function freePortNear(port: number): Promise<number> {
  const { freePort } = await import("../support/control-plane.ts");
  const found = await freePort();
  return found === port ? freePortNear(port) : found;
}

describe("chat", () => {
  test("streams an answer with its speed, from words or standard input", async () => {
    const asked = await onLaptop(["chat", "talk", "Name three colours."]);
    expect(asked).toMatchObject({ code: 0, stdout: "Red, blue and green.\n" });
    expect(asked.stderr).toMatch(/^\d+ ms to first token, [\d.]+ tok\/s\n$/);
    const piped = await onLaptop(["chat", "talk", "--max-tokens", "1"], "Name one.\n");
    expect(piped).toMatchObject({ code: 0, stdout: "Red\n" });
    const other = await onLaptop(["chat", "talk", "--model", "gpt", "Hi"]);
    expect(other.stderr).toContain('The model answered 404: no model "gpt" here');
    expect(other.code).toBe(1);
  });

  test("Ctrl-C ends the model's work", async () => {
    const to = await forward("talk");
    const state = async (): Promise<Record<string, number>> =>
      (await (await fetch(`http://127.0.0.1:${to.port}/state`)).json()) as never;
    const before = await state();
    const program = startProgram([...testedProgram("ozctl"), "chat", "talk", "for ever"], { env: laptop });
    await waitUntil("it talks", () => program.output().includes("green"), 10_000);
    process.kill(program.pid, "SIGINT");
    const left = performance.now();
    await waitUntil(
      "the model stopped",
      async () => (await state())["answersEnded"] === before["answersEnded"]! + 1,
      1_000,
      10,
    );
    report("Ctrl-C to the model", performance.now() - left);
    await waitUntil("it ended", () => program.exitCode() !== undefined);
    expect(program.exitCode()).toBe(130);
    await to.program.stop();
  });
});
