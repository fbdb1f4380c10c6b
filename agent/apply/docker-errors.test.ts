import { describe, expect, test } from "vitest";
import { OzError } from "#core/errors.ts";
import { dockerError, engineText } from "./docker-errors.ts";

const said = (message: string, statusCode = 500) =>
  Object.assign(new Error("(HTTP code 500) server error - x "), { statusCode, json: { message } });
const runc =
  "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ";

describe("what the engine says becomes", () => {
  test.each([
    ["write /x: no space left on device", "disk_full", /disk of the container engine is full/],
    [
      "driver failed programming external connectivity on endpoint e2 (f5): Bind for 127.0.0.1:5999 failed: port is already allocated",
      "port_taken",
      /^Port 5999 is taken .* on 127\.0\.0\.1/,
    ],
    [
      "driver failed: Error starting userland proxy: listen tcp4 127.0.0.1:81: bind: address already in use",
      "port_taken",
      /^Port 81 /,
    ],
    [
      `${runc}error during container init: error setting rlimits for ready process: error setting rlimit type 7: operation not permitted: unknown`,
      "engine_refused",
      /the limit nofile/,
    ],
    [`${runc}error setting rlimit type 8: operation not permitted: unknown`, "engine_refused", /the limit memlock/],
    [`${runc}unable to apply caps: operation not permitted: unknown`, "engine_refused", /capabilities/],
    [
      `${runc}exec: "nope": executable file not found in $PATH: unknown`,
      "engine_refused",
      /cannot run "nope": executable file not found in \$PATH\.$/,
    ],
    [
      'invalid mount config for type "bind": bind source path does not exist: /m',
      "engine_refused",
      /\/m does not exist on this host/,
    ],
    ["No such image: web:1", "image_missing", /the image web:1 is not on this host/],
    [
      "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
      "engine_refused",
      /no free address range/,
    ],
    [`${runc}something new: unknown`, "engine_refused", /^Could not start web: something new\.$/],
  ])("%s → %s", (message, code, pattern) => {
    const error = dockerError(said(message), { doing: "start web" });
    expect(error).toBeInstanceOf(OzError);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(pattern);
  });

  test.each([
    [
      'Head "https://ghcr.io/v2/a/b/manifests/1": unauthorized: authentication required',
      "registry_refused",
      /refused by ghcr\.io/,
    ],
    ["Get https://ghcr.io/v2/: no basic auth credentials", "registry_refused", /refused by ghcr\.io/],
    ["toomanyrequests: You have reached your pull rate limit", "registry_refused", /too many requests/],
    [
      "manifest for ghcr.io/a/b:1 not found: manifest unknown: manifest unknown",
      "image_missing",
      /ghcr\.io does not have it/,
    ],
    [
      "pull access denied for a/b, repository does not exist or may require 'docker login': denied: requested access",
      "image_missing",
      /does not exist, or it wants a login/,
    ],
    [
      'Get "https://ghcr.io/v2/": dial tcp: lookup ghcr.io on 10.0.0.1:53: no such host',
      "image_missing",
      /ghcr\.io cannot be asked for it: dial tcp: lookup ghcr\.io .*no such host/,
    ],
    ["invalid reference format: repository name must be lowercase", "bad_request", /is no image name/],
  ])("for a pull: %s → %s", (message, code, pattern) => {
    const error = dockerError(said(message), { doing: "fetch it", image: "ghcr.io/a/b:1" });
    expect(error.code).toBe(code);
    expect(error.message).toMatch(pattern);
    if (code === "registry_refused") expect(error.hint).toContain("registries: { ghcr.io:");
  });

  test.each(["ECONNREFUSED", "ENOENT", "EACCES", "ECONNRESET", "EPIPE"])("%s → engine_unavailable", (code) => {
    const error = dockerError(Object.assign(new Error(code), { code }), { doing: "list containers" });
    expect(error).toMatchObject({ code: "engine_unavailable", hint: expect.stringContaining("docker version") });
  });
});

test("an OzError stays as it is, and words without JSON are found", () => {
  const error = new OzError("timeout", "late");
  expect(dockerError(error, { doing: "x" })).toBe(error);
  expect(engineText(new Error("(HTTP code 404) no such container - gone "))).toBe("gone");
  expect(engineText("plain")).toBe("plain");
});
