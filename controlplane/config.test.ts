import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

test("defaults", () => {
  expect(readConfig([], {})).toEqual({
    stateDir: "/var/lib/ozwald/controlplane",
    listen: { host: "0.0.0.0", port: 7443 },
    rest: { host: "127.0.0.1", port: 8000 },
    socket: "/run/ozwald/control.sock",
    advertise: [],
    strategy: "spread",
    logLevel: "info",
    prepareDownloads: false,
    checkOnly: false,
  });
});

test("flags come before the environment", () => {
  const env = {
    OZWALD_LISTEN: ":7000",
    OZWALD_REST: "off",
    OZWALD_ADVERTISE: "a.lan,10.0.0.5",
    OZWALD_LOG_LEVEL: "warn",
  };
  expect(readConfig([], env)).toMatchObject({
    ...{ listen: { host: "", port: 7000 }, rest: undefined, advertise: ["a.lan", "10.0.0.5"], logLevel: "warn" },
  });
  const flags = ["--listen", "[::]:7001", "--rest", "localhost:8001", "--advertise", "b.lan", "--check"];
  expect(readConfig(flags, env)).toMatchObject({
    ...{ listen: { host: "::", port: 7001 }, rest: { host: "127.0.0.1", port: 8001 }, advertise: ["b.lan"] },
    checkOnly: true,
  });
});

test.each([
  [["--listen", "foo"], {}, "--listen foo: not an address"],
  [[], { OZWALD_LISTEN: "10.0.0.5:99999" }, "--listen 10.0.0.5:99999: not an address"],
  [["--rest", "10.0.0.5:8000"], {}, "listens on this machine only"],
  [["--rest", "127.0.0.2:8000"], {}, "listens on this machine only"],
  [[], { OZWALD_ADVERTISE: "control lan" }, '"control lan" is no address others can reach'],
  [["--log-level", "inof"], {}, "--log-level inof"],
  [["--strategy", "packed"], {}, "--strategy packed"],
  [["--lisen", "x"], {}, "Unknown option"],
  [["extra"], {}, "Unexpected argument"],
])("%j %j is refused", (argv, env, message) => {
  expect(() => readConfig(argv, env)).toThrow(message);
});
