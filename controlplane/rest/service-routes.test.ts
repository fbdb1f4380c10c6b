import { describe, expect, test } from "vitest";
import { OzError } from "#core/errors.ts";
import { fakeBackend, get, post, serve } from "./testing/rest-server.ts";

describe("services", () => {
  test("configured shows definitions with varieties and profiles, secrets masked", async () => {
    const { base } = await serve(fakeBackend());
    const { body } = await get(base, "/srv/services/configured/");
    expect(body).toHaveLength(1);
    expect(body[0]).toMatchObject({
      service_name: "qwen",
      realm: "default",
      type: "container",
      image: "qwen.nvidia",
      volumes: ["/srv:/models:ro"],
      networks: ["default"],
    });
    expect(body[0].varieties["cpu-only"].image).toBe("qwen.cpu");
    expect(body[0].profiles["no-gpu"].environment).toEqual({ MAX_MODEL_LEN: "45000" });
    expect(JSON.stringify(body)).not.toContain("hf_secret");
  });

  test("active shows one record per replica with where, how and why", async () => {
    const { base } = await serve(fakeBackend());
    const { body } = await get(base, "/srv/services/active/");
    const short = body.map((r: any) => [r.name, r.status, r.state, r.persistent]);
    expect(short).toEqual([
      ["qwen", "available", "ready", false],
      ["broken", "failed", "failed", true],
      ["leaving", "stopping", "stopping", false],
      ["new", "starting", "pending", false],
    ]);
    expect(body[0]).toMatchObject({
      service: "qwen",
      realm: "default",
      variety: "cpu-only",
      profile: "no-gpu",
      properties: { a: 1, b: 2 },
      host: "devbox",
      endpoint: "http://10.0.0.9:11000",
      protocol: "http",
      since: "1970-01-01T00:16:40.000Z",
      last_error: null,
      info: {
        start_initiated: null,
        start_completed: "1970-01-01T00:16:40.000Z",
        container_id: "qwen.1",
        container_status: "running",
        container_health: "healthy",
      },
    });
    expect(body[1].last_error).toBe("exit code 1");
    expect(JSON.stringify(body)).not.toContain("secrets_tokens");
  });

  test("update replaces the dynamic set on every alias; service defaults to the name", async () => {
    const backend = fakeBackend();
    const { base } = await serve(backend);
    const wanted = [{ name: "qwen", variety: "cpu-only", profile: "no-gpu" }];
    for (const path of [
      "/srv/services/active/update/",
      "/srv/services/dynamic/update/",
      "/srv/services/update/",
      "/srv/services/active/update",
    ]) {
      expect(await post(base, path, wanted)).toEqual({
        status: 202,
        body: { status: "accepted", message: "Watch it: ozctl ops watch 12", operation_id: 12 },
      });
    }
    expect(backend.replaced).toHaveLength(4);
    expect(backend.replaced[0]).toMatchObject([
      { name: "qwen", service: "qwen", group: "default", variety: "cpu-only", profile: "no-gpu" },
    ]);
    expect((await post(base, "/srv/services/active/update/", [])).status).toBe(202);
    expect(backend.replaced.at(-1)).toEqual([]);
  });

  test("records of the active list can be sent back", async () => {
    const backend = fakeBackend();
    const { base } = await serve(backend);
    const active = (await get(base, "/srv/services/active/")).body.filter((r: any) => !r.persistent);
    expect((await post(base, "/srv/services/active/update/", active)).status).toBe(202);
    expect(backend.replaced[0]?.map((i) => i.name)).toEqual(["qwen", "leaving", "new"]);
  });

  test.each([
    ["an object", {}, 422, "body: "],
    ["no JSON", "[", 422, "not JSON"],
    ["nothing", "", 422, "not JSON"],
    ["no name", [{}], 422, "body[0].name"],
    ["a name that is a number", [{ name: 4 }], 422, "body[0].name"],
    ["a misspelt key", [{ name: "a", varity: "x" }], 422, "body[0].varity: unknown key. Did you mean variety?"],
    ["the same name twice", [{ name: "a" }, { name: "a" }], 400, "named twice"],
    ["a persistent record", [{ name: "a", persistent: true }], 400, "the settings own it"],
    ["locker tokens", [{ name: "a", secrets_tokens: { l: "t" } }], 400, "secrets_tokens"],
  ])("update refuses %s and changes nothing", async (_what, body, status, words) => {
    const backend = fakeBackend();
    const { base } = await serve(backend);
    const answer = await post(base, "/srv/services/active/update/", body);
    expect(answer.status).toBe(status);
    expect(answer.body.detail).toContain(words);
    expect(backend.replaced).toEqual([]);
  });

  test("what the backend does not know is 400 with its suggestion, a lost race 409, its own mistakes 500 without detail", async () => {
    let thrown: Error = new OzError("not_found", "no service qwn", { hint: "Did you mean qwen?" });
    const { base } = await serve(fakeBackend({ replaceDynamic: () => Promise.reject(thrown) }));
    expect(await post(base, "/srv/services/update/", [{ name: "qwn" }])).toEqual({
      status: 400,
      body: { detail: "no service qwn", code: "not_found", hint: "Did you mean qwen?" },
    });
    thrown = new OzError("conflict", "the store moved on");
    expect((await post(base, "/srv/services/update/", [{ name: "qwen" }])).status).toBe(409);
    thrown = new OzError("store_failed", "disk");
    expect((await post(base, "/srv/services/update/", [{ name: "qwen" }])).status).toBe(503);
    thrown = new TypeError("secret internals");
    const answer = await post(base, "/srv/services/update/", [{ name: "qwen" }]);
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer.body)).not.toContain("internals");
  });
});
