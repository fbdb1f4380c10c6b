import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OzError } from "#core/errors.ts";
import {
  formatName,
  parseNameArgument,
  parseSpecArgument,
  parseWholeInstance,
  resolveSpec,
  slotOf,
} from "./spec-argument.ts";

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);
const services = [
  {
    group: "default",
    name: "llama",
    varieties: [{ name: "nvidia" }, { name: "cpu-only" }, { name: "small" }],
    profiles: ["8k", "16k", "small"],
  },
  { group: "shop", name: "llama", varieties: [{ name: "amdgpu" }], profiles: [] },
  { group: "default", name: "judge", varieties: [], profiles: ["8k"] },
];

function resolve(text: string, serviceNow = "") {
  return resolveSpec(parseSpecArgument(text, "up"), services, { verb: "up", serviceNow });
}

function errorOf(work: () => unknown): OzError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(OzError);
    return error as OzError;
  }
  throw new Error("nothing was thrown");
}

describe("names", () => {
  test("what is shown can be typed", () => {
    const slot = fc.option(fc.nat(999), { nil: undefined });
    fc.assert(
      fc.property(name, name, slot, (group, instance, number) => {
        const read = parseNameArgument(formatName(group, instance, number));
        expect(read).toEqual({ group: group === "default" ? "" : group, name: instance, slot: number });
      }),
    );
  });

  test.each(["", "a:b:c", ":web", "web#", "web#x", "a b", "web[x]", "-web", "../x"])(
    "%j is refused with exit 2",
    (text) => {
      expect(errorOf(() => parseNameArgument(text)).code).toBe("bad_request");
    },
  );
});

describe("slots", () => {
  test("a verb that takes whole instances refuses one replica and says what to type", () => {
    expect(parseWholeInstance("shop:web", "restart")).toEqual({ group: "shop", name: "web" });
    const { code, hint } = errorOf(() => parseWholeInstance("shop:web#1", "restart"));
    expect({ code, hint }).toEqual({
      code: "bad_request",
      hint: "Every replica of it:  ozctl restart shop:web   or another number of them:  ozctl up shop:web --replicas N",
    });
    expect(errorOf(() => parseSpecArgument("web#1", "down")).hint).toContain("ozctl down web ");
  });

  test("said twice has to be the same", () => {
    expect([slotOf("web", undefined, undefined), slotOf("web#1", 1, undefined), slotOf("web", undefined, 2)]).toEqual([
      undefined,
      1,
      2,
    ]);
    expect(slotOf("web#1", 1, 1)).toBe(1);
    expect(errorOf(() => slotOf("web#1", 1, 0)).message).toBe('The slot is 1 in "web#1" and 0 in --slot.');
  });
});

describe("the original's NAME[service][variety][profile]", () => {
  test("every well-formed argument comes back in its parts", () => {
    const token = fc.oneof(fc.constant(""), name);
    fc.assert(
      fc.property(fc.option(name, { nil: "" }), name, fc.array(token, { maxLength: 3 }), (group, instance, tokens) => {
        const text = `${group && `${group}:`}${instance}${tokens.map((part) => `[${part}]`).join("")}`;
        expect(parseSpecArgument(text, "up")).toEqual({ group, name: instance, tokens });
      }),
    );
  });

  test("anything at all is either read or refused with bad_request", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "[", "]", ":", "#", " ", "1", "-") }), (text) => {
        try {
          parseSpecArgument(text, "up");
        } catch (error) {
          expect((error as OzError).code).toBe("bad_request");
        }
      }),
    );
  });

  test.each([
    ["llama", { service: "llama", variety: "", profile: "" }],
    ["chat[llama]", { service: "llama", variety: "", profile: "" }],
    ["chat[llama][nvidia]", { service: "llama", variety: "nvidia", profile: "" }],
    ["chat[llama][16k]", { service: "llama", variety: "", profile: "16k" }],
    ["chat[llama][nvidia][16k]", { service: "llama", variety: "nvidia", profile: "16k" }],
    ["chat[llama][][16k]", { service: "llama", variety: "", profile: "16k" }],
    ["llama[][cpu-only]", { service: "llama", variety: "cpu-only", profile: "" }],
    ["llama[][][8k]", { service: "llama", variety: "", profile: "8k" }],
    ["llama[llama][small][small]", { service: "llama", variety: "small", profile: "small" }],
    ["shop:llama[llama][amdgpu]", { service: "llama", variety: "amdgpu", profile: "" }],
  ])("%s", (text, expected) => {
    expect(resolve(text)).toMatchObject(expected);
  });

  test("a skipped service is the one that the instance has", () => {
    expect(resolve("chat[][cpu-only]", "llama")).toMatchObject({ service: "llama", variety: "cpu-only" });
  });

  test.each([
    ["chat[lama]", "not_found", "Did you mean llama?"],
    ["chat[llama][nvida]", "not_found", "Did you mean nvidia?"],
    ["chat[llama][nvidia][17k]", "not_found", "Did you mean 16k?"],
    ["chat[llama][8k][16k]", "not_found", "There are: nvidia, cpu-only, small."],
    ["shop:llama[][nvidia]", "not_found", "There is: amdgpu."],
    ["chat[llama][small]", "bad_request", "--variety small"],
    ["chat[llama][a][b][c]", "bad_request", "[] skips one"],
  ])("%s: %s", (text, code, hint) => {
    const error = errorOf(() => resolve(text));
    expect(error.code).toBe(code);
    expect(error.hint).toContain(hint);
  });
});
