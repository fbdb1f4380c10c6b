// ozwald, the command of the original Python project: its actions over its REST interface, and for each what ozctl calls it.
import { errorCodes, toOzError } from "#core/errors.ts";
import { commit, version } from "#core/version.ts";
import { versionAnswer } from "#core/version-answer.ts";
import { errorText } from "../errors.ts";
import type { Io } from "../io.ts";
import { provisionerPlaces } from "./places.ts";
import type { Scene } from "./scene.ts";
import { type ActionName, readWords } from "./words.ts";

const help = `ozwald ${version}: the command of the original; ozctl is the one that does everything

  ozwald <action> [--api-port N] [--redis-port N] [--port N] [--no-restart] [--use-api]

Actions:
  start_provisioner        start a control plane and an agent on this machine, in the background
  stop_provisioner         stop what start_provisioner started; containers keep running
  list_configured_services what can be started
  list_active_services     what is active or on its way there
  show_host_resources      CPU, RAM, GPUs and VRAM of the host
  status                   whether it is well; exit code 0 or 1

Options:
  --api-port N             port of the REST interface (default: 8000)
  --redis-port N           accepted; no Redis is needed
  --port N                 port that is asked (default: --api-port)
  --no-restart             leave alone what start_provisioner started before
  --use-api                show_host_resources: ask the REST interface

The key stands in OZWALD_SYSTEM_KEY. The other programs:  ozwald ozctl|ozwald-agent|ozwald-controlplane …

Examples:
  export OZWALD_SYSTEM_KEY="$(openssl rand -hex 32)"
  ozwald start_provisioner --api-port 8000
  ozwald status
`;

type Action = {
  /** What ozctl calls it, for standard error. */
  readonly equivalent: string;
  load(): Promise<(scene: Scene) => Promise<number>>;
};

const actions: Readonly<Record<ActionName, Action>> = {
  start_provisioner: {
    equivalent: "ozwald-controlplane run, then what `ozctl host invite` prints",
    load: async () => (await import("./start.ts")).startProvisioner,
  },
  stop_provisioner: {
    equivalent: "none; ozctl down NAME stops a service, this stops the two programs",
    load: async () => (await import("./stop.ts")).stopProvisioner,
  },
  list_configured_services: {
    equivalent: "ozctl services",
    load: async () => (await import("./lists.ts")).listConfigured,
  },
  list_active_services: { equivalent: "ozctl ps", load: async () => (await import("./lists.ts")).listActive },
  show_host_resources: { equivalent: "ozctl hosts", load: async () => (await import("./resources.ts")).showResources },
  status: { equivalent: "ozctl status", load: async () => (await import("./status.ts")).showStatus },
};

/** Runs one action; argv holds the words after the program's name. Gives the exit code: 0 fine, 1 failure, 2 bad input. Never throws. */
export async function originalMain(argv: readonly string[], io: Io): Promise<number> {
  const [first] = argv;
  if (first === undefined || first === "help" || argv.includes("--help") || argv.includes("-h")) {
    io.out(help);
    return first === undefined ? 2 : 0;
  }
  try {
    if (first === "version" || first === "--version") {
      io.out(versionAnswer(argv.slice(1), `ozwald ${version} (${commit})`));
      return 0;
    }
    const words = readWords(argv);
    const { equivalent, load } = actions[words.action];
    const places = provisionerPlaces(io.env, process.getuid?.() === 0);
    io.err(`The same with ozctl:  ${equivalent}\n`);
    return await (
      await load()
    )({ io, words, places });
  } catch (thrown) {
    const error = toOzError(thrown);
    io.err(errorText(error));
    return errorCodes[error.code].exit;
  }
}
