// ozctl doctor from its words to its exit code: a well cluster, each way of not reaching one, and what this machine shows.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
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
import { look, sampleHost, wellFacts } from "../testing/facts.ts";
import { apiError, type FakeControlplane, fakeControlplane } from "../testing/fake-controlplane.ts";
import { runOzctl } from "../testing/fake-io.ts";
import { allChecks } from "./all-checks.ts";
import { diagnose, type Finding } from "./check.ts";
import { hostHere } from "./facts.ts";
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

describe("where no control plane is known", () => {
  /** A host that has joined. Its agent says this; nobody answers when nothing is said. */
  async function joined(says?: object): Promise<Record<string, string>> {
    const folder = mkdtempSync(join(tmpdir(), "ozctl-host-"));
    cleanup.push(() => rmSync(folder, { recursive: true, force: true }));
    const identity = { hostId: "h7", name: "tower", clusterId: "c", address: "https://10.0.0.5:7443" };
    writeFileSync(join(folder, "identity.json"), JSON.stringify(identity));
    if (says !== undefined) {
      const status = { control_plane: "https://10.0.0.6:7443", link: "ready", link_reason: "", engine_problem: "" };
      const server = createHttpServer((_request, response) => response.end(JSON.stringify({ ...status, ...says })));
      await new Promise<void>((resolve) => server.listen(join(folder, "agent.sock"), resolve));
      cleanup.push(() => void server.close());
    }
    return {
      ...{ OZWALD_CONFIG_DIR: join(folder, "config"), OZWALD_SOCKET: join(folder, "none") },
      OZWALD_AGENT_STATE: folder,
    };
  }

  test("a host looks at itself, and is told that the control plane was not asked and how to log in", async () => {
    const { code, err, of } = await doctor(await joined({}));
    expect([code, err]).toEqual([0, ""]);
    expect(of("context")).toMatchObject({
      result: "notice",
      troubles: [
        {
          message: expect.stringMatching(
            /^the control plane was not asked\. No control plane is known here: /,
          ) as string,
          fix: expect.stringContaining("ozctl login https://") as string,
        },
      ],
    });
    for (const name of ["agent-link", "engine-here"]) expect([name, of(name)?.result]).toEqual([name, "ok"]);
    // What is so on the machine of the tests is not known.
    for (const name of ["automatic-ports", "dns-inside", "limits", "disk-here"])
      expect(of(name)?.result).not.toBe("unknown");
    for (const name of ["name-lookup", "token", "listeners", "proxy"]) expect(of(name)?.result).toBe("unknown");
  });

  test("its agent says why there is no link, and to which address; and what its engine lacks", async () => {
    const says = {
      link: "backoff",
      link_reason: "TCP: no connection (connect EHOSTUNREACH)",
      engine_problem: "no socket",
    };
    const { code, of } = await doctor(await joined(says), "--host", "tower");
    expect(code).toBe(1);
    expect(of("agent-link")?.troubles).toMatchObject([
      {
        subject: "tower",
        message: "its agent has no link to https://10.0.0.6:7443: TCP: no connection (connect EHOSTUNREACH)",
      },
    ]);
    expect(of("engine-here")?.troubles).toMatchObject([{ subject: "tower", message: "no socket" }]);
  });

  test("an agent that does not answer is what is wrong", async () => {
    const { code, of } = await doctor(await joined());
    expect([code, of("engine-here")?.result]).toEqual([1, "ok"]);
    expect(of("agent-link")?.troubles).toMatchObject([
      { subject: "tower", message: expect.stringContaining("does not answer") as string },
    ]);
  });

  test("for people it is in the text too", async () => {
    const { code, out } = await runOzctl(["doctor"], { env: await joined({}) });
    expect(code).toBe(0);
    expect(out).toContain("note  context  this machine: the control plane was not asked.");
  });

  test("a machine that is no host has nothing else to do, and other hosts are not looked at from there", async () => {
    const env = await joined({});
    const laptop = await doctor({ ...env, OZWALD_AGENT_STATE: "/nonexistent" });
    expect([laptop.code, laptop.of("context")?.result, laptop.of("limits")?.result]).toEqual([1, "problem", "unknown"]);
    expect(await doctor(env, "--host", "other")).toMatchObject({
      code: 2,
      err: expect.stringContaining("No control plane is known here") as string,
    });
  });

  test("what was asked for and is not there stays an error", async () => {
    const env = { ...(await joined({})), OZWALD_CONTEXT: "lab" };
    const { code, err } = await doctor(env);
    expect([code, JSON.parse(err).error.message]).toEqual([2, `There is no context "lab".`]);
  });
});

describe("the host that is this machine", () => {
  const twins = ["h1", "h2"].map((id) => sampleHost({ id, name: `devbox-${id}` }));
  const here = wellFacts.here;

  test("is known by the identity of its agent, whatever the host names are", () => {
    const agent = { hostId: "h2", host: "devbox-h2", controlPlane: "" };
    expect(hostHere({ ...wellFacts, hosts: twins, here: { ...here, agent } })?.name).toBe("devbox-h2");
    expect(
      hostHere({ ...wellFacts, hosts: twins, here: { ...here, agent: { ...agent, hostId: "h9" } } }),
    ).toBeUndefined();
  });

  test("without an agent that may be asked, by a host name that one host only has", () => {
    expect(hostHere({ ...wellFacts, here: { ...here, agent: undefined } })?.name).toBe("devbox");
    expect(hostHere({ ...wellFacts, hosts: twins, here: { ...here, agent: undefined } })).toBeUndefined();
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
      disk: { root: "/", totalBytes: expect.any(Number) as number, freeBytes: expect.any(Number) as number },
    });
  });
});
