// What a machine that has nothing yet may fetch from the TLS port: /install and /dist/*. Nobody has to say who they are: it is public software.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Log } from "#core/log.ts";
import { version } from "#core/version.ts";
import type { ApiHandler } from "../server/http-servers.ts";
import type { Download, Downloads } from "./downloads.ts";
import { fillScript } from "./install-script.ts";
import type { Packaged } from "./packaged.ts";

export type InstallPagesOptions = {
  /** Undefined from source: the pages say so then. */
  readonly packaged: Packaged | undefined;
  readonly downloads: Downloads | undefined;
  /** Printed address: "https://10.0.0.5:7443". */
  address(): string;
  /** SHA-256 of the server's public key, base64. */
  readonly pin: string;
  readonly log: Log;
};

type Page = (response: ServerResponse, headOnly: boolean) => Promise<void>;

/** A reader that takes nothing for so long is let go. */
const stalledMs = 60_000;

/** Answers the install pages and leaves everything else to the handler. */
export function withInstallPages(handler: ApiHandler, options: InstallPagesOptions): ApiHandler {
  const pages = installPages(options);
  return (request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const page = pages(path);
    if (page === undefined) return handler(request, response);
    const answer = response as ServerResponse;
    if (request.method !== "GET" && request.method !== "HEAD") return text(answer, 405, `${path} can only be read.\n`);
    request.resume();
    page(answer, request.method === "HEAD").catch((error: unknown) => {
      if (answer.destroyed || answer.headersSent) return void answer.destroy();
      options.log.error({ err: error, path }, "cannot serve the installer");
      text(answer, 500, "The control plane could not make this file; its log says why.\n");
    });
  };
}

function installPages(options: InstallPagesOptions): (path: string) => Page | undefined {
  const { packaged, downloads, pin } = options;
  if (packaged === undefined || downloads === undefined) {
    const fromSource =
      "This control plane runs from source and has no executable to give away. Build it: npm run build\n";
    const page: Page = async (response) => text(response, 404, fromSource);
    return (path) => (path === "/install" || path.startsWith("/dist/") ? page : undefined);
  }
  const { target } = packaged;
  const script: Page = async (response) => {
    const { gz, xz, executableSha256 } = await downloads.offer();
    const filled = fillScript(packaged.script, {
      ...{ ROLE: "agent", VERSION: version, TARGET: target, ADDRESS: options.address(), PIN: pin },
      ...{ FILE: gz.name, FILE_SHA256: gz.sha256, XZ_SHA256: xz?.sha256 ?? "", SHA256: executableSha256 },
    });
    text(response, 200, filled, "text/x-shellscript; charset=utf-8");
  };
  const executable = (kind: "gz" | "xz") => async (response: ServerResponse, headOnly: boolean) => {
    const download = (await downloads.offer())[kind];
    return download === undefined ? missing(response, headOnly) : file(response, download, headOnly);
  };
  const files: Record<string, Page> = {
    [`ozwald-${target}.gz`]: executable("gz"),
    [`ozwald-${target}.xz`]: executable("xz"),
    "ozctl.tgz": async (response, headOnly) => bytes(response, packaged.ozctlPackage(), headOnly),
    SHA256SUMS: async (response) => {
      const { gz, xz } = await downloads.offer();
      const all = [gz, ...(xz === undefined ? [] : [xz])].map(({ name, sha256 }) => `${sha256}  ${name}\n`);
      text(response, 200, `${all.join("")}${sha256Of(packaged.ozctlPackage())}  ozctl.tgz\n`);
    },
  };
  const list = Object.keys(files).map((name) => `/dist/${name}`);
  const missing: Page = async (response) =>
    text(response, 404, `There is no such file. This control plane has ${list.join(", ")}\n`);
  return (path) => {
    if (path === "/install") return script;
    if (!path.startsWith("/dist/")) return undefined;
    const name = path.slice("/dist/".length);
    return Object.hasOwn(files, name) ? files[name] : missing;
  };
}

function bytes(response: ServerResponse, content: Uint8Array, headOnly: boolean): void {
  response.setTimeout(stalledMs, () => response.destroy());
  response.writeHead(200, {
    "content-type": "application/gzip",
    "content-length": content.length,
    etag: `"${sha256Of(content)}"`,
  });
  response.end(headOnly ? undefined : content);
}

function sha256Of(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

async function file(response: ServerResponse, download: Download, headOnly: boolean): Promise<void> {
  response.setTimeout(stalledMs, () => response.destroy());
  response.writeHead(200, {
    "content-type": download.name.endsWith(".xz") ? "application/x-xz" : "application/gzip",
    "content-length": download.size,
    etag: `"${download.sha256}"`,
  });
  if (headOnly) return void response.end();
  await pipeline(createReadStream(download.path, { highWaterMark: 256 * 1024 }), response);
}

function text(response: ServerResponse, status: number, body: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
