// What the contract of engines needs of each: containers that behave in known ways, and hands behind its back.
import type { ContainerEngine, ContainerPlan } from "../apply/engine.ts";

// stays: until it is asked to end, then it ends with 143 at once. stubborn: only the hard stop ends it.
// ends: says "one", "two", "three" and ends with 3 by itself. broken: its program is not in the image.
export type ContractContainer = "stays" | "stubborn" | "ends" | "broken";

/** One engine with a cluster of its own and what a test does behind its back. */
export type EngineStage = {
  readonly engine: ContainerEngine;
  /** A plan of this cluster with a replica of its own, and the variable GREETING "a = b". */
  plan(container: ContractContainer, changes?: Partial<ContainerPlan>, group?: string): ContainerPlan;
  /** kill -9 of its process, by somebody else. */
  kill(id: string): Promise<void>;
  /** Kills and removes it, by somebody else. */
  vanish(id: string): Promise<void>;
  /** Something foreign takes a port of the host; release gives it back. */
  holdPort(): Promise<{ port: number; release(): Promise<void> }>;
  /** Makes a local image of that name. */
  addImage(name: string): Promise<void>;
  /** An image of a registry at which nobody answers. */
  imageOfAbsentRegistry(): string;
  /** Groups that have a network now. */
  networks(): Promise<string[]>;
  /** Removes everything. */
  [Symbol.asyncDispose](): Promise<void>;
};
