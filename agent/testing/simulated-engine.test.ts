// The simulated engine keeps the contract of the engine port, so that what is proved on it holds for the real one.
import { create } from "@bufbuild/protobuf";
import { OzError } from "#core/errors.ts";
import { systemClock } from "#core/system-clock.ts";
import { ReplicaSpecSchema } from "#proto/spec_pb.ts";
import { engineContract } from "./engine-contract.ts";
import type { ContractContainer, EngineStage } from "./engine-stage.ts";
import { type Behaviour, SimulatedEngine } from "./simulated-engine.ts";

const behaviours: Readonly<Record<ContractContainer, Behaviour>> = {
  stays: {},
  stubborn: { stopMs: 60_000 },
  ends: { exitAfterMs: 30, exitCode: 3, lines: ["one", "two", "three"] },
  broken: { refuse: { at: "start", error: new OzError("engine_refused", 'the image cannot run "no-such-program"') } },
};

const heldPort = 8_080;

async function open(): Promise<EngineStage> {
  const engine = new SimulatedEngine(systemClock, behaviours);
  let replicas = 0;
  return {
    engine,
    plan(container, changes = {}, group = "default") {
      const replicaId = `r${replicas++}`.padEnd(8, "x");
      const named = { instance: replicaId, group, service: "web", image: container };
      const spec = create(ReplicaSpecSchema, { ...named, environment: { GREETING: "a = b" } });
      const numbers = { generation: 1, attempt: 1, slot: 0 };
      const made = { clusterId: "c", replicaId, ...numbers, specHash: "h", image: container, hostPorts: {} };
      return { ...made, ...changes, spec: changes.spec ?? spec };
    },
    kill: async (id) => engine.kill(id),
    vanish: async (id) => engine.vanish(id),
    async holdPort() {
      engine.foreignPorts.add(heldPort);
      return { port: heldPort, release: async () => void engine.foreignPorts.delete(heldPort) };
    },
    addImage: async (name) => engine.addImage(name),
    imageOfAbsentRegistry() {
      engine.registryProblem = new OzError("registry_unreachable", "nobody answers");
      return "registry.test/contract-absent:1";
    },
    networks: async () => [...engine.networks],
    [Symbol.asyncDispose]: async () => {},
  };
}

engineContract("simulated", open);
