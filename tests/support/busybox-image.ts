// A small image for tests: static busybox and nothing else, built from the machine's own program since no registry may be near.
import { copyFile, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun, runCommand } from "./run-command.ts";

export const busyboxImage = "ozwald-test-busybox:1";

const program = "/usr/bin/busybox";
const dockerfile = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN ["/bin/mkdir", "-m", "1777", "/tmp"]
LABEL ozwald.test=1
CMD ["sh"]
`;

let built: Promise<string> | undefined;

/** Builds the image on the machine's engine when it is not there; returns its name. Installs Debian's busybox-static when missing. */
export function ensureBusyboxImage(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  if ((await runCommand(["docker", "image", "inspect", busyboxImage])).code === 0) return busyboxImage;
  if (!(await isStatic())) await mustRun(["apt-get", "install", "-y", "-qq", "busybox-static"], { timeoutMs: 180_000 });
  const folder = await mkdtemp(join(tmpdir(), "ozwald-busybox-"));
  try {
    await copyFile(program, join(folder, "busybox"));
    await writeFile(join(folder, "Dockerfile"), dockerfile);
    // The classic builder needs no plugin and asks no registry for anything.
    await mustRun(["docker", "build", "-q", "-t", busyboxImage, folder], {
      env: { DOCKER_BUILDKIT: "0" },
      timeoutMs: 120_000,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return busyboxImage;
}

async function isStatic(): Promise<boolean> {
  const found = await stat(program).catch(() => undefined);
  if (found === undefined) return false;
  return !(await runCommand(["ldd", program])).stdout.includes("=>");
}
