import { describe, expect, test } from "vitest";
import { validate } from "@readme/openapi-parser";
import * as z from "zod";
import { restRoutes } from "./rest-routes.ts";
import { fakeBackend, get, serve } from "./testing/rest-server.ts";

describe("the OpenAPI document", () => {
  test("is valid OpenAPI 3.1 and describes every route", async () => {
    const { base } = await serve(fakeBackend());
    const { body } = await get(base, "/openapi.json");
    expect(body.openapi).toBe("3.1.0");
    const result = await validate(structuredClone(body));
    expect(result).toMatchObject({ valid: true });
    const described = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = restRoutes.flatMap((route) =>
      [route.path, ...(route.aliases ?? [])].map((path) => `${route.method} ${path}`),
    );
    expect(described.toSorted()).toEqual(served.toSorted());
    expect((await validate({ ...body, info: {} })).valid).toBe(false);
  });

  test("says what is really answered", async () => {
    const { base } = await serve(fakeBackend());
    for (const route of restRoutes.filter((r) => r.method === "GET")) {
      const answer = await get(base, route.path.replace("{service_name}", "qwen"));
      expect([route.path, answer.status]).toEqual([route.path, route.answerStatus]);
      expect(z.safeParse(route.answer, answer.body).error).toBeUndefined();
    }
  });
});
