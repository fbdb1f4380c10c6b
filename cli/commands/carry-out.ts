// What up, down and restart have in common: show the steps, then follow the operation.
import { PlanAction, type Plan } from "#proto/settings_pb.ts";
import type { OutputFormat } from "../command.ts";
import { followOperation } from "../follow.ts";
import { printValue } from "../output/format.ts";
import { stepLines } from "../output/plan.ts";
import type { Session } from "../session.ts";

/** Prints what begins and follows it, until left says that the person leaves. idle is said when nothing had to change. Gives the exit code. */
export async function carryOut(
  session: Session,
  { operationId, plan }: { operationId: bigint; plan?: Plan | undefined },
  options: { detach?: boolean; output?: OutputFormat },
  idle: string,
  left: AbortSignal,
): Promise<number> {
  const { io } = session;
  const forPrograms = options.output === "json" || options.output === "yaml" ? options.output : undefined;
  if (operationId === 0n) {
    if (forPrograms === undefined) io.out(`${idle}\n`);
    else await printValue(io, forPrograms, { operation: null });
    return 0;
  }
  const steps = (plan?.steps ?? []).filter((step) => step.action !== PlanAction.KEEP);
  if (forPrograms === undefined) io.out(stepLines(io, steps));
  if (options.detach) {
    if (forPrograms === undefined) io.out(`Going on.  ozctl ops watch ${operationId}\n`);
    else await printValue(io, forPrograms, { operation: String(operationId) });
    return 0;
  }
  return await followOperation(session, operationId, options.output, left);
}
