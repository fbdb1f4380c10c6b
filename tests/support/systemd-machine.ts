// A bare Debian that boots: a real systemd as process 1 of name spaces of its own, in its own control group.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { copyDebian } from "./debian-root.ts";
import { killAll } from "./process-tree.ts";
import { type CommandResult, runCommand } from "./run-command.ts";
import { waitUntil } from "./wait-until.ts";

export type SystemdMachine = {
  /** Path on the machine of something inside, but not of what is in /run, /proc, /sys and /dev. */
  path(inside: string): string;
  /** Runs something inside; never throws for its failure. */
  run(...command: string[]): Promise<CommandResult>;
  dispose(): Promise<void>;
};

export type SystemdMachineOptions = {
  /** Where its network is; default: the machine's. */
  enter?: (argv: readonly string[]) => string[];
  /** Folders of the machine that are seen inside under the same path, for reading. */
  show?: readonly string[];
};

/** $1 is the root, $2 the folder of packages, the rest folders to show. It becomes process 1. */
const boot = `set -eu
root=$1 packages=$2; shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do touch dev/$node; mount --bind /dev/$node dev/$node; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm
# Packages are fetched once, for all tests.
mkdir -p "$packages/partial" var/cache/apt/archives
mount --bind "$packages" var/cache/apt/archives
mount -t tmpfs -o mode=755 tmpfs run
mkdir run/lock .old
# What is shown may be below /tmp.
ln -s /dev/null etc/systemd/system/tmp.mount
ln -s /dev/null etc/systemd/system/systemd-tmpfiles-clean.timer
for folder in "$@"; do mkdir -p "./$folder"; mount --bind "$folder" "./$folder"; mount -o remount,bind,ro "./$folder"; done
pivot_root . .old
umount -l /.old
exec env -i container=ozwald-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /sbin/init
`;

/** A machine that is thrown away needs no syncs, no manuals and no other languages. */
const quickPackages = `force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
`;

const packages = "/var/tmp/ozwald-test-trixie-packages";

/** Boots it and waits until systemd has started what there is. */
export async function systemdMachine(options: SystemdMachineOptions = {}): Promise<SystemdMachine> {
  const { enter = (argv) => [...argv], show = [] } = options;
  await using undo = new AsyncDisposableStack();
  const folder = await copyDebian("trixie");
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  const group = join(cgroupMount(), basename(folder));
  mkdirSync(group);
  undo.defer(async () => void (await runCommand(["find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"])));
  await mkdir(join(folder, "run"), { recursive: true });
  await writeFile(join(folder, "etc/dpkg/dpkg.cfg.d/quick"), quickPackages);
  await writeFile(join(folder, "boot.sh"), boot);
  const start = `echo $$ >"$1/cgroup.procs"; shift; exec unshare --mount --pid --uts --ipc --cgroup --fork sh "$@"`;
  const argv = enter(["sh", "-c", start, "sh", group, join(folder, "boot.sh"), folder, packages, ...show]);
  const outer = spawn(argv[0] ?? "", argv.slice(1), { stdio: "ignore", detached: true });
  const outerPid = outer.pid ?? 0;
  undo.defer(() => killAll([...childrenOf(outerPid), outerPid]));
  const init = await waitUntil("its process 1 is there", () => childrenOf(outerPid).find(isInit), 20_000);
  const inside = [
    "nsenter",
    "-t",
    String(init),
    "--mount",
    "--pid",
    "--uts",
    "--ipc",
    "--cgroup",
    "--net",
    "--root",
    "--wd",
  ];
  const env = ["env", "-i", "HOME=/root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
  const run = (...command: string[]) => runCommand([...inside, ...env, ...command], { timeoutMs: 300_000 });
  // "degraded" is good enough: a unit that loads kernel modules cannot.
  const booted = async () => /running|degraded/.test((await run("systemctl", "is-system-running")).stdout);
  await waitUntil("it has booted", booted, 60_000, 200);
  const kept = undo.move();
  return { path: (path) => join(folder, path), run, dispose: () => kept.disposeAsync() };
}

function cgroupMount(): string {
  const line = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .find((one) => one.split(" ")[2] === "cgroup2");
  if (line === undefined) throw new Error("control groups of version 2 are not mounted here; systemd needs them");
  return line.split(" ")[1] ?? "";
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function isInit(pid: number): boolean {
  return /^(systemd|init)\n$/.test(readFileSync(`/proc/${pid}/comm`, "utf8"));
}
