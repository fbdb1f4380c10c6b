// A real control plane for a test: its own state, ports, socket and contexts, all gone afterwards.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BackgroundProgram, startProgram } from "./background-program.ts";
import { programArgv } from "./programs.ts";
import { runCommand } from "./run-command.ts";
import { waitUntil } from "./wait-until.ts";

export type TestContext = {
  readonly name: string;
  readonly address: string;
  readonly caPem: string;
  readonly token: string;
};

export type TestControlPlane = {
  /** The admin context that its first start wrote. */
  readonly context: TestContext;
  /** Base of the REST interface: "http://127.0.0.1:8000". */
  readonly restBase: string;
  readonly folder: string;
  readonly stateDir: string;
  readonly configDir: string;
  readonly socket: string;
  /** Environment in which ozctl and the clients find it. */
  readonly env: Readonly<Record<string, string>>;
  /** Command line that runs something where it can be reached. */
  enter(argv: readonly string[]): string[];
  program(): BackgroundProgram;
  /** Starts it again on the same state and ports, after stop or kill. */
  start(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export type TestControlPlaneOptions = {
  /** Value of OZWALD_SYSTEM_KEY. Default: none. */
  systemKey?: string;
  /** Port of the REST interface. Default: a free one. */
  restPort?: number;
  /** Puts it into another network, in which every port is free. Default: the machine's. */
  enter?: (argv: readonly string[]) => string[];
};

const startTimeoutMs = 30_000;

export async function startControlPlane(options: TestControlPlaneOptions = {}): Promise<TestControlPlane> {
  const folder = await mkdtemp(join(tmpdir(), "ozwald-cp-"));
  const enter = options.enter ?? ((argv) => [...argv]);
  const [port, restPort] = [await freePort(), options.restPort ?? (await freePort())];
  const [stateDir, configDir, socket] = [join(folder, "state"), join(folder, "config"), join(folder, "control.sock")];
  const restBase = `http://127.0.0.1:${restPort}`;
  const flags = [
    "run",
    "--state",
    stateDir,
    "--listen",
    `127.0.0.1:${port}`,
    "--rest",
    `127.0.0.1:${restPort}`,
    "--socket",
    socket,
    "--advertise",
    "127.0.0.1",
  ];
  const env = { OZWALD_CONFIG_DIR: configDir, OZWALD_CONTEXT: "local", OZWALD_SOCKET: socket };
  let program: BackgroundProgram | undefined;
  const readContext = async () =>
    JSON.parse(await readFile(join(configDir, "contexts/local.json"), "utf8")) as TestContext;
  async function start(): Promise<void> {
    const started = startProgram(enter([...programArgv("ozwald-controlplane"), ...flags]), {
      env: { ...env, OZWALD_SYSTEM_KEY: options.systemKey },
    });
    program = started;
    await waitUntil(
      "the control plane answers",
      async () => {
        if (started.exitCode() !== undefined) return true;
        await readContext();
        return (await runCommand(enter(["curl", "-sf", "-m", "2", `${restBase}/health`]))).code === 0;
      },
      startTimeoutMs,
    ).catch((error: unknown) => {
      throw new Error(`The control plane did not come up:\n${started.output()}`, { cause: error });
    });
    if (started.exitCode() !== undefined)
      throw new Error(`The control plane ended with ${started.exitCode()}:\n${started.output()}`);
  }
  async function dispose(): Promise<void> {
    await program?.stop();
    await rm(folder, { recursive: true, force: true });
  }
  let context: TestContext;
  try {
    if (options.enter === undefined) await requireFree(restPort);
    await start();
    context = await readContext();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    context,
    restBase,
    folder,
    stateDir,
    configDir,
    socket,
    env,
    enter,
    start,
    program() {
      if (program === undefined) throw new Error("it was never started");
      return program;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** A port on 127.0.0.1 that nothing listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function requireFree(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new Error(`127.0.0.1:${port} is taken; this test needs it (ss -ltnp says by whom)`, { cause })),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  await new Promise((resolve) => server.close(resolve));
}
