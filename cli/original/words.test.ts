// The words of the original's command line, and what is said about those it does not have.
import { describe, expect, test } from "vitest";
import type { OzError } from "#core/errors.ts";
import { actionNames, readWords } from "./words.ts";

const plain = { apiPort: undefined, port: undefined, redisPort: undefined, restart: true, useApi: false };

function thrown(argv: readonly string[]): OzError {
  try {
    readWords(argv);
  } catch (error) {
    return error as OzError;
  }
  throw new Error(`${argv.join(" ")} was accepted`);
}

describe("readWords", () => {
  test.each(actionNames)("%s", (action) => {
    expect(readWords([action])).toEqual({ ...plain, action });
  });

  test("every flag, in any order; --port is asked before --api-port", () => {
    expect(
      readWords(["--no-restart", "start_provisioner", "--api-port", "8001", "--redis-port=6380", "--use-api"]),
    ).toEqual({
      ...{ action: "start_provisioner", apiPort: 8001, port: 8001, redisPort: 6380, restart: false, useApi: true },
    });
    expect(readWords(["status", "--port", "9", "--api-port", "8"])).toMatchObject({ apiPort: 8, port: 9 });
  });

  test.each([
    [["start_provisoner"], "bad_request", "Did you mean start_provisioner?"],
    [["status", "now"], "bad_request", 'status takes no "now"'],
    [["status", "--prot", "1"], "bad_request", "--prot"],
    [["status", "--port", "0"], "bad_request", "no port"],
    [["status", "--port", "65536"], "bad_request", "no port"],
    [["status", "--port", "8k"], "bad_request", "no port"],
    [["update_services"], "not_supported", "ozctl does it"],
    [["update_dynamic_services"], "not_supported", "ozctl does it"],
  ])("%j", (argv, code, said) => {
    const error = thrown(argv);
    expect(error.code).toBe(code);
    expect(error.message).toContain(said);
    expect(error.hint).not.toBe("");
  });

  test("a flag that nearly exists is named", () => {
    expect(thrown(["status", "--prot", "1"]).hint).toBe("Did you mean --port?");
  });
});
