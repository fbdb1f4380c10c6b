// The journal as text: JSON with a version and a checksum, so that a damaged file is known as such.
import { createHash } from "node:crypto";
import { fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { ReplicaAssignmentSchema } from "#proto/agent_pb.ts";
import { nothingObeyed, type Obeyed } from "../plan/accept.ts";
import type { ReplicaMemory } from "../plan/memory.ts";

export type JournalRecord = {
  readonly bootId: string;
  readonly obeyed: Obeyed;
  readonly memory: ReadonlyMap<string, ReplicaMemory>;
};

export const emptyRecord: JournalRecord = { bootId: "", obeyed: nothingObeyed, memory: new Map() };

const formatVersion = 1;

type Body = {
  readonly bootId: string;
  readonly epoch: number;
  readonly incarnation: string;
  readonly revision: number;
  readonly run: readonly JsonValue[];
  readonly retire: readonly string[];
  readonly memory: Readonly<Record<string, ReplicaMemory>>;
};

export function encodeJournal({ bootId, obeyed, memory }: JournalRecord): string {
  const run = obeyed.run.map((assignment) => toJson(ReplicaAssignmentSchema, assignment));
  const body: Body = { bootId, ...obeyed, run, memory: Object.fromEntries(memory) };
  return `${JSON.stringify({ version: formatVersion, sha256: checksum(JSON.stringify(body)), body })}\n`;
}

/** Throws when the text is not a whole journal of this version. The checksum vouches for the shape: only encodeJournal makes it. */
export function decodeJournal(text: string): JournalRecord {
  const file = JSON.parse(text) as { version?: unknown; sha256?: unknown; body?: unknown };
  if (file.version !== formatVersion) throw new Error(`version ${String(file.version)} is not ${formatVersion}`);
  if (checksum(JSON.stringify(file.body)) !== file.sha256) throw new Error("the checksum does not match");
  const { bootId, epoch, incarnation, revision, run, retire, memory } = file.body as Body;
  const assignments = run.map((each) => fromJson(ReplicaAssignmentSchema, each));
  return {
    bootId,
    obeyed: { epoch, incarnation, revision, run: assignments, retire },
    memory: new Map(Object.entries(memory)),
  };
}

function checksum(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
