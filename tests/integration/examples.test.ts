// A container of every variety of every example, made with a stand-in image: the engine accepts what would be asked of it.
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import Docker from "dockerode";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { create } from "@bufbuild/protobuf";
import { MountKind, ResourcesSchema, type ReplicaSpec } from "#proto/spec_pb.ts";
import { parseSettings } from "#core/settings/parse-settings.ts";
import { candidateSpecs } from "#core/settings/resolve-spec.ts";
import { containerRequest } from "../../agent/apply/container-request.ts";
import { ensureBusyboxImage } from "../support/busybox-image.ts";

const root = resolve(import.meta.dirname, "../..");
const docker = new Docker();
const folder = mkdtempSync(join(tmpdir(), "ozwald-examples-"));
let image = "";

beforeAll(async () => void (image = await ensureBusyboxImage()));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every form of every service of an example that has an instance. */
function formsOf(file: string): [name: string, spec: ReplicaSpec][] {
  const { settings } = parseSettings([{ name: file, text: readFileSync(join(root, file), "utf8") }]);
  return (settings?.instances ?? []).flatMap((wish) => {
    const service = settings?.services.find(({ name }) => name === wish.service);
    if (service === undefined) return [];
    const forms = candidateSpecs(service, { ...wish, instance: wish.name }, {});
    return forms.map(({ variety, spec }): [string, ReplicaSpec] => [`${file} ${wish.name} ${variety}`, spec]);
  });
}

const forms = globSync("examples/*/ozwald.yml", { cwd: root }).toSorted().flatMap(formsOf);

describe("every variety of every example", () => {
  test("there are many", () => expect(forms.length).toBeGreaterThanOrEqual(15));

  test.each(forms)("%s", async (_name, spec) => {
    const asked = spec.resources ?? create(ResourcesSchema);
    const gpus = asked.gpus;
    const ids = Array.from({ length: gpus }, (_, i) => `GPU-${i}`);
    const resources = { ...asked, deviceIds: ids };
    // The folder has to exist, and volumes of these names may be somebody's.
    const mounts = spec.mounts.map((mount) =>
      mount.kind === MountKind.TMPFS ? mount : { ...mount, kind: MountKind.BIND, source: folder },
    );
    const plan = {
      clusterId: "examplestest",
      replicaId: "example",
      generation: 1,
      attempt: 1,
      slot: 0,
      spec: { ...spec, resources, mounts },
      specHash: "",
      image,
      hostPorts: {},
    };
    const options = {
      nvidiaRuntime: true,
      gpuPaths: Object.fromEntries(ids.map((id) => [id, ["/dev/dri/renderD128"]])),
    };
    const { name: _own, NetworkingConfig: _network, ...request } = containerRequest(plan, "none", options);
    const container = await docker.createContainer({
      ...request,
      HostConfig: { ...request.HostConfig, NetworkMode: "none" },
    });
    try {
      const { Config, HostConfig } = await container.inspect();
      expect(HostConfig).toMatchObject({
        Memory: Number(resources.memoryBytes),
        CapDrop: ["ALL"],
        RestartPolicy: { Name: "no" },
        ...(spec.shmBytes > 0n && { ShmSize: Number(spec.shmBytes) }),
      });
      expect(HostConfig.DeviceRequests?.[0]?.DeviceIDs ?? []).toEqual(resources.gpuVendor === "nvidia" ? ids : []);
      expect(Object.keys(HostConfig.PortBindings as object)).toEqual(
        spec.ports.map((port) => `${port.containerPort}/tcp`),
      );
      if (spec.command.length > 0) expect(Config.Cmd).toEqual(spec.command);
      expect(Config.Image).toBe(image);
    } finally {
      await container.remove({ force: true });
    }
  });
});
