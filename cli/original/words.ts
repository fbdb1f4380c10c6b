// The words of the original's command line: one action and its flags.
import { parseArgs } from "node:util";
import { OzError } from "#core/errors.ts";
import { suggestion } from "#core/names.ts";

export const actionNames = [
  "start_provisioner",
  "stop_provisioner",
  "list_configured_services",
  "list_active_services",
  "show_host_resources",
  "status",
] as const;

export type ActionName = (typeof actionNames)[number];

export type Words = {
  readonly action: ActionName;
  /** Port that start_provisioner serves on; undefined when it was not said. */
  readonly apiPort: number | undefined;
  /** Port that is asked: --port, else --api-port. */
  readonly port: number | undefined;
  /** Said although no Redis is needed. */
  readonly redisPort: number | undefined;
  readonly restart: boolean;
  readonly useApi: boolean;
};

const flags = {
  "api-port": { type: "string" },
  "redis-port": { type: "string" },
  port: { type: "string" },
  "no-restart": { type: "boolean" },
  "use-api": { type: "boolean" },
} as const;

/** What other commands of the original did; ozctl does it now. */
const elsewhere: Readonly<Record<string, string>> = {
  update_services: "ozctl up NAME, ozctl down NAME, or ozctl apply -f ozwald.yml",
  update_dynamic_services: "ozctl up NAME, ozctl down NAME, or POST /srv/services/dynamic/update/ (docs/rest.md)",
};

/** Reads the words after the program's name. Throws bad_request with what was meant, not_supported for what ozctl does now. */
export function readWords(argv: readonly string[]): Words {
  const { values, positionals } = parse(argv);
  const [action = "", extra] = positionals;
  if (Object.hasOwn(elsewhere, action)) {
    throw new OzError("not_supported", `${action} is not done here; ozctl does it.`, { hint: elsewhere[action] ?? "" });
  }
  const known = actionNames.find((name) => name === action);
  if (known === undefined)
    throw new OzError("bad_request", `There is no action "${action}". ${suggestion(action, actionNames)}`.trimEnd(), {
      hint: "ozwald --help",
    });
  if (extra !== undefined) throw new OzError("bad_request", `${known} takes no "${extra}".`, { hint: "ozwald --help" });
  const apiPort = port("--api-port", values["api-port"]);
  return {
    action: known,
    apiPort,
    port: port("--port", values.port) ?? apiPort,
    redisPort: port("--redis-port", values["redis-port"]),
    restart: values["no-restart"] !== true,
    useApi: values["use-api"] === true,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, allowPositionals: true, strict: true });
  } catch (error) {
    const message = (error as Error).message.split(". ")[0] ?? "";
    const unknown = /Unknown option '(--?[^']+)'/.exec(message)?.[1];
    const known = Object.keys(flags).map((name) => `--${name}`);
    const meant = unknown === undefined ? "" : suggestion(unknown, known);
    throw new OzError("bad_request", `${message}.`, { hint: meant || "ozwald --help", cause: error });
  }
}

function port(flag: string, written: string | undefined): number | undefined {
  if (written === undefined) return undefined;
  const value = /^\d{1,5}$/.test(written) ? Number(written) : 0;
  if (value >= 1 && value <= 65_535) return value;
  throw new OzError("bad_request", `${flag} ${written}: that is no port.`, { hint: "Write a number from 1 to 65535." });
}
