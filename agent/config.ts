// The agent's command line and environment, read once.
import { parseArgs } from "node:util";
import { OzError } from "#core/errors.ts";
import { logLevels } from "#core/log.ts";
import { isName, suggestion } from "#core/names.ts";

export type Config = {
  /** Folder for identity and journal. */
  readonly stateDir: string;
  /** Socket of the container engine. */
  readonly engineSocket: string;
  readonly logLevel: string;
  /** See apply/failpoint.ts; empty outside of tests. */
  readonly failpoints: string;
};

export type JoinArguments = {
  readonly address: string;
  readonly token: string;
  readonly name: string;
  readonly stateDir: string;
};

const defaultStateDir = "/var/lib/ozwald/agent";
const defaultEngine = "unix:///var/run/docker.sock";

type Env = Readonly<Record<string, string | undefined>>;
type Options = Record<string, { type: "string"; short?: string }>;

/** Reads `run`. Throws bad_request with what to try. */
export function readConfig(argv: readonly string[], env: Env): Config {
  const { values } = parse(
    argv,
    { state: { type: "string" }, engine: { type: "string" }, "log-level": { type: "string" } },
    0,
  );
  const logLevel = values["log-level"] ?? env["OZWALD_LOG_LEVEL"] ?? "info";
  if (!(logLevels as readonly string[]).includes(logLevel)) {
    throw new OzError("bad_request", `--log-level ${logLevel}: there is no such level`, {
      hint: suggestion(logLevel, logLevels),
    });
  }
  return {
    stateDir: values["state"] ?? env["OZWALD_AGENT_STATE"] ?? defaultStateDir,
    engineSocket: socketPath(values["engine"] ?? env["OZWALD_ENGINE"] ?? defaultEngine),
    logLevel,
    failpoints: env["OZWALD_FAILPOINT"] ?? "",
  };
}

/** Reads `join`. The token may stand in --token, in OZWALD_JOIN_TOKEN, or (--token -) on standard input. */
export async function readJoin(
  argv: readonly string[],
  env: Env,
  stdin: () => Promise<string>,
): Promise<JoinArguments> {
  const { values, positionals } = parse(
    argv,
    { state: { type: "string" }, token: { type: "string" }, name: { type: "string" } },
    1,
  );
  const [address] = positionals;
  const hint = "ozwald-agent join https://ADDRESS:7443 --token ozj_…   (ozctl host invite prints the whole line)";
  if (address === undefined) throw new OzError("bad_request", "join needs the address of the control plane", { hint });
  const written = values["token"] ?? env["OZWALD_JOIN_TOKEN"];
  if (written === undefined || written === "") throw new OzError("bad_request", "join needs a token", { hint });
  const token = written === "-" ? (await stdin()).trim() : written;
  const name = values["name"] ?? "";
  if (name !== "" && !isName(name))
    throw new OzError("bad_request", `--name ${name}: not a name`, {
      hint: "Letters, digits, dot, dash and underscore; it begins with a letter or digit; 63 at most.",
    });
  return {
    address,
    token,
    name,
    stateDir: values["state"] ?? env["OZWALD_AGENT_STATE"] ?? defaultStateDir,
  };
}

/** Reads `status`. */
export function readStatus(argv: readonly string[], env: Env): { readonly stateDir: string; readonly json: boolean } {
  const { values } = parse(argv, { state: { type: "string" }, output: { type: "string", short: "o" } }, 0);
  const output = values["output"] ?? "text";
  if (output !== "text" && output !== "json") {
    throw new OzError("bad_request", `-o ${output}: there is no such form`, {
      hint: suggestion(output, ["text", "json"]),
    });
  }
  return { stateDir: values["state"] ?? env["OZWALD_AGENT_STATE"] ?? defaultStateDir, json: output === "json" };
}

function socketPath(engine: string): string {
  const path = engine.startsWith("unix://") ? engine.slice("unix://".length) : engine;
  if (path.startsWith("/")) return path;
  throw new OzError("bad_request", `--engine ${engine}: only sockets of this machine are spoken to`, {
    hint: `For example ${defaultEngine}`,
  });
}

function parse(argv: readonly string[], options: Options, mostPositionals: number) {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
    if (positionals.length > mostPositionals) throw new Error(`Unexpected argument ${positionals[mostPositionals]}`);
    return { values: values as Record<string, string | undefined>, positionals };
  } catch (error) {
    const message = (error as Error).message.split(". ")[0] ?? "";
    const unknown = /Unknown option '(--?[^']+)'/.exec(message)?.[1];
    const flags = Object.keys(options).map((name) => `--${name}`);
    const hint = unknown === undefined ? "See ozwald-agent --help" : suggestion(unknown, flags);
    throw new OzError("bad_request", message, { hint });
  }
}
