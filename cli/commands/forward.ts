// ozctl forward: a port of this machine that reaches an instance, wherever it runs.
import type { Command } from "commander";
import { OzError } from "#core/errors.ts";
import { newCommand, runs } from "../command.ts";
import { listenForward } from "../forward-listener.ts";
import { bodyText, requestThrough } from "../forward-http.ts";
import { problemTeller } from "../forward-problems.ts";
import { type Forwarder, openForwarder } from "../forwarder.ts";
import { type Session, untilInterrupted } from "../session.ts";

type Options = { port?: number; remotePort?: number };

/** Tried first when no port is named: what programs for local models look at. */
const usualPort = 11_434;
/** How long the question may take whether this speaks like OpenAI, in milliseconds. */
const lookMs = 3_000;

export function forwardCommand(session: Session): Command {
  const command = newCommand(session, "forward", {
    summary: "reach an instance at a port of this machine",
    description: [
      "Connections go through the control plane to a replica that is ready, on",
      "whatever host; nothing has to be published there.",
    ].join("\n"),
    examples: ["ozctl forward tiny-llm", "ozctl forward tiny-llm --port 8080", "ozctl forward db --remote-port 5432"],
  })
    .argument("<name>", "instance, or NAME#SLOT for one replica")
    .option("-p, --port <port>", `port here (default: ${usualPort}, else a free one)`, portNumber("--port"))
    .option("--remote-port <port>", "port inside the container", portNumber("--remote-port"));
  return runs(session, command, (name: string, options: Options) => forward(session, name, options));
}

/** For commander. Throws bad_request. */
export function portNumber(flag: string): (written: string) => number {
  return (written) => {
    const port = /^\d{1,5}$/.test(written) ? Number(written) : 0;
    if (port >= 1 && port <= 65_535) return port;
    throw new OzError("bad_request", `${flag} ${written}: that is no port.`, { hint: "Ports go from 1 to 65535." });
  };
}

async function forward(session: Session, written: string, { port, remotePort = 0 }: Options): Promise<number> {
  const { io } = session;
  const forwarder = await openForwarder(session, written, remotePort);
  const ports = port === undefined ? [usualPort, 0] : [port];
  try {
    await untilInterrupted(io, async (signal) => {
      // What waits for a control plane that is away ends at once, too.
      signal.addEventListener("abort", () => forwarder.close(), { once: true });
      const onProblem = problemTeller({ io, answers: () => forwarder.answers(signal), signal });
      const listener = await listenForward(forwarder, { ports, onProblem });
      try {
        const address = await shownAddress(forwarder, listener.port, signal);
        if (signal.aborted) return;
        io.out(`${address} → ${written} on ${forwarder.target.host}. Ctrl-C ends it.\n`);
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      } finally {
        await listener.close();
      }
    });
    return 0;
  } finally {
    forwarder.close();
  }
}

/** What a client is given: with /v1 when that answers, as OpenAI's clients want it. */
async function shownAddress(forwarder: Forwarder, port: number, signal: AbortSignal): Promise<string> {
  const { protocol } = forwarder.target;
  // What is not known to speak HTTP is not spoken to.
  if (protocol !== "http") return `127.0.0.1:${port}`;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(lookMs)]);
  try {
    const response = await requestThrough(forwarder, { path: "/v1/models", signal: limit });
    await bodyText(response);
    return `http://127.0.0.1:${port}${response.statusCode === 200 ? "/v1" : ""}`;
  } catch {
    return `http://127.0.0.1:${port}`;
  }
}
