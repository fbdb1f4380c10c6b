// wrk, the load generator, and what it counted.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "./run-command.ts";

export type WrkFigures = {
  /** Answers that came whole. */
  readonly requests: number;
  readonly perSecond: number;
  readonly bytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of sockets, by what failed, and answers of a status above 399. All 0 when nothing was lost. */
  readonly errors: Readonly<Record<"connect" | "read" | "write" | "status" | "timeout", number>>;
};

const script = `
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests":%d,"perSecond":%.1f,"bytes":%d,"p50Ms":%.3f,"p99Ms":%.3f,' ..
    '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\\n',
    summary.requests, summary.requests * 1e6 / summary.duration, summary.bytes,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    e.connect, e.read, e.write, e.status, e.timeout))
end
`;

export type WrkOptions = {
  readonly connections: number;
  readonly seconds: number;
  /** Sent with every request, as POST. */
  readonly body?: Buffer;
};

/** One thread. Throws when wrk is not there, or takes twice its time. */
export async function wrk(url: string, { connections, seconds, body }: WrkOptions): Promise<WrkFigures> {
  const folder = await mkdtemp(join(tmpdir(), "ozwald-wrk-"));
  try {
    const file = join(folder, "figures.lua");
    const bodyFile = join(folder, "body");
    if (body !== undefined) await writeFile(bodyFile, body);
    const post = `wrk.method = "POST"\nlocal f = io.open("${bodyFile}", "rb")\nwrk.body = f:read("*a")\nf:close()\n`;
    await writeFile(file, `${body === undefined ? "" : post}${script}`);
    const argv = ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "30s", "-s", file, url];
    const said = await mustRun(argv, { timeoutMs: seconds * 2_000 + 30_000 });
    return JSON.parse(said.split("\n").at(-1) ?? "") as WrkFigures;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
