// A Docker API that says what a test tells it, on a Unix socket. It fails on what nobody told it.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Status and JSON body, or a function that answers itself (or never). */
export type FakeAnswer =
  | { readonly status?: number; readonly body?: unknown }
  | ((request: IncomingMessage, response: ServerResponse, url: URL) => void);

export type FakeDocker = {
  readonly socketPath: string;
  /** "GET /containers/json" and the like, in order, without their queries. */
  readonly asked: string[];
  /** Answers are looked up by "METHOD /path"; a list is used up one by one, its last stays. */
  answers: Record<string, FakeAnswer | FakeAnswer[]>;
  dispose(): Promise<void>;
};

export async function fakeDocker(answers: FakeDocker["answers"]): Promise<FakeDocker> {
  const folder = await mkdtemp(join(tmpdir(), "ozwald-fake-docker-"));
  const socketPath = join(folder, "docker.sock");
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://docker");
    const key = `${request.method} ${decodeURIComponent(url.pathname)}`;
    fake.asked.push(key);
    request.resume();
    const told = fake.answers[key];
    const answer = Array.isArray(told) ? (told.length > 1 ? told.shift() : told[0]) : told;
    if (typeof answer === "function") return answer(request, response, url);
    const { status = 200, body } = answer ?? { status: 599, body: { message: `nobody told ${key}` } };
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(body === undefined ? "" : JSON.stringify(body));
  });
  const fake: FakeDocker = {
    socketPath,
    asked: [],
    answers,
    async dispose() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return fake;
}
