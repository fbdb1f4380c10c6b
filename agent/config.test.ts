import { expect, test } from "vitest";
import { readConfig, readJoin, readStatus } from "./config.ts";

const noInput = () => Promise.reject(new Error("nothing is read"));

test("run: flags, then environment, then defaults", () => {
  expect(readConfig([], {})).toEqual({
    stateDir: "/var/lib/ozwald/agent",
    engineSocket: "/var/run/docker.sock",
    logLevel: "info",
    failpoints: "",
  });
  const env = {
    OZWALD_AGENT_STATE: "/e",
    OZWALD_ENGINE: "/e.sock",
    OZWALD_LOG_LEVEL: "warn",
    OZWALD_FAILPOINT: "pull:1:kill",
  };
  expect(readConfig([], env)).toEqual({
    stateDir: "/e",
    engineSocket: "/e.sock",
    logLevel: "warn",
    failpoints: "pull:1:kill",
  });
  expect(readConfig(["--state", "/s", "--engine", "unix:///x.sock", "--log-level=debug"], env)).toMatchObject({
    stateDir: "/s",
    engineSocket: "/x.sock",
    logLevel: "debug",
  });
});

test("a typo is an error with a suggestion", () => {
  expect(() => readConfig(["--stat", "x"], {})).toThrow(
    expect.objectContaining({ code: "bad_request", hint: "Did you mean --state?" }),
  );
  expect(() => readConfig(["--log-level", "inof"], {})).toThrow(
    expect.objectContaining({ hint: "Did you mean info?" }),
  );
  expect(() => readConfig(["--engine", "tcp://10.0.0.1:2375"], {})).toThrow("only sockets of this machine");
  expect(() => readConfig(["extra"], {})).toThrow("Unexpected argument extra");
  expect(() => readStatus(["-o", "jsn"], {})).toThrow(expect.objectContaining({ hint: "Did you mean json?" }));
});

test("join: the token from the flag, the environment or standard input", async () => {
  expect(await readJoin(["https://h:7443", "--token", "t", "--name", "n"], {}, noInput)).toEqual({
    address: "https://h:7443",
    token: "t",
    name: "n",
    stateDir: "/var/lib/ozwald/agent",
  });
  expect(await readJoin(["h"], { OZWALD_JOIN_TOKEN: "e" }, noInput)).toMatchObject({ token: "e" });
  expect(await readJoin(["h", "--token", "-"], {}, async () => "in\n")).toMatchObject({ token: "in" });
  await expect(readJoin([], {}, noInput)).rejects.toThrow("needs the address");
  await expect(readJoin(["h"], {}, noInput)).rejects.toThrow("needs a token");
});

test("status: text unless json", () => {
  expect(readStatus([], {})).toEqual({ stateDir: "/var/lib/ozwald/agent", json: false });
  expect(readStatus(["-o", "json", "--state", "/s"], {})).toEqual({ stateDir: "/s", json: true });
});
