// Puts the agent together, in order, and takes it apart in reverse. Containers keep running when it ends.
import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { pino } from "pino";
import { randomId } from "#core/ids.ts";
import { OzError } from "#core/errors.ts";
import type { Log } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { version } from "#core/version.ts";
import { HelloSchema, type Welcome } from "#proto/agent_pb.ts";
import { createDockerEngine } from "./apply/docker-engine.ts";
import { parseFailpoints } from "./apply/failpoint.ts";
import { Brain } from "./brain.ts";
import { serveChannel } from "./channels.ts";
import type { Config } from "./config.ts";
import { readBootId } from "./host/boot-id.ts";
import { noGpus } from "./host/gpu-reader.ts";
import { listeningPorts } from "./host/listening-ports.ts";
import { type HostFacts, startHostFacts } from "./host-facts.ts";
import { openJournal } from "./journal/journal.ts";
import { type HostIdentity, loadIdentity } from "./link/identity-files.ts";
import { startControlMove } from "./link/control-move.ts";
import { startRenewal } from "./link/renew.ts";
import { type AgentLink, startLink } from "./link/session.ts";
import { lockState } from "./state-lock.ts";
import { agentStatus, type AgentStatus } from "./status.ts";

export type RunningAgent = { status(): AgentStatus; [Symbol.asyncDispose](): Promise<void> };

/** Longest time a Hello waits for the first look at the engine. */
const firstLookMs = 5_000;

/** Starts the agent. Throws precondition when the machine has not joined, already_exists when another agent works in the folder. */
export async function startAgent(config: Config): Promise<RunningAgent> {
  await using stack = new AsyncDisposableStack();
  const { stateDir } = config;
  const identity = await requireIdentity(stateDir);
  const lock = stack.use(await lockState(stateDir));
  const log = openLog(config, identity);
  const failpoint = parseFailpoints(config.failpoints, () => process.kill(process.pid, "SIGKILL"));
  const bootId = await readBootId();
  const clock = systemClock;
  const { clusterId } = identity;
  const journal = stack.use(await openJournal({ dir: stateDir, bootId, clock, log, hook: failpoint }));
  const engine = createDockerEngine({ clusterId, stateDir, clock, log, socketPath: config.engineSocket });
  const linkRef: { current?: AgentLink } = {};
  const facts = stack.use(startHostFacts({ engine, gpu: noGpus, clock, log, link: () => linkRef.current }));
  const brain = stack.use(
    new Brain({
      engine,
      journal,
      clusterId,
      bootId,
      clock,
      log,
      failpoint,
      totals: facts.totals,
      listeningPorts: () => listeningPorts(),
      onEngineProblem: facts.look,
    }),
  );
  const hello = createHello({ identity, bootId, brain, facts });
  const move = stack.use(startControlMove({ identity, stateDir, clock, log, link: () => linkRef.current }));
  let lastState = "";
  const link = startLink({
    ...{ identity, clock, log, hello, random: Math.random, addresses: () => move.order() },
    async onWelcome(welcome, dialed) {
      checkCluster(identity, welcome, dialed);
      await move.welcomed(dialed, welcome.addresses);
      facts.setTelemetryMs(Number(welcome.telemetryMs));
    },
    onAssignment: (assignment, { historyContainsObeyed }) => brain.assign(assignment, { historyContainsObeyed }),
    onOpenChannel: (request, channel) =>
      serveChannel({ engine, look: () => brain.look(), wanted: (id) => brain.wanted(id) }, request, channel),
    pictureComplete: () => brain.look() !== undefined && brain.engineProblem() === "",
    onState: ({ state }) => {
      if (state === "ready") move.look();
      // A renewed Welcome is no news.
      if (state !== lastState) log.info({ link: state }, `link ${state}`);
      lastState = state;
    },
    onClosed: (reason, message) => log.warn({ reason }, `the control plane ended the link (${reason}): ${message}`),
  });
  stack.use(link);
  linkRef.current = link;
  stack.defer(brain.subscribe((changed, gone) => link.report(changed, gone)));
  const onRenewed = (next: HostIdentity) => link.setIdentity(next);
  stack.use(
    startRenewal({ identity, stateDir, clock, log, random: Math.random, renew: link.renewCertificate, onRenewed }),
  );
  const status = () => agentStatus({ identity, brain, link, move, startedAt, now: clock.now() });
  const startedAt = clock.now();
  await lock.serve(status);
  log.info({ version, stateDir, controlPlane: move.order()[0] }, `ozwald-agent ${version} works as ${identity.name}`);
  const owned = stack.move();
  return { status, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Makes the Hello of each stream; one process, one nonce. */
function createHello(deps: { identity: HostIdentity; bootId: string; brain: Brain; facts: HostFacts }) {
  const { identity, bootId, brain, facts } = deps;
  const { hostId } = identity;
  const processNonce = randomId(randomBytes);
  return async () => {
    await brain.firstLook(firstLookMs, AbortSignal.timeout(firstLookMs));
    const { incarnation, epoch, revision } = brain.obeyed();
    const obeyed = { obeyedIncarnation: incarnation, obeyedEpoch: epoch, journalRevision: revision };
    const inventory = await facts.inventory();
    const agent = { hostId, bootId, processNonce, agentVersion: version };
    return create(HelloSchema, { ...agent, ...obeyed, inventory, observed: brain.observed() });
  };
}

async function requireIdentity(stateDir: string): Promise<HostIdentity> {
  const identity = await loadIdentity(stateDir);
  if (identity !== undefined) return identity;
  throw new OzError("precondition", `this machine has not joined a cluster (nothing in ${stateDir})`, {
    hint: "Make a line with `ozctl host invite` and run it here: ozwald-agent join https://ADDRESS:7443 --token …",
  });
}

function checkCluster(identity: HostIdentity, welcome: Welcome, dialed: string): void {
  if (welcome.clusterId === identity.clusterId) return;
  throw new OzError(
    "fenced",
    `${dialed} serves cluster ${welcome.clusterId}, this host belongs to ${identity.clusterId}`,
  );
}

function openLog({ logLevel }: Config, { name, hostId }: HostIdentity): Log {
  return pino(
    { level: logLevel, base: { program: "agent", host: name, hostId } },
    pino.destination({ fd: 1, sync: true }),
  );
}
