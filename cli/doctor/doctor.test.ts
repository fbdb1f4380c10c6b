// ozctl doctor from its words to its exit code: a well cluster, each way of not reaching one, and what this machine shows.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import type { ConnectRouter } from "@connectrpc/connect";
import { afterEach, describe, expect, test } from "vitest";
import { HostsService, HostState } from "#proto/hosts_pb.ts";
import { InstancesService } from "#proto/instances_pb.ts";
import { StatusService } from "#proto/status_pb.ts";
import { makeAuthority } from "../testing/authority.ts";
import { look, wellFacts } from "../testing/facts.ts";
import { apiError, type FakeControlplane, fakeControlplane } from "../testing/fake-controlplane.ts";
import { runOzctl } from "../testing/fake-io.ts";
import { allChecks } from "./all-checks.ts";
import { diagnose, type Finding } from "./check.ts";
import { readHere } from "./here.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).toReversed()) await undo();
});

function routes(answers: { address?: string; host?: object; tokenRefused?: boolean } = {}) {
  return (router: ConnectRouter) => {
    router.rpc(StatusService.method.getStatus, () => {
      if (answers.tokenRefused === true) throw apiError("unauthenticated", "the token was revoked");
      return { version: "0.1.0", hosts: 1, address: answers.address ?? "" };
    });
    router.rpc(HostsService.method.listHosts, () => ({ hosts: [{ name: "tower", ...answers.host }] }));
    router.rpc(InstancesService.method.listInstances, () => ({}));
  };
}

async function control(...args: Parameters<typeof fakeControlplane>): Promise<FakeControlplane> {
  const made = await fakeControlplane(...args);
  cleanup.push(() => made.close());
  return made;
}

async function doctor(env: Record<string, string>, ...words: string[]) {
  const { code, out, err } = await runOzctl(["doctor", "-o", "json", ...words], { env });
  const checks = out === "" ? [] : (JSON.parse(out) as { checks: Finding[] }).checks;
  return { code, err, of: (name: string) => checks.find((one) => one.check === name) };
}

/** A context for an address where nobody, or somebody else, answers. */
function contextFor(address: string, caPem?: string): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "ozctl-doctor-"));
  cleanup.push(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "contexts"));
  const file = join(folder, "contexts", "test.json");
  writeFileSync(file, JSON.stringify({ name: "test", address, caPem, token: "ozt_x" }), { mode: 0o600 });
  return { OZWALD_CONFIG_DIR: folder };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanup.push(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe("the checks", () => {
  test("find nothing where all is well, have names of their own, and are more than twenty", () => {
    const findings = diagnose(allChecks, wellFacts);
    expect(findings.filter((one) => one.result !== "ok")).toEqual([]);
    expect(new Set(allChecks.map((check) => check.name)).size).toBe(allChecks.length);
    expect(allChecks.length).toBeGreaterThanOrEqual(20);
  });

  test("are all named in the manual", () => {
    const manual = readFileSync("docs/cli.md", "utf8");
    expect(allChecks.filter((check) => !manual.includes(`\`${check.name}\``))).toEqual([]);
  });

  test("without an answer the ones that need it are unknown", () => {
    const { status: _status, printed: _printed, clockAheadMs: _clock, ...rest } = wellFacts;
    const blind = { ...rest, hosts: [], instances: [] };
    const unknown = diagnose(allChecks, blind).filter((one) => one.result === "unknown");
    expect(unknown.length).toBeGreaterThan(15);
    expect(look(allChecks, "memory", { hosts: [] })).toBeUndefined();
  });
});

describe("ozctl doctor", () => {
  test("0 where nothing is wrong, over TLS with a pinned authority", async () => {
    const authority = await makeAuthority();
    const plane = await control(routes({ host: { state: HostState.ONLINE } }), { on: "https", ...authority });
    const { code, err, of } = await doctor(plane.env);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const name of ["name-lookup", "connection", "tls", "authority", "token", "clock-here"])
      expect([name, of(name)?.result]).toEqual([name, "ok"]);
  });

  test("the printed address is looked at: not named by its certificate, and near its end", async () => {
    const authority = await makeAuthority();
    const answers = { host: { state: HostState.ONLINE }, address: "" };
    const plane = await control((router) => routes(answers)(router), { on: "https", ...authority });
    answers.address = plane.address.replace("127.0.0.1", "127.0.0.2");
    // The fake listens on 127.0.0.1 only.
    const refused = await doctor(plane.env);
    expect(refused.of("printed-address")?.troubles[0]?.message).toContain("nobody answers there");
    answers.address = plane.address.replace("127.0.0.1", "localhost");
    const named = await doctor(plane.env);
    expect(named.code).toBe(1);
    expect(named.of("printed-address")?.troubles[0]?.message).toContain("IP Address:127.0.0.1");
    expect(named.of("certificate-end")?.result).toBe("problem");
  });

  test("what is wrong is 1, with the fix below it; --host says what of", async () => {
    const plane = await control(routes({ host: { state: HostState.OFFLINE } }));
    const { code, out } = await runOzctl(["doctor"], { env: plane.env });
    expect(code).toBe(1);
    expect(out).toMatch(/^FAIL {2}hosts-silent {2}tower: nothing answers at its last address.*\n {6}Look at tower/m);
    expect(out).toMatch(/^\d+ checks: \d+ well, 1 wrong, \d+ not to be seen from here$/m);
    expect((await doctor(plane.env, "--host", "tower")).of("hosts-silent")?.result).toBe("problem");
    expect(await doctor(plane.env, "--host", "towre")).toMatchObject({
      code: 2,
      err: expect.stringContaining("Did you mean tower?"),
    });
  });

  test("a silent host whose machine answers is told from one that does not", async () => {
    const plane = await control(routes({ host: { state: HostState.OFFLINE, address: "127.0.0.1:51234" } }));
    const { of } = await doctor(plane.env);
    expect(of("hosts-silent")?.troubles[0]?.message).toContain("the machine answers at 127.0.0.1");
  });

  test("a name that nobody knows fails at the name lookup", async () => {
    const { code, of } = await doctor(contextFor("https://no-such-host.invalid:7443"));
    expect([code, of("name-lookup")?.result, of("connection")?.result]).toEqual([1, "problem", "unknown"]);
  });

  test("a closed port fails at the connection", async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const { of } = await doctor(contextFor(`https://127.0.0.1:${port}`));
    expect([of("name-lookup")?.result, of("connection")?.result, of("tls")?.result]).toEqual([
      "ok",
      "problem",
      "unknown",
    ]);
  });

  test("something that speaks no TLS fails at TLS", async () => {
    const port = await listen(
      createServer((socket) => socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    );
    const { of } = await doctor(contextFor(`https://127.0.0.1:${port}`));
    expect([of("connection")?.result, of("tls")?.result]).toEqual(["ok", "problem"]);
  });

  test("a certificate that has ended fails at TLS, and clocks are the hint", async () => {
    const plane = await control(routes(), { on: "https", ...(await makeAuthority({ ended: true })) });
    const { of } = await doctor(plane.env);
    expect(of("tls")?.troubles[0]).toMatchObject({
      ...{ message: expect.stringContaining("has ended"), fix: expect.stringContaining("clocks") },
    });
  });

  test("another authority fails at the authority", async () => {
    const plane = await control(routes(), { on: "https", ...(await makeAuthority()) });
    const { of } = await doctor(contextFor(plane.address, (await makeAuthority()).caPem));
    expect([of("tls")?.result, of("authority")?.result, of("token")?.result]).toEqual(["ok", "problem", "unknown"]);
    expect(plane.requests).toEqual([]);
  });

  test("an address that the certificate does not name is told from another authority, with what it names", async () => {
    const authority = await makeAuthority();
    const plane = await control(routes(), { on: "https", ...authority });
    const { of } = await doctor(contextFor(plane.address.replace("127.0.0.1", "localhost"), authority.caPem));
    expect(of("authority")?.troubles[0]).toMatchObject({
      message: expect.stringContaining("shows a certificate for other names: IP Address:127.0.0.1"),
      fix: expect.stringContaining("ozwald-controlplane address set"),
    });
    expect(plane.requests).toEqual([]);
  });

  test("a revoked token fails at the token", async () => {
    const plane = await control(routes({ tokenRefused: true }), { on: "https", ...(await makeAuthority()) });
    const { of } = await doctor(plane.env);
    expect([of("authority")?.result, of("token")?.result, of("listeners")?.result]).toEqual([
      "ok",
      "problem",
      "unknown",
    ]);
  });
});

describe("readHere", () => {
  test("reads what is there and leaves out what is not", () => {
    const root = mkdtempSync(join(tmpdir(), "ozctl-here-"));
    cleanup.push(() => rmSync(root, { recursive: true, force: true }));
    const put = (file: string, text: string) => {
      mkdirSync(join(root, file, ".."), { recursive: true });
      writeFileSync(join(root, file), text);
    };
    const empty = readHere({}, root);
    expect(empty).toMatchObject({ proxies: [], nvidiaDriver: "", systemd: false });
    expect(Object.keys(empty)).not.toContain("nameServers");
    expect(Object.keys(empty)).not.toContain("automaticPortsTaken");
    put("etc/resolv.conf", "search lab\nnameserver 127.0.0.53\n# nameserver 9.9.9.9\nnameserver 10.0.0.1\n");
    put(
      "proc/self/limits",
      "Limit     Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n",
    );
    put("proc/sys/fs/inotify/max_user_instances", "128\n");
    put("proc/sys/fs/inotify/max_user_watches", "8192\n");
    put("proc/sys/kernel/hostname", "tower\n");
    put(
      "proc/driver/nvidia/version",
      "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.256.02  Thu May  2\nGCC version: 12\n",
    );
    put(
      "proc/net/tcp",
      "  sl  local_address rem_address   st\n   0: 0100007F:2AF8 00000000:0000 0A 0\n   1: 0100007F:2AF9 0100007F:0016 01 0\n   2: 00000000:1F40 00000000:0000 0A 0\n",
    );
    put(
      "proc/net/tcp6",
      "  sl  local_address\n   0: 00000000000000000000000000000000:2AF8 00000000000000000000000000000000:0000 0A 0\n",
    );
    expect(readHere({ https_proxy: "http://user:secret@p:1", NO_PROXY: "a" }, root)).toEqual({
      ...{ hostname: "tower", proxies: ["https_proxy"], noProxy: "a", nameServers: ["127.0.0.53", "10.0.0.1"] },
      ...{ openFiles: 1024, inotifyInstances: 128, inotifyWatches: 8192, automaticPortsTaken: 1 },
      ...{ nvidiaDriver: "470.256.02", systemd: false },
    });
  });
});
