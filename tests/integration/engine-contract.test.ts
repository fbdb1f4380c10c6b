// The Docker engine keeps the contract of the engine port.
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { beforeAll } from "vitest";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { createDockerEngine } from "../../agent/apply/docker-engine.ts";
import { engineContract } from "../../agent/testing/engine-contract.ts";
import type { ContractContainer, EngineStage } from "../../agent/testing/engine-stage.ts";
import { busyboxImage, ensureBusyboxImage } from "../support/busybox-image.ts";
import { removeClusterThings } from "../support/cluster-containers.ts";
import { containerPlan } from "../support/container-plan.ts";
import { mustRun, runCommand } from "../support/run-command.ts";

const commands: Readonly<Record<ContractContainer, string[]>> = {
  stays: ["sh", "-c", "trap 'exit 143' TERM; while :; do sleep 3600 & wait $!; done"],
  stubborn: ["sh", "-c", "trap '' TERM; while :; do sleep 0.2; done"],
  ends: ["sh", "-c", "echo one; echo two; echo three; exit 3"],
  broken: ["no-such-program"],
};

let clusters = 0;

async function open(): Promise<EngineStage> {
  const clusterId = `c${process.pid}x${Date.now().toString(36)}x${clusters++}`;
  const engine = createDockerEngine({ clusterId, log: quietLog, clock: systemClock });
  const images: string[] = [];
  let replicas = 0;
  return {
    engine,
    plan(container, changes = {}, group = "default") {
      const replicaId = `r${replicas++}`.padEnd(8, "x");
      const environment = { GREETING: "a = b" };
      const ports = [{ containerPort: 80 }];
      const spec = { instance: replicaId, group, command: commands[container], environment, ports };
      const { hostPorts = {} } = changes;
      const published = Object.keys(hostPorts).length > 0 ? spec : { ...spec, ports: [] };
      const { spec: _, ...rest } = changes;
      return containerPlan({ clusterId, replicaId, ...rest, spec: published });
    },
    kill: async (id) => void (await mustRun(["docker", "kill", id])),
    vanish: async (id) => void (await mustRun(["docker", "rm", "-f", id])),
    async holdPort() {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      return { port, release: () => new Promise((resolve) => server.close(() => resolve())) };
    },
    async addImage(name) {
      images.push(name);
      await mustRun(["docker", "tag", busyboxImage, name]);
    },
    imageOfAbsentRegistry: () => "127.0.0.1:1/contract-absent:1",
    async networks() {
      const argv = ["docker", "network", "ls", "--filter", `label=ozwald.cluster=${clusterId}`];
      const text = await mustRun([...argv, "--format", '{{.Label "ozwald.group"}}']);
      return text.split("\n").filter((line) => line !== "");
    },
    async [Symbol.asyncDispose]() {
      await removeClusterThings(clusterId);
      if (images.length > 0) await runCommand(["docker", "rmi", ...images]);
    },
  };
}

beforeAll(() => ensureBusyboxImage());

engineContract("docker", open);
