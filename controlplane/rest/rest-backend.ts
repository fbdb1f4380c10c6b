// What the REST routes need from the control plane, in words of the contract. wire.ts hands in the real thing.
import type { Host } from "#proto/hosts_pb.ts";
import type { DynamicInstance, Instance } from "#proto/instances_pb.ts";
import type { Service } from "#proto/services_pb.ts";

/** Which instance a log route means. */
export type LogSubject = { readonly group: string; readonly instance: string };

/** Lines to give: the first or the last so many. Exactly one of them is set. */
export type LogRange = { readonly first: number } | { readonly last: number };

/** Every call may throw OzError; the handler answers with the status that fits its code. */
export interface RestBackend {
  /** Every definition of every project. */
  services(): Promise<readonly Service[]>;
  /** What is wanted, with replicas; what is being stopped is among them. */
  instances(): Promise<readonly Instance[]>;
  /** Every host, those that are only expected too. */
  hosts(): Promise<readonly Host[]>;
  /** Name of the host whose agent runs on this machine; undefined when there is none. */
  localHostName(): Promise<string | undefined>;
  /**
   * Makes the list the complete set of instances that REST and `ozctl up` own.
   * Throws not_found for an unknown service, variety or profile, already_exists for a name that another owner holds.
   */
  replaceDynamic(instances: readonly DynamicInstance[], actor: string): Promise<{ operationId: bigint }>;
  /** Output of an instance, all its replicas one after the other, without line ends. */
  logs(subject: LogSubject, range: LogRange, signal: AbortSignal): Promise<string[]>;
  /** How an instance came up: its events as lines, oldest first, then the last lines of an attempt that failed. */
  launchLogs(subject: LogSubject, range: LogRange, signal: AbortSignal): Promise<string[]>;
}
