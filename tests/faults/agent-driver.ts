// A program for tests: an agent's brain without a link. It is told one set on the command line, works until the host is as it was asked
// for, prints what it sees, and ends. OZWALD_FAILPOINT kills it on the way.
import { fromJsonString } from "@bufbuild/protobuf";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { AssignmentSchema } from "#proto/agent_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { createDockerEngine } from "../../agent/apply/docker-engine.ts";
import { parseFailpoints } from "../../agent/apply/failpoint.ts";
import { Brain } from "../../agent/brain.ts";
import { listeningPorts } from "../../agent/host/listening-ports.ts";
import { openJournal } from "../../agent/journal/journal.ts";

async function main([clusterId = "", dir = "", text = ""]: string[]): Promise<void> {
  const failpoint = parseFailpoints(process.env["OZWALD_FAILPOINT"] ?? "", () => process.kill(process.pid, "SIGKILL"));
  const [clock, log, bootId] = [systemClock, quietLog, "boot"];
  await using journal = await openJournal({ dir, bootId, clock, log, hook: failpoint });
  const engine = createDockerEngine({ clusterId, clock, log });
  const totals = () => new Map<string, number>();
  await using brain = new Brain({ engine, journal, clusterId, bootId, clock, log, failpoint, totals, listeningPorts });
  const assignment = fromJsonString(AssignmentSchema, text);
  const answer = await brain.assign(assignment, { historyContainsObeyed: true });
  if (!answer.accepted) throw new Error(answer.reason);
  const asWanted = () =>
    brain.look() !== undefined &&
    assignment.run.every(({ replicaId, generation }) =>
      brain
        .observed()
        .some(
          (each) => each.replicaId === replicaId && each.state === ReplicaState.READY && each.generation === generation,
        ),
    ) &&
    assignment.retire.every(
      (id) => !brain.observed().some((each) => each.replicaId === id) && !journal.memory().has(id),
    );
  const deadline = clock.now() + 20_000;
  while (!asWanted() && clock.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  // A moment more, for what follows: forgetting ends with the networks.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const seen = brain
    .observed()
    .map(({ replicaId, state, pid, attempt, reason }) => ({ replicaId, state, pid, attempt, reason }));
  process.stdout.write(`${JSON.stringify({ converged: asWanted(), seen })}\n`);
}

void main(process.argv.slice(2));
