// ozctl as a laptop gets it: fetched by the printed lines, installed by npm without a network, run by every Node of this machine.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startProgram } from "../support/background-program.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { freePort } from "../support/control-plane.ts";
import { report } from "../support/report-time.ts";
import { type CommandResult, mustRun, runCommand } from "../support/run-command.ts";
import { ensureTalkImage } from "../support/talk-image.ts";
import { waitUntil } from "../support/wait-until.ts";

const root = resolve(import.meta.dirname, "../..");
const built = join(root, "dist/bin/ozwald-controlplane");
const nodes = machineNodes();

let cluster: Cluster;
let folder: string;
let fetchLine: string;
let installLine: string;
let login: string[];
let token: string;

beforeAll(async () => {
  if (!existsSync(built)) throw new Error(`${built} does not exist. Build it: npm run build`);
  const image = await ensureTalkImage();
  cluster = await startCluster({ program: [built] });
  folder = join(cluster.folder, "laptop");
  await mkdir(folder);
  await cluster.addHost();
  const probes = [{ http: { port: 8000, path: "/hello" } }];
  await cluster.mustApply(
    JSON.stringify({ services: [{ name: "talk", image, stop_grace: "1s", probes }], instances: [{ name: "talk" }] }),
  );
  await cluster.untilReady("talk", 60_000);
  const { stdout, stderr } = await cluster.ozctl("token", "create", "laptop");
  const printed = /^ {2}(ozt_\S+)\n[^]*^ {2}(curl .*)\n {2}(npm .*)\n[^]*^ {2}ozctl (login .*)$/m.exec(stdout);
  if (printed === null) throw new Error(`${stdout}${stderr}`);
  [token, fetchLine, installLine, login] = [printed[1]!, printed[2]!, printed[3]!, printed[4]!.split(" ")];
}, 240_000);

afterAll(() => cluster?.dispose());

/** This test's own Node, and the machine's when that is another major version. */
function machineNodes(): { path: string; version: string }[] {
  const own = { path: process.execPath, version: process.version };
  const places = (process.env["PATH"] ?? "").split(delimiter).filter((place) => !place.includes("node_modules"));
  for (const path of places.map((place) => join(place, "node")).filter((candidate) => existsSync(candidate))) {
    const version = spawnSync(path, ["--version"], { encoding: "utf8" }).stdout.trim();
    if (version.split(".")[0] !== own.version.split(".")[0]) return [own, { path, version }];
  }
  return [own];
}

describe("the package", () => {
  const inFolder = (line: string, env: Record<string, string> = {}): Promise<CommandResult> =>
    runCommand(["sh", "-c", line], { cwd: folder, env });

  test("is fetched by the printed line, with the sum that is listed; with a wrong key nothing is", async () => {
    expect(fetchLine).toMatch(
      /^curl -fsSk --noproxy "\*" --pinnedpubkey sha256\/\/\S{44} -o ozctl\.tgz https:\S+\/dist\/ozctl\.tgz$/,
    );
    const wrong = await inFolder(fetchLine.replace(/sha256\/\/\S+/, `sha256//${"A".repeat(43)}=`));
    expect([wrong.code, await readdir(folder)]).toEqual([90, []]);
    expect(await inFolder(fetchLine)).toMatchObject({ code: 0, stderr: "" });
    const content = await readFile(join(folder, "ozctl.tgz"));
    const sums = await inFolder(fetchLine.replace(/ -o \S+/, "").replace("ozctl.tgz", "SHA256SUMS"));
    expect(sums.stdout).toContain(`${createHash("sha256").update(content).digest("hex")}  ozctl.tgz\n`);
    expect(content.equals(await readFile(join(root, "dist", `ozctl-${await version()}.tgz`)))).toBe(true);
    report("ozctl.tgz", 0, `${Math.round(content.length / 1000)} kB`);
  });

  test("holds one program, what it is and the licences, and depends on nothing", async () => {
    const list = await mustRun(["tar", "tzf", join(folder, "ozctl.tgz")]);
    expect(list.split("\n").toSorted()).toEqual(
      ["LICENSE", "NOTICES", "README.md", "bin/ozctl.js", "package.json"].map((name) => `package/${name}`),
    );
    const manifest = JSON.parse(await mustRun(["tar", "xzOf", join(folder, "ozctl.tgz"), "package/package.json"]));
    expect(manifest).toMatchObject({ name: "ozctl", version: await version(), license: "AGPL-3.0-only" });
    expect(Object.keys(manifest as object).filter((key) => /dependencies|scripts/i.test(key))).toEqual([]);
  });

  test("npm installs it where no registry answers", async () => {
    expect(installLine).toBe("npm install -g ./ozctl.tgz");
    const installed = await inFolder(installLine, {
      npm_config_prefix: join(folder, "prefix"),
      npm_config_cache: join(folder, "cache"),
      npm_config_registry: "http://127.0.0.1:9/",
      npm_config_audit: "false",
    });
    expect(installed.code, installed.stderr).toBe(0);
    expect(await readdir(join(folder, "prefix/lib/node_modules"))).toEqual(["ozctl"]);
    expect((await stat(join(folder, "prefix/bin/ozctl"))).mode & 0o111).not.toBe(0);
  }, 60_000);
});

async function version(): Promise<string> {
  return (JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string }).version;
}

describe.each(nodes)("with Node $version", ({ path, version: nodeVersion }) => {
  const env = (): Record<string, string> => ({
    HOME: join(folder, nodeVersion),
    PATH: "/nowhere",
    OZWALD_CONTEXT: "",
    OZWALD_CONFIG_DIR: "",
    OZWALD_SOCKET: join(folder, "no.sock"),
    NO_COLOR: "1",
  });
  const argv = (args: string[]) => [path, join(folder, "prefix/bin/ozctl"), ...args];
  const ozctl = (args: string[], input = "") => runCommand(argv(args), { env: env(), input, cwd: folder });

  test("login, ps and chat", async () => {
    const unknown = await ozctl(["ps"]);
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("No control plane is known here")]);
    const logged = await ozctl([...login, "--token-stdin"], token);
    expect(logged).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("Logged in at https://") });
    expect(await readdir(join(folder, nodeVersion, ".config/ozwald/contexts"))).toHaveLength(1);
    const ps = await ozctl(["ps"]);
    expect(ps).toMatchObject({ code: 0, stdout: expect.stringMatching(/talk .*alpha/) });
    const asked = await ozctl(["chat", "talk", "Name three colours."]);
    expect(asked).toMatchObject({ code: 0, stdout: "Red, blue and green.\n" });
    expect(asked.stderr).toMatch(/^\d+ ms to first token, [\d.]+ tok\/s\n$/);
    expect(await ozctl(["version", "--server"])).toMatchObject({ code: 0, stderr: "" });
    expect(await ozctl(["doctor"])).toMatchObject({ stderr: "" });
  }, 60_000);

  test("forward", async () => {
    await using program = startProgram(argv(["forward", "talk", "--port", String(await freePort())]), { env: env() });
    const said = () => /^(http:\S+\/v1) → talk on alpha\. Ctrl-C ends it\.$/m.exec(program.output())?.[1];
    const url = await waitUntil("it listens", said, 20_000);
    expect(await (await fetch(`${url}/models`)).json()).toEqual({ data: [{ id: "talk" }] });
    const body = Buffer.alloc(2 ** 20, "ab");
    const back = await fetch(url.replace("/v1", "/echo"), { method: "POST", body });
    expect(Buffer.from(await back.arrayBuffer()).equals(body)).toBe(true);
    expect(await program.stop()).toBe(0);
  }, 60_000);

  test("settings are read by the same code, with what this Node does not have itself", async () => {
    const settings = {
      services: [
        { name: "db", image: "x" },
        { name: "web", image: "x", depends_on: ["db"] },
      ],
      instances: [{ name: "db" }, { name: "web" }],
    };
    await writeFile(join(folder, "ozwald.yml"), JSON.stringify(settings));
    expect(await ozctl(["check"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("2 services, 2 instances"),
    });
    expect((await ozctl(["import", "container", "no-such-container"])).stderr).not.toContain("is not a function");
  });
});
