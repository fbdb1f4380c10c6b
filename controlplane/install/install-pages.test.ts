// The install pages over real HTTP, with a small file in place of the executable; and the download they keep.
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { quietLog } from "#core/log.ts";
import { createDownloads, type Download, type Downloads, type Offer } from "./downloads.ts";
import { withInstallPages } from "./install-pages.ts";
import { fillScript, installLine, packageLine } from "./install-script.ts";

const script = readFileSync(resolve(import.meta.dirname, "../../packaging/install.sh"), "utf8");
const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");
const content = "an executable\n".repeat(10_000);

const ozctlPackage = () => new TextEncoder().encode("a package of npm");

let folder: string;
let executable: string;
let server: http.Server | undefined;
let downloads: Downloads | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ozwald-install-"));
  executable = join(folder, "ozwald");
  writeFileSync(executable, content);
});

afterEach(async () => {
  await new Promise<unknown>((done) => (server === undefined ? done(undefined) : server.close(done)));
  server = undefined;
  await downloads?.[Symbol.asyncDispose]();
  downloads = undefined;
  rmSync(folder, { recursive: true });
});

async function serve(
  packaged: Parameters<typeof withInstallPages>[1]["packaged"],
): Promise<(path: string, method?: string) => Promise<Response>> {
  const address = () => "https://10.0.0.5:7443";
  downloads = packaged && createDownloads({ ...packaged, dir: join(folder, "dist"), log: quietLog });
  const options = { packaged, downloads, address, pin: "cGlu", log: quietLog };
  const handler = withInstallPages(
    (_request, response) => void (response as http.ServerResponse).writeHead(418).end(),
    options,
  );
  server = http.createServer(handler);
  await new Promise<void>((done) => server?.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return (path, method = "GET") => fetch(`http://127.0.0.1:${port}${path}`, { method });
}

describe("the pages", () => {
  test("/install names the file, its sums and where it is; /dist is that file", async () => {
    const get = await serve({ script, executable, target: "linux-x64", ozctlPackage });
    const text = await (await get("/install")).text();
    expect(text).not.toMatch(/@[A-Z]/);
    expect(text).toContain("role='agent'");
    expect(text).toContain("address='https://10.0.0.5:7443' pin='cGlu'");
    expect(text).toContain("file='ozwald-linux-x64.gz'");
    expect(text).toContain(` sha256='${sha256(content)}'`);
    const served = await get("/dist/ozwald-linux-x64.gz");
    const bytes = new Uint8Array(await served.arrayBuffer());
    expect(Number(served.headers.get("content-length"))).toBe(bytes.length);
    expect(text).toContain(`file_sha256='${sha256(bytes)}'`);
    expect(gunzipSync(bytes).toString()).toBe(content);
    const head = await get("/dist/ozwald-linux-x64.gz", "HEAD");
    expect(head.headers.get("etag")).toBe(`"${sha256(bytes)}"`);
    expect(await head.text()).toBe("");
  });

  test("the smaller xz is offered once it is made, with its own sum", async () => {
    const get = await serve({ script, executable, target: "linux-x64", ozctlPackage });
    expect(await (await get("/install")).text()).toContain("xz_sha256=''");
    await downloads?.settled();
    const text = await (await get("/install")).text();
    const served = await get("/dist/ozwald-linux-x64.xz");
    const bytes = new Uint8Array(await served.arrayBuffer());
    expect(text).toContain(`xz_sha256='${sha256(bytes)}'`);
    expect(spawnSync("xz", ["-dc"], { input: bytes }).stdout.toString()).toBe(content);
    // Somebody cleans up: what is gone is not promised.
    for (const file of readdirSync(join(folder, "dist")).filter((name) => name.endsWith(".xz")))
      rmSync(join(folder, "dist", file));
    expect(await (await get("/install")).text()).toContain("xz_sha256=''");
    expect((await get("/dist/ozwald-linux-x64.xz")).status).toBe(404);
  });

  test("everything else is somebody else's; other files are not there; nothing can be written", async () => {
    const get = await serve({ script, executable, target: "linux-x64", ozctlPackage });
    expect((await get("/installed")).status).toBe(418);
    expect((await get("/")).status).toBe(418);
    for (const path of ["/dist/ozwald-linux-arm64.gz", "/dist/../pki/ca.key", "/dist/%2e%2e/pki/ca.key", "/dist/"])
      expect([path, [404, 418].includes((await get(path)).status)]).toEqual([path, true]);
    expect((await get("/install", "POST")).status).toBe(405);
  });

  test("from source there is no executable, and it says so", async () => {
    const get = await serve(undefined);
    for (const path of ["/install", "/dist/ozwald-linux-x64.gz"]) {
      const answer = await get(path);
      expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining("npm run build")]);
    }
  });

  test("ozctl's package is served as it is, and the sums of all files are listed", async () => {
    const get = await serve({ script, executable, target: "linux-x64", ozctlPackage });
    const served = await get("/dist/ozctl.tgz");
    expect(await served.text()).toBe("a package of npm");
    expect(served.headers.get("etag")).toBe(`"${sha256("a package of npm")}"`);
    const head = await get("/dist/ozctl.tgz", "HEAD");
    expect([head.headers.get("content-length"), await head.text()]).toEqual(["16", ""]);
    await (await get("/install")).text();
    await downloads?.settled();
    const sumOf = async (name: string) => sha256(new Uint8Array(await (await get(`/dist/${name}`)).arrayBuffer()));
    const names = ["ozwald-linux-x64.gz", "ozwald-linux-x64.xz", "ozctl.tgz"];
    const lines = await Promise.all(names.map(async (name) => `${await sumOf(name)}  ${name}\n`));
    expect(await (await get("/dist/SHA256SUMS")).text()).toBe(lines.join(""));
  });

  test("a file that cannot be made is an answer, and the next try may do", async () => {
    const get = await serve({ script, executable, target: "linux-x64", ozctlPackage });
    rmSync(executable);
    expect((await get("/install")).status).toBe(500);
    writeFileSync(executable, content);
    expect((await get("/install")).status).toBe(200);
  });
});

describe("the downloads", () => {
  const options = () => ({ dir: join(folder, "dist"), executable, target: "linux-x64", log: quietLog });
  const files = () => readdirSync(join(folder, "dist")).toSorted();

  async function made(): Promise<Offer> {
    await using all = createDownloads(options());
    await all.offer();
    await all.settled();
    return await all.offer();
  }

  test("are made once, kept over restarts, and made anew when they or the executable changed", async () => {
    const first = await made();
    expect(first.xz?.size).toBeLessThan(first.gz.size);
    const [gzFile, xzFile] = [statSync(first.gz.path).mtimeMs, statSync(first.xz?.path ?? "").mtimeMs];
    writeFileSync(join(folder, "dist", "rest.partial"), "");
    expect(await made()).toEqual(first);
    expect([statSync(first.gz.path).mtimeMs, statSync(first.xz?.path ?? "").mtimeMs]).toEqual([gzFile, xzFile]);
    expect(files()).toHaveLength(2);
    for (const { path, sha256: sum } of [first.gz, first.xz as Download]) {
      appendFileSync(path, "damage");
      expect(await made()).toEqual(first);
      expect(sha256(readFileSync(path))).toBe(sum);
    }
    appendFileSync(executable, "another version");
    const second = await made();
    expect(second.executableSha256).not.toBe(first.executableSha256);
    expect(files()).toHaveLength(2);
  });

  test("are made again when somebody cleaned up", async () => {
    await using all = createDownloads(options());
    const first = await all.offer();
    rmSync(join(folder, "dist"), { recursive: true });
    expect((await all.offer()).gz).toEqual(first.gz);
    await all.settled();
  });

  test.each([
    ["is missing", ["no-such-program"]],
    ["fails", ["sh", "-c", "echo half; exit 3"]],
  ])("there is the gz where xz %s, and no rest of the other", async (_how, xz) => {
    await using all = createDownloads({ ...options(), xz });
    await all.offer();
    await all.settled();
    expect(await all.offer()).toMatchObject({ gz: { name: "ozwald-linux-x64.gz" }, xz: undefined });
    expect(files()).toEqual([expect.stringMatching(/\.gz$/)]);
  });

  test("nobody waits for the xz, and it ends with the control plane", async () => {
    const all = createDownloads({ ...options(), xz: ["sh", "-c", "echo $$ >&1; exec sleep 600"] });
    expect((await all.offer()).xz).toBeUndefined();
    const partial = () => files().find((name) => name.endsWith(".xz.partial") && size(name) > 0);
    const size = (name: string) => statSync(join(folder, "dist", name)).size;
    await vi.waitUntil(partial, { timeout: 15_000 });
    const pid = Number(readFileSync(join(folder, "dist", partial() ?? ""), "utf8"));
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    await all[Symbol.asyncDispose]();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(files()).toEqual([expect.stringMatching(/\.gz$/)]);
  });
});

test("values become words of the shell, whatever is in them", () => {
  const values = {
    ROLE: "agent",
    VERSION: "1",
    TARGET: "t",
    PIN: "p",
    FILE: "f",
    FILE_SHA256: "1",
    XZ_SHA256: "",
    SHA256: "2",
  } as const;
  expect(fillScript("a=@ADDRESS@", { ...values, ADDRESS: "x'; rm -rf /; '" })).toBe(
    String.raw`a='x'\''; rm -rf /; '\'''`,
  );
  expect(() => fillScript("@NOBODY@", { ...values, ADDRESS: "" })).toThrow("@NOBODY@");
  expect(installLine("https://[fd00::1]:7443", "cA==", "ozj_1")).toBe(
    "curl -fsSk --noproxy '*' --pinnedpubkey 'sha256//cA==' 'https://[fd00::1]:7443/install' | sh -s -- --token ozj_1",
  );
});

test("the line for a laptop needs the quotes of no shell", () => {
  expect(packageLine("https://10.0.0.5:7443", "a+/=")).toBe(
    'curl -fsSk --noproxy "*" --pinnedpubkey sha256//a+/= -o ozctl.tgz https://10.0.0.5:7443/dist/ozctl.tgz',
  );
  expect(packageLine("https://[fd00::1]:7443", "cA==")).toContain(' "https://[fd00::1]:7443/dist/ozctl.tgz"');
});
