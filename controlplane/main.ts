// The control plane's command line: flags → config → wire → wait for a signal.
import { errorCodes, toOzError } from "#core/errors.ts";
import { suggestion } from "#core/names.ts";
import { version } from "#core/version.ts";
import { versionAnswer } from "#core/version-answer.ts";
import { readConfig, readSecrets } from "./config.ts";

const help = `ozwald-controlplane ${version}: holds what is wanted, and the truth about every host

  ozwald-controlplane run [--state DIR] [--listen HOST:PORT] [--rest HOST:PORT|off]
                          [--socket PATH] [--advertise NAME]… [--strategy spread|binpack] [--check]
  ozwald-controlplane address show|set ADDRESS…|forget ADDRESS [--force] [--state DIR] [--socket PATH] [-o json]
  ozwald-controlplane version [-o json]

  --state      folder for database and keys            /var/lib/ozwald/controlplane
  --listen     TLS port for ozctl, agents, clients     0.0.0.0:7443
  --rest       the original's REST interface, this     127.0.0.1:8000
               machine only; key in OZWALD_SYSTEM_KEY
  --socket     Unix socket for the local root          /run/ozwald/control.sock
  --advertise  name or address others reach it by; again for more; the first one is printed
  --check      starts nothing: exit 2 and why when one of these, or a variable that stands for it, cannot be right
  OZWALD_PREPARE_DOWNLOADS=1 makes what hosts download right after the start, not when the first of them asks

  address set gives it another address while it runs: hosts move there, and stay where they are while it does not work. The
  old one answers until it is forgotten. The same --advertise as before leaves what was set.

Examples
  ozwald-controlplane run
  ozwald-controlplane address set control.lan
  OZWALD_SYSTEM_KEY=… ozwald-controlplane run --rest 127.0.0.1:8001 --advertise 10.0.0.5
`;

export async function main(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  if (
    command === undefined ||
    command === "help" ||
    command === "--help" ||
    command === "-h" ||
    rest.includes("--help")
  ) {
    process.stdout.write(help);
    return command === undefined ? 2 : 0;
  }
  if (command === "version" || command === "--version")
    return told(async () => {
      process.stdout.write(versionAnswer(rest, version));
      return 0;
    });
  if (command === "address") return told(() => address(rest));
  if (command !== "run") {
    process.stderr.write(
      `ozwald-controlplane: no command ${command}. ${suggestion(command, ["run", "address", "version", "help"])}\n`,
    );
    return 2;
  }
  return told(() => run(rest));
}

async function address(argv: readonly string[]): Promise<number> {
  const { addressCommand } = await import("./address/address-command.ts");
  return addressCommand(argv, process.env);
}

/** What is thrown is said on standard error. */
async function told(command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (thrown) {
    const error = toOzError(thrown);
    process.stderr.write(`ozwald-controlplane: ${error.message}\n${error.hint === "" ? "" : `${error.hint}\n`}`);
    if (error.code === "internal" && error.cause instanceof Error) process.stderr.write(`${error.cause.stack}\n`);
    return errorCodes[error.code].exit;
  }
}

async function run(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const end = () => stop.abort();
  process.once("SIGTERM", end).once("SIGINT", end);
  try {
    const config = readConfig(argv, process.env);
    if (config.checkOnly) return 0;
    const { startControlPlane } = await import("./wire.ts");
    await using running = await startControlPlane(config, readSecrets(process.env), process.env);
    await Promise.race([running.failed, aborted(stop.signal)]);
    return 0;
  } finally {
    process.off("SIGTERM", end).off("SIGINT", end);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
