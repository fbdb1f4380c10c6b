// Takes in assignments, one after the other: judged, written down, then obeyed.
import { create } from "@bufbuild/protobuf";
import { toOzError } from "#core/errors.ts";
import type { Log } from "#core/log.ts";
import { type Assignment, type AssignmentResult, AssignmentResultSchema } from "#proto/agent_pb.ts";
import type { Journal } from "./journal/journal.ts";
import { accept, type Rejection } from "./plan/accept.ts";

export type Intake = (
  assignment: Assignment,
  welcome: { readonly historyContainsObeyed: boolean },
) => Promise<AssignmentResult>;

/** onObeyed is called once the journal holds another set. */
export function createIntake(deps: {
  journal: Journal;
  totals: () => ReadonlyMap<string, number>;
  log: Log;
  onObeyed: () => void;
}): Intake {
  const { journal, totals, log, onObeyed } = deps;
  let last: Promise<unknown> = Promise.resolve();

  async function take(assignment: Assignment, historyContainsObeyed: boolean): Promise<AssignmentResult> {
    const { revision } = assignment;
    const judged = accept({ obeyed: journal.obeyed(), assignment, historyContainsObeyed, totals: totals() });
    if (judged.verdict === "refuse") {
      log.warn({ revision: Number(revision) }, `assignment not obeyed: ${judged.reason}`);
      return create(AssignmentResultSchema, { revision, accepted: false, reason: judged.reason });
    }
    if (judged.verdict === "obey") {
      try {
        await journal.accept(judged.obeyed);
      } catch (error) {
        const { message, hint } = toOzError(error);
        log.error({ revision: Number(revision), err: error }, message);
        return create(AssignmentResultSchema, { revision, accepted: false, reason: `${message}. ${hint}`.trim() });
      }
      onObeyed();
    }
    const rejected = judged.rejected.map(toRejected);
    return create(AssignmentResultSchema, { revision, accepted: true, reason: judged.notice, rejected });
  }

  return (assignment, { historyContainsObeyed }) => {
    const mine = last.then(() => take(assignment, historyContainsObeyed));
    last = mine.catch(() => {});
    return mine;
  };
}

function toRejected({ replicaId, generation, resource, needBytes, freeBytes, holder }: Rejection) {
  const bytes = { needBytes: BigInt(needBytes), freeBytes: BigInt(freeBytes) };
  return { replicaId, generation: BigInt(generation), resource, holder, ...bytes };
}
