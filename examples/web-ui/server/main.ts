// A chat page and the way to the model behind it: the browser talks to this server only, and what the model streams is passed on at once.
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import process from "node:process";

/** Longest question, with everything said before. In bytes. */
const maxBody = 1 << 20;
/** Longest wait for the model's first word, and between two words. */
const silenceMs = 120_000;

const port = Number(process.env["PORT"] ?? "3000");
const modelUrl = process.env["MODEL_URL"] ?? "http://tiny-llm:8000";
const modelName = process.env["MODEL_NAME"] ?? "tiny-llm";
const page = readFileSync(join(import.meta.dirname, "page.html"));

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    process.stderr.write(`${request.method} ${request.url}: ${String(error)}\n`);
    if (response.headersSent) response.destroy();
    else sendText(response, 502, `The model does not answer: ${(error as Error).message}\n`);
  });
});
server.listen(port, () => process.stdout.write(`listening on ${port}, model ${modelName} at ${modelUrl}\n`));
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const route = `${request.method} ${request.url}`;
  if (route === "GET /") {
    // Nothing on the page comes from elsewhere, and nobody may frame it.
    const policy =
      "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'";
    response
      .writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": policy })
      .end(page);
  } else if (route === "GET /health") sendText(response, 200, "ok\n");
  else if (route === "POST /api/chat") await chat(request, response);
  else sendText(response, 404, "There is no such page.\n");
}

async function chat(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const messages = messagesOf(await bodyOf(request));
  if (messages === undefined) return sendText(response, 400, 'Send {"messages": [{"role": …, "content": …}]}.\n');
  const given = new AbortController();
  // Who closes the page asks the model to stop.
  response.on("close", () => given.abort(new Error("the page was closed")));
  const silence = setTimeout(() => given.abort(new Error("it was silent for too long")), silenceMs);
  try {
    const upstream = await fetch(`${modelUrl}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: modelName, messages, stream: true }),
      signal: given.signal,
    });
    response.writeHead(upstream.status, {
      "content-type": upstream.headers.get("content-type") ?? "text/plain",
      "cache-control": "no-store",
    });
    for await (const chunk of upstream.body ?? []) {
      silence.refresh();
      if (!response.write(chunk)) await new Promise((resume) => response.once("drain", resume).once("close", resume));
    }
    response.end();
  } catch (error) {
    if (!response.destroyed) throw error;
  } finally {
    clearTimeout(silence);
  }
}

/** The messages of a question; undefined when it is none. */
function messagesOf(body: string | undefined): { role: string; content: string }[] | undefined {
  try {
    const { messages } = JSON.parse(body ?? "") as { messages?: { role?: unknown; content?: unknown }[] };
    const good = messages?.every(({ role, content }) => typeof role === "string" && typeof content === "string");
    return good === true ? (messages as { role: string; content: string }[]) : undefined;
  } catch {
    return undefined;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBody) return undefined;
  }
  return Buffer.concat(chunks).toString("utf8");
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(text);
}
