// One try of one probe: an HTTP GET, a TCP connection, or a command inside the container.
import { request } from "node:http";
import { connect } from "node:net";
import { toOzError } from "#core/errors.ts";
import type { Probe } from "#proto/spec_pb.ts";
import type { ContainerEngine, ExecOptions } from "../apply/engine.ts";
import type { Sample } from "./verdict.ts";

export type ProbeTarget = {
  readonly containerId: string;
  /** Address and port at which a port inside the container is reached from the host; undefined when it cannot be. */
  reach(containerPort: number): { readonly address: string; readonly port: number } | undefined;
};

export type RunProbe = (target: ProbeTarget, probe: Probe, signal: AbortSignal) => Promise<Sample>;

const defaultTimeoutMs = 5_000;
const nothing = () => {};

/** Runs probes of all kinds; a try never throws and never takes longer than its timeout. */
export function createProbeRunner(engine: Pick<ContainerEngine, "exec">): RunProbe {
  return async (target, probe, signal) => {
    const timeoutMs = Number(probe.timeoutMs) || defaultTimeoutMs;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      return await tryOnce(engine, target, probe, limit);
    } catch (error) {
      if (limit.aborted)
        return { ok: false, detail: `${describeProbe(probe)}: no answer within ${timeoutMs / 1000} s` };
      return { ok: false, detail: `${describeProbe(probe)}: ${toOzError(error).message}` };
    }
  };
}

export function describeProbe({ check }: Probe): string {
  if (check.case === "http") return `GET :${check.value.port}${check.value.path || "/"}`;
  if (check.case === "tcp") return `connection to :${check.value.port}`;
  return check.case === "exec" ? check.value.command.join(" ") : "probe";
}

async function tryOnce(
  engine: Pick<ContainerEngine, "exec">,
  target: ProbeTarget,
  probe: Probe,
  signal: AbortSignal,
): Promise<Sample> {
  const { check } = probe;
  if (check.case === "exec") {
    const code = await exitCodeOf(engine, target.containerId, check.value.command, signal);
    return code === 0 ? { ok: true, detail: "" } : { ok: false, detail: `${describeProbe(probe)}: exit code ${code}` };
  }
  if (check.case === undefined)
    return { ok: false, detail: "a probe of a kind this agent does not know; update the agent" };
  const at = target.reach(check.value.port);
  if (at === undefined) return { ok: false, detail: `${describeProbe(probe)}: it has no address` };
  if (check.case === "tcp") {
    await openConnection(at.address, at.port, signal);
    return { ok: true, detail: "" };
  }
  const status = await getStatus(at.address, at.port, check.value.path || "/", signal);
  const ok = status >= 200 && status < 400;
  return { ok, detail: ok ? "" : `${describeProbe(probe)} answered ${status}` };
}

function getStatus(host: string, port: number, path: string, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { "user-agent": "ozwald-probe", connection: "close" };
    const call = request({ host, port, path, signal, agent: false, headers }, (response) => {
      resolve(response.statusCode ?? 0);
      // The body does not matter; a server that never ends it must not hold the socket.
      response.on("error", nothing);
      response.destroy();
    });
    call.on("error", reject);
    call.end();
  });
}

function openConnection(host: string, port: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
}

const probeExec: Omit<ExecOptions, "command"> = { stdin: false, tty: false, columns: 0, rows: 0, user: "" };

async function exitCodeOf(
  engine: Pick<ContainerEngine, "exec">,
  id: string,
  command: string[],
  signal: AbortSignal,
): Promise<number> {
  const session = await engine.exec(id, { ...probeExec, command }, { stdout: nothing, stderr: nothing }, signal);
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([session.exitCode, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
