// Drives the real API from other languages: the Python and TypeScript examples as they stand, and `buf curl` with each protocol.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureBusyboxImage } from "../support/busybox-image.ts";
import { startControlPlane, type TestControlPlane } from "../support/control-plane.ts";
import { pythonWith } from "../support/python-venv.ts";
import { mustRun, runCommand } from "../support/run-command.ts";
import { ozctl, startAgent } from "../support/test-agent.ts";

const root = resolve(import.meta.dirname, "../..");
const pythonClient = join(root, "clients/python");
const cleanup = new AsyncDisposableStack();
let controlPlane: TestControlPlane;

/** Answers every request as a model server would. Reads the whole request first, so that no answer is cut off. */
const modelServer = [
  "len=0",
  'while read -r line; do line=${line%$(printf "\\r")}; [ -z "$line" ] && break; case "$line" in [Cc]ontent-[Ll]ength:*) len=${line#*: };; esac; done',
  'head -c "$len" >/dev/null',
  `body='{"choices":[{"message":{"role":"assistant","content":"Paris, says the stand-in."}}]}'`,
  'printf "HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %s\\r\\nConnection: close\\r\\n\\r\\n%s" "${#body}" "$body"',
].join("\n");

function settingsFor(name: string, image: string): string {
  return JSON.stringify({
    project: name,
    services: [
      {
        name,
        image,
        entrypoint: ["nc", "-ll", "-p", "8000", "-e", "sh", "-c"],
        command: [modelServer],
        ports: [8000],
        probes: [{ tcp: { port: 8000 }, interval: "200ms" }],
      },
    ],
    instances: [{ name }],
  });
}

beforeAll(async () => {
  controlPlane = cleanup.use(await startControlPlane());
  cleanup.use(await startAgent(controlPlane, "devbox"));
});

afterAll(async () => {
  await cleanup.disposeAsync();
});

async function settingsFile(name: string): Promise<string> {
  const file = join(controlPlane.folder, `${name}.yml`);
  await writeFile(file, settingsFor(name, await ensureBusyboxImage()));
  return file;
}

test.each(["python/example.py", "typescript/example.ts"])("clients/%s is twenty lines", (file) => {
  expect(
    readFileSync(join(root, "clients", file), "utf8")
      .trimEnd()
      .split("\n").length,
  ).toBeLessThanOrEqual(20);
});

describe("Python", () => {
  test("the example lists, applies, watches and chats", async () => {
    const python = await pythonWith(join(pythonClient, "requirements.txt"));
    const file = await settingsFile("from-python");
    const env = { ...controlPlane.env, PYTHONPATH: join(pythonClient, "src") };
    const result = await runCommand([python, join(pythonClient, "example.py"), file, "from-python"], {
      env,
      timeoutMs: 90_000,
    });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toMatch(/^host: devbox \(\d+ cores\)$/m);
    expect(result.stdout).toMatch(/^operation \d+: from-python done$/m);
    expect(result.stdout).toMatch(/^model: Paris/m);
    expect((await ozctl(controlPlane, "ps", "-o", "json")).stdout).toContain("from-python");
  });

  test("a wrong token and a foreign authority are refused", async () => {
    const python = await pythonWith(join(pythonClient, "requirements.txt"));
    const script = [
      "import dataclasses, sys, grpc",
      "from ozwald.v1 import hosts_pb2",
      "from ozwald_client import connect, read_context",
      "context = read_context()",
      "wrong = dataclasses.replace(context, token=context.token[:-4] + 'aaaa')",
      "for chosen in (wrong, dataclasses.replace(context, ca_pem=open(sys.argv[1]).read())):",
      "    try:",
      "        connect(chosen).hosts.ListHosts(hosts_pb2.ListHostsRequest(), timeout=5)",
      "        print('accepted')",
      "    except grpc.RpcError as error:",
      "        print(error.code().name)",
    ].join("\n");
    const foreign = join(controlPlane.folder, "foreign.pem");
    await mustRun([
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "1",
      "-subj",
      "/CN=foreign",
      "-keyout",
      "/dev/null",
      "-out",
      foreign,
    ]);
    const result = await runCommand([python, "-c", script, foreign], {
      env: { ...controlPlane.env, PYTHONPATH: join(pythonClient, "src") },
    });
    expect(result.stdout.split("\n").slice(0, 2)).toEqual(["UNAUTHENTICATED", "UNAVAILABLE"]);
  });

  test("its generated code is fresh", async () => {
    const python = await pythonWith(join(pythonClient, "requirements-generate.txt"));
    const copy = mkdtempSync(join(tmpdir(), "ozwald-python-"));
    try {
      cpSync(join(root, "proto/ozwald"), join(copy, "proto/ozwald"), { recursive: true });
      cpSync(pythonClient, join(copy, "clients/python"), {
        recursive: true,
        filter: (path) => !path.includes("/.venv"),
      });
      await mustRun([join(copy, "clients/python/generate.sh")], {
        env: { VENV: dirname(dirname(python)) },
        timeoutMs: 120_000,
      });
      const [made, kept] = [join(copy, "clients/python/src/ozwald/v1"), join(pythonClient, "src/ozwald/v1")];
      const names = readdirSync(made)
        .filter((name) => name !== "__pycache__")
        .toSorted();
      expect(
        readdirSync(kept)
          .filter((name) => name !== "__pycache__")
          .toSorted(),
      ).toEqual(names);
      for (const name of names)
        expect([name, readFileSync(join(made, name), "utf8") === readFileSync(join(kept, name), "utf8")]).toEqual([
          name,
          true,
        ]);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });
});

describe("TypeScript", () => {
  test("the example lists, applies, watches and chats", async () => {
    const file = await settingsFile("from-typescript");
    const result = await runCommand(
      [process.execPath, join(root, "clients/typescript/example.ts"), file, "from-typescript"],
      { env: controlPlane.env, timeoutMs: 90_000 },
    );
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toMatch(/^hosts: devbox \(\d+ cores\)$/m);
    expect(result.stdout).toMatch(/^operation \d+: from-typescript done$/m);
    expect(result.stdout).toMatch(/^model: Paris/m);
  });
});

describe("buf curl", () => {
  function bufCurl(protocol: string, rpc: string, token: string, body = "{}") {
    const { address, caPem } = controlPlane.context;
    const ca = join(controlPlane.folder, "ca.pem");
    return writeFile(ca, caPem).then(() =>
      runCommand(
        [
          join(root, "node_modules/.bin/buf"),
          "curl",
          "--schema",
          join(root, "proto"),
          "--cacert",
          ca,
          "--protocol",
          protocol,
          "--header",
          `Authorization: Bearer ${token}`,
          "-d",
          body,
          `${address}/${rpc}`,
        ],
        {
          env: { PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"]}` },
        },
      ),
    );
  }

  test.each(["grpc", "grpcweb", "connect"])("speaks %s", async (protocol) => {
    const { code, stdout, stderr } = await bufCurl(
      protocol,
      "ozwald.v1.HostsService/ListHosts",
      controlPlane.context.token,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({ hosts: [{ name: "devbox", state: "HOST_STATE_ONLINE" }] });
  });

  test("is refused without a good token, except for health", async () => {
    const refused = await bufCurl("grpc", "ozwald.v1.HostsService/ListHosts", "wrong");
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/unauthenticated/i);
    const health = await bufCurl("grpc", "ozwald.v1.HealthService/Check", "wrong");
    expect(health).toMatchObject({ code: 0 });
    expect(JSON.parse(health.stdout)).toEqual({ status: "healthy" });
  });

  test("a server stream sends the present state at once", async () => {
    const { context } = controlPlane;
    const watch = await bufCurl("grpc", "ozwald.v1.OperationsService/WatchOperation", context.token, '{"id": "1"}');
    expect(watch).toMatchObject({ code: 0 });
    expect(watch.stdout).toContain("OPERATION_STATE_DONE");
  });

  test("an unknown name carries its code and a hint", async () => {
    const answer = await bufCurl(
      "connect",
      "ozwald.v1.InstancesService/UpInstance",
      controlPlane.context.token,
      '{"name": "from-pythn"}',
    );
    expect(answer.code).not.toBe(0);
    expect(answer.stderr).toMatch(/not_found/);
    expect(answer.stderr).toContain("from-pythn");
  });
});
