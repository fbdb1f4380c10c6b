// A Docker Engine of a test's own, in its own mount and network name spaces, so that it may be killed, frozen and filled.
// Its containers are reached from within its network name space only: use `enter` to run something there.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxImage, ensureBusyboxImage } from "./busybox-image.ts";
import { holdSocket } from "./held-socket.ts";
import { isRunning, kill, killAll, processesInNamespaceOf, withDescendants } from "./process-tree.ts";
import { mustRun, runCommand } from "./run-command.ts";
import { waitUntil } from "./wait-until.ts";

export type PrivateEngineOptions = {
  /** Containers outlive the engine. Default false. */
  liveRestore?: boolean;
  /** Name of a network name space to use (as `ip netns` has it) instead of a new, empty one. */
  netns?: string;
  /** Folder for images and containers, for example on a small disk. Default: a new one. */
  dataRoot?: string;
  /** Its socket goes on taking connections while it is away, as the one that systemd holds for Docker. Default false. */
  heldSocket?: boolean;
  /** More arguments for dockerd. */
  arguments?: readonly string[];
};

export type PrivateEngine = {
  readonly socketPath: string;
  readonly dataRoot: string;
  /** Process id of dockerd; 0 while it is down. */
  readonly pid: number;
  /** Command line that runs something in the engine's network name space (and only that; files and processes are the machine's). */
  enter(argv: readonly string[]): string[];
  /** Command line that runs something in its mount name space too: what is mounted there, only it and its engine see. */
  enterFiles(argv: readonly string[]): string[];
  /** Runs the docker command line on this engine; throws when it fails. */
  docker(...argv: string[]): Promise<string>;
  /** Brings images of the machine's engine over. */
  loadImage(image: string): Promise<void>;
  start(): Promise<void>;
  /** Ends dockerd politely and waits until it is gone. */
  stop(): Promise<void>;
  /** Ends dockerd with SIGKILL; its containers and their shims stay. */
  kill9(): Promise<void>;
  restart(): Promise<void>;
  /** As when the machine loses its power: dockerd, its helpers and all containers end at once, mounts and /run are gone, files stay. */
  powerCut(): Promise<void>;
  /** Freezes (SIGSTOP) and thaws (SIGCONT) dockerd. */
  freeze(): void;
  thaw(): void;
  /** Ends dockerd, every container and every helper, and removes all files. */
  dispose(): Promise<void>;
};

const startTimeoutMs = 60_000;

/** Starts an engine with the busybox test image in it. */
export async function privateEngine(options: PrivateEngineOptions = {}): Promise<PrivateEngine> {
  const folder = await mkdtemp(join(tmpdir(), "ozwald-engine-"));
  const holder = await startHolder(options.netns);
  const engine = createEngine(folder, holder, options);
  try {
    await mustRun(engine.enter(["ip", "link", "set", "lo", "up"]));
    await engine.start();
    await ensureBusyboxImage();
    await engine.loadImage(busyboxImage);
  } catch (thrown) {
    await engine.dispose();
    throw thrown;
  }
  return engine;
}

/** Name spaces live as long as a process in them: this one does nothing else. */
async function startHolder(netns: string | undefined): Promise<ChildProcess> {
  const sleep = ["unshare", "--mount", ...(netns === undefined ? ["--net"] : []), "sleep", "infinity"];
  const argv = netns === undefined ? sleep : ["nsenter", `--net=/run/netns/${netns}`, ...sleep];
  const holder = spawn(argv[0] ?? "", argv.slice(1), { stdio: "ignore", detached: true });
  // Each of these programs becomes the next one; the last has the name spaces.
  await waitUntil(
    "the name spaces are there",
    async () => (await readFile(`/proc/${holder.pid}/comm`, "utf8")) === "sleep\n",
  );
  return holder;
}

function createEngine(folder: string, holder: ChildProcess, options: PrivateEngineOptions): PrivateEngine {
  const socketPath = join(folder, "docker.sock");
  const dataRoot = options.dataRoot ?? join(folder, "data");
  const logFile = join(folder, "dockerd.log");
  const holderPid = holder.pid ?? 0;
  const host = `unix://${socketPath}`;
  const held = options.heldSocket ? holdSocket(socketPath) : undefined;
  let daemon: ChildProcess | undefined;

  const launch = async () => {
    const argv = [
      "dockerd", "--data-root", dataRoot, "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "pid"), "-H", held === undefined ? host : "fd://",
      "--insecure-registry", "127.0.0.0/8", ...(options.liveRestore ? ["--live-restore"] : []), ...(options.arguments ?? []),
    ]; // prettier-ignore
    const log = openSync(logFile, "a");
    const enter = ["nsenter", "-t", String(holderPid), "--net", "--mount", ...argv];
    const [program = "", ...rest] = held === undefined ? enter : held.handTo(enter);
    daemon = spawn(program, rest, { stdio: ["ignore", log, log], detached: true });
    closeSync(log);
    const child = daemon;
    await waitUntil(
      "the private engine answers",
      async () => {
        if (child.exitCode !== null) return "ended";
        return (await runCommand(["docker", "-H", host, "version"], { timeoutMs: 10_000 })).code === 0;
      },
      startTimeoutMs,
      100,
    );
    return child.exitCode === null;
  };
  const gone = (pid: number) => waitUntil("dockerd is gone", async () => !(await isRunning(pid)), 20_000);
  const end = async (signal: NodeJS.Signals) => {
    const pid = daemon?.pid;
    daemon = undefined;
    if (pid === undefined) return;
    kill(pid, signal);
    await gone(pid);
    // Its containerd dies a moment later. An engine that starts in this moment (or while it waits, dead, to be reaped) takes it
    // for alive by its pid file and waits 15 s for it.
    const pidFile = join(folder, "exec/containerd/containerd.pid");
    const helper = Number(await readFile(pidFile, "utf8").catch(() => "0"));
    if (helper > 0) await gone(helper);
    await rm(pidFile, { force: true });
  };
  const engine: PrivateEngine = {
    socketPath,
    dataRoot,
    get pid() {
      return daemon?.pid ?? 0;
    },
    enter: (argv) => ["nsenter", "-t", String(holderPid), "--net", ...argv],
    enterFiles: (argv) => ["nsenter", "-t", String(holderPid), "--net", "--mount", ...argv],
    docker: (...argv) => mustRun(["docker", "-H", host, ...argv]),
    loadImage: async (image) => {
      await mustRun(["sh", "-c", 'docker save "$1" | docker -H "$2" load', "load", image, host], {
        timeoutMs: 180_000,
      });
    },
    async start() {
      if (daemon !== undefined) return;
      // After a kill the first start can fail on a containerd that was left behind; the second finds it gone.
      if (await launch()) return;
      if (await launch()) return;
      throw new Error(`dockerd does not start:\n${(await readFile(logFile, "utf8")).slice(-3000)}`);
    },
    stop: () => end("SIGTERM"),
    kill9: () => end("SIGKILL"),
    async restart() {
      await engine.stop();
      await engine.start();
    },
    async powerCut() {
      daemon = undefined;
      const inside = await withDescendants(await processesInNamespaceOf(holderPid, "mnt"));
      await killAll(inside.filter((pid) => pid !== holderPid));
      const unmount = `awk '$2 ~ "^${folder}/" { print $2 }' /proc/mounts | sort -r | xargs -r -n1 umount -l`;
      await mustRun(["nsenter", "-t", String(holderPid), "--mount", "sh", "-c", unmount]);
      await rm(join(folder, "exec"), { recursive: true, force: true });
      await rm(join(folder, "pid"), { force: true });
    },
    freeze: () => kill(engine.pid, "SIGSTOP"),
    thaw: () => kill(engine.pid, "SIGCONT"),
    async dispose() {
      await killAll(await withDescendants(await processesInNamespaceOf(holderPid, "mnt").catch(() => [])));
      daemon = undefined;
      held?.dispose();
      await removeCgroups(dataRoot);
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
  return engine;
}

/** Containers that were killed with their shims leave empty cgroups behind. */
async function removeCgroups(dataRoot: string): Promise<void> {
  const ids = await readdir(join(dataRoot, "containers")).catch(() => []);
  const hierarchies = await readdir("/sys/fs/cgroup").catch(() => []);
  for (const id of ids) {
    for (const parent of ["docker", ...hierarchies.map((name) => join(name, "docker"))]) {
      await rmdir(join("/sys/fs/cgroup", parent, id)).catch(() => {});
    }
  }
}
