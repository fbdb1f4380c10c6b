import { describe, expect, test } from "vitest";
import { fakeBackend, get, serve } from "./testing/rest-server.ts";

describe("logs", () => {
  test("the shape of the original, by instance or by service", async () => {
    const backend = fakeBackend();
    const { base } = await serve(backend);
    const { body } = await get(base, "/srv/services/logs/qwen/?last=5&variety=cpu-only");
    expect(body).toMatchObject({
      service_name: "qwen",
      variety: "cpu-only",
      profile: "no-gpu",
      is_top_n: false,
      is_bottom_n: true,
      lines: ["one", "two"],
    });
    expect(new Date(body.request_datetime).toISOString()).toBe(body.request_datetime);
    await get(base, "/srv/services/logs/qwen/?top=3");
    await get(base, "/srv/services/logs/qwen/");
    expect(backend.asked.map((a) => a.range)).toEqual([{ last: 5 }, { first: 3 }, { last: 1000 }]);
    expect(backend.asked[0]?.subject).toEqual({ group: "default", instance: "qwen" });
    expect((await get(base, "/srv/services/launch-logs/qwen/")).body.lines).toEqual(["started on devbox"]);
  });

  test.each([
    ["top=0", 400, "query.top"],
    ["top=x", 400, "whole number"],
    ["last=10001", 400, "at most 10000"],
    ["top=1&last=1", 400, "exclude each other"],
    ["top=1&top=2", 400, "more than once"],
    ["variety=nvidia", 404, "qwen[nvidia]"],
    ["realm=other", 404, "realm other"],
    ["tail=4", 400, "unknown key"],
  ])("?%s is %i", async (query, status, words) => {
    const { base } = await serve(fakeBackend());
    const answer = await get(base, `/srv/services/logs/qwen/?${query}`);
    expect([answer.status, answer.body.detail]).toEqual([status, expect.stringContaining(words)]);
  });

  test("an unknown name has a suggestion, one that several instances share names them", async () => {
    const { base } = await serve(fakeBackend());
    expect(await get(base, "/srv/services/logs/qwn/")).toMatchObject({
      status: 404,
      body: { hint: "Did you mean qwen?" },
    });
    expect(await get(base, "/srv/services/logs/other/")).toMatchObject({
      status: 400,
      body: { detail: "2 instances use other: broken, leaving" },
    });
  });
});
