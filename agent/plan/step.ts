// The steps a plan is made of. Each is data; apply/ has one executor for every tag and no choices left.
import type { EndCause } from "./memory.ts";

export type Step =
  /** Bring the image of a generation to the host. What runs goes on meanwhile. */
  | { readonly tag: "fetch-image"; readonly replicaId: string; readonly generation: number }
  /** Make and start one attempt. */
  | {
      readonly tag: "start-attempt";
      readonly replicaId: string;
      readonly generation: number;
      readonly attempt: number;
      readonly hostPorts: Readonly<Record<string, number>>;
    }
  /** End a container. */
  | {
      readonly tag: "stop";
      readonly replicaId: string;
      readonly containerId: string;
      readonly attempt: number;
      readonly graceMs: number;
      readonly why: StopReason;
    }
  /** Take note of the end of an attempt. containerId is empty when nothing is left of it. */
  | {
      readonly tag: "record-end";
      readonly replicaId: string;
      readonly generation: number;
      readonly containerId: string;
      readonly attempt: number;
      readonly cause: EndCause;
      readonly at: number;
      readonly exitCode: number | undefined;
      readonly outOfMemory: boolean;
      readonly reason: string;
    }
  /** Look whether an attempt that is not ready yet wrote something. */
  | {
      readonly tag: "check-progress";
      readonly replicaId: string;
      readonly containerId: string;
      readonly attempt: number;
    }
  /** Remove a container that ended. */
  | { readonly tag: "remove"; readonly replicaId: string; readonly containerId: string; readonly attempt: number }
  /** Drop what is remembered of a replica of which nothing is left. */
  | { readonly tag: "forget"; readonly replicaId: string }
  /** Nothing to do before a time (ms since 1970; 0 for until something happens). */
  | {
      readonly tag: "wait";
      readonly replicaId: string;
      readonly until: number;
      readonly kind: WaitKind;
      readonly reason: string;
      /** Instances that have to be ready first. */
      readonly waitsFor?: readonly string[];
    };

/** "replace": a newer generation takes its place. "retire": nobody wants it. "twin": a second container of one replica. */
export type StopReason = "replace" | "retire" | "twin" | "not-ready";

export type WaitKind = "backoff" | "dependency" | "startup" | "ports" | "fenced";

export type StepTag = Step["tag"];
export type StepOf<Tag extends StepTag> = Extract<Step, { tag: Tag }>;
