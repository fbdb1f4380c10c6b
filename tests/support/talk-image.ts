// An image of the talk server: this machine's Node with its libraries and one file, from no registry.
import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { sharedLibrariesOf } from "../../scripts/images/shared-libraries.ts";
import { mustRun, runCommand } from "./run-command.ts";

const program = join(import.meta.dirname, "talk-server.ts");

/** Builds the image on the machine's engine when it is not there; returns its name. */
export async function ensureTalkImage(): Promise<string> {
  const hash = createHash("sha256")
    .update(process.version)
    .update(await readFile(program));
  const image = `ozwald-test-talk:${hash.digest("hex").slice(0, 12)}`;
  if ((await runCommand(["docker", "image", "inspect", image])).code === 0) return image;
  const folder = await mkdtemp(join(tmpdir(), "ozwald-talk-"));
  try {
    const root = join(folder, "root");
    for (const from of [process.execPath, ...(await sharedLibrariesOf([process.execPath], folder))]) {
      const to = join(root, from === process.execPath ? "bin/node" : from);
      await mkdir(dirname(to), { recursive: true });
      await copyFile(from, to);
    }
    await copyFile(program, join(root, "talk-server.ts"));
    await mkdir(join(root, "tmp"));
    await chmod(join(root, "tmp"), 0o1777);
    const lines = ["FROM scratch", "COPY root/ /", "LABEL ozwald.test=1", "USER 1000:1000"];
    await writeFile(
      join(folder, "Dockerfile"),
      [...lines, 'ENTRYPOINT ["/bin/node", "/talk-server.ts"]', ""].join("\n"),
    );
    await mustRun(["docker", "build", "-q", "-t", image, folder], {
      env: { DOCKER_BUILDKIT: "0" },
      timeoutMs: 180_000,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return image;
}
