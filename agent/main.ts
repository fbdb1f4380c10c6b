// The agent's command line: arguments → configuration → wire → wait for a signal.
import { hostname } from "node:os";
import { text } from "node:stream/consumers";
import { errorCodes, type OzError, toOzError } from "#core/errors.ts";
import { suggestion } from "#core/names.ts";
import { version } from "#core/version.ts";
import { versionAnswer } from "#core/version-answer.ts";
import { readConfig, readJoin, readStatus } from "./config.ts";

const help = `ozwald-agent ${version}: runs what the control plane asks of this machine, also while that one is away

  ozwald-agent join ADDRESS --token TOKEN [--name NAME] [--state DIR]
  ozwald-agent run [--state DIR] [--engine unix:///var/run/docker.sock] [--log-level LEVEL]
  ozwald-agent status [--state DIR] [-o json]
  ozwald-agent version [-o json]

  --token   from \`ozctl host invite\`; "-" reads it from standard input; also OZWALD_JOIN_TOKEN
  --name    name of this machine in the cluster            its host name
  --state   folder for identity and journal                /var/lib/ozwald/agent
  --engine  socket of the container engine                 unix:///var/run/docker.sock

Examples
  ozwald-agent join https://10.0.0.5:7443 --token ozj_…
  ozwald-agent run
`;

const commands: Record<string, (argv: readonly string[]) => Promise<number>> = {
  join,
  run,
  status,
  version: printVersion,
};

/** Runs one command; the answer is the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || ["help", "--help", "-h"].includes(name) || rest.includes("--help") || rest.includes("-h")) {
    process.stdout.write(help);
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : name === "--version" ? printVersion : undefined;
  if (command === undefined) {
    process.stderr.write(`ozwald-agent: no command ${name}. ${suggestion(name, Object.keys(commands))}\n`);
    return 2;
  }
  try {
    return await command(rest);
  } catch (thrown) {
    return tell(toOzError(thrown));
  }
}

function tell(error: OzError): number {
  process.stderr.write(`ozwald-agent: ${error.message}\n${error.hint === "" ? "" : `${error.hint}\n`}`);
  if (error.code === "internal" && error.cause instanceof Error) process.stderr.write(`${error.cause.stack}\n`);
  return errorCodes[error.code].exit;
}

async function run(argv: readonly string[]): Promise<number> {
  const config = readConfig(argv, process.env);
  const stopped = Promise.withResolvers<void>();
  const stop = () => stopped.resolve();
  process.on("SIGTERM", stop).on("SIGINT", stop);
  try {
    const { startAgent } = await import("./wire.ts");
    await using _agent = await startAgent(config);
    await stopped.promise;
    return 0;
  } finally {
    process.off("SIGTERM", stop).off("SIGINT", stop);
  }
}

async function join(argv: readonly string[]): Promise<number> {
  const { address, token, name, stateDir } = await readJoin(argv, process.env, () => text(process.stdin));
  const { enroll } = await import("./link/enroll.ts");
  const { outcome, identity } = await enroll({ address, token, stateDir, hostname: name === "" ? hostname() : name });
  const what = { joined: "joined", already_joined: "had joined already:", moved: "had joined already; from now on at" };
  process.stdout.write(`${what[outcome]} ${identity.address} as ${identity.name}\n`);
  if (outcome === "moved") process.stdout.write("If it runs, start it again: systemctl restart ozwald-agent\n");
  if (outcome === "joined") process.stdout.write("Start it: ozwald-agent run\n");
  return 0;
}

async function status(argv: readonly string[]): Promise<number> {
  const { stateDir, json } = readStatus(argv, process.env);
  const { askStatus } = await import("./state-lock.ts");
  const { statusText } = await import("./status.ts");
  const answer = (await askStatus(stateDir)) as Parameters<typeof statusText>[0];
  process.stdout.write(json ? `${JSON.stringify(answer)}\n` : statusText(answer));
  return answer.link === "ready" && answer.engine_problem === "" ? 0 : 1;
}

async function printVersion(argv: readonly string[]): Promise<number> {
  process.stdout.write(versionAnswer(argv, version));
  return 0;
}
