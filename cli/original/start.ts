// start_provisioner: a control plane and an agent of this machine in the background. Containers keep running through every restart of both.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { OzError } from "#core/errors.ts";
import { HostsService, HostState } from "#proto/hosts_pb.ts";
import { StatusService } from "#proto/status_pb.ts";
import { openClient } from "../client.ts";
import { configFolder } from "../contexts.ts";
import type { Io } from "../io.ts";
import { endProcesses, findProcesses, ownProgram, runToEnd, startInBackground, waitFor } from "./own-program.ts";
import { type Chosen, type Places, readChosen, writeChosen } from "./places.ts";
import { agentCommand, controlPlaneCommand, controlPlaneFlags, programEnvironment } from "./provisioner.ts";
import { isHealthy, restGet } from "./rest-call.ts";
import { type Scene, systemKey } from "./scene.ts";

const defaultApiPort = 8000;
const firstTlsPort = 7443;

export async function startProvisioner(scene: Scene): Promise<number> {
  const { io, words, places } = scene;
  const key = systemKey(io);
  if (words.redisPort !== undefined)
    io.err(`--redis-port ${words.redisPort}: no Redis is needed; nothing listens there.\n`);
  const apiPort = words.apiPort ?? words.port ?? defaultApiPort;
  const ours = findProcesses(controlPlaneCommand(places)).length > 0;
  if ((!ours || !words.restart) && (await isHealthy(apiPort))) {
    await restGet({ port: apiPort, key }, "/srv/services/configured/");
    io.out(`provisioner  http://127.0.0.1:${apiPort}  runs already\n`);
    if (!ours) return 0;
  } else {
    // What runs is not ended for a port that cannot be had.
    if (ours && (readChosen(places)?.apiPort ?? apiPort) !== apiPort) await requireFree(apiPort);
    if (ours) await endProcesses(controlPlaneCommand(places), io.clock);
    await startControlPlane(io, places, await choose(io, places, apiPort));
    io.out(`provisioner  http://127.0.0.1:${apiPort}  ${ours ? "restarted" : "started"}\n`);
  }
  const chosen = readChosen(places);
  if (chosen === undefined) throw new OzError("failed", `${places.chosen} cannot be read.`);
  io.out(`host         ${await startAgent(io, places, chosen, words.restart)}\n`);
  const prefix = chosen.configFolder === "" ? "" : `OZWALD_CONFIG_DIR=${chosen.configFolder} `;
  io.out(`settings     ${prefix}ozctl apply -f ozwald.yml\n`);
  return 0;
}

/** Ports stay the same between starts: the agent and every invitation know the address. */
async function choose(io: Io, places: Places, apiPort: number): Promise<Chosen> {
  await requireFree(apiPort);
  const before = readChosen(places);
  const tlsPort = before?.tlsPort ?? (await freeTlsPort(apiPort));
  if (before !== undefined && !(await canListen("0.0.0.0", tlsPort))) {
    throw new OzError(
      "port_taken",
      `Port ${tlsPort}, which hosts of this provisioner dial, is taken by another program.`,
      {
        hint: `Who is it?  ss -ltnp 'sport = :${tlsPort}'`,
      },
    );
  }
  const chosen = { apiPort, tlsPort, configFolder: before?.configFolder ?? ownConfigFolder(io, places) };
  writeChosen(places, chosen);
  return chosen;
}

async function requireFree(apiPort: number): Promise<void> {
  if (await canListen("127.0.0.1", apiPort)) return;
  throw new OzError("port_taken", `Port ${apiPort} is taken by another program.`, {
    hint: `Who is it?  ss -ltnp 'sport = :${apiPort}'        Another port:  ozwald start_provisioner --api-port N`,
  });
}

/** Empty for the person's own, unless they have a context called local already: that one is not ours to replace. */
function ownConfigFolder(io: Io, places: Places): string {
  return existsSync(join(configFolder(io.env), "contexts", "local.json")) ? join(places.state, "config") : "";
}

async function freeTlsPort(apiPort: number): Promise<number> {
  for (let port = firstTlsPort; port < firstTlsPort + 50; port++)
    if (port !== apiPort && (await canListen("0.0.0.0", port))) return port;
  throw new OzError("port_taken", `No free port from ${firstTlsPort} to ${firstTlsPort + 49} for the control plane.`);
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

async function startControlPlane(io: Io, places: Places, chosen: Chosen): Promise<void> {
  const commandLine = controlPlaneCommand(places);
  mkdirSync(places.state, { recursive: true, mode: 0o700 });
  const env = programEnvironment(io.env, chosen);
  startInBackground([...commandLine, ...controlPlaneFlags(places, chosen)], places.controlPlaneLog, env);
  const client = openClient({ address: `unix:${places.socket}` });
  await waitFor(io.clock, {
    ...{ what: "The control plane", timeoutMs: 30_000, log: places.controlPlaneLog, commandLine },
    ask: () => client.call(StatusService.method.getStatus, {}).catch(() => undefined),
  });
}

/** Joins once, runs the agent, waits until the control plane hears it. Gives the line to show. */
async function startAgent(io: Io, places: Places, chosen: Chosen, restart: boolean): Promise<string> {
  const commandLine = agentCommand(places);
  const client = openClient({ address: `unix:${places.socket}` });
  const env = programEnvironment(io.env, chosen);
  const isNew = !existsSync(join(places.agentState, "identity.json"));
  if (isNew) {
    const { token } = await client.call(HostsService.method.createInvite, { ttlSeconds: 300 });
    const join = ["join", `https://127.0.0.1:${chosen.tlsPort}`, "--state", places.agentState];
    await runToEnd([...ownProgram("ozwald-agent"), ...join], { ...env, OZWALD_JOIN_TOKEN: token }, 60_000);
  }
  const { clusterId } = await client.call(StatusService.method.getStatus, {});
  const { hostId } = ownIdentity(places, clusterId);
  const running = findProcesses(commandLine).length > 0;
  if (running && restart) await endProcesses(commandLine, io.clock);
  if (!running || restart) startInBackground(commandLine, places.agentLog, env);
  const host = await waitFor(io.clock, {
    ...{ what: "The agent", timeoutMs: 60_000, log: places.agentLog, commandLine },
    ask: async () => {
      const answer = await client.call(HostsService.method.listHosts, {}).catch(() => undefined);
      return answer?.hosts.find((one) => one.id === hostId && one.state === HostState.ONLINE);
    },
  });
  return `${host.name} ${isNew ? "joined" : "is there"}`;
}

type Identity = { hostId: string; clusterId: string; address: string };

/** Who the agent of this folder is. Throws already_exists when it belongs to another control plane: that one's it stays. */
function ownIdentity(places: Places, clusterId: string): Identity {
  const file = join(places.agentState, "identity.json");
  let identity: Identity;
  try {
    identity = JSON.parse(readFileSync(file, "utf8")) as Identity;
  } catch (error) {
    throw new OzError("failed", `${file} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
  if (identity.clusterId === clusterId) return identity;
  throw new OzError("already_exists", `This machine is a host of another control plane, at ${identity.address}.`, {
    hint: `The provisioner runs without a host. Keep this machine's own in another folder:  OZWALD_PROVISIONER_DIR=… ozwald start_provisioner`,
  });
}
