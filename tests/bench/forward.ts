// What `ozctl forward` to another machine costs: the same requests through it and at the port published there, in turns.
import http from "node:http";
import { pipeline } from "node:stream/promises";
import { Readable, Writable } from "node:stream";
import { startProgram } from "../support/background-program.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { type NetnsHost, netnsHosts } from "../support/netns-hosts.ts";
import { programArgv } from "../support/programs.ts";
import { ensureTalkImage } from "../support/talk-image.ts";
import { waitUntil } from "../support/wait-until.ts";
import { wrk } from "../support/wrk.ts";
import type { Bench, Figure } from "./bench.ts";
import { median, rounded, spread } from "./samples.ts";

const concurrencies = [1, 16] as const;
const largeBytes = 256 * 2 ** 20;
const firstEvents = 20;

type Way = "forward" | "port";
/** Measurements by way and name. */
type Taken = Record<Way, Record<string, number[]>>;

export const forward: Bench = {
  name: "forward",
  about:
    "One instance on another host (a network name space with an engine of its own) through `ozctl forward` (ozctl, control plane, agent, container: two TLS connections) beside its port as published on that host's address. All of it shares the two cores.",
  async run({ quick, progress }) {
    const [rounds, seconds] = quick ? [1, 2] : [5, 5];
    await using undo = new AsyncDisposableStack();
    const machines = undo.adopt(await netnsHosts({ count: 1 }), (made) => made.dispose());
    const cluster = undo.adopt(await startCluster({ address: machines.bridgeAddress }), (started) => started.dispose());
    const port = await publishedTalk(cluster, machines.hosts[0]!);
    const program = undo.use(startProgram([...programArgv("ozctl"), "forward", "talk"], { env: cluster.env }));
    const said = () => /^(http:\S+?)(\/v1)? → /m.exec(program.output())?.[1];
    const ways: [Way, string][] = [
      ["forward", await waitUntil("ozctl forward listens", said, 20_000)],
      ["port", port],
    ];
    const taken: Taken = { forward: {}, port: {} };
    for (let round = 0; round <= rounds; round++) {
      progress(round === 0 ? "warm-up" : `round ${round} of ${rounds}`);
      // The first round makes connections and compiles; it is not counted.
      for (const [way, base] of ways) await measure(base, round === 0 ? {} : taken[way], round === 0 ? 1 : seconds);
      ways.reverse();
    }
    return {
      conditions: { rounds, "seconds of wrk": seconds, "small answer": "about 100 bytes of JSON" },
      figures: figures(taken),
      samples: samples(taken),
    };
  },
};

/** Starts the instance on the other machine; returns the address it is published at. */
async function publishedTalk(cluster: Cluster, { engine, enter, address }: NetnsHost): Promise<string> {
  const image = await ensureTalkImage();
  await cluster.addHost({ engine, enter });
  await engine.loadImage(image);
  const probes = [{ http: { port: 8000, path: "/hello" } }];
  await cluster.mustApply(
    JSON.stringify({
      services: [{ name: "talk", image, ports: ["0.0.0.0::8000"], probes }],
      instances: [{ name: "talk" }],
    }),
  );
  const { observed } = await cluster.untilReady("talk", 60_000);
  const [endpoint] = observed?.endpoints ?? [];
  if (endpoint === undefined) throw new Error("talk is not published");
  return `http://${address}:${endpoint.port}`;
}

async function measure(base: string, into: Record<string, number[]>, seconds: number): Promise<void> {
  const note = (name: string, value: number) => (into[name] ??= []).push(value);
  for (const connections of concurrencies) {
    const seen = await wrk(`${base}/count`, { connections, seconds });
    if (Object.values(seen.errors).some((count) => count > 0)) throw new Error(JSON.stringify(seen.errors));
    note(`requests, ${connections} at a time (1/s)`, seen.perSecond);
    note(`p50, ${connections} at a time (ms)`, seen.p50Ms);
    note(`p99, ${connections} at a time (ms)`, seen.p99Ms);
  }
  note("download (MB/s)", await timedBytes(`${base}/big`, "GET"));
  note("upload (MB/s)", await timedBytes(`${base}/sink`, "POST"));
  for (let n = 0; n < firstEvents; n++) note("first event (ms)", await firstEventMs(`${base}/first`));
}

/** MB a second of a large body, down with GET and up with POST. */
async function timedBytes(url: string, method: "GET" | "POST"): Promise<number> {
  const began = performance.now();
  const request = http.request(url, { method, agent: false });
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    request.once("response", resolve).once("error", reject);
  });
  if (method === "POST") await pipeline(Readable.from(pieces()), request);
  else request.end();
  let bytes = 0;
  let text = "";
  const count = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (method === "POST") text += String(chunk);
      done();
    },
  });
  await pipeline(await answered, count);
  const moved = method === "POST" ? Number(text) : bytes;
  if (moved !== largeBytes) throw new Error(`${moved} bytes came instead of ${largeBytes}`);
  return moved / 1000 / (performance.now() - began);
}

function* pieces(): Generator<Buffer> {
  const piece = Buffer.alloc(64 * 1024, 7);
  for (let sent = 0; sent < largeBytes; sent += piece.length) yield piece;
}

function firstEventMs(url: string): Promise<number> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent: false }, (response) => {
      response
        .once("error", () => {})
        .once("data", () => {
          resolve(performance.now() - began);
          request.destroy();
        });
    });
    request.once("error", reject);
  });
}

function figures(taken: Taken): Figure[] {
  return Object.keys(taken.port).flatMap((name): Figure[] => {
    const [through, beside] = [taken.forward[name] ?? [], taken.port[name] ?? []];
    const unit = (/\((.*)\)$/.exec(name)?.[1] ?? "") as Figure["unit"];
    const what = name.replace(/ \(.*\)$/, "");
    const [ours, theirs] = [median(through), median(beside)];
    const compared: Figure =
      unit === "ms"
        ? { what: `${what}: added`, value: rounded(ours - theirs), unit }
        : { what: `${what}: share of the published port's`, value: rounded((100 * ours) / theirs), unit: "%" };
    return [
      { what: `${what}, forward`, value: rounded(ours), unit, note: spread(through) },
      { what: `${what}, published port`, value: rounded(theirs), unit, note: spread(beside) },
      compared,
    ];
  });
}

function samples(taken: Taken): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(taken).flatMap(([way, byName]) =>
      Object.entries(byName).map(([name, values]) => [`${way}: ${name}`, values.map(rounded)]),
    ),
  );
}
