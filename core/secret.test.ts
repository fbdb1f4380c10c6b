import { describe, expect, test } from "vitest";
import { looksSecret, mask, maskEnvironment, maskValues, secretTexts, secretValues, shownValue } from "./secret.ts";

describe("names", () => {
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
    "ADMIN_TOKEN",
    "GEMINI_TOKEN",
    "DOCKER_INFLUXDB_INIT_ADMIN_TOKEN",
    "TERMINUS_TOKENS",
    "GITHUB_TOKEN_PERSONAL",
    "TOKENIZER_API_KEY",
    "MAX_TOKENS_SECRET",
    "SMTP_PASS",
    "DBPASS",
    "MYSQL_PWD",
    "GITHUB_PAT",
    "JWT",
    "ANON_JWT",
    "WIFI_PSK",
    "SIGNING_KEY_2",
    "AZURE_STORAGE_CONNECTION_STRING",
    "ConnectionStrings__Default",
    "SLACK_WEBHOOK_URL",
    "AUTH_SALT",
  ])("%s holds one", (key) => expect(looksSecret(key)).toBe(true));
  test.each([
    "MAX_TOKENS",
    "MIN_TOKENS",
    "MAX_NUM_TOKENS",
    "MAX_NEW_TOKENS",
    "MAX_NUM_BATCHED_TOKENS",
    "VLLM_MAX_NUM_BATCHED_TOKENS",
    "MAX_BATCH_TOTAL_TOKENS",
    "NUM_TOKENS",
    "MAX_TOKEN",
    "TOKENIZER",
    "TOKENIZER_MODE",
    "TOKENIZERS_PARALLELISM",
    "TOKEN_LIMIT",
    "TOKENS_PER_SECOND",
    "MODEL_NAME",
    "KEYBOARD",
    "AUTHOR",
    "PATH",
    "PWD",
    "OLDPATH",
    "BYPASS",
    "JWT_ALGORITHM",
    "PASSENGERS",
    "SSH_AUTH_SOCK",
  ])("%s holds none", (key) => expect(looksSecret(key)).toBe(false));
});

describe("what is shown", () => {
  test("secret values, and those that somebody names so, are hidden", () => {
    expect(maskEnvironment({ A: "1", API_KEY: "x", B: "y" }, ["B"])).toEqual({ A: "1", API_KEY: mask, B: mask });
    expect(shownValue("SERVER_PEM", "-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n")).toBe(mask);
  });
  test.each([
    ["postgres://shop:pa%24s@db:5432/shop?sslmode=require", `postgres://shop:${mask}@db:5432/shop?sslmode=require`],
    ["redis://:geheim@cache/0", `redis://:${mask}@cache/0`],
    ["amqp://u:a@b@mq", `amqp://u:${mask}@mq`],
    ["mongodb+srv://u:pw1,x@a,b/db", `mongodb+srv://u:${mask}@a,b/db`],
    ["Server=db;User Id=sa;Password=geheim;Encrypt=true", `Server=db;User Id=sa;Password=${mask};Encrypt=true`],
    ["host=db user=u password=geheim dbname=d", `host=db user=u password=${mask} dbname=d`],
    ["jdbc:postgresql://db/shop?user=u&password=geheim", `jdbc:postgresql://db/shop?user=u&password=${mask}`],
    ["http://10.0.0.5:8080/a@b", "http://10.0.0.5:8080/a@b"],
    ["https://user@host:443/x", "https://user@host:443/x"],
    ["postgres://db:5432/shop", "postgres://db:5432/shop"],
  ])("of %s only the password is hidden", (value, shown) => {
    expect(shownValue("DATABASE_URL", value)).toBe(shown);
  });
});

describe("texts", () => {
  test("values are replaced, short ones hide nothing", () => {
    expect(maskValues("login hunter2 at abc", ["hunter2", "abc"])).toBe(`login ${mask} at abc`);
    expect(maskValues("longer-one", ["long", "longer-one"])).toBe(mask);
  });
  test("each line of a value of several lines is", () => {
    expect(secretTexts(["-----BEGIN KEY-----\nMIIEvQIBADANBg\n{\n"]).slice(1)).toEqual([
      "-----BEGIN KEY-----",
      "MIIEvQIBADANBg",
    ]);
    expect(maskValues("1 MIIEvQIBADANBg", ["-----BEGIN KEY-----\r\nMIIEvQIBADANBg\r\n"])).toBe(`1 ${mask}`);
  });
  test("passwords inside of values count, as they are written and as they are meant", () => {
    const environment = { URL: "postgres://shop:pa%24s@db", HF_TOKEN: "hf_x", MODEL: "qwen", B: "y" };
    expect(secretValues(environment, ["B"])).toEqual(["pa%24s", "pa$s", "hf_x", "y"]);
    expect(secretValues({ URL: "http://u:100%@h" })).toEqual(["100%"]);
  });
});
