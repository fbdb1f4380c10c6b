import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ExecRequestSchema, LogRequestSchema, type OpenChannel } from "#proto/agent_pb.ts";
import type { ExecOptions, ExecSession, LogOptions, ObservedContainer, OutputSink } from "./apply/engine.ts";
import { serveChannel } from "./channels.ts";
import type { AgentChannel, ChannelInput } from "./link/channel.ts";
import { container, wanted } from "./testing/wanted.ts";

const seen = (attempt: number, phase: "created" | "running" | "ended", secretKeys: string[] = []) =>
  ({ ...container("r1", attempt, { phase }), instance: "web", secretKeys }) as unknown as ObservedContainer;

const environment = { API_KEY: "geheim-1", PIN: "geheim-2", GREETING: "hello" };

function setUp(containers: ObservedContainer[], input: ChannelInput[] = [], isWanted = true) {
  const calls: unknown[] = [];
  let output = "";
  const session: ExecSession = {
    write: async (bytes) => void calls.push(["write", Buffer.from(bytes).toString()]),
    endInput: () => void calls.push(["end"]),
    resize: async (columns, rows) => void calls.push(["resize", columns, rows]),
    exitCode: new Promise((resolve) => setImmediate(() => resolve(7))),
  };
  const engine = {
    environment: async () => environment,
    async logs(id: string, options: LogOptions, sink: OutputSink) {
      calls.push([id, options]);
      for (const piece of ["hello geh", "eim-1 gehe", "im-2 geheim"]) await sink.stdout(Buffer.from(piece));
    },
    exec: async (id: string, options: ExecOptions) => {
      calls.push([id, options.command]);
      return session;
    },
  };
  const channel: AgentChannel = {
    signal: new AbortController().signal,
    stdout: async (bytes) => void (output += Buffer.from(bytes).toString()),
    stderr: async () => {},
    connected: async () => {},
    stdoutClosed: async () => {},
    input: (async function* () {
      yield* input;
    })(),
  };
  const serve = (request: OpenChannel["request"]) =>
    serveChannel(
      {
        engine,
        look: () => new Map([["r1", containers]]),
        wanted: () => (isWanted ? wanted("r1", 1, { instance: "web", secretKeys: ["PIN"] }) : undefined),
      },
      request,
      channel,
    );
  return { calls, serve, output: () => output };
}

const logs = (more: { previous?: boolean; follow?: boolean; replicaId?: string } = {}): OpenChannel["request"] => ({
  case: "logs",
  value: create(LogRequestSchema, { replicaId: "r1", tail: 5, ...more }),
});
const exec: OpenChannel["request"] = {
  case: "exec",
  value: create(ExecRequestSchema, { replicaId: "r1", command: ["ls"] }),
};

test("the log of the present attempt, running or ended, and of the one before it", async () => {
  const running = setUp([seen(1, "ended"), seen(2, "ended"), seen(3, "running"), seen(4, "created")]);
  await running.serve(logs({ follow: true }));
  await running.serve(logs({ previous: true, follow: true }));
  expect(running.calls).toEqual([
    ["r1.1.3", { follow: true, tail: 5, timestamps: false }],
    ["r1.1.2", { follow: false, tail: 5, timestamps: false }],
  ]);
  const ended = setUp([seen(1, "ended"), seen(2, "ended")]);
  await ended.serve(logs());
  await ended.serve(logs({ previous: true }));
  // Nothing is present any more: what is over is the one before.
  const last = ["r1.1.2", { follow: false, tail: 5, timestamps: false }];
  expect(ended.calls).toEqual([last, last]);
});

test("a log leaves the host without the secrets of its container", async () => {
  const { serve, output } = setUp([seen(1, "running")]);
  await serve(logs());
  expect(output()).toBe("hello ••• ••• geheim");
});

test("nor does that of one that nothing asks for any more, with what its settings called secret", async () => {
  const { serve, output } = setUp([seen(1, "running", ["PIN"])], [], false);
  await serve(logs());
  expect(output()).toBe("hello ••• ••• geheim");
});

test("what is not there is said by name", async () => {
  await expect(setUp([seen(1, "running")]).serve(logs({ previous: true }))).rejects.toThrow(
    "web has no earlier attempt",
  );
  await expect(setUp([seen(1, "created")]).serve(logs())).rejects.toMatchObject({
    code: "not_found",
    message: "nothing of web has run on this host yet",
  });
  await expect(setUp([seen(1, "ended")]).serve(exec)).rejects.toThrow("web does not run on this host now");
  await expect(setUp([]).serve({ case: undefined })).rejects.toMatchObject({ code: "not_supported" });
});

test("a command gets its input and its terminal, and gives its exit code", async () => {
  const { calls, serve } = setUp(
    [seen(1, "running")],
    [
      { case: "stdin", value: Buffer.from("hi") },
      { case: "resize", value: { $typeName: "ozwald.v1.TerminalSize", columns: 80, rows: 24 } },
      { case: "stdinClosed", value: true },
    ],
  );
  expect(await serve(exec)).toEqual({ exitCode: 7 });
  expect(calls).toEqual([["r1.1.1", ["ls"]], ["write", "hi"], ["resize", 80, 24], ["end"]]);
});
