// A bare Debian of a test's own: a root filesystem from debootstrap, in which an installer can do what it wants without touching the machine.
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killAll } from "./process-tree.ts";
import { type CommandResult, mustRun, runCommand } from "./run-command.ts";

export type DebianRoot = {
  /** Where it is on the machine. */
  readonly folder: string;
  /** Path within, as the machine has it. */
  path(inside: string): string;
  /** Command line that runs something with this root. */
  argv(...command: string[]): string[];
  /** Runs something with this root; never throws for its failure. */
  run(command: readonly string[], options?: { input?: string; env?: Record<string, string> }): Promise<CommandResult>;
  /** Shows a folder of the machine there, under the path it has on the machine. */
  show(folder: string): Promise<void>;
  /** Ids of what runs with this root. */
  processes(): number[];
  /** Ends everything that runs there and removes it. */
  dispose(): Promise<void>;
};

const mirror = process.env["OZWALD_TEST_DEBIAN_MIRROR"] ?? "http://deb.debian.org/debian";
const contents = {
  bookworm: "curl,wget,ca-certificates,iproute2,busybox-static",
  trixie: "curl,wget,ca-certificates,iproute2,systemd,systemd-sysv,dbus",
} as const;

/** A copy of a bare Debian, trixie with systemd. The first one takes about a minute; what that made is kept in /var/tmp and copied. */
export async function copyDebian(release: keyof typeof contents): Promise<string> {
  const cached = `/var/tmp/ozwald-test-${release}`;
  if (!existsSync(join(cached, "etc/os-release"))) {
    if ((await runCommand(["which", "debootstrap"])).code !== 0)
      await mustRun(["apt-get", "install", "-y", "-qq", "debootstrap"], { timeoutMs: 180_000 });
    const partial = `${cached}.${process.pid}`;
    const argv = ["debootstrap", "--variant=minbase", `--include=${contents[release]}`, release, partial, mirror];
    await mustRun(argv, { timeoutMs: 600_000 });
    await rename(partial, cached);
  }
  const folder = await mkdtemp(join(tmpdir(), "ozwald-debian-"));
  const filter = (path: string) => !/\/(dev|proc|sys)\/./.test(path.slice(cached.length));
  await cp(cached, folder, { recursive: true, verbatimSymlinks: true, filter });
  return folder;
}

export type DebianRootOptions = {
  /** Socket of the engine that is this machine's. */
  engineSocket?: string;
  /** Where its network is. */
  enter?: (argv: readonly string[]) => string[];
};

export async function debianRoot(options: DebianRootOptions = {}): Promise<DebianRoot> {
  const { enter = (argv) => [...argv] } = options;
  const folder = await copyDebian("bookworm");
  await using undo = new AsyncDisposableStack();
  undo.defer(() => removeRoot(folder));
  const mounts = undo.use(new AsyncDisposableStack());
  const mount = async (from: string, to: string) => {
    await mustRun(["mount", "--bind", from, to]);
    // Lazily: something that still ends may have a file open there, and nothing must be left to be removed with the folder.
    mounts.defer(async () => void (await mustRun(["umount", "--lazy", to])));
  };
  await mount("/proc", join(folder, "proc"));
  await mount("/dev", join(folder, "dev"));
  if (options.engineSocket !== undefined) {
    await mkdir(join(folder, "run"), { recursive: true });
    await writeFile(join(folder, "run/docker.sock"), "");
    await mount(options.engineSocket, join(folder, "run/docker.sock"));
  }
  const processes = () => processesWithRoot(folder);
  undo.defer(async () => {
    // What was just about to start another one.
    for (let round = 0; round < 20 && processes().length > 0; round++) await killAll(processes());
  });
  const argv = (...command: string[]) => enter(["chroot", folder, ...command]);
  const show = async (shown: string) => {
    await mkdir(join(folder, shown), { recursive: true });
    await mount(shown, join(folder, shown));
  };
  const kept = undo.move();
  return {
    folder,
    path: (inside) => join(folder, inside),
    argv,
    run: (command, { input, env = {} } = {}) =>
      runCommand(
        argv(
          "env",
          "-i",
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          "HOME=/root",
          ...Object.entries(env).map(([key, value]) => `${key}=${value}`),
          ...command,
        ),
        {
          ...(input !== undefined && { input }),
          timeoutMs: 120_000,
        },
      ),
    show,
    processes,
    dispose: () => kept.disposeAsync(),
  };
}

/** Removes it, but never what is shown there. */
async function removeRoot(folder: string): Promise<void> {
  const still = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.split(" ")[4]?.startsWith(`${folder}/`));
  if (still.length > 0) throw new Error(`${folder} stays, because this is still shown there:\n${still.join("\n")}`);
  await rm(folder, { recursive: true, force: true });
}

function processesWithRoot(folder: string): number[] {
  const isInside = (pid: string) => {
    try {
      return readlinkSync(`/proc/${pid}/root`) === folder;
    } catch {
      return false;
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && isInside(name))
    .map(Number);
}
