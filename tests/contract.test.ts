// The contract: it lints, the generated code is fresh, nothing breaks what was released, and every RPC has a rule.
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { DescFile, DescService } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rules } from "../controlplane/auth/rules.ts";

const root = resolve(import.meta.dirname, "..");
const bin = join(root, "node_modules/.bin");
const released = join(root, "proto/released/v0.1.binpb");
let copy = "";

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "ozwald-proto-"));
  for (const path of ["proto/ozwald", "proto/buf.yaml", "proto/buf.gen.yaml"])
    cpSync(join(root, path), join(copy, path), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

function buf(cwd: string, ...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(join(bin, "buf"), args, {
    cwd,
    encoding: "utf8",
    timeout: 60_000,
    env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` },
  });
  return { status, output: stdout + stderr };
}

/** Changes one file of the copy while fn runs. */
function withChange<T>(file: string, change: (text: string) => string, fn: () => T): T {
  const path = join(copy, "proto/ozwald/v1", file);
  const before = readFileSync(path, "utf8");
  const after = change(before);
  if (after === before) throw new Error(`${file} does not have what the test changes`);
  writeFileSync(path, after);
  try {
    return fn();
  } finally {
    writeFileSync(path, before);
  }
}

/** Field number 1 of message Host gets another number. */
function renumber(text: string): string {
  return text.replace(/(message Host \{[^}]*?string id = )1;/, "$199;");
}

test("buf lint passes, and sees a message without a comment", () => {
  expect(buf(join(root, "proto"), "lint")).toEqual({ status: 0, output: "" });
  const bare = withChange(
    "hosts.proto",
    (text) => `${text}\nmessage Planted {}\n`,
    () => buf(join(copy, "proto"), "lint"),
  );
  expect(bare.status).not.toBe(0);
  expect(bare.output).toContain("Planted");
});

test("generated code is fresh", () => {
  expect(buf(join(copy, "proto"), "generate")).toMatchObject({ status: 0 });
  const folder = "proto/gen/ozwald/v1";
  const fresh = readdirSync(join(copy, folder)).toSorted();
  expect(readdirSync(join(root, folder)).toSorted()).toEqual(fresh);
  expect(fresh.length).toBeGreaterThan(10);
  for (const file of fresh)
    expect([
      file,
      readFileSync(join(root, folder, file), "utf8") === readFileSync(join(copy, folder, file), "utf8"),
    ]).toEqual([file, true]);
});

test("the TypeScript client is made from the same contract, and its types hold", () => {
  const [ours, theirs] = [join(root, "proto/gen/ozwald/v1"), join(root, "clients/typescript/src/gen/ozwald/v1")];
  expect(readdirSync(theirs).toSorted()).toEqual(readdirSync(ours).toSorted());
  for (const file of readdirSync(ours)) {
    const same = readFileSync(join(ours, file), "utf8") === readFileSync(join(theirs, file), "utf8");
    expect([file, same], "run clients/typescript/generate.sh").toEqual([file, true]);
  }
  const tsc = spawnSync(join(bin, "tsc"), ["-p", "clients/typescript", "--noEmit"], {
    cwd: root,
    encoding: "utf8",
    timeout: 60_000,
  });
  expect(tsc).toMatchObject({ status: 0, stdout: "" });
});

test("the clients have every service that is not for agents only", () => {
  const services = new Set(Object.keys(rules).map((call) => call.split("/")[0]?.replace("ozwald.v1.", "") ?? ""));
  for (const ofAgents of ["AgentLinkService", "EnrollmentService"]) expect(services.delete(ofAgents)).toBe(true);
  const text = (file: string) => readFileSync(join(root, "clients", file), "utf8");
  const typescript = text("typescript/src/client.ts").matchAll(/createClient\((\w+), transport\)/g);
  const python = text("python/src/ozwald_client/client.py").matchAll(/_grpc\.(\w+)Stub\(channel\)/g);
  for (const stubs of [typescript, python]) expect(new Set(Array.from(stubs, ([, name]) => name))).toEqual(services);
});

describe("what was released", () => {
  test("is kept: proto/released/v0.1.binpb", () => {
    expect(existsSync(released), "make it once per release: cd proto && buf build -o released/v0.1.binpb").toBe(true);
    expect(buf(join(root, "proto"), "breaking", "--against", released)).toEqual({ status: 0, output: "" });
  });

  test("a renumbered field, a removed RPC and a changed type are seen", () => {
    expect(buf(join(copy, "proto"), "breaking", "--against", released)).toMatchObject({ status: 0 });
    const against = () => buf(join(copy, "proto"), "breaking", "--against", released);
    const renumbered = withChange("hosts.proto", renumber, against);
    expect(renumbered.status).not.toBe(0);
    expect(renumbered.output).toContain('"1"');
    expect(withChange("hosts.proto", (text) => text.replace(/^ *rpc RemoveHost.*$/m, ""), against).status).not.toBe(0);
    expect(
      withChange("status.proto", (text) => text.replace("uint32 replicas_ready", "string replicas_ready"), against)
        .status,
    ).not.toBe(0);
  });
});

describe("who may call what", () => {
  test("every RPC has a rule, and every rule an RPC", async () => {
    const methods = (await services()).flatMap((service) =>
      service.methods.map((method) => `${service.typeName}/${method.name}`),
    );
    expect(methods.length).toBeGreaterThan(20);
    expect(Object.keys(rules).toSorted()).toEqual(methods.toSorted());
  });

  test("only enrolling and health are public", () => {
    const open = Object.entries(rules).filter(([, rule]) => rule === "public");
    expect(open.map(([name]) => name).toSorted()).toEqual([
      "ozwald.v1.EnrollmentService/Enroll",
      "ozwald.v1.HealthService/Check",
    ]);
    for (const rule of Object.values(rules)) expect(["public", "viewer", "admin", "agent"]).toContain(rule);
  });

  test("whatever does more than read wants an admin: these calls read", () => {
    const calls = Object.entries(rules).filter(([, rule]) => rule === "viewer");
    expect(calls.map(([name]) => name.replace("ozwald.v1.", "")).toSorted()).toEqual([
      "AddressService/ListAddresses",
      "EventsService/ListEvents",
      "EventsService/WatchEvents",
      "ForwardService/FindTarget",
      "HostsService/ListHosts",
      "InstancesService/ExplainInstance",
      "InstancesService/ListInstances",
      "InstancesService/WatchInstances",
      "LogsService/GetLogs",
      "OperationsService/ListOperations",
      "OperationsService/WatchOperation",
      "ReplicasService/ListReplicas",
      "ServicesService/ListServices",
      "SettingsService/PlanSettings",
      "StatusService/GetStatus",
    ]);
    const agents = Object.entries(rules).filter(([, rule]) => rule === "agent");
    expect(agents.map(([name]) => name).filter((name) => !name.startsWith("ozwald.v1.AgentLinkService/"))).toEqual([]);
  });
});

async function services(): Promise<DescService[]> {
  const folder = join(root, "proto/gen/ozwald/v1");
  const modules = await Promise.all(
    readdirSync(folder).map((file) => import(join(folder, file)) as Promise<Record<string, DescFile>>),
  );
  return modules.flatMap((module) =>
    Object.entries(module).flatMap(([name, value]) => (name.startsWith("file_") ? value.services : [])),
  );
}
