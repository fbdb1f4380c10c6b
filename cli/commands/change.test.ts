// Commands that change something: the plan, the question, the progress, the end.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InstancesService } from "#proto/instances_pb.ts";
import { OperationsService, OperationState } from "#proto/operations_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { ServicesService } from "#proto/services_pb.ts";
import { PlanAction, SettingsService } from "#proto/settings_pb.ts";
import { main } from "../main.ts";
import { apiError, fakeControlplane, type FakeControlplane } from "../testing/fake-controlplane.ts";
import { fakeIo, type FakeIoOptions, runOzctl } from "../testing/fake-io.ts";

let folder: string;
let open: FakeControlplane | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ozctl-apply-"));
  writeFileSync(
    join(folder, "ozwald.yml"),
    "project: shop\nservices:\n  - name: web\n    type: container\n    image: nginx\n    env_file: [web.env]\n",
  );
  writeFileSync(join(folder, "web.env"), "A=1\n");
});
afterEach(async () => {
  await open?.close();
  open = undefined;
  rmSync(folder, { recursive: true });
});

function lines(...text: string[]): string {
  return text.map((line) => `${line}\n`).join("");
}

const plan = {
  project: "shop",
  fromRevision: 7n,
  toRevision: 8n,
  steps: [
    {
      action: PlanAction.START,
      instance: "embed",
      group: "default",
      host: "devbox",
      reason: "new",
      variety: "cpu-only",
      memoryBytes: 1_288_490_188n,
      needsPull: true,
      image: "embed:1",
      relaxations: ["host_ipc"],
    },
    {
      action: PlanAction.RESTART,
      instance: "tiny-llm",
      group: "default",
      host: "devbox",
      reason: "MAX_MODEL_LEN 2048 → 4096",
    },
    { action: PlanAction.KEEP, instance: "web", group: "default", host: "devbox" },
    {
      action: PlanAction.UNPLACED,
      instance: "judge",
      group: "default",
      reason: "needs 43.8 GiB RAM",
      candidates: [{ host: "devbox", variety: "cpu-only", reason: "misses by 22.8 GiB" }],
    },
  ],
  notices: ["lockers is not supported yet"],
};
const planShown = lines(
  "Plan for project shop (revision 7 → 8)",
  "  + embed     start     devbox  cpu-only, 1.2 GiB RAM   pull embed:1",
  "      relaxed: host_ipc",
  "  ~ tiny-llm  restart   devbox  MAX_MODEL_LEN 2048 → 4096",
  "  = web       keep      devbox",
  "  ! judge     no place          needs 43.8 GiB RAM",
  "      devbox (cpu-only)  misses by 22.8 GiB",
  "Note: lockers is not supported yet",
);

const step = { instance: "embed", group: "default", host: "devbox", action: PlanAction.START };
const unit = { instance: "embed", group: "default", host: "devbox" };
const operation = (state: OperationState, steps: object[]) => ({
  operation: { id: 12n, title: "apply shop", state, steps },
});
const pulling = (done: bigint) => ({
  ...step,
  replica: {
    ...unit,
    state: ReplicaState.PULLING,
    observed: { pull: { doneBytes: done, totalBytes: 212_000_000n, bytesPerSecond: 24_000_000n } },
  },
});
const ready = {
  ...step,
  done: true,
  tookMs: 1_800n,
  replica: {
    ...unit,
    state: ReplicaState.READY,
    observed: { endpoints: [{ address: "127.0.0.1", port: 11000, protocol: "http" }] },
  },
};
const failed = {
  ...step,
  failed: true,
  replica: {
    ...unit,
    state: ReplicaState.FAILED,
    reason: "exit code 1, 5 starts in 31 s",
    observed: { logTail: ["Traceback (most recent call last):", "FileNotFoundError: /models"] },
  },
};

type Asked = {
  applied: {
    expectedRevision?: bigint | undefined;
    idempotencyKey: string;
    envFiles: Record<string, string>;
    files: { name: string }[];
  }[];
};

async function start(states: object[], asked: Asked = { applied: [] }, shownPlan: object = plan): Promise<Asked> {
  open = await fakeControlplane((router) => {
    router.rpc(SettingsService.method.planSettings, () => ({ plan: shownPlan }));
    router.rpc(SettingsService.method.applySettings, (request) => {
      asked.applied.push(request);
      return { operationId: 12n, plan: shownPlan };
    });
    router.rpc(OperationsService.method.watchOperation, async function* () {
      for (const state of states) yield state;
    });
  });
  return asked;
}

const run = (argv: string[], options: FakeIoOptions = {}) =>
  runOzctl(argv, { cwd: folder, ...options, env: { ...open!.env } });

describe("plan", () => {
  test("every action with its reason", async () => {
    await start([]);
    expect(await run(["plan"], { columns: 80 })).toEqual({ code: 0, err: "", out: planShown });
    expect((await run(["plan", "--detailed-exit-code"])).code).toBe(3);
    expect((await run(["plan", "-o", "name"])).out).toBe("embed\ntiny-llm\njudge\n");
    expect(JSON.parse((await run(["plan", "-o", "json"])).out)).toMatchObject({
      fromRevision: "7",
      steps: [{ action: "PLAN_ACTION_START" }, {}, {}, {}],
    });
  });

  test("nothing to change: 0 also with --detailed-exit-code", async () => {
    await start([], undefined, { project: "shop", fromRevision: 7n, toRevision: 7n, steps: [plan.steps[2]] });
    const { code, out } = await run(["plan", "--detailed-exit-code"]);
    expect(code).toBe(0);
    expect(out).toBe(lines("Plan for project shop (revision 7)", "  = web  keep  devbox", "Nothing to change."));
  });

  test("problems of the settings, exit 2", async () => {
    const problem = {
      file: "ozwald.yml",
      line: 3,
      column: 5,
      path: "services[0].enviroment",
      message: "unknown key",
      hint: "Did you mean environment?",
    };
    open = await fakeControlplane((router) =>
      router.rpc(SettingsService.method.planSettings, () => {
        throw apiError("settings_invalid", "1 problem", "", [problem]);
      }),
    );
    expect(await run(["plan"])).toEqual({
      code: 2,
      out: "",
      err: "ozwald.yml:3:5    services[0].enviroment: unknown key. Did you mean environment?\n1 problem, nothing changed.\n",
    });
    const { code, out, err } = await run(["plan", "-o", "json"]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(JSON.parse(err)).toEqual({
      error: { code: "settings_invalid", message: "1 problem", hint: "", problems: [problem] },
    });
  });
});

describe("apply", () => {
  test("without a terminal it never asks: exit 2, nothing applied", async () => {
    const asked = await start([]);
    const { code, err } = await run(["apply"]);
    expect(code).toBe(2);
    expect(err).toContain("Add --yes");
    expect(asked.applied).toEqual([]);
  });

  test.each([
    ["y\n", true],
    ["YES\n", true],
    ["\n", false],
    ["n\n", false],
    ["yikes\n", false],
  ])("on a terminal it asks: %j", async (typed, agreed) => {
    const asked = await start([operation(OperationState.DONE, [ready])]);
    const io = fakeIo({ cwd: folder, env: open!.env, columns: 80 });
    Object.assign(io.stdin, { isTTY: true }).write(typed);
    expect(await main(["apply"], io)).toBe(agreed ? 0 : 1);
    expect(asked.applied).toHaveLength(agreed ? 1 : 0);
    expect(io.written().out.slice(planShown.length)).toMatch(
      agreed ? /^Apply\? \[y\/N\] / : /^Apply\? \[y\/N\] Nothing done\.\n$/,
    );
  });

  test("with -o json nobody is asked about a plan that was not shown, not on a terminal either", async () => {
    const asked = await start([]);
    const io = fakeIo({ cwd: folder, env: open!.env, columns: 80 });
    Object.assign(io.stdin, { isTTY: true }).write("y\n");
    expect(await main(["apply", "-o", "json"], io)).toBe(2);
    expect(io.written().out).toBe("");
    expect(JSON.parse(io.written().err)).toMatchObject({
      error: { code: "bad_request", hint: "Add --yes to apply without asking." },
    });
    expect(asked.applied).toEqual([]);
  });

  test("Ctrl-C and the end of the input are a no", async () => {
    const asked = await start([]);
    for (const answer of ["interrupt", "end"]) {
      const io = fakeIo({ cwd: folder, env: open!.env, columns: 80 });
      const terminal = Object.assign(io.stdin, { isTTY: true });
      const out = (data: string | Uint8Array) => {
        io.out(data);
        if (!String(data).startsWith("Apply?")) return;
        if (answer === "end") terminal.end();
        else setImmediate(() => io.interrupt());
      };
      expect(await main(["apply"], { ...io, stdin: terminal, out })).toBe(1);
      expect(io.written().out).toMatch(/Apply\? \[y\/N\] \nNothing done\.\n$/);
    }
    expect(asked.applied).toEqual([]);
  });

  test("--yes sends files, env files, the planned revision and a fresh key; one line a change", async () => {
    const asked = await start([
      operation(OperationState.RUNNING, [step]),
      operation(OperationState.RUNNING, [pulling(131_000_000n)]),
      operation(OperationState.RUNNING, [pulling(132_000_000n)]),
      operation(OperationState.RUNNING, [{ ...ready, done: false, tookMs: 0n }]),
      operation(OperationState.DONE, [ready]),
    ]);
    const { code, out, err } = await run(["apply", "--yes"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toBe(
      `${planShown}${lines("embed waiting on devbox", "embed pulling on devbox  131 / 212 MB  24 MB/s", "embed ready on devbox  1.8 s  http://127.0.0.1:11000")}`,
    );
    expect(asked.applied).toMatchObject([
      { expectedRevision: 7n, envFiles: { "web.env": "A=1\n" }, files: [{ name: "ozwald.yml" }] },
    ]);
    await run(["apply", "--yes"]);
    expect(new Set(asked.applied.map((request) => request.idempotencyKey)).size).toBe(2);
    expect(asked.applied[0]!.idempotencyKey).not.toBe("");
  });

  test("on a terminal the block is drawn again, with a bar", async () => {
    await start([operation(OperationState.RUNNING, [pulling(131_000_000n)]), operation(OperationState.DONE, [ready])]);
    const { out } = await run(["apply", "--yes"], { columns: 80 });
    expect(out.slice(planShown.length)).toBe(
      "  embed  pulling   ████████░░░░░░  131 / 212 MB  24 MB/s\n\u001b[1A\r\u001b[J  embed  ready     1.8 s  http://127.0.0.1:11000\n",
    );
  });

  test("a failure prints the last lines and what to type next, exit 1", async () => {
    await start([operation(OperationState.FAILED, [failed])]);
    const { code, err } = await run(["apply", "--yes"]);
    expect(code).toBe(1);
    expect(err).toBe(
      lines(
        "embed failed on devbox: exit code 1, 5 starts in 31 s",
        "  | Traceback (most recent call last):",
        "  | FileNotFoundError: /models",
        "All its lines:  ozctl logs --previous embed        Try again:  ozctl restart embed",
      ),
    );
  });

  test("one that waits for what failed: what to restart is that one", async () => {
    const reason = "waits for db, which failed";
    const waiting = {
      ...failed,
      replica: { ...unit, state: ReplicaState.STARTING, reason, observed: { waitsFor: ["db"] } },
    };
    await start([operation(OperationState.FAILED, [waiting])]);
    const { err } = await run(["apply", "--yes"]);
    expect(err).toBe(
      lines(`embed failed on devbox: ${reason}`, "Why:  ozctl why embed        Try again:  ozctl restart db"),
    );
  });

  test("another revision than expected: exit 1, nothing applied", async () => {
    const asked = await start([]);
    const { code, err } = await run(["apply", "--yes", "--expect-revision", "6"]);
    expect(code).toBe(1);
    expect(err).toContain("at revision 7, not 6");
    expect(asked.applied).toEqual([]);
  });

  test("-o json prints the last state and nothing else", async () => {
    await start([operation(OperationState.RUNNING, [step]), operation(OperationState.DONE, [ready])]);
    const { code, out } = await run(["apply", "--yes", "-o", "json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ id: "12", state: "OPERATION_STATE_DONE" });
  });

  test("--detach says how to watch", async () => {
    await start([]);
    expect((await run(["apply", "--yes", "--detach"])).out).toBe(`${planShown}Going on.  ozctl ops watch 12\n`);
  });
});

describe("following an operation", () => {
  test("Ctrl-C leaves it: exit 130 and both commands", async () => {
    const io = fakeIo();
    open = await fakeControlplane((router) =>
      router.rpc(OperationsService.method.watchOperation, async function* (_request, context) {
        yield operation(OperationState.RUNNING, [step]);
        setImmediate(() => io.interrupt());
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      }),
    );
    const code = await main(["ops", "watch", "12"], { ...io, env: open.env });
    expect(code).toBe(130);
    expect(io.written().err).toBe(
      "The change goes on without you.  ozctl ops watch 12   or stop it:  ozctl ops cancel 12\n",
    );
  });

  test("a control plane that restarts is waited for", async () => {
    let calls = 0;
    open = await fakeControlplane((router) =>
      router.rpc(OperationsService.method.watchOperation, async function* (_request, context) {
        calls += 1;
        if (calls > 1) return yield operation(OperationState.DONE, [ready]);
        yield operation(OperationState.RUNNING, [step]);
        setImmediate(() => open!.cut());
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      }),
    );
    const { code, out, err } = await run(["ops", "watch", "12"]);
    expect({ code, calls }).toEqual({ code: 0, calls: 2 });
    expect(err).toBe("The control plane does not answer; trying again. What runs keeps running.\n");
    expect(out).toBe(lines("embed waiting on devbox", "embed ready on devbox  1.8 s  http://127.0.0.1:11000"));
  });

  test("one that was begun is followed although the first connection to it breaks before it tells anything", async () => {
    let calls = 0;
    await start([]);
    await open!.close();
    open = await fakeControlplane((router) => {
      router.rpc(SettingsService.method.planSettings, () => ({ plan }));
      router.rpc(SettingsService.method.applySettings, () => ({ operationId: 12n }));
      router.rpc(OperationsService.method.watchOperation, async function* (_request, context) {
        calls += 1;
        if (calls > 1) return yield operation(OperationState.DONE, [ready]);
        setImmediate(() => open!.cut());
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      });
    });
    const { code, err } = await run(["apply", "--yes"]);
    expect({ code, calls }).toEqual({ code: 0, calls: 2 });
    expect(err).toBe("The control plane does not answer; trying again. What runs keeps running.\n");
  });

  test("whatever ends the following of what was begun, the way back to it is told", async () => {
    await start([]);
    expect(await run(["apply", "--yes"])).toMatchObject({
      ...{ code: 1, err: "The control plane stopped telling.  ozctl ops watch 12\n" },
    });
    await open!.close();
    open = await fakeControlplane((router) => {
      router.rpc(InstancesService.method.restartInstance, () => ({ operationId: 12n }));
      router.rpc(OperationsService.method.watchOperation, () => {
        throw apiError("unauthenticated", "the token laptop was revoked", "Log in with another one.");
      });
    });
    expect(await run(["restart", "web"])).toMatchObject({
      code: 1,
      err: "the token laptop was revoked\nThe change goes on without you.  ozctl ops watch 12\nLog in with another one.\n",
    });
    // Nothing was begun by one who only watches.
    expect((await run(["ops", "watch", "12"])).err).not.toContain("goes on");
  });

  test("Ctrl-C between sending a change and its answer names the change all the same", async () => {
    for (const argv of [
      ["apply", "--yes"],
      ["up", "web"],
      ["down", "web"],
      ["restart", "web"],
    ]) {
      const io = fakeIo({ cwd: folder });
      const answer = async () => {
        io.interrupt();
        await new Promise((resolve) => setTimeout(resolve, 20));
        return { operationId: 12n };
      };
      open = await fakeControlplane((router) => {
        router.rpc(SettingsService.method.planSettings, () => ({ plan }));
        router.rpc(SettingsService.method.applySettings, answer);
        router.rpc(InstancesService.method.upInstance, answer);
        router.rpc(InstancesService.method.downInstance, answer);
        router.rpc(InstancesService.method.restartInstance, answer);
      });
      const code = await main(argv, { ...io, env: open.env });
      expect([code, io.written().err], argv[0]).toEqual([
        130,
        lines(
          "Waiting for the answer, which names the change. Ctrl-C again does not wait.",
          "The change goes on without you.  ozctl ops watch 12   or stop it:  ozctl ops cancel 12",
        ),
      ]);
      await open.close();
    }
  });

  test("a second Ctrl-C does not wait for the answer", async () => {
    const io = fakeIo();
    open = await fakeControlplane((router) =>
      router.rpc(InstancesService.method.restartInstance, async (_request, context) => {
        io.interrupt();
        io.interrupt();
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        return {};
      }),
    );
    expect(await main(["restart", "web"], { ...io, env: open.env })).toBe(1);
    expect(io.written().err).toContain("Whether the change was begun is not known.\nThe newest changes:  ozctl ops\n");
  });

  test("cancelled and overtaken end with 1", async () => {
    await start([operation(OperationState.CANCELLED, [step])]);
    expect(await run(["ops", "watch", "12"])).toMatchObject({ code: 1, err: "apply shop was cancelled.\n" });
    await open!.close();
    await start([operation(OperationState.SUPERSEDED, [step])]);
    expect(await run(["ops", "watch", "12"])).toMatchObject({ code: 1, err: expect.stringContaining("newer change") });
  });

  test("ops cancel", async () => {
    open = await fakeControlplane((router) =>
      router.rpc(OperationsService.method.cancelOperation, ({ id }) => ({
        operation: { id, title: "apply shop", state: OperationState.CANCELLED },
      })),
    );
    expect(await run(["ops", "cancel", "12"])).toEqual({
      code: 0,
      err: "",
      out: "apply shop is cancelled.  ozctl ps\n",
    });
  });

  test.each([
    ["ops", "watch", "12", "-o", "json"],
    ["ops", "-o", "json", "watch", "12"],
    ["ops", "cancel", "12", "-o", "json"],
    ["ops", "cancel", "-o", "json", "12"],
  ])("%s %s %s %s %s is JSON", async (...words) => {
    const ended = operation(OperationState.CANCELLED, [step]);
    open = await fakeControlplane((router) => {
      router.rpc(OperationsService.method.watchOperation, async function* () {
        yield ended;
      });
      router.rpc(OperationsService.method.cancelOperation, () => ended);
    });
    const { out } = await run(words);
    expect(JSON.parse(out)).toMatchObject({ id: "12", state: "OPERATION_STATE_CANCELLED" });
  });

  test("ops watch has no names to give", async () => {
    open = await fakeControlplane(() => undefined);
    expect(await run(["ops", "watch", "12", "-o", "name"])).toMatchObject({
      code: 2,
      err: "-o name is not known here.\nThere are: json, yaml.\n",
    });
  });
});

describe("up, down, restart", () => {
  const asked: object[] = [];
  const routes = (router: ConnectRouter) => {
    asked.length = 0;
    const answer = {
      operationId: 12n,
      plan: { steps: [{ ...plan.steps[0]!, needsPull: false, relaxations: [] }, plan.steps[2]!] },
    };
    router.rpc(InstancesService.method.upInstance, ({ name, group, service, variety, profile, host, replicas }) => {
      asked.push({ name, group, service, variety, profile, host, replicas });
      return answer;
    });
    router.rpc(InstancesService.method.downInstance, ({ name, group, service, variety, profile, host }) => {
      asked.push({ name, group, service, variety, profile, host });
      return { operationId: 0n };
    });
    router.rpc(InstancesService.method.restartInstance, ({ name, group }) => {
      asked.push({ name, group });
      return answer;
    });
    router.rpc(InstancesService.method.listInstances, () => ({
      instances: [{ name: "assistant", group: "default", service: "llama" }],
    }));
    router.rpc(ServicesService.method.listServices, () => ({
      services: [{ name: "llama", group: "default", varieties: [{ name: "nvidia" }], profiles: ["8k"] }],
    }));
    router.rpc(OperationsService.method.watchOperation, async function* () {
      yield operation(OperationState.DONE, [{ ...ready, replica: { ...ready.replica, since: timestampFromMs(0) } }]);
    });
  };
  beforeEach(async () => {
    open = await fakeControlplane(routes);
  });

  test("flags", async () => {
    const { code, out } = await run(["up", "shop:embed", "--service", "llama", "--host", "tower", "--replicas", "2"]);
    expect(code).toBe(0);
    expect(out).toBe(
      lines("  + embed  start  devbox  cpu-only, 1.2 GiB RAM", "embed ready on devbox  1.8 s  http://127.0.0.1:11000"),
    );
    expect(asked).toEqual([
      { name: "embed", group: "shop", service: "llama", variety: "", profile: "", host: "tower", replicas: 2 },
    ]);
  });

  test("brackets as the original has them", async () => {
    expect((await run(["up", "chat[llama][8k]"])).code).toBe(0);
    expect(asked).toMatchObject([{ name: "chat", service: "llama", variety: "", profile: "8k" }]);
    expect(await run(["up", "chat[llama][9k]"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("Did you mean 8k?"),
    });
    expect((await run(["up", "chat[llama]", "--profile", "8k"])).code).toBe(2);
    expect((await run(["up", "a:chat", "--group", "b"])).code).toBe(2);
    expect(asked).toHaveLength(1);
  });

  test("down of what is down already", async () => {
    expect(await run(["down", "shop:web"])).toEqual({ code: 0, err: "", out: "shop:web is down already.\n" });
    expect(asked).toEqual([{ name: "web", group: "shop", service: "", variety: "", profile: "", host: "" }]);
  });

  test("down takes the flags and brackets of up, as what the instance has to be", async () => {
    expect((await run(["down", "chat[llama][][8k]", "--host", "tower"])).code).toBe(0);
    expect((await run(["down", "chat", "--group", "shop", "--variety", "nvidia"])).code).toBe(0);
    expect(asked).toEqual([
      { name: "chat", group: "", service: "llama", variety: "", profile: "8k", host: "tower" },
      { name: "chat", group: "shop", service: "", variety: "nvidia", profile: "", host: "" },
    ]);
  });

  test("brackets that skip the service mean the one that the instance has", async () => {
    expect((await run(["up", "assistant[][8k]"])).code).toBe(0);
    expect((await run(["down", "assistant[][nvidia]"])).code).toBe(0);
    expect(asked).toMatchObject([
      { name: "assistant", service: "llama", profile: "8k" },
      { name: "assistant", service: "llama", variety: "nvidia" },
    ]);
  });

  test.each(["up", "down", "restart"])("%s of one replica is refused before anything is sent", async (verb) => {
    const { code, err } = await run([verb, "web#1"]);
    expect(code).toBe(2);
    expect(err).toContain(`"web#1" is one replica, and ozctl ${verb} takes a whole instance.`);
    expect(err).toContain(`ozctl ${verb} web `);
    expect(asked).toEqual([]);
  });

  test("restart", async () => {
    expect((await run(["restart", "embed"])).out).toContain("embed ready on devbox");
  });
});
