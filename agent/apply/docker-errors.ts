// Turns what Docker and its socket say into errors that a person can act on. Pure.
import { OzError, type ErrorCode } from "#core/errors.ts";
import { parseImageName } from "./image-name.ts";

/** What was tried, for the message: "start ozwald-default-web-0-1.1-k2…". */
export type ErrorContext = { readonly doing: string; readonly image?: string };

type Finding = { readonly code: ErrorCode; readonly message: string; readonly hint?: string; readonly port?: number };
type Rule = (text: string, context: ErrorContext, status: number) => Finding | undefined;

const socketErrors: Record<string, string> = {
  ECONNREFUSED: "nothing listens on its socket",
  ENOENT: "its socket does not exist",
  EACCES: "its socket may not be opened by this user",
  ECONNRESET: "it closed the connection",
  EPIPE: "it closed the connection",
  UND_ERR_SOCKET: "it closed the connection",
};

/** Resource limits by number, as runc names them in its errors (setrlimit(2) on Linux). */
const limitNames =
  "cpu fsize data stack core rss nproc nofile memlock as locks sigpending msgqueue nice rtprio rttime".split(" ");

/** Any failure of a call to Docker as an OzError; an OzError stays as it is. */
export function dockerError(thrown: unknown, context: ErrorContext): OzError {
  if (thrown instanceof OzError) return thrown;
  const socketCode = (thrown as { code?: unknown } | undefined)?.code;
  const unreachable = typeof socketCode === "string" ? socketErrors[socketCode] : undefined;
  if (unreachable !== undefined) {
    return new OzError(
      "engine_unavailable",
      `Could not ${context.doing}: the container engine does not answer, ${unreachable}.`,
      {
        hint: "Is Docker running? Try: docker version",
        cause: thrown,
      },
    );
  }
  const status = (thrown as { statusCode?: number } | undefined)?.statusCode ?? 0;
  const text = engineText(thrown);
  const { code, message, hint, port } = explain(text, context, status);
  return new OzError(code, message, { hint, port, cause: thrown });
}

/** The words of the engine without its wrapping. */
export function engineText(thrown: unknown): string {
  const said = (thrown as { json?: { message?: unknown } } | undefined)?.json?.message;
  const text = typeof said === "string" ? said : thrown instanceof Error ? thrown.message : String(thrown);
  return text.replace(/^\(HTTP code \d+\) [^-]* - /, "").trim();
}

/** What the engine's words mean. Also used for the error that a container keeps when it could not be started. */
export function explain(text: string, context: ErrorContext, status = 0): Finding {
  for (const rule of rules) {
    const finding = rule(text, context, status);
    if (finding !== undefined) return finding;
  }
  return { code: "engine_refused", message: `Could not ${context.doing}: ${shorten(text)}` };
}

/** runc and the shim each put their name before the cause; only the cause helps. */
function shorten(text: string): string {
  const cause = text
    .replace(/^failed to create (shim )?task[^:]*: /, "")
    .replace(/^OCI runtime create failed: /, "")
    .replace(/^.*?runc create failed: /, "")
    .replace(/^unable to start container process: /, "")
    .replace(/^error during container init: /, "")
    .replace(/: unknown$/, "");
  return cause.endsWith(".") ? cause : `${cause}.`;
}

const rules: readonly Rule[] = [
  diskFull,
  portTaken,
  limitRaised,
  capabilityLacking,
  programMissing,
  bindMissing,
  imageGone,
  registryUnreachable,
  registryRefused,
  imageMissing,
  registryDistrusted,
  addressesUsedUp,
  badImageName,
];

function diskFull(text: string, context: ErrorContext): Finding | undefined {
  if (!/no space left on device|disk quota exceeded/i.test(text)) return undefined;
  return {
    code: "disk_full",
    message: `Could not ${context.doing}: the disk of the container engine is full.`,
    hint: "See what takes the space: docker system df. Nothing of yours was removed.",
  };
}

/** Every form in which an engine names the port: "Bind for A:P", "listen tcp4 A:P", "failed to bind host port [for] A:P…". */
const namedPort =
  /(?:Bind for|listen (?:tcp|udp|sctp)[46]?|bind host port(?: for)?|exposing port (?:TCP|UDP)) (\S*?):(\d+)(?=[:/ ]|$)/i;

function portTaken(text: string, context: ErrorContext): Finding | undefined {
  if (!/port is already allocated|address already in use/i.test(text)) return undefined;
  const [found, address, port] = namedPort.exec(text) ?? [];
  if (found === undefined) {
    return {
      code: "port_taken",
      message: `Could not ${context.doing}: a host port that it needs is taken by something else: ${shorten(text)}`,
      hint: "Choose other host ports, or leave them out to get free ones. What is taken: ss -tulnp",
    };
  }
  const sockets = /listen udp|exposing port UDP|\/udp/i.test(text) ? "-lunp" : "-ltnp";
  return {
    code: "port_taken",
    message: `Port ${port} is taken by something else${address === "" ? "" : ` on ${address}`}.`,
    hint: `Choose another host port, or leave it out to get a free one. Who has it: ss ${sockets} 'sport = :${port}'`,
    port: Number(port),
  };
}

function limitRaised(text: string, context: ErrorContext): Finding | undefined {
  const match = /setting rlimit(?:s for ready process: error setting rlimit)? type (\d+)/.exec(text);
  if (match === null) return undefined;
  const name = limitNames[Number(match[1])] ?? `number ${match[1]}`;
  return {
    code: "engine_refused",
    message: `Could not ${context.doing}: this host does not allow the limit ${name} to be raised (its engine lacks CAP_SYS_RESOURCE).`,
    hint: `Lower ulimits.${name}, or leave it out, or choose another host.`,
  };
}

function capabilityLacking(text: string, context: ErrorContext): Finding | undefined {
  if (!/unable to apply (caps|bounding set)|apply caps: operation not permitted/.test(text)) return undefined;
  return {
    code: "engine_refused",
    message: `Could not ${context.doing}: this host cannot give the capabilities that were asked for (its engine lacks them itself).`,
    hint: "Take privileged or the cap_add entry out of the settings, or choose another host.",
  };
}

function programMissing(text: string, context: ErrorContext): Finding | undefined {
  const match = /exec: "([^"]+)": (.*?)(: unknown)?$/.exec(text);
  if (match === null) return undefined;
  return {
    code: "engine_refused",
    message: `Could not ${context.doing}: the image cannot run "${match[1]}": ${match[2]}.`,
    hint: "Look at command and entrypoint of the service.",
  };
}

function bindMissing(text: string, context: ErrorContext): Finding | undefined {
  const match = /bind source path does not exist: (\S+)/.exec(text);
  if (match === null) return undefined;
  return {
    code: "engine_refused",
    message: `Could not ${context.doing}: ${match[1]} does not exist on this host.`,
    hint: `Create it there (mkdir -p ${match[1]}), or change the volume.`,
  };
}

/** Said when a container is made from an image that was removed meanwhile. */
function imageGone(text: string, context: ErrorContext): Finding | undefined {
  const match = /no such image: (\S+?)(?::? |$)/i.exec(text);
  if (match === null || context.image !== undefined) return undefined;
  return { code: "image_missing", message: `Could not ${context.doing}: the image ${match[1]} is not on this host.` };
}

/** What passes by itself: the network, or a registry that is down or busy. */
function registryUnreachable(text: string, context: ErrorContext): Finding | undefined {
  if (context.image === undefined) return undefined;
  const registry = parseImageName(context.image).registry;
  if (/toomanyrequests|\b429 Too Many/i.test(text)) {
    return {
      code: "registry_unreachable",
      message: `${registry} has no answer for ${context.image} now: too many requests.`,
      hint: `It is tried again by itself. A login often allows more: ${loginFor(registry)}.`,
    };
  }
  const network =
    /dial (tcp|udp)|no such host|connection (refused|reset)|i\/o timeout|TLS handshake timeout|network is unreachable|Client\.Timeout|deadline exceeded|\bEOF$|certificate has expired|status(?: code)?:? 5\d\d\b|\b5\d\d (Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out)/i;
  if (!network.test(text)) return undefined;
  return {
    code: "registry_unreachable",
    message: `The image ${context.image} is not on this host and ${registry} cannot be asked for it: ${shorten(withoutRequest(text))}`,
    hint: `It is tried again by itself. ${elsewhere(context.image)}`,
  };
}

function registryRefused(text: string, context: ErrorContext): Finding | undefined {
  if (context.image === undefined) return undefined;
  const registry = parseImageName(context.image).registry;
  // Docker Hub says the same for "private" and for "does not exist"; that is imageMissing's.
  const hidden = /pull access denied|repository does not exist/i.test(text);
  const refused =
    /unauthorized|authentication required|no basic auth credentials|(?:HTTP|status(?: code)?:?) 401\b|incorrect username|denied: |\b403 Forbidden/i;
  if (hidden || !refused.test(text)) return undefined;
  return {
    code: "registry_refused",
    message: `${context.image} was refused by ${registry}: ${shorten(text)}`,
    hint: `Give this host a login in the settings: ${loginFor(registry)}, then apply again.`,
  };
}

function imageMissing(text: string, context: ErrorContext, status: number): Finding | undefined {
  if (context.image === undefined) return undefined;
  const registry = parseImageName(context.image).registry;
  const unknown =
    /manifest (for .* )?(unknown|not found)|not found: manifest|no such image|pull access denied|repository does not exist|name unknown/i;
  if (!unknown.test(text) && status !== 404) return undefined;
  const hidden = /pull access denied/i.test(text);
  return {
    code: "image_missing",
    message: `The image ${context.image} is not on this host and ${registry} ${hidden ? "does not show it to this host: it does not exist, or it wants a login" : "does not have it"}.`,
    hint: elsewhere(context.image, hidden ? registry : undefined),
  };
}

/** What stays until somebody changes the engine or the registry: no trusted certificate, or none at all. */
function registryDistrusted(text: string, context: ErrorContext): Finding | undefined {
  if (context.image === undefined || !/x509: |server gave HTTP response/i.test(text)) return undefined;
  const registry = parseImageName(context.image).registry;
  return {
    code: "image_missing",
    message: `The image ${context.image} is not on this host and its engine does not trust ${registry}: ${shorten(withoutRequest(text))}`,
    hint: `Give the engine the registry's certificate, or name it under insecure-registries in /etc/docker/daemon.json. ${elsewhere(context.image)}`,
  };
}

function withoutRequest(text: string): string {
  return text.replace(/^Get "[^"]*": /, "");
}

function addressesUsedUp(text: string, context: ErrorContext): Finding | undefined {
  if (!/non-overlapping IPv4 address pool/.test(text)) return undefined;
  return {
    code: "engine_refused",
    message: `Could not ${context.doing}: the engine has no free address range left for another network.`,
    hint: "Remove networks nobody uses (docker network prune), or widen default-address-pools in /etc/docker/daemon.json.",
  };
}

function badImageName(text: string, context: ErrorContext): Finding | undefined {
  if (!/invalid reference format/.test(text)) return undefined;
  return {
    code: "bad_request",
    message: `${context.image ?? "This"} is no image name: ${shorten(text.replace(/^.*invalid/, "invalid"))}`,
  };
}

function elsewhere(image: string, registry?: string): string {
  const copy = `If another host has it: docker save ${image} | ssh THIS-HOST docker load.`;
  const login = registry === undefined ? "" : ` If it is private: ${loginFor(registry)}.`;
  return `${copy} If it is built from source, build it on this host.${login}`;
}

function loginFor(registry: string): string {
  return `registries: { ${registry}: { file: /root/.docker/config.json } }`;
}
