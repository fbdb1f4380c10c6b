// A Unix socket in front of the engine's that passes everything but loses news: a share of the events, and now and then the whole stream.
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type LossyEngine = {
  readonly socketPath: string;
  /** Events that came from the engine, and those that were not passed on. */
  readonly seen: number;
  readonly lost: number;
  /** Ends all event streams that are open. */
  cut(): void;
  [Symbol.asyncDispose](): Promise<void>;
};

/** lose: says of the n-th event (from 1) whether it is lost. */
export async function lossyEngine(enginePath: string, lose: (n: number) => boolean): Promise<LossyEngine> {
  const folder = await mkdtemp(join(tmpdir(), "ozwald-lossy-"));
  const socketPath = join(folder, "docker.sock");
  const streams = new Set<ServerResponse>();
  const count = { seen: 0, lost: 0 };

  function passEvents(from: IncomingMessage, to: ServerResponse): void {
    streams.add(to);
    to.once("close", () => streams.delete(to));
    let rest = "";
    from.setEncoding("utf8");
    from.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (lose(++count.seen)) count.lost++;
        else to.write(`${line}\n`);
      }
    });
    from.on("end", () => to.end());
  }

  const server = http.createServer((request, response) => {
    const { method, url, headers } = request;
    const onward = http.request({ socketPath: enginePath, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      response.flushHeaders();
      if (/\/events\?/.test(url ?? "")) passEvents(answer, response);
      else answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    get seen() {
      return count.seen;
    },
    get lost() {
      return count.lost;
    },
    cut: () => streams.forEach((stream) => stream.destroy()),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
