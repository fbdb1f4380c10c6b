// Fills the facts: asks the control plane what ozctl asks anyway, and looks from here at what it cannot see itself.
import { isIP } from "node:net";
import { OzError } from "#core/errors.ts";
import { suggestion } from "#core/names.ts";
import { AddressService } from "#proto/address_pb.ts";
import { type Host, HostsService, HostState } from "#proto/hosts_pb.ts";
import { InstancesService } from "#proto/instances_pb.ts";
import { StatusService } from "#proto/status_pb.ts";
import type { Client } from "../client.ts";
import { parseAddress } from "../connect-json.ts";
import { type Context, noContext } from "../contexts.ts";
import type { Session } from "../session.ts";
import { readAgent } from "./agent-here.ts";
import type { Facts, PrintedAddress, Reach } from "./facts.ts";
import { readHere } from "./here.ts";
import { probeTls, stageHint, stageOfCall } from "./probe-tls.ts";

const knockMs = 2_000;

/**
 * Looks at everything; hostName limits it to one host. Where no control plane is known, at this machine only. Throws not_found for a host
 * that does not exist, or that is another machine of a control plane that is not known.
 */
export async function gatherFacts(session: Session, hostName: string | undefined): Promise<Facts> {
  const { io } = session;
  const context = session.contextIfAny();
  const agent = await readAgent(io.env);
  const here = { ...readHere(io.env), agent };
  const nowMs = () => io.clock.now();
  const onlyHere = hostName === undefined || hostName === agent?.host ? here : { ...here, agent: undefined };
  const nothing = { hosts: [], instances: [], unknown: [], alive: new Set<string>(), here: onlyHere };
  if (context === undefined) {
    const notAsked = noContext(io.env, io.platform);
    if (hostName !== undefined && onlyHere.agent === undefined) throw notAsked;
    return { nowMs: nowMs(), notAsked, ...nothing };
  }
  const failed = await reachFailure(context);
  if (failed !== undefined) return { nowMs: nowMs(), reach: { address: context.address, failed }, ...nothing };
  const client = await session.client();
  let answers: Awaited<ReturnType<typeof askAll>>;
  try {
    answers = await askAll(client);
  } catch (error) {
    const stage = stageOfCall(error);
    const { message, hint } = error instanceof OzError ? error : { message: String(error), hint: "" };
    const failure = { stage, message, hint: hint || stageHint(stage, context.address) };
    return { nowMs: nowMs(), reach: { address: context.address, failed: failure }, ...nothing };
  }
  const hosts = chooseHosts(answers.hosts, hostName);
  const [printed, clockAheadMs, alive] = await Promise.all([
    lookAtPrinted(answers.status.address),
    clockAhead(context, nowMs),
    answering(hosts),
  ]);
  const onHost = (host: string) => hostName === undefined || host === hostName;
  return {
    nowMs: nowMs(),
    reach: { address: context.address },
    status: answers.status,
    ...(printed !== undefined && { printed }),
    ...(answers.addresses !== undefined && {
      oldAddresses: answers.addresses.filter(({ present }) => !present).map(({ address }) => address),
    }),
    ...(clockAheadMs !== undefined && { clockAheadMs }),
    hosts,
    instances: answers.instances.map((instance) => ({
      ...instance,
      units: instance.units.filter((unit) => onHost(unit.host)),
    })),
    unknown: answers.unknown.filter((unit) => onHost(unit.host)),
    alive,
    here,
  };
}

async function askAll(client: Client) {
  const [status, { hosts }, { instances, unknown }] = await Promise.all([
    client.call(StatusService.method.getStatus, {}),
    client.call(HostsService.method.listHosts, {}),
    client.call(InstancesService.method.listInstances, {}),
  ]);
  const older = { addresses: undefined };
  const { addresses } = await client.call(AddressService.method.listAddresses, {}).catch((error: unknown) => {
    if (error instanceof OzError && error.code === "not_supported") return older;
    throw error;
  });
  return { status, hosts, instances, unknown, addresses };
}

function chooseHosts(hosts: readonly Host[], name: string | undefined): readonly Host[] {
  if (name === undefined) return hosts;
  const chosen = hosts.filter((host) => host.name === name);
  if (chosen.length > 0) return chosen;
  const known = hosts.map((host) => host.name);
  throw new OzError("not_found", `There is no host "${name}". ${suggestion(name, known)}`.trimEnd(), {
    hint: "ozctl hosts",
  });
}

async function reachFailure(context: Context): Promise<Reach["failed"]> {
  if (context.address.startsWith("unix:") || parseAddress(context.address).protocol === "http:") return undefined;
  const result = await probeTls(context.address, context.caPem);
  if ("stage" in result) return { ...result, hint: stageHint(result.stage, context.address) };
  const { untrusted, certificate, otherName } = result.shown;
  if (untrusted === "CERT_HAS_EXPIRED" || untrusted === "CERT_NOT_YET_VALID") {
    const when = untrusted === "CERT_HAS_EXPIRED" ? "has ended" : "is not valid yet";
    const hint = "Compare the clocks of both machines (date); if they are right, restart the control plane.";
    return { stage: "tls", message: `the certificate of ${context.address} ${when}`, hint };
  }
  if (untrusted !== "") {
    const message = `${context.address} shows a certificate that is not of the cluster this context knows (${untrusted})`;
    return { stage: "authority", message, hint: stageHint("authority", context.address) };
  }
  if (otherName === "") return undefined;
  const message = `${context.address} shows a certificate for other names: ${certificate.subjectaltname ?? "none"}`;
  const hint = "Use one of those in the context, or on its machine:  ozwald-controlplane address set  with this one.";
  return { stage: "authority", message, hint };
}

/** What hosts meet at the address they are told. */
async function lookAtPrinted(address: string): Promise<PrintedAddress | undefined> {
  if (!URL.canParse(address) || !address.startsWith("https:")) return undefined;
  const result = await probeTls(address, undefined);
  const nothing = { address, certificateNames: "", namesIt: false };
  if ("stage" in result) return { ...nothing, unreached: result.message };
  const { certificate, otherName } = result.shown;
  return {
    ...{ address, unreached: "", certificateNames: certificate.subjectaltname ?? "nothing" },
    namesIt: otherName === "",
    endsAtMs: Date.parse(certificate.valid_to),
  };
}

/** Every HTTP answer has the time of who gives it. On the local socket it is our own clock. */
function clockAhead({ address, caPem }: Context, nowMs: () => number): Promise<number | undefined> {
  if (!address.startsWith("https:")) return Promise.resolve(0);
  const url = parseAddress(address);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    const request = process.getBuiltinModule("node:https").request({
      ...{
        host,
        port: url.port || 443,
        path: "/",
        method: "HEAD",
        agent: false,
        minVersion: "TLSv1.3",
        rejectUnauthorized: true,
      },
      ...{ signal: AbortSignal.timeout(knockMs * 2), ca: caPem, servername: isIP(host) === 0 ? host : "" },
    });
    request.once("error", () => resolve(undefined));
    request.once("response", (response) => {
      const theirs = Date.parse(response.headers.date ?? "");
      response.destroy();
      resolve(Number.isNaN(theirs) ? undefined : theirs - nowMs());
    });
    request.end();
  });
}

/** Silent hosts whose address answers to a knock, be it with a refusal. */
async function answering(hosts: readonly Host[]): Promise<Set<string>> {
  const silent = hosts.filter((host) => host.state === HostState.OFFLINE || host.state === HostState.SUSPECT);
  const knocked = await Promise.all(silent.map(async (host) => ((await knock(host.address)) ? host.name : "")));
  return new Set(knocked.filter((name) => name !== ""));
}

function knock(address: string): Promise<boolean> {
  // "10.0.0.7", "10.0.0.7:51234" or "[::1]:51234": the port is the one it dialled from.
  const host = isIP(address) === 0 ? address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "") : address;
  if (isIP(host) === 0) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = process.getBuiltinModule("node:net").connect({ host, port: 22 });
    const end = (answers: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answers);
    };
    const timer = setTimeout(() => end(false), knockMs);
    socket.once("connect", () => end(true));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code === "ECONNREFUSED"));
  });
}
