import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "#core/system-clock.ts";
import { temporaryDirectory } from "../store/testing/stores.ts";
import { editOffline, openAddressBook } from "./address-book.ts";

const listen = { host: "0.0.0.0", port: 7443 };
const open = (pkiDir: string, ...advertise: string[]) =>
  openAddressBook({ pkiDir, listen, advertise, clock: systemClock });
const entries = (book: ReturnType<typeof open>) => book.entries().map(({ address, present }) => [address, present]);

test("says the machine's own address and tells hosts nothing while nobody chose", () => {
  using dir = temporaryDirectory();
  const book = open(dir.path, "");
  expect(book.entries()).toEqual([{ address: expect.stringMatching(/^https:/), present: true, since: undefined }]);
  expect(book.told()).toEqual([]);
  expect(() => statSync(join(dir.path, "addresses.json"))).toThrow("ENOENT");
});

test("what is set is on disk at once, for the certificate and for hosts", () => {
  using dir = temporaryDirectory();
  const book = open(dir.path, "10.9.9.9");
  book.listening(7555);
  expect([1, 2].map(() => book.noteHost("h1", "https://10.9.9.9:7555"))).toEqual([true, false]);
  expect(book.set(["Control.lan", "control.lan", "10.9.9.8:443"])).toBe(true);
  expect(book.set(["control.lan", "10.9.9.8:443"])).toBe(false);
  const again = open(dir.path, "10.9.9.9");
  again.listening(7555);
  const all = ["https://control.lan:7555", "https://10.9.9.8:443", "https://10.9.9.9:7555"];
  expect(entries(again)).toEqual([
    [all[0], true],
    [all[1], true],
    [all[2], false],
  ]);
  expect(again.told()).toEqual(all);
  expect(again.dialedBy("h1")).toBe(all[2]);
  expect([again.isPresent(all[1] ?? ""), again.isPresent(all[2] ?? "")]).toEqual([true, false]);
  expect(again.names().dns).toContain("control.lan");
  expect(again.names().ips).toEqual(expect.arrayContaining(["10.9.9.8", "10.9.9.9"]));
  expect(again.set(["control.lan:7555", "https://10.9.9.8:443"])).toBe(false);
  again.forget("10.9.9.9:7555");
  expect(again.names().ips).not.toContain("10.9.9.9");
  expect(statSync(join(dir.path, "addresses.json")).mode & 0o777).toBe(0o600);
});

test("is changed while nobody runs, with the port of the last run", () => {
  using dir = temporaryDirectory();
  open(dir.path, "a.lan").listening(7555);
  const changed = editOffline({ pkiDir: dir.path, listen, clock: systemClock }, (book) => void book.set(["b.lan"]));
  expect(changed.map(({ address }) => address)).toEqual(["https://b.lan:7555", "https://a.lan:7555"]);
  expect(entries(open(dir.path, "a.lan"))[0]).toEqual(["https://b.lan:7443", true]);
});

test("what hosts dial is kept with a save, many at once", () => {
  using dir = temporaryDirectory();
  const book = open(dir.path);
  for (let n = 0; n < 500; n++) book.noteHost(`h${n}`, "https://10.9.9.9:7443");
  expect(open(dir.path).dialedBy("h499")).toBe("");
  book.save();
  const written = statSync(join(dir.path, "addresses.json")).mtimeMs;
  expect(open(dir.path).dialedBy("h499")).toBe("https://10.9.9.9:7443");
  book.save();
  expect(statSync(join(dir.path, "addresses.json")).mtimeMs).toBe(written);
});

test("a damaged file is said, not replaced", () => {
  using dir = temporaryDirectory();
  const path = join(dir.path, "addresses.json");
  for (const text of ["", "{}", '{"present": 1}']) {
    writeFileSync(path, text);
    expect(() => open(dir.path, "a.lan")).toThrow("is damaged");
    expect(readFileSync(path, "utf8")).toBe(text);
  }
});
