import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { OzError } from "#core/errors.ts";
import { MountKind, ReplicaSpecSchema } from "#proto/spec_pb.ts";
import { checkRequest } from "./request-policy.ts";

type Spec = MessageInitShape<typeof ReplicaSpecSchema>;

function refusal(spec: Spec, ownFolders: readonly string[] = []): string {
  const full = create(ReplicaSpecSchema, { instance: "web", group: "default", image: "web:1", ...spec });
  try {
    checkRequest(
      {
        clusterId: "c",
        replicaId: "r",
        generation: 1,
        attempt: 1,
        slot: 0,
        specHash: "",
        image: "web:1",
        hostPorts: {},
        spec: full,
      },
      ownFolders,
    );
    return "";
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(OzError);
    expect((thrown as OzError).code).toBe("bad_request");
    return (thrown as OzError).message;
  }
}
const bind = (source: string, target = "/x"): Spec => ({ mounts: [{ kind: MountKind.BIND, source, target }] });

describe("mounts of the host", () => {
  test.each([
    "/", "//", "/..", "/srv/../etc", "/srv/./x", "relative", "", "/srv//x", "/srv/\0x",
    "/proc", "/proc/1/root", "/sys", "/sys/fs/cgroup", "/dev", "/dev/sda", "/run", "/run/docker.sock", "/run/containerd/containerd.sock",
    "/var/run", "/var/run/docker.sock", "/srv/docker.sock", "/home/u/podman.sock", "/boot", "/etc", "/etc/", "/var", "/var/lib",
    "/var/lib/docker", "/var/lib/docker/volumes/x", "/var/lib/containerd/x", "/usr", "/root", "/root/", "/bin",
    "/var/lib/ozwald", "/var/lib/ozwald/controlplane", "/var/lib/ozwald/agent/key.pem", "/var/lib/ozwald/modelsx", "/etc/ozwald",
    "/var/lib/ozwald-quickstart", "/var/lib/ozwald-quickstart/agent",
  ])("%j is refused", (source) => {
    expect(refusal(bind(source))).toContain(JSON.stringify(source));
  }); // prettier-ignore

  test.each([
    "/srv/models",
    "/home/u",
    "/root/models",
    "/data/",
    "/etc/ssl/certs",
    "/developer",
    "/running",
    "/var/lib/models",
    "/var/lib/ozwald/models",
    "/var/lib/ozwald/models/llama",
    "/var/lib/ozwaldish",
    "/usr/local/bin",
  ])("%j is fine", (source) => {
    expect(refusal(bind(source))).toBe("");
  });

  test("nothing that holds the agent's own folder, or lies in it", () => {
    const own = ["/srv/ozwald/state"];
    for (const source of ["/srv", "/srv/ozwald", "/srv/ozwald/state", "/srv/ozwald/state/key.pem"])
      expect(refusal(bind(source), own)).toContain("hand over /srv/ozwald/state");
    for (const source of ["/srv/ozwald/models", "/srv/ozwald/state2", "/srvs"])
      expect(refusal(bind(source), own)).toBe("");
  });

  test.each(["/", "/proc", "/proc/x", "/sys", "/dev", "/dev/x", "x", "/a/../b", ""])(
    "inside, %j may not be covered",
    (target) => {
      expect(refusal(bind("/srv/a", target))).not.toBe("");
    },
  );

  test("volumes have plain names, and a mount has a kind", () => {
    const named = (source: string): Spec => ({ mounts: [{ kind: MountKind.NAMED, source, target: "/x" }] });
    expect(refusal(named("models-v1.2_x"))).toBe("");
    for (const source of ["", "../x", "/etc", "a:b", "x,volume-opt=o=bind", "-x"])
      expect(refusal(named(source))).toMatch(/names no volume/);
    expect(refusal({ mounts: [{ source: "/a", target: "/x" }] })).toMatch(/what kind/);
    expect(refusal({ mounts: [{ kind: MountKind.TMPFS, target: "/dev/shm" }] })).toBe("");
  });
});

test("loader variables are refused for GPU services, and only there", () => {
  const environment = { LD_PRELOAD: "/tmp/x.so" };
  expect(refusal({ environment })).toBe("");
  for (const resources of [{ gpus: 1 }, { deviceIds: ["GPU-a"] }, { gpuVendor: "amd" }]) {
    expect(refusal({ environment, resources })).toMatch(/LD_PRELOAD is refused/);
    expect(refusal({ environment: { LD_LIBRARY_PATH: "/x" }, resources })).toMatch(/LD_LIBRARY_PATH/);
    expect(refusal({ environment: { PATH: "/x" }, resources })).toBe("");
  }
});

test.each<[string, Spec]>([
  ["an instance", { instance: "a;b" }],
  ["an instance", { instance: "" }],
  ["a group", { group: "a/b" }],
  ["a group", { group: "x".repeat(64) }],
  ["an image", { image: "" }],
  ["a variable", { environment: { "A=B": "x" } }],
  ["a variable", { environment: { "": "x" } }],
  ["a value", { environment: { A: "x\0y" } }],
  ["a port", { ports: [{ containerPort: 0 }] }],
  ["a port", { ports: [{ containerPort: 70_000 }] }],
  ["a transport", { ports: [{ containerPort: 80, transport: "sctp" }] }],
  ["a user", { security: { user: "root;x" } }],
  ["a capability", { security: { capAdd: ["cap_sys_admin"] } }],
  ["a device", { security: { devices: ["/etc/passwd"] } }],
  ["a device", { security: { devices: ["/dev/../etc"] } }],
  ["the memory of the host", { security: { devices: ["/dev/mem"] } }],
])("odd characters in %s are refused", (_, spec) => {
  expect(refusal(spec)).not.toBe("");
});
