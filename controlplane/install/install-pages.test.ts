// The install pages over real HTTP, with a small file in place of the executable; and the download they keep.
import { createHash } from "node:crypto";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { quietLog } from "#core/log.ts";
import { createDownloads } from "./downloads.ts";
import { withInstallPages } from "./install-pages.ts";
import { fillScript, installLine, packageLine } from "./install-script.ts";

const script = readFileSync(resolve(import.meta.dirname, "../../packaging/install.sh"), "utf8");
const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");
const content = "an executable\n".repeat(10_000);

const ozctlPackage = () => new TextEncoder().encode("a package of npm");

let folder: string;
let executable: string;
let server: http.Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ozwald-install-"));
  executable = join(folder, "ozwald");
  writeFileSync(executable, content);
});

afterEach(async () => {
  await new Promise<unknown>((done) => (server === undefined ? done(undefined) : server.close(done)));
  server = undefined;
  rmSync(folder, { recursive: true });
});

async function serve(
  packaged: Parameters<typeof withInstallPages>[1]["packaged"],
): Promise<(path: string, method?: string) => Promise<Response>> {
  const address = () => "https://10.0.0.5:7443";
  const options = { packaged, dir: join(folder, "dist"), address, pin: "cGlu", log: quietLog };
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

  test("ozctl's package is served as it is, and the sums of both files are listed", async () => {
    const get = await serve({ script, executable, target: "linux-x64", ozctlPackage });
    const served = await get("/dist/ozctl.tgz");
    expect(await served.text()).toBe("a package of npm");
    expect(served.headers.get("etag")).toBe(`"${sha256("a package of npm")}"`);
    const head = await get("/dist/ozctl.tgz", "HEAD");
    expect([head.headers.get("content-length"), await head.text()]).toEqual(["16", ""]);
    const executableGz = new Uint8Array(await (await get("/dist/ozwald-linux-x64.gz")).arrayBuffer());
    expect(await (await get("/dist/SHA256SUMS")).text()).toBe(
      `${sha256(executableGz)}  ozwald-linux-x64.gz\n${sha256("a package of npm")}  ozctl.tgz\n`,
    );
  });

  test("a file that cannot be made is an answer, and the next try may do", async () => {
    const get = await serve({ script, executable, target: "linux-x64", ozctlPackage });
    rmSync(executable);
    expect((await get("/install")).status).toBe(500);
    writeFileSync(executable, content);
    expect((await get("/install")).status).toBe(200);
  });
});

describe("the download", () => {
  const downloads = () => createDownloads({ dir: join(folder, "dist"), executable, target: "linux-x64" });

  test("is made once, kept over restarts, and made anew when it or the executable changed", async () => {
    const first = await downloads()();
    writeFileSync(join(folder, "dist", "rest.partial"), "");
    expect(await downloads()()).toEqual(first);
    expect(readdirSync(join(folder, "dist"))).toHaveLength(1);
    appendFileSync(first.path, "damage");
    const again = downloads();
    expect(await again()).toEqual(first);
    expect(sha256(readFileSync(first.path))).toBe(first.sha256);
    rmSync(first.path);
    expect(await again()).toEqual(first);
    appendFileSync(executable, "another version");
    const second = await downloads()();
    expect(second.executableSha256).not.toBe(first.executableSha256);
    expect(readdirSync(join(folder, "dist"))).toHaveLength(1);
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
    SHA256: "2",
  } as const;
  expect(fillScript("a=@ADDRESS@", { ...values, ADDRESS: "x'; rm -rf /; '" })).toBe(
    String.raw`a='x'\''; rm -rf /; '\'''`,
  );
  expect(() => fillScript("@NOBODY@", { ...values, ADDRESS: "" })).toThrow("@NOBODY@");
  expect(installLine("https://[fd00::1]:7443", "cA==", "ozj_1")).toBe(
    "curl -fsSk --pinnedpubkey 'sha256//cA==' 'https://[fd00::1]:7443/install' | sh -s -- --token ozj_1",
  );
});

test("the line for a laptop needs the quotes of no shell", () => {
  expect(packageLine("https://10.0.0.5:7443", "a+/=")).toBe(
    "curl -fsSk --pinnedpubkey sha256//a+/= -o ozctl.tgz https://10.0.0.5:7443/dist/ozctl.tgz",
  );
  expect(packageLine("https://[fd00::1]:7443", "cA==")).toContain(' "https://[fd00::1]:7443/dist/ozctl.tgz"');
});
