import { describe, expect, test } from "vitest";
import { isErrorCode, OzError, toOzError } from "./errors.ts";

describe("errors", () => {
  test("what is thrown becomes an error with a code", () => {
    const own = new OzError("not_found", "no x", { hint: "try y", cause: 1 });
    expect(toOzError(own)).toBe(own);
    expect(own).toMatchObject({ code: "not_found", hint: "try y", cause: 1, name: "OzError" });
    expect(toOzError(Object.assign(new Error("full"), { code: "ENOSPC" }))).toMatchObject({ code: "disk_full" });
    expect(toOzError(Object.assign(new Error("over"), { name: "AbortError" }))).toMatchObject({ code: "cancelled" });
    expect(toOzError(new Error("odd"))).toMatchObject({ code: "internal", message: "odd" });
    expect(toOzError("text", "timeout")).toMatchObject({ code: "timeout", message: "text" });
  });
  test("codes are known by name", () => {
    expect(isErrorCode("conflict")).toBe(true);
    expect(isErrorCode("toString")).toBe(false);
  });
});
