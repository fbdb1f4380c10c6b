import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { type Log, quietLog } from "#core/log.ts";
import { restRoutes } from "./rest-routes.ts";
import { chunkedStatus, fakeBackend, get, key, post, rawStatus, serve, withKey } from "./testing/rest-server.ts";

function paths(): { method: string; path: string; open: boolean }[] {
  return restRoutes.flatMap((route) =>
    [route.path, ...(route.aliases ?? [])].map((path) => ({
      method: route.method,
      path: path.replaceAll(/\{\w+\}/g, "qwen"),
      open: route.open === true,
    })),
  );
}

describe("who may", () => {
  test("every route but /health is 401 without the key, with a wrong one, and with another scheme", async () => {
    const { base } = await serve(fakeBackend());
    expect(paths().filter((route) => route.open)).toEqual([{ method: "GET", path: "/health", open: true }]);
    const wrong: Record<string, string>[] = [
      {},
      { authorization: "Bearer wrong" },
      { authorization: "Bearer" },
      { authorization: `Basic ${key}` },
      { authorization: key },
      { authorization: `Bearer ${key}x` },
    ];
    for (const { method, path } of paths().filter((route) => !route.open)) {
      for (const headers of wrong) {
        const answer = await fetch(base + path, { method, headers, ...(method === "POST" ? { body: "[]" } : {}) });
        expect([path, answer.status]).toEqual([path, 401]);
        expect(answer.headers.get("www-authenticate")).toBe("Bearer");
        expect(await answer.json()).toEqual({ detail: "Invalid authentication credentials" });
      }
    }
  });

  test("paths that do not exist are 401 without the key and 404 with it", async () => {
    const { base } = await serve(fakeBackend());
    expect((await get(base, "/nope", {})).status).toBe(401);
    expect(await get(base, "/srv/services/activ/")).toMatchObject({
      status: 404,
      body: { hint: "Did you mean /srv/services/active/?" },
    });
  });

  test("without a system key only /health answers, and the log says what to do", async () => {
    for (const systemKey of [undefined, "", "  "]) {
      const warned: string[] = [];
      const log: Log = { ...quietLog, warn: (...args: unknown[]) => void warned.push(String(args.at(-1))) };
      const { base } = await serve(fakeBackend(), { systemKey, log });
      expect(warned).toHaveLength(1);
      expect((await get(base, "/health", {})).status).toBe(200);
      for (const headers of [{}, withKey, { authorization: "Bearer " }])
        expect((await get(base, "/srv/services/active/", headers as Record<string, string>)).status).toBe(401);
      expect(warned.length).toBeGreaterThan(1);
      expect(warned.every((line) => line.includes("OZWALD_SYSTEM_KEY"))).toBe(true);
    }
  });

  test("the key may hold letters beyond ASCII, and the scheme any case", async () => {
    const { base } = await serve(fakeBackend(), { systemKey: "schlüssel" });
    const sent = Buffer.from("bearer schlüssel", "utf8").toString("latin1");
    expect((await get(base, "/srv/services/active/", { authorization: sent })).status).toBe(200);
  });
});

describe("paths and methods", () => {
  test("a trailing slash may be sent or left out, without a redirect", async () => {
    const { base } = await serve(fakeBackend());
    for (const path of [
      "/health",
      "/health/",
      "/srv/services/active",
      "/srv/services/active/",
      "/srv/host/resources/",
      "/srv/services/logs/qwen",
    ]) {
      expect([path, (await get(base, path)).status]).toEqual([path, 200]);
    }
  });

  test("a wrong method is 405 with Allow, open on /health", async () => {
    const { base } = await serve(fakeBackend());
    const answer = await fetch(`${base}/srv/services/active/`, { method: "DELETE", headers: withKey });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    const update = await fetch(`${base}/srv/services/update/`, { headers: withKey });
    expect([update.status, update.headers.get("allow")]).toEqual([405, "POST"]);
    const both = await fetch(`${base}/srv/services/profile`, { method: "PUT", headers: withKey });
    expect(both.headers.get("allow")).toBe("GET, HEAD, POST");
    expect((await fetch(`${base}/health`, { method: "POST" })).status).toBe(405);
  });

  test("HEAD answers as GET does, without a body", async () => {
    const { base } = await serve(fakeBackend());
    const answer = await fetch(`${base}/srv/services/active/`, { method: "HEAD", headers: withKey });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });

  test("a badly encoded path is 400, a strange one never breaks the server", async () => {
    const { base, port } = await serve(fakeBackend());
    expect(
      await rawStatus(
        port,
        `GET /srv/services/logs/%E0%A4%A/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nConnection: close\r\n\r\n`,
      ),
    ).toBe(400);
    for (const path of ["//", "http://evil/", "/%00", "*", "/?", "/srv//services/active/"]) {
      expect(
        await rawStatus(
          port,
          `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nConnection: close\r\n\r\n`,
        ),
      ).toBe(404);
    }
    expect((await get(base, "/health")).status).toBe(200);
  });

  test("routes of the original that are not here yet say so", async () => {
    const { base } = await serve(fakeBackend());
    for (const [method, path] of [
      ["GET", "/srv/services/profile"],
      ["POST", "/srv/services/profile"],
      ["POST", "/srv/services/footprint"],
      ["POST", "/srv/secrets/update/"],
    ] as const) {
      const answer = await fetch(base + path, { method, headers: withKey });
      expect(answer.status).toBe(501);
      expect(await answer.json()).toMatchObject({
        detail: expect.stringContaining("not in this version"),
        code: "not_supported",
      });
    }
  });
});

describe("bodies", () => {
  test("over 1 MiB is 413, announced or not, and exactly 1 MiB is read", async () => {
    const { base, port } = await serve(fakeBackend());
    const large = `[${" ".repeat(2 ** 20)}]`;
    expect((await post(base, "/srv/services/update/", large)).status).toBe(413);
    expect(await chunkedStatus(port, [" ".repeat(2 ** 19), " ".repeat(2 ** 19), "  "])).toBe(413);
    expect((await post(base, "/srv/services/update/", `[${" ".repeat(2 ** 20 - 2)}]`)).status).toBe(202);
  });

  test("a body that does not come is 408 and the connection ends", async () => {
    const { port } = await serve(fakeBackend(), { bodyLimits: { maxBytes: 100, timeoutMs: 40 } });
    const head = `POST /srv/services/update/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Length: 50\r\n\r\n[`;
    expect(await rawStatus(port, head)).toBe(408);
  });

  test("a backend that hangs is 504, and its signal ends", async () => {
    let signal: AbortSignal | undefined;
    const { base } = await serve(fakeBackend({ logs: (_subject, _range, s) => new Promise(() => (signal = s)) }), {
      answerTimeoutMs: 40,
    });
    expect((await get(base, "/srv/services/logs/qwen/")).status).toBe(504);
    expect(signal?.aborted).toBe(true);
  });

  test("a caller that hangs up ends the signal", async () => {
    const seen = Promise.withResolvers<AbortSignal>();
    const { port } = await serve(
      fakeBackend({ logs: (_subject, _range, signal) => new Promise(() => seen.resolve(signal)) }),
    );
    const socket = connect(port, "127.0.0.1");
    socket.write(`GET /srv/services/logs/qwen/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n\r\n`);
    const signal = await seen.promise;
    const ended = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    socket.destroy();
    await ended;
    expect(signal.aborted).toBe(true);
  });
});
