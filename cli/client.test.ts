import { create } from "@bufbuild/protobuf";
import { ConnectError, Code } from "@connectrpc/connect";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { OzError } from "#core/errors.ts";
import { EventsService } from "#proto/events_pb.ts";
import { HostsService, HostState } from "#proto/hosts_pb.ts";
import { ListServicesResponseSchema, ServicesService } from "#proto/services_pb.ts";
import { SettingsService } from "#proto/settings_pb.ts";
import { openClient } from "./client.ts";
import { errorText, problemsOf } from "./errors.ts";
import { apiError, fakeControlplane, type FakeControlplane, type FakeOptions } from "./testing/fake-controlplane.ts";
import { makeAuthority } from "./testing/authority.ts";

let open: FakeControlplane | undefined;
afterEach(async () => {
  vi.unstubAllEnvs();
  await open?.close();
  open = undefined;
});

async function start(...args: Parameters<typeof fakeControlplane>): Promise<FakeControlplane> {
  return (open = await fakeControlplane(...args));
}

async function errorOf(work: Promise<unknown>): Promise<OzError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OzError);
  return error as OzError;
}

let authority: Awaited<ReturnType<typeof makeAuthority>>;
let stranger: Awaited<ReturnType<typeof makeAuthority>>;
beforeAll(async () => {
  [authority, stranger] = await Promise.all([makeAuthority(), makeAuthority()]);
});

describe("unary calls against the Connect server", () => {
  const places: FakeOptions["on"][] = ["socket", "http", "https"];
  test.each(places)("over %s: numbers beyond 2^53, enums, bearer token", async (on) => {
    const controlplane = await start(
      (router) => {
        router.rpc(HostsService.method.listHosts, () => ({
          hosts: [{ name: "devbox", state: HostState.ONLINE, memoryClaimedBytes: 2n ** 60n }],
        }));
      },
      { ...(on && { on }), ...authority },
    );
    const client = openClient({ address: controlplane.address, token: "ozt_1_secret", caPem: authority.caPem });
    const { hosts } = await client.call(HostsService.method.listHosts, {});
    expect(hosts).toMatchObject([{ name: "devbox", state: HostState.ONLINE, memoryClaimedBytes: 2n ** 60n }]);
    expect(controlplane.requests).toEqual([
      { path: "/ozwald.v1.HostsService/ListHosts", authorization: "Bearer ozt_1_secret" },
    ]);
  });

  test("an answer of several megabytes arrives whole", async () => {
    const services = Array.from({ length: 2_000 }, (_, i) => ({ name: `s${i}`, definitionJson: "ü".repeat(1_000) }));
    const controlplane = await start((router) => router.rpc(ServicesService.method.listServices, () => ({ services })));
    const answer = await openClient(controlplane).call(ServicesService.method.listServices, {});
    expect(answer).toEqual(create(ListServicesResponseSchema, { services }));
  });

  test("an error brings code, message and hint", async () => {
    const controlplane = await start((router) => {
      router.rpc(HostsService.method.removeHost, () => {
        throw apiError("precondition", "2 replicas are bound to tower.", "ozctl host rm tower --force");
      });
    });
    const error = await errorOf(openClient(controlplane).call(HostsService.method.removeHost, { name: "tower" }));
    expect(error).toMatchObject({
      code: "precondition",
      message: "2 replicas are bound to tower.",
      hint: "ozctl host rm tower --force",
    });
  });

  test("every problem of the settings arrives", async () => {
    const problem = {
      file: "ozwald.yml",
      line: 14,
      column: 7,
      path: "services[1].enviroment",
      message: "unknown key",
      hint: "Did you mean environment?",
    };
    const controlplane = await start((router) => {
      router.rpc(SettingsService.method.planSettings, () => {
        throw apiError("settings_invalid", "1 problem", "", [problem], true);
      });
    });
    const error = await errorOf(openClient(controlplane).call(SettingsService.method.planSettings, {}));
    expect(error.code).toBe("settings_invalid");
    expect(problemsOf(error)).toMatchObject({ problems: [problem], more: true });
    expect(errorText(error)).toContain("\nmore than 1 problems, nothing changed.\n");
  });

  test("an error without our detail keeps the meaning of its status", async () => {
    const controlplane = await start((router) => {
      router.rpc(HostsService.method.listHosts, () => {
        throw new ConnectError("who are you", Code.Unauthenticated);
      });
    });
    const error = await errorOf(openClient(controlplane).call(HostsService.method.listHosts, {}));
    expect(error.code).toBe("unauthenticated");
    expect(error.hint).toContain("ozctl context ls");
  });

  test("a call the server does not know", async () => {
    const controlplane = await start(() => undefined);
    expect((await errorOf(openClient(controlplane).call(HostsService.method.listHosts, {}))).code).toBe(
      "not_supported",
    );
  });

  test("no answer in time", async () => {
    const never = Promise.withResolvers<never>();
    const controlplane = await start((router) => router.rpc(HostsService.method.listHosts, () => never.promise));
    const error = await errorOf(openClient(controlplane).call(HostsService.method.listHosts, {}, { timeoutMs: 60 }));
    expect(error.code).toBe("timeout");
  });

  test("the caller's signal ends it", async () => {
    const called = Promise.withResolvers<void>();
    const never = Promise.withResolvers<never>();
    const controlplane = await start((router) =>
      router.rpc(HostsService.method.listHosts, () => {
        called.resolve();
        return never.promise;
      }),
    );
    const controller = new AbortController();
    const error = errorOf(
      openClient(controlplane).call(HostsService.method.listHosts, {}, { signal: controller.signal }),
    );
    await called.promise;
    controller.abort();
    expect((await error).code).toBe("cancelled");
  });
});

describe("server streams against the Connect server", () => {
  test("messages arrive one by one and the end ends it", async () => {
    const controlplane = await start((router) =>
      router.rpc(EventsService.method.watchEvents, async function* (request) {
        for (let i = 1n; i <= 500n; i++)
          yield { event: { sequence: request.afterSequence + i, message: "ü".repeat(300) } };
      }),
    );
    const seen: bigint[] = [];
    for await (const { event } of openClient(controlplane).stream(EventsService.method.watchEvents, {
      afterSequence: 7n,
    }))
      seen.push(event!.sequence);
    expect(seen).toEqual(Array.from({ length: 500 }, (_, i) => BigInt(i + 8)));
  });

  test("an error after some messages", async () => {
    const controlplane = await start((router) =>
      router.rpc(EventsService.method.watchEvents, async function* () {
        yield { event: { sequence: 1n } };
        throw apiError("cursor_too_old", "Events before 900 are gone.", "ozctl events");
      }),
    );
    const seen: bigint[] = [];
    const read = async () => {
      for await (const { event } of openClient(controlplane).stream(EventsService.method.watchEvents, {}))
        seen.push(event!.sequence);
    };
    expect(await errorOf(read())).toMatchObject({ code: "cursor_too_old", hint: "ozctl events" });
    expect(seen).toEqual([1n]);
  });

  test("cancelling reaches the server", async () => {
    const ended = Promise.withResolvers<void>();
    const controlplane = await start((router) =>
      router.rpc(EventsService.method.watchEvents, async function* (_request, context) {
        context.signal.addEventListener("abort", () => ended.resolve());
        yield { event: { sequence: 1n } };
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      }),
    );
    const controller = new AbortController();
    const read = async () => {
      for await (const _ of openClient(controlplane).stream(EventsService.method.watchEvents, {}, controller.signal))
        controller.abort();
    };
    expect((await errorOf(read())).code).toBe("cancelled");
    await ended.promise;
  });

  test("leaving the loop closes the connection", async () => {
    const ended = Promise.withResolvers<void>();
    const controlplane = await start((router) =>
      router.rpc(EventsService.method.watchEvents, async function* (_request, context) {
        context.signal.addEventListener("abort", () => ended.resolve());
        yield { event: { sequence: 1n } };
        await ended.promise;
      }),
    );
    for await (const _ of openClient(controlplane).stream(EventsService.method.watchEvents, {})) break;
    await ended.promise;
  });

  test("a connection that is cut is said to be cut", async () => {
    const controlplane = await start((router) =>
      router.rpc(EventsService.method.watchEvents, async function* (_request, context) {
        yield { event: { sequence: 1n } };
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      }),
    );
    const read = async () => {
      for await (const _ of openClient(controlplane).stream(EventsService.method.watchEvents, {})) controlplane.cut();
    };
    expect((await errorOf(read())).code).toBe("unavailable");
  });
});

describe("no connection", () => {
  const list = (target: Parameters<typeof openClient>[0]) =>
    errorOf(openClient(target).call(HostsService.method.listHosts, {}, { timeoutMs: 2_000 }));

  test("refused: says where, how long, and that nothing stops", async () => {
    const controlplane = await start(() => undefined, { on: "http" });
    const { address } = controlplane;
    await controlplane.close();
    open = undefined;
    const error = await list({ address });
    expect(error.code).toBe("unavailable");
    expect(error.message).toMatch(
      /^No control plane at http:\/\/127\.0\.0\.1:\d+ \(connection refused after 0\.\d s\)\. What runs keeps running\.$/,
    );
    expect(error.hint).toContain("ozctl context ls");
  });

  test("no socket", async () => {
    expect((await list({ address: "unix:/nonexistent/control.sock" })).message).toContain("no such socket");
  });

  test("another authority: nothing is sent", async () => {
    const controlplane = await start(() => undefined, { on: "https", ...authority });
    const error = await list({ address: controlplane.address, caPem: stranger.caPem, token: "ozt_secret" });
    expect(error.code).toBe("unauthenticated");
    expect(error.message).toContain("not of the cluster this context knows");
    expect(controlplane.requests).toEqual([]);
  });

  test("another authority: NODE_TLS_REJECT_UNAUTHORIZED=0 changes nothing, for streams neither", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    const controlplane = await start(() => undefined, { on: "https", ...authority });
    const target = { address: controlplane.address, caPem: stranger.caPem, token: "ozt_secret" };
    expect((await list(target)).message).toContain("not of the cluster this context knows");
    const watching = openClient(target).stream(EventsService.method.watchEvents, {})[Symbol.asyncIterator]();
    expect((await errorOf(watching.next())).message).toContain("not of the cluster this context knows");
    expect(controlplane.requests).toEqual([]);
  });

  test("a certificate for another name", async () => {
    const elsewhere = await authority.issue("10.9.8.7");
    const controlplane = await start(() => undefined, { on: "https", ...elsewhere });
    const error = await list({ address: controlplane.address, caPem: authority.caPem });
    expect(error.message).toContain("for another name or address");
  });

  test("something that does not speak TLS", async () => {
    const controlplane = await start(() => undefined, { on: "http" });
    const error = await list({ address: controlplane.address.replace("http:", "https:"), caPem: authority.caPem });
    expect(error.message).toContain("does not speak TLS 1.3");
  });

  test("plaintext off this machine is refused before anything is sent", async () => {
    expect(await list({ address: "http://10.0.0.5:8000" })).toMatchObject({ code: "bad_request" });
  });
});
