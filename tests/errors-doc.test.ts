// docs/errors.md and core/errors.ts say the same, in both directions.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { errorCodes } from "#core/errors.ts";
import { readSourceTree } from "./support/source-tree.ts";

const document = readFileSync(resolve(import.meta.dirname, "../docs/errors.md"), "utf8");

type Row = { code: string; status: string; exit: number; meaning: string; advice: string };

function rowsOf(text: string): Row[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map(([, code = "", status = "", exit = "", meaning = "", advice = ""]) => ({
      code: code.replaceAll("`", ""),
      status,
      exit: Number(exit),
      meaning,
      advice,
    }));
}

/** "NOT_FOUND (5)", as gRPC names it. */
function statusText(number: number): string {
  const name = Code[number] ?? "?";
  return `${name === "Canceled" ? "CANCELLED" : name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase()} (${number})`;
}

test("docs/errors.md is the table of core/errors.ts, in its order", () => {
  const written = rowsOf(document).map(({ advice: _advice, ...row }) => row);
  const coded = Object.entries(errorCodes).map(([code, row]) => ({
    code,
    status: statusText(row.rpc),
    exit: row.exit as number,
    meaning: row.doc as string,
  }));
  expect(written).toEqual(coded);
});

/** Files that list codes without being where one arises. */
const tables = ["core/errors.ts", "controlplane/rest/rest-reply.ts"];

test("every code arises somewhere in the programs", () => {
  const programs = [...readSourceTree(resolve(import.meta.dirname, ".."))]
    .filter(([path]) => /^(core|agent|controlplane|cli)\//.test(path) && !/\.test\.ts$|\/testing\//.test(path))
    .filter(([path]) => !tables.includes(path))
    .map(([, text]) => text);
  const unused = Object.keys(errorCodes).filter((code) => !programs.some((text) => text.includes(`"${code}"`)));
  expect(unused).toEqual([]);
});

test("every code says what to do", () => {
  for (const { code, advice } of rowsOf(document))
    expect([code, advice]).toEqual([code, expect.stringMatching(/^.{15,}\.$/)]);
});
