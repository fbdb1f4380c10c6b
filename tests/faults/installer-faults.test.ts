// The install script killed (SIGKILL to all of it) before and after every single program that it runs, and on full disks: what was there still
// runs, and running it again finishes what was begun. The executable is a stand-in that does in no time what the script asks of it; the script is the real one.
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { fillScript } from "../../controlplane/install/install-script.ts";
import { type DebianRoot, debianRoot } from "../support/debian-root.ts";
import { keys, openTerminal } from "../support/pty.ts";
import { killAll } from "../support/process-tree.ts";
import { type CommandResult, mustRun } from "../support/run-command.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("THE TEST OF THE KILLED INSTALLER DOES NOT RUN: chroot needs root.");

const template = readFileSync(resolve(import.meta.dirname, "../../packaging/install.sh"), "utf8");
const target = process.arch === "arm64" ? "linux-arm64" : "linux-x64";
const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** Answers as the agent does; `run` stays and says in its state folder which version it is. */
const executable = (version: string): string => `#!/bin/sh
version=${version}
case $(basename "$0") in .ozwald.new.*) shift ;; esac
case $1 in
  version) echo "$version" ;;
  join) mkdir -p "$4"; echo '{}' >"$4/identity.json"; echo "joined $2 as tower" ;;
  run) echo "$version $$" >"$3/runs.new"; /bin/mv "$3/runs.new" "$3/runs"; exec sleep 3600 ;;
  status)
    read -r runs pid 2>/dev/null <"$3/runs" && [ -e "/proc/$pid/exe" ] || exit 1
    echo '{"pid":'$pid',"up_ms":1,"link":"ready","host":"tower","control_plane":"https://192.0.2.1:7443"}' ;;
esac
`;

/** Counts the programs that are run, in /count, and kills the script with all it started at the one in /kill ("7 before", "7 after"). */
const shim = (program: string): string => `#!/bin/dash
read n </count || n=0
n=$((n + 1))
echo $n >/count
read at when </kill || at=0
[ "$at $when" != "$n before" ] || kill -9 0
${program} "$@"
code=$?
[ "$at $when" != "$n after" ] || kill -9 0
exit $code
`;
const shimmed = ["curl", "gzip", "sha256sum", "chmod", "mkdir", "mv", "ln", "rm", "cat", "grep", "sed", "readlink"];

describe.skipIf(!isRoot)("the install script, killed at every step", () => {
  let debian: DebianRoot;
  let server: Server;
  const served = new Map<string, Uint8Array>();

  beforeAll(async () => {
    debian = await debianRoot();
    mkdirSync(debian.path("/shims"));
    for (const name of shimmed) {
      const { stdout } = await debian.run(["sh", "-c", `command -v ${name}`]);
      expect([name, stdout]).toEqual([name, expect.stringMatching(/^\/.*\n$/)]);
      writeFileSync(debian.path(`/shims/${name}`), shim(stdout.trim()));
      chmodSync(debian.path(`/shims/${name}`), 0o755);
    }
    server = createServer((request, response) => {
      const content = served.get(request.url ?? "");
      response.writeHead(content === undefined ? 404 : 200).end(content);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  });

  afterAll(async () => {
    await debian?.dispose();
    await new Promise((done) => server.close(done));
  });

  afterEach(async () => {
    await killAll(debian.processes());
    for (const path of ["/usr/local/bin", "/var/lib/ozwald", "/etc/ozwald"])
      rmSync(debian.path(path), { recursive: true, force: true });
  });

  function script(version: string, content: string | Uint8Array = executable(version)): string {
    const packed = gzipSync(content);
    served.set(`/dist/ozwald-${version}.gz`, packed);
    return fillScript(template, {
      ...{ ROLE: "agent", VERSION: version, TARGET: target, PIN: "" },
      ADDRESS: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ...{ FILE: `ozwald-${version}.gz`, FILE_SHA256: sha256(packed), XZ_SHA256: "", SHA256: sha256(content) },
    });
  }

  function install(version: string, ...flags: string[]): Promise<CommandResult> {
    return debian.run(["dash", "-s", "--", ...flags], { input: script(version) });
  }

  const said = ({ stdout, stderr }: CommandResult): string => stdout + stderr;

  /** Kills it there; false when it was done before it came so far. */
  async function killed(at: string, version: string, ...flags: string[]): Promise<boolean> {
    writeFileSync(debian.path("/count"), "0\n");
    writeFileSync(debian.path("/kill"), `${at}\n`);
    const env = { PATH: "/shims:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" };
    // In a process group of its own.
    const done = await debian.run(["sh", "-c", 'setsid dash -s -- "$@"; exit $?', "sh", ...flags], {
      input: script(version),
      env,
    });
    const reached = done.code === 137;
    if (!reached) expect(done.code, said(done)).toBe(0);
    return reached;
  }

  const bin = (name: string) => debian.path(`/usr/local/bin/${name}`);
  const versionOf = (name: string) => /^version=(.*)$/m.exec(readFileSync(bin(name), "utf8"))?.[1];
  const running = () => readFileSync(debian.path("/var/lib/ozwald/agent/runs"), "utf8").split(" ")[0];

  function expectWhole(versions: { program: string; previous?: string }): void {
    expect(versionOf("ozwald")).toBe(versions.program);
    expect(running()).toBe(versions.program);
    expect(debian.processes()).toHaveLength(1);
    const previous = versions.previous === undefined ? [] : ["ozwald.previous"];
    expect(readdirSync(debian.path("/usr/local/bin")).toSorted()).toEqual(
      ["ozctl", "ozwald", "ozwald-agent", ...previous].toSorted(),
    );
    if (versions.previous !== undefined) expect(versionOf("ozwald.previous")).toBe(versions.previous);
    expect(existsSync(debian.path("/var/lib/ozwald/agent/restart"))).toBe(false);
  }

  /** Every place, until it is no longer reached. */
  async function everywhere(each: (at: string) => Promise<boolean>, ...whens: string[]): Promise<number> {
    let places = 0;
    for (const when of whens) {
      for (let n = 1; await each(`${n} ${when}`); n++) places++;
    }
    return places;
  }

  test("a first installation", async () => {
    const places = await everywhere(async (at) => {
      const reached = await killed(at, "1.0.0", "--token", "ozj_1");
      const again = await install("1.0.0", "--token", "ozj_1");
      expect([at, again.code, said(again)]).toEqual([at, 0, expect.stringContaining("tower")]);
      expectWhole({ program: "1.0.0" });
      await killAll(debian.processes());
      for (const path of ["/usr/local/bin", "/var/lib/ozwald"]) rmSync(debian.path(path), { recursive: true });
      return reached;
    }, "before");
    expect(places).toBeGreaterThan(15);
  });

  test("an upgrade: the old version runs, or the new one; run again, it is the new one that runs", async () => {
    let n = 0;
    await install(`1.0.${n}`, "--token", "ozj_1");
    const places = await everywhere(
      async (at) => {
        const [old, next] = [`1.0.${n}`, `1.0.${++n}`];
        const reached = await killed(at, next);
        // There is a whole program at every moment, and a way back.
        expect([old, next]).toContain(versionOf("ozwald"));
        if (versionOf("ozwald") === next) expect(versionOf("ozwald.previous")).toBe(old);
        const again = await install(next);
        expect([at, again.code, said(again)]).toEqual([at, 0, expect.stringContaining("is tower of")]);
        expectWhole({ program: next, previous: old });
        return reached;
      },
      "before",
      "after",
    );
    expect(places).toBeGreaterThan(30);
  });

  test("a rollback: run again, it is back, and not to and fro", async () => {
    await install("1.0.0", "--token", "ozj_1");
    await install("2.0.0");
    let [now, before] = ["2.0.0", "1.0.0"];
    const places = await everywhere(
      async (at) => {
        const reached = await killed(at, "2.0.0", "--rollback");
        const swapped = versionOf("ozwald") === before;
        if (reached && !(swapped && !existsSync(debian.path("/var/lib/ozwald/agent/restart")))) {
          const again = await install("2.0.0", "--rollback");
          expect([at, again.code, said(again)]).toEqual([
            at,
            0,
            expect.stringContaining(`back to ${before}, restarted`),
          ]);
        }
        [now, before] = [before, now];
        expectWhole({ program: now, previous: before });
        return reached;
      },
      "before",
      "after",
    );
    expect(places).toBeGreaterThan(15);
  });

  /** A disk of that size (it can grow) at /small, for as long as the work takes. */
  async function onSmallDisk(work: (resize: (megabytes: number) => Promise<void>) => Promise<void>): Promise<void> {
    const at = debian.path("/small");
    mkdirSync(at, { recursive: true });
    await mustRun(["mount", "-t", "tmpfs", "-o", "size=16m,mode=755", "tmpfs", at]);
    try {
      await work(async (megabytes) => void (await mustRun(["mount", "-o", `remount,size=${megabytes}m`, at])));
    } finally {
      await killAll(debian.processes());
      await mustRun(["umount", at]);
    }
  }

  test("a full disk, while it downloads and while it unpacks: the old version runs on; with room it goes on", () =>
    onSmallDisk(async (resize) => {
      const flags = ["--dir", "/small/bin"];
      const files = () => readdirSync(debian.path("/small/bin")).toSorted();
      const [first, second] = ["1.0.0", "2.0.0"].map((version) =>
        script(version, Buffer.concat([Buffer.from(`${executable(version)}exit\n`), randomBytes(6e6)])),
      );
      const run = (text = "", ...more: string[]) =>
        debian.run(["dash", "-s", "--", ...flags, ...more], { input: text });
      expect(said(await run(first, "--token", "ozj_1"))).toContain("joined");
      const before = files();
      // The first version takes 6 MB, as the download does and what is in it.
      for (const [megabytes, words] of [
        [8, "the download does not fit into /small/bin (there: "],
        [14, "the executable could not be unpacked into /small/bin (there: "],
      ] as const) {
        await resize(megabytes);
        const done = await run(second);
        expect([megabytes, done.code, said(done)]).toEqual([megabytes, 1, expect.stringContaining(words)]);
        expect(done.stderr).toMatch(
          /MB free; .*\)\. Nothing was changed\.\nMake room there, or choose another with --dir DIR/,
        );
        expect([files(), running()]).toEqual([before, "1.0.0"]);
      }
      await resize(32);
      expect(said(await run(second))).toContain("ozwald-agent restarted");
      expect([files(), running()]).toEqual([["ozctl", "ozwald", "ozwald-agent", "ozwald.previous"], "2.0.0"]);
    }));

  /** Runs the script where only this is different; what it says must end so, and nothing may be there. */
  async function refused(script2: string, flags: readonly string[], words: RegExp): Promise<void> {
    const done = await debian.run(["dash", "-s", "--", "--token", "ozj_1", ...flags], { input: script2 });
    expect([done.code, done.stderr]).toEqual([1, expect.stringMatching(words)]);
    expect(existsSync(debian.path("/var/lib/ozwald"))).toBe(false);
  }

  test("a place that is read-only, or where nothing may run: said, with what to try", () =>
    onSmallDisk(async () => {
      const remount = (how: string) => mustRun(["mount", "-o", `remount,${how}`, debian.path("/small")]);
      await remount("noexec");
      await refused(
        script("1.0.0"),
        ["--dir", "/small/bin"],
        /^ozwald: the executable does not run in \/small\/bin: .*denied\. Nothing was changed\.\nIs \/small\/bin mounted noexec\? Then choose another with --dir DIR\.$/m,
      );
      expect(readdirSync(debian.path("/small/bin"))).toEqual([]);
      await remount("ro");
      await refused(
        script("1.0.0"),
        ["--dir", "/small/bin"],
        /^ozwald: \/small\/bin cannot be written to \(Read-only file system\)\. Nothing was changed\. Choose another with --dir DIR\.$/m,
      );
      await refused(
        script("1.0.0"),
        ["--dir", "/small/sub/bin"],
        /cannot be made, as said above\. Nothing was changed\./,
      );
    }));

  test("a program that needs a newer system says so", () =>
    refused(
      script("1.0.0", "#!/bin/sh\necho \"ozwald: version 'GLIBC_2.28' not found\" >&2; exit 1\n"),
      [],
      /does not run in \/usr\/local\/bin: .*GLIBC_2.28.* Nothing was changed\.\nIt needs glibc 2\.28 or newer/,
    ));

  test("a server that has something else by now, and none", async () => {
    const text = script("1.0.0");
    served.clear();
    await refused(
      text,
      [],
      /does not have http\S+\/dist\/ozwald-1\.0\.0\.gz \(any more\)\. Nothing was changed\. .*ozctl host invite/,
    );
    await refused(
      text.replace(/127\.0\.0\.1:\d+/, "127.0.0.1:1"),
      [],
      /the download of \S+ failed, as said above\. Nothing was changed; run this again\./,
    );
  });

  test("a curl that is too old to compare keys: the sums decide", async () => {
    // As versions before 7.39 answer.
    const old = `#!/bin/sh
for word; do case $word in --pinnedpubkey) echo "curl: option --pinnedpubkey: is unknown" >&2; exit 2 ;; esac; done
exec /usr/bin/curl.new "$@"
`;
    await debian.run(["mv", "/usr/bin/curl", "/usr/bin/curl.new"]);
    try {
      writeFileSync(debian.path("/usr/bin/curl"), old, { mode: 0o755 });
      const done = await install("1.0.0", "--token", "ozj_1");
      expect([done.code, said(done)]).toEqual([
        0,
        expect.stringContaining("sha256 ok · ozwald-agent started · joined"),
      ]);
      const other = script("2.0.0").replace(/(file_sha256=')\w{6}/, "$1000000");
      expect((await debian.run(["dash", "-s"], { input: other })).stderr).toContain(
        "is not what was promised (sha256)",
      );
      expect(running()).toBe("1.0.0");
    } finally {
      await debian.run(["mv", "/usr/bin/curl.new", "/usr/bin/curl"]);
    }
  });

  test("a machine without Docker: asked at a terminal, and only yes installs it", async () => {
    // Says what it was asked for, and fails as it does without a network.
    const apt = '#!/bin/sh\necho "$*" >>/asked\necho "E: no network" >&2\nexit 100\n';
    writeFileSync(debian.path("/script.sh"), script("1.0.0"));
    const asked = async (answer: string) => {
      mkdirSync(debian.path("/usr/local/bin"), { recursive: true });
      writeFileSync(bin("apt-get"), apt, { mode: 0o755 });
      await using terminal = openTerminal(
        debian.argv("sh", "-c", "PATH=/usr/local/bin:$PATH dash -s -- --token ozj_1 </script.sh"),
        {},
      );
      await terminal.until(/no Docker here\. Install it from the distribution\? \[y\/N\] /);
      terminal.type(`${answer}${keys.enter}`);
      return { code: await terminal.exited(60_000), screen: terminal.screen() };
    };
    const yes = await asked("y");
    expect(yes).toMatchObject({ code: 1, screen: expect.stringContaining("E: no network") });
    expect(yes.screen).toContain(
      "apt-get install docker.io failed; its last lines are above, and nothing of Ozwald was changed.",
    );
    expect(readFileSync(debian.path("/asked"), "utf8")).toBe("update -qq\n");
    expect(existsSync(debian.path("/var/lib/ozwald"))).toBe(false);
    rmSync(debian.path("/asked"));
    const no = await asked("");
    expect(no).toMatchObject({ code: 0, screen: expect.stringContaining("joined") });
    expect(no.screen).toContain("to do: there is no Docker: run this again with --install-docker");
    expect(existsSync(debian.path("/asked"))).toBe(false);
  });

  test("a full disk below its state: nothing is replaced", () =>
    onSmallDisk(async () => {
      const install2 = (version: string) =>
        debian.run(["dash", "-s", "--", "--state", "/small/state", "--token", "ozj_1"], { input: script(version) });
      const runs = () => readFileSync(debian.path("/small/state/runs"), "utf8").split(" ")[0];
      await install2("1.0.0");
      await debian.run(["sh", "-c", "dd if=/dev/zero of=/small/full bs=64k; dd if=/dev/zero of=/small/full2 bs=1"]);
      const done = await install2("2.0.0");
      expect(done.code).toBe(1);
      expect(done.stderr).toMatch(/^ozwald: \/small\/state cannot be written to, as said above \(0 MB free\)/m);
      expect([versionOf("ozwald"), runs()]).toEqual(["1.0.0", "1.0.0"]);
      await debian.run(["sh", "-c", "rm /small/full*"]);
      expect(said(await install2("2.0.0"))).toContain("ozwald-agent restarted");
      expect(runs()).toBe("2.0.0");
    }));
});
