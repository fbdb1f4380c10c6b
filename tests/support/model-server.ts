// A container of the quickstart's model server on the machine's own engine, hardened as the agent does it.
import { mkdtempSync, readFileSync, rmSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { TINY_LLM_IMAGE } from "../../scripts/images/tiny-llm-image.ts";
import { type FoundModel } from "../../scripts/model/fetch-model.ts";
import { placeModel } from "../../scripts/model/place-model.ts";
import { waitUntil } from "./wait-until.ts";

export type ModelServer = AsyncDisposable & {
  readonly endpoint: string;
  /** From the call to the first 200 of /health. */
  readonly readyMs: number;
  get(path: string): Promise<Response>;
  post(path: string, body?: unknown, signal?: AbortSignal): Promise<Response>;
  /** Resident memory of the server's process in bytes, from the kernel. */
  residentBytes(): Promise<number>;
  /** Value of the first series of that name at /metrics whose labels contain `labels`. */
  metric(name: string, labels?: string): Promise<number>;
  logs(): Promise<string>;
  /** Sends SIGTERM; the exit code. */
  stop(): Promise<number>;
};

export async function startModelServer(model: FoundModel, environment: Record<string, string>): Promise<ModelServer> {
  const docker = new Docker();
  const folder = mkdtempSync(join(tmpdir(), "ozwald-model-"));
  // The container reads it as another user.
  chmodSync(folder, 0o755);
  await placeModel(model, folder);
  const container = await docker.createContainer({
    Image: TINY_LLM_IMAGE,
    Env: Object.entries(environment).map(([key, value]) => `${key}=${value}`),
    Labels: { "ozwald.test": "model-server" },
    ExposedPorts: { "8000/tcp": {} },
    HostConfig: {
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      ReadonlyRootfs: true,
      Binds: [`${folder}:/models:ro`],
      PortBindings: { "8000/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] },
    },
  });
  const remove = async (): Promise<void> => {
    await container.remove({ force: true });
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const began = performance.now();
    await container.start();
    const { State, NetworkSettings } = await container.inspect();
    const endpoint = `http://127.0.0.1:${NetworkSettings.Ports["8000/tcp"]?.[0]?.HostPort}`;
    const get = (path: string): Promise<Response> =>
      fetch(`${endpoint}${path}`, { signal: AbortSignal.timeout(60_000) });
    const logs = async (): Promise<string> => String(await container.logs({ stdout: true, stderr: true }));
    await waitUntil("the model server is ready", async () => (await get("/health")).ok, 60_000, 20);
    const readyMs = performance.now() - began;
    return {
      endpoint,
      readyMs,
      get,
      logs,
      post: (path, body, signal) => {
        const text = typeof body === "string" ? body : JSON.stringify(body ?? {});
        return fetch(`${endpoint}${path}`, {
          method: "POST",
          body: text,
          signal: signal ?? AbortSignal.timeout(120_000),
        });
      },
      residentBytes: async () => {
        const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${State.Pid}/status`, "utf8"))?.[1];
        return Number(kibibytes) * 1024;
      },
      metric: async (name, labels = "") => {
        const page = await (await get("/metrics")).text();
        const line = page.split("\n").find((one) => one.startsWith(`${name}{`) && one.includes(labels));
        return Number(line?.split(" ").at(-1));
      },
      stop: async () => {
        await container.stop({ t: 20 });
        return (await container.inspect()).State.ExitCode;
      },
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
