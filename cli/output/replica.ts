// Words for replicas: state, recipe, endpoint, and what to print when one failed.
import type { Endpoint, Observed, Replica } from "#proto/replicas_pb.ts";
import type { Style } from "../io.ts";
import { formatName } from "../spec-argument.ts";
import { replicaState, stateWord } from "./replica-state.ts";

/** "pulling 61 %": the state with what a person waits for. */
export function stateText(replica: {
  state: number;
  observed?: { pull?: { doneBytes: bigint; totalBytes: bigint } | undefined } | undefined;
}): string {
  const pull = replica.observed?.pull;
  if (replica.state !== replicaState.PULLING || pull === undefined || pull.totalBytes === 0n)
    return stateWord(replica.state);
  return `pulling ${Math.min(100, Math.floor((Number(pull.doneBytes) / Number(pull.totalBytes)) * 100))} %`;
}

export function stateStyle(state: number): Style | undefined {
  if (state === replicaState.READY) return "green";
  if (state === replicaState.FAILED || state === replicaState.LOST) return "red";
  if (state === replicaState.STOPPED || state === replicaState.STOPPING) return "dim";
  return "yellow";
}

/** "tiny-llm:cpu-only" or "tiny-llm:cpu-only:8k"; a star for a variety that is not chosen yet. */
export function recipe({ service, variety, profile }: { service: string; variety: string; profile: string }): string {
  if (profile !== "") return `${service}:${variety || "*"}:${profile}`;
  return variety === "" ? service : `${service}:${variety}`;
}

/** "http://127.0.0.1:11000"; only the protocols a browser knows become a URL with their own scheme. */
export function endpointText({ protocol, address, port }: Pick<Endpoint, "protocol" | "address" | "port">): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `${protocol || "tcp"}://${host}:${port}`;
}

/** What is printed when a replica failed for good: why, its last lines, and what to type next. */
export function failureText(
  replica: Pick<Replica, "instance" | "group" | "host" | "reason" | "observed" | "slot">,
): string {
  const { observed } = replica;
  const name = formatName(replica.group, replica.instance);
  const lines = (observed?.logTail ?? []).map((line) => `  | ${line}\n`).join("");
  const where = replica.host === "" ? "" : ` on ${replica.host}`;
  // What was refused before it became a process has said nothing.
  const ran = observed?.exitCode !== undefined || lines !== "";
  const logs = ran ? `All its lines:  ozctl logs --previous ${name}` : `Why:  ozctl why ${name}`;
  // What waits for another starts by itself once that one is ready.
  const again = formatName(replica.group, observed?.waitsFor[0] ?? replica.instance);
  return `${name} failed${where}: ${failureReason(replica.reason, observed)}\n${lines}${logs}        Try again:  ozctl restart ${again}\n`;
}

function failureReason(reason: string, observed: Observed | undefined): string {
  const told =
    reason ||
    observed?.reason ||
    (observed?.exitCode === undefined ? "no reason was given" : `exit code ${observed.exitCode}`);
  return observed?.outOfMemory && !/memory/i.test(told) ? `${told}, out of memory` : told;
}
