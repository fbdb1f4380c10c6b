// What the control plane is told: flags first, then the environment, then defaults.
import { parseArgs } from "node:util";
import { OzError } from "#core/errors.ts";
import { logLevels } from "#core/log.ts";
import { suggestion } from "#core/names.ts";
import { parseWritten } from "./address/address-list.ts";
import { type Strategy, strategies } from "./schedule/rank.ts";

export type Address = { readonly host: string; readonly port: number };

export type Config = {
  /** Folder for the database, keys and locks. Default /var/lib/ozwald/controlplane. */
  readonly stateDir: string;
  /** The TLS port. Default 0.0.0.0:7443. */
  readonly listen: Address;
  /** The REST port of the original, loopback only; undefined for none. Default 127.0.0.1:8000. */
  readonly rest: Address | undefined;
  /** Unix socket for the local root. Default /run/ozwald/control.sock. */
  readonly socket: string;
  /** Names and addresses others reach it by; the first one is printed. Default: this machine's. */
  readonly advertise: readonly string[];
  readonly strategy: Strategy;
  readonly logLevel: string;
  /** Makes what hosts download right after the start: a minute of one core. Default: when the first of them asks. */
  readonly prepareDownloads: boolean;
  /** Says whether all this can be right, and starts nothing. */
  readonly checkOnly: boolean;
};

export type Secrets = { /** Bearer key of the REST interface. */ readonly systemKey: string | undefined };

const flags = {
  state: { type: "string" },
  listen: { type: "string" },
  rest: { type: "string" },
  socket: { type: "string" },
  advertise: { type: "string", multiple: true },
  strategy: { type: "string" },
  "log-level": { type: "string" },
  check: { type: "boolean" },
} as const;

/** Reads the flags of `run`. Throws bad_request for unknown flags and malformed values, also in the environment. */
export function readConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Config {
  const values = parseFlags(argv);
  const rest = values.rest ?? env["OZWALD_REST"] ?? "127.0.0.1:8000";
  const strategy = values.strategy ?? "spread";
  requireOneOf("--strategy", strategy, Object.keys(strategies));
  const logLevel = values["log-level"] ?? env["OZWALD_LOG_LEVEL"] ?? "info";
  requireOneOf("--log-level", logLevel, logLevels);
  const advertise = values.advertise ?? env["OZWALD_ADVERTISE"]?.split(",") ?? [];
  for (const written of advertise) if (written.trim() !== "") parseWritten(written);
  return {
    stateDir: values.state ?? env["OZWALD_STATE"] ?? "/var/lib/ozwald/controlplane",
    listen: parseAddress("--listen", values.listen ?? env["OZWALD_LISTEN"] ?? "0.0.0.0:7443"),
    rest: rest === "off" || rest === "none" ? undefined : requireLoopback(parseAddress("--rest", rest)),
    socket: values.socket ?? env["OZWALD_SOCKET"] ?? "/run/ozwald/control.sock",
    advertise,
    strategy: strategy as Strategy,
    logLevel,
    prepareDownloads: env["OZWALD_PREPARE_DOWNLOADS"] === "1",
    checkOnly: values.check ?? false,
  };
}

export function readSecrets(env: NodeJS.ProcessEnv): Secrets {
  return { systemKey: env["OZWALD_SYSTEM_KEY"] || undefined };
}

function requireOneOf(flag: string, written: string, known: readonly string[]): void {
  if (known.includes(written)) return;
  throw new OzError("bad_request", `${flag} ${written}: there is none of that name`, {
    hint: suggestion(written, known),
  });
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, allowPositionals: false }).values;
  } catch (error) {
    const written = /'(--?[^' ]+)/.exec(String(error))?.[1];
    const hint = written === undefined ? "" : suggestion(written.replace(/^-+/, ""), Object.keys(flags));
    throw new OzError(
      "bad_request",
      error instanceof Error ? (error.message.split(". ")[0] ?? error.message) : String(error),
      { hint: hint || "ozwald-controlplane --help", cause: error },
    );
  }
}

export function parseAddress(flag: string, written: string): Address {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:]*)):(\d{1,5})$/.exec(written);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new OzError("bad_request", `${flag} ${written}: not an address`, {
      hint: "Write HOST:PORT, such as 127.0.0.1:8000.",
    });
  return { host: match[1] ?? match[2] ?? "", port };
}

function requireLoopback(address: Address): Address {
  if (address.host === "localhost") return { ...address, host: "127.0.0.1" };
  if (address.host === "127.0.0.1" || address.host === "::1") return address;
  throw new OzError(
    "bad_request",
    `--rest ${address.host}: this interface has no encryption and listens on this machine only`,
    { hint: "Use 127.0.0.1:PORT. Other machines use the TLS port." },
  );
}
