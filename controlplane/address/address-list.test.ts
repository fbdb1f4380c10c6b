import { describe, expect, test } from "vitest";
import {
  type AddressList,
  afterStart,
  noAddresses,
  parseWritten,
  splitWritten,
  withHost,
  withoutOld,
  withPresent,
} from "./address-list.ts";

const at = (list: AddressList) => ({ present: list.present.map((one) => one.at), old: list.old.map((one) => one.at) });
const set = (list: AddressList, ...wanted: string[]) => withPresent(list, wanted, "10.0.0.5", 7);

describe("what a person writes", () => {
  test.each([
    ["control.lan", "control.lan"],
    ["Control.LAN:443", "control.lan:443"],
    ["https://10.0.0.5:7443/", "10.0.0.5:7443"],
    ["10.0.0.5", "10.0.0.5"],
    ["fd00::5", "fd00::5"],
    ["[fd00::5]", "fd00::5"],
    ["[fd00::5]:443", "[fd00::5]:443"],
    ["my_box", "my_box"],
  ])("%s is %s", (text, written) => {
    expect(parseWritten(text)).toBe(written);
    expect(parseWritten(written)).toBe(written);
  });

  test.each([
    ["", "no name"],
    ["10.0.0.256", "no IP address"],
    ["10.0.0", "no IP address"],
    ["0.0.0.0", "all addresses"],
    ["[::]", "all addresses"],
    ["a..lan", "empty"],
    ["-a.lan", "no part of a name"],
    ["a b", "no part of a name"],
    ["*.lan", "no part of a name"],
    ["a.lan/x", "no part of a name"],
    ["http://a.lan", "no name"],
    ["a.lan:0", "no port"],
    ["a.lan:70000", "no port"],
    ["[1.2.3]", "no IPv6"],
    [`${"a".repeat(64)}.lan`, "no part of a name"],
    [Array.from({ length: 60 }, () => "abcd").join("."), "too long"],
  ])("%s is refused: %s", (text, why) => {
    expect(() => parseWritten(text)).toThrow(why);
  });

  test("is split with the port that is listened on", () => {
    expect(splitWritten("a.lan", 7443)).toEqual({ host: "a.lan", port: 7443 });
    expect(splitWritten("a.lan:443", 7443)).toEqual({ host: "a.lan", port: 443 });
    expect(splitWritten("fd00::5", 7443)).toEqual({ host: "fd00::5", port: 7443 });
    expect(splitWritten("[fd00::5]:443", 7443)).toEqual({ host: "fd00::5", port: 443 });
  });
});

describe("setting", () => {
  test("what was printed by itself becomes old, and so does every set before", () => {
    const once = set(noAddresses, "a.lan");
    expect(at(once)).toEqual({ present: ["a.lan"], old: ["10.0.0.5"] });
    const twice = set(once, "b.lan", "10.0.0.9");
    expect(at(twice)).toEqual({ present: ["b.lan", "10.0.0.9"], old: ["a.lan", "10.0.0.5"] });
    const back = set(twice, "a.lan");
    expect(at(back)).toEqual({ present: ["a.lan"], old: ["b.lan", "10.0.0.9", "10.0.0.5"] });
  });

  test("one that stays keeps its time", () => {
    const once = set(noAddresses, "a.lan");
    expect(withPresent(once, ["b.lan", "a.lan"], "10.0.0.5", 9).present).toEqual([
      { at: "b.lan", since: 9 },
      { at: "a.lan", since: 7 },
    ]);
  });

  test("more than eight are refused", () => {
    expect(() => set(noAddresses, ..."a b c d e f g h i".split(" "))).toThrow("more than 8");
  });
});

describe("a start", () => {
  const start = (list: AddressList | undefined, ...advertised: string[]) => afterStart(list, advertised, "10.0.0.5", 8);

  test("the first one takes --advertise, and has no old ones", () => {
    expect(at(start(undefined, "a.lan", "10.0.0.5"))).toEqual({ present: ["a.lan", "10.0.0.5"], old: [] });
  });

  test("the same --advertise leaves what was set meanwhile", () => {
    const list = set(start(undefined, "a.lan"), "b.lan");
    expect(start(list, "a.lan")).toBe(list);
  });

  test("another --advertise is the last word, and what was set becomes old", () => {
    const list = set(start(undefined, "a.lan"), "b.lan");
    const next = start(list, "c.lan");
    expect(at(next)).toEqual({ present: ["c.lan"], old: ["b.lan", "a.lan"] });
    expect(start(next, "c.lan")).toBe(next);
  });

  test("without --advertise from now on, what is known stays", () => {
    const list = start(undefined, "a.lan");
    expect(at(start(list))).toEqual({ present: ["a.lan"], old: [] });
  });

  test("after a set that nobody ran under, --advertise is what was printed before", () => {
    const list = start(set(noAddresses, "b.lan"), "a.lan");
    expect(at(list)).toEqual({ present: ["b.lan"], old: ["10.0.0.5", "a.lan"] });
    expect(start(list, "a.lan")).toBe(list);
  });
});

test("an old one is forgotten, a present or an unknown one is not", () => {
  const list = set(noAddresses, "a.lan");
  expect(at(withoutOld(list, "10.0.0.5"))).toEqual({ present: ["a.lan"], old: [] });
  expect(() => withoutOld(list, "a.lan")).toThrow("present address");
  expect(() => withoutOld(list, "b.lan")).toThrow("no old address");
});

test("what a host dials is news only once", () => {
  const list = withHost(noAddresses, "h1", "https://a.lan:7443");
  expect(list.hosts).toEqual({ h1: "https://a.lan:7443" });
  expect(withHost(list, "h1", "https://a.lan:7443")).toBe(list);
  expect(withHost(list, "h1", "")).toBe(list);
});
