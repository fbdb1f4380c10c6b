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
      "failed to set up container networking: driver failed programming external connectivity on endpoint X (d5bd): failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use",
      "port_taken",
      /^Port 8080 is taken .* on 0\.0\.0\.0\.$/,
    ],
    [
      "failed to bind host port 0.0.0.0:8080/tcp: address already in use",
      "port_taken",
      /^Port 8080 .* on 0\.0\.0\.0\.$/,
    ],
    ["failed to bind host port [::]:8080/tcp: address already in use", "port_taken", /^Port 8080 .* on \[::\]\.$/],
    [
      "Ports are not available: exposing port TCP 127.0.0.1:5000 -> 127.0.0.1:0: listen tcp 127.0.0.1:5000: bind: address already in use",
      "port_taken",
      /^Port 5000 /,
    ],
    [
      "failed to set up container networking: address already in use",
      "port_taken",
      /^Could not start web: a host port that it needs is taken by something else: failed to set up/,
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
    [
      "received unexpected HTTP status: 401 Unauthorized",
      "registry_refused",
      /refused by ghcr\.io: received unexpected HTTP status: 401/,
    ],
    ["error parsing HTTP 401 response body: x", "registry_refused", /refused by ghcr\.io/],
    ["toomanyrequests: You have reached your pull rate limit", "registry_unreachable", /too many requests/],
    [
      "unexpected status from HEAD request to https://ghcr.io/v2/a/b/manifests/1: 429 Too Many Requests",
      "registry_unreachable",
      /too many requests/,
    ],
    [
      "received unexpected HTTP status: 503 Service Unavailable",
      "registry_unreachable",
      /cannot be asked for it: received unexpected HTTP status: 503/,
    ],
    [
      'Get "https://ghcr.io/v2/": net/http: TLS handshake timeout',
      "registry_unreachable",
      /cannot be asked for it: net\/http: TLS handshake timeout/,
    ],
    ["unexpected EOF", "registry_unreachable", /cannot be asked/],
    [
      'Get "https://ghcr.io/v2/": dial tcp 10.0.0.1:5401: connect: connection refused',
      "registry_unreachable",
      /cannot be asked for it: dial tcp 10\.0\.0\.1:5401/,
    ],
    [
      "manifest for ghcr.io/a/b@sha256:1401a5015030 not found: manifest unknown",
      "image_missing",
      /ghcr\.io does not have it/,
    ],
    [
      'Get "https://ghcr.io/v2/": x509: certificate signed by unknown authority',
      "image_missing",
      /its engine does not trust ghcr\.io: x509/,
    ],
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
      "registry_unreachable",
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

test("the advice for a taken port looks for it among the right sockets", () => {
  const hint = (message: string) => dockerError(said(message), { doing: "start web" }).hint;
  expect(hint("failed to bind host port 0.0.0.0:53/udp: address already in use")).toContain("ss -lunp 'sport = :53'");
  expect(hint("failed to bind host port 0.0.0.0:80/tcp: address already in use")).toContain("ss -ltnp 'sport = :80'");
  expect(hint("address already in use")).not.toContain("sport");
});

test("an OzError stays as it is, and words without JSON are found", () => {
  const error = new OzError("timeout", "late");
  expect(dockerError(error, { doing: "x" })).toBe(error);
  expect(engineText(new Error("(HTTP code 404) no such container - gone "))).toBe("gone");
  expect(engineText("plain")).toBe("plain");
});
