// `ozwald-controlplane address`: through the local socket while the control plane runs, on its state directory while it does not.
import { statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs, type ParseArgsConfig } from "node:util";
import { create, toJsonString } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { OzError, toOzError } from "#core/errors.ts";
import { suggestion } from "#core/names.ts";
import { systemClock } from "#core/system-clock.ts";
import { type ListAddressesResponse, ListAddressesResponseSchema, type UnreachedAddress } from "#proto/address_pb.ts";
import { type Config, readConfig } from "../config.ts";
import { loadSqliteAddon } from "../store/native-addon.ts";
import { lockState } from "../store/state-lock.ts";
import { type AddressBook, editOffline } from "./address-book.ts";
import { mostPresent } from "./address-list.ts";
import { addressText } from "./address-text.ts";
import { type LocalAddresses, openLocalAddresses } from "./local-addresses.ts";

type Asked = {
  readonly words: readonly string[];
  readonly force: boolean;
  readonly json: boolean;
  readonly config: Config;
  /** True when the state directory was named. */
  readonly named: boolean;
};

type Result = {
  readonly now: ListAddressesResponse;
  readonly said: readonly string[];
  /** For standard error. */
  readonly warned?: readonly string[];
};

const takes: Record<string, string> = { show: "no words", set: `1 to ${mostPresent} addresses`, forget: "one address" };
const verbs = Object.keys(takes);

/** Runs one of show, set and forget. Gives the exit code; throws OzError. */
export async function addressCommand(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [first = "show", ...others] = argv;
  const [verb, words] = first.startsWith("-") ? ["show", argv] : [first, others];
  if (!verbs.includes(verb))
    throw new OzError("bad_request", `address ${verb}: there is no such command`, { hint: suggestion(verb, verbs) });
  const asked = readArguments(verb, words, env);
  const running = await find(asked);
  const { now, said, warned = [] } = running === undefined ? offline(verb, asked) : await through(running, verb, asked);
  if (asked.json) process.stdout.write(`${toJsonString(ListAddressesResponseSchema, now)}\n`);
  else {
    const text = addressText(now, systemClock.now(), running !== undefined);
    process.stdout.write([...said.map((line) => `${line}\n`), text].join(""));
  }
  process.stderr.write(warned.map((line) => `${line}\n`).join(""));
  return 0;
}

function readArguments(verb: string, argv: readonly string[], env: NodeJS.ProcessEnv): Asked {
  const text = { type: "string" } as const;
  const options: Options = {
    ...{ state: text, socket: text, listen: text, output: { type: "string", short: "o" } },
    ...(verb === "forget" && { force: { type: "boolean" } }),
  };
  const { values, positionals: words } = parse(argv, options);
  const most = verb === "set" ? mostPresent : verb === "forget" ? 1 : 0;
  if (words.length > most || (verb !== "show" && words.length === 0))
    throw new OzError("bad_request", `address ${verb} takes ${takes[verb]}`, {
      hint: `ozwald-controlplane address ${verb}${verb === "show" ? "" : " control.lan"}`,
    });
  const output = values["output"];
  if (output !== undefined && output !== "json")
    throw new OzError("bad_request", `-o ${String(output)}: there is no such form`, { hint: "-o json" });
  const named = ["state", "socket", "listen"].flatMap((name) =>
    typeof values[name] === "string" ? [`--${name}`, values[name]] : [],
  );
  return {
    ...{ words, json: output === "json", force: values["force"] === true },
    config: readConfig(named, env),
    named: values["state"] !== undefined,
  };
}

type Options = NonNullable<ParseArgsConfig["options"]>;

function parse(argv: readonly string[], options: Options) {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    return { values: values as Record<string, string | boolean | undefined>, positionals };
  } catch (cause) {
    throw new OzError("bad_request", (cause as Error).message.split(". ")[0] ?? "", {
      hint: "ozwald-controlplane --help",
      cause,
    });
  }
}

/** The running control plane of the state directory; undefined when none works on it. Who holds the directory's lock is who runs. */
async function find({ config, named }: Asked): Promise<LocalAddresses | undefined> {
  const { stateDir, socket } = config;
  const local = openLocalAddresses(socket);
  if (!exists(join(stateDir, "pki", "identity.json"))) {
    if (!named && (await local.answers())) return local;
    throw new OzError("not_found", `${stateDir} is the folder of no control plane`, {
      hint: "Name its folder with --state DIR, or its socket with --socket PATH.",
    });
  }
  if (!isLocked(stateDir)) return undefined;
  if (await local.answers()) return local;
  throw new OzError("unavailable", `a control plane works on ${stateDir} and does not answer on ${socket}`, {
    hint: "Name its socket with --socket PATH; it may still be starting.",
  });
}

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") return false;
    throw new OzError("permission_denied", `this user may not look into ${path}`, { hint: "Run this as root." });
  }
}

function isLocked(stateDir: string): boolean {
  try {
    lockState(stateDir, loadSqliteAddon(join(stateDir, "lib")))[Symbol.dispose]();
    return false;
  } catch (error) {
    if (toOzError(error).code === "store_locked") return true;
    throw error;
  }
}

async function through(local: LocalAddresses, verb: string, { words, force }: Asked): Promise<Result> {
  if (verb === "show") return { now: await local.list(), said: [] };
  if (verb === "forget") {
    const now = await local.forget(words[0] ?? "", force);
    return { now, said: [`${words[0]} is forgotten.`] };
  }
  const { now, unreached } = await local.set(words);
  const said = [`Hosts are told and lines are printed with ${now.addresses[0]?.address} now.`];
  return { now, said, warned: warnings(unreached) };
}

function warnings(unreached: readonly UnreachedAddress[]): string[] {
  if (unreached.length === 0) return [];
  return [
    ...unreached.map(({ address, problem }) => `Warning: from this machine ${address} does not answer. ${problem}`),
    "It is set all the same: others may reach it. A host that does not reach it stays where it is, and `ozctl hosts` says so.",
  ];
}

/** The lock is held while the file changes, so that no control plane starts meanwhile. */
function offline(verb: string, { words, config, force }: Asked): Result {
  const { stateDir, listen } = config;
  using _lock = lockState(stateDir, loadSqliteAddon(join(stateDir, "lib")));
  const edit = (book: AddressBook) => {
    if (verb === "set") book.set(words);
    if (verb !== "forget") return;
    if (!force)
      throw new OzError("precondition", "which hosts dial an old address is known while the control plane runs", {
        hint: "Start it, then forget the address; or add --force.",
      });
    book.forget(words[0] ?? "");
  };
  const entries = editOffline({ pkiDir: join(stateDir, "pki"), listen, clock: systemClock }, edit);
  const now = create(ListAddressesResponseSchema, {
    addresses: entries.map(({ address, present, since }) => ({
      ...{ address, present },
      ...(since !== undefined && { since: timestampFromMs(since) }),
    })),
  });
  return { now, said: verb === "set" ? ["Set. The control plane does not run; hosts are told when it starts."] : [] };
}
