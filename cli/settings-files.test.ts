// What check, plan and apply read and send: real files in real folders.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OzError } from "#core/errors.ts";
import { readSettings, type SettingsTexts } from "./settings-files.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ozctl-settings-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string | Uint8Array): void {
  mkdirSync(join(folder, name, ".."), { recursive: true });
  writeFileSync(join(folder, name), text);
}

const read = (names: string[], env: Record<string, string> = {}): Promise<SettingsTexts> =>
  readSettings(folder, names, env);

test("env files of one path in two folders are two files; a path that means one file is sent once for all", async () => {
  const text = "services: [{ name: s, image: a, env_file: [web.env, ../all.env, constructor] }]";
  write("a/o.yml", text);
  write("b/o.yml", text);
  write("c/o.yml", text);
  write("a/web.env", "OF=a");
  write("b/web.env", "OF=b");
  write("all.env", "OF=all");
  const { files, envFiles } = await read(["a/o.yml", "b/o.yml", "c/o.yml"]);
  expect(envFiles).toEqual({ "../all.env": "OF=all" });
  expect(files.map((file) => file.envFiles)).toEqual([{ "web.env": "OF=a" }, { "web.env": "OF=b" }, {}]);
  expect((await read(["b/o.yml"])).envFiles).toEqual({ "web.env": "OF=b", "../all.env": "OF=all" });
});

test("the folder of the settings and the project's root are told where they are used", async () => {
  write("a/o.yml", 'x: "${SETTINGS_FILE_DIR}/x ${OZWALD_PROJECT_ROOT_DIR} ${HOME}"');
  write("b/o.yml", "x: 1");
  const env = { OZWALD_PROJECT_ROOT_DIR: "/opt/o", HOME: "/root" };
  const { files } = await read(["a/o.yml", "b/o.yml"], env);
  expect(files.map(({ variables }) => variables)).toEqual([
    { SETTINGS_FILE_DIR: join(folder, "a"), OZWALD_PROJECT_ROOT_DIR: "/opt/o" },
    {},
  ]);
  expect((await read(["a/o.yml"])).files[0]?.variables).toEqual({ SETTINGS_FILE_DIR: join(folder, "a") });
});

test("a file without an end, and one above 1 MiB, are refused while they are read", async () => {
  write("big.yml", "#".repeat(2 ** 20 + 1));
  write("full.yml", "#".repeat(2 ** 20));
  for (const name of ["/dev/zero", "big.yml"])
    await expect(read([name])).rejects.toMatchObject({ code: "limit", message: `${name} has more than 1.0 MiB.` });
  await expect(read(["none.yml"])).rejects.toMatchObject({ code: "bad_request", message: "none.yml does not exist." });
  await expect(read(["."])).rejects.toBeInstanceOf(OzError);
  expect((await read(["full.yml"])).files[0]?.text).toHaveLength(2 ** 20);
});

test("what is no UTF-8 is refused: a password in another encoding must not be sent as something else", async () => {
  write("o.yml", "services: [{ name: s, image: a, env_file: e }]");
  write("e", Buffer.from("A=1\nPASSWORD=M\u00fcller\n", "latin1"));
  await expect(read(["o.yml"])).rejects.toMatchObject({
    code: "bad_request",
    message: "e is not UTF-8 text: see line 2. It is the env_file named in o.yml.",
    hint: "Save it as UTF-8.",
  });
  write("e", "PASSWORD=M\u00fcller");
  expect((await read(["o.yml"])).envFiles).toEqual({ e: "PASSWORD=M\u00fcller" });
  // As Windows PowerShell writes what is sent into a file, with and without its mark.
  for (const text of ["\ufeffservices: []\n", "services: []\n"]) {
    write("w.yml", Buffer.from(text, "utf16le"));
    await expect(read(["w.yml"])).rejects.toMatchObject({ message: "w.yml is not UTF-8 text: see line 1." });
  }
});

test("more than is read of all files together is refused before anything is sent", async () => {
  const names = ["a.yml", "b.yml", "c.yml"];
  for (const name of names) write(name, "#".repeat(2 ** 20));
  expect((await read(names)).files).toHaveLength(3);
  write("d.yml", "services: [{ name: s, image: a, env_file: e }]");
  write("e", "A=1");
  await expect(read([...names, "d.yml"])).rejects.toMatchObject({
    code: "limit",
    message: "The settings and their env files have more than 3.0 MiB together.",
  });
});
