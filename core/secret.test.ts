import { describe, expect, test } from "vitest";
import { looksSecret, mask, maskEnvironment, maskValues } from "./secret.ts";

describe("secrets", () => {
  test.each([
    "API_KEY",
    "HF_TOKEN",
    "POSTGRES_PASSWORD",
    "SECRET",
    "aws_secret_access_key",
    "BASIC_AUTH",
    "SENTRY_DSN",
    "SSH_PRIVATE_KEY",
    "DB_PWD_PASSWD",
    "OPENAI_APIKEY",
  ])("%s holds one", (key) => expect(looksSecret(key)).toBe(true));
  test.each(["MAX_TOKENS", "MAX_NUM_BATCHED_TOKENS", "TOKENIZER", "MODEL_NAME", "KEYBOARD", "AUTHOR", "TOKEN_LIMIT"])(
    "%s holds none",
    (key) => expect(looksSecret(key)).toBe(false),
  );
  test("what is shown", () => {
    expect(maskEnvironment({ A: "1", API_KEY: "x", B: "y" }, ["B"])).toEqual({ A: "1", API_KEY: mask, B: mask });
    expect(maskValues("login hunter2 at abc", ["hunter2", "abc"])).toBe(`login ${mask} at abc`);
  });
});
