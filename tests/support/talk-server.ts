// What forwarded connections reach in tests: HTTP, server-sent events, WebSocket, plain TCP with half-closed connections, and a model
// that says the same thing slowly. Runs inside a container; tells what it saw at /state.
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTcpServer } from "node:net";

const seen = {
  events: 0,
  eventsEnded: 0,
  answers: 0,
  answersEnded: 0,
  bigSent: 0,
  received: 0,
  connections: 0,
  counted: 0,
};
const words = ["Red", ",", " blue", " and", " green", "."];
const tickMs = 20;

function every(response: ServerResponse, ms: number, tick: (n: number) => string | undefined, onEnd: () => void): void {
  let n = 0;
  const timer = setInterval(() => {
    const text = tick(n++);
    if (text === undefined) response.end();
    else response.write(text);
  }, ms);
  response.on("close", () => {
    clearInterval(timer);
    onEnd();
  });
}

function events(response: ServerResponse): void {
  seen.events++;
  response.writeHead(200, { "content-type": "text/event-stream" });
  every(
    response,
    tickMs,
    (n) => `id: ${n}\ndata: ${n}\n\n`,
    () => seen.eventsEnded++,
  );
}

function big(response: ServerResponse): void {
  const piece = Buffer.alloc(64 * 1024, 7);
  seen.bigSent = 0;
  const more = () => {
    while (!response.destroyed && seen.bigSent < 2 ** 28) {
      seen.bigSent += piece.length;
      if (!response.write(piece)) return void response.once("drain", more);
    }
    response.end();
  };
  more();
}

/** Takes everything and answers with how much it was. */
function sink(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0;
  request.on("data", (chunk: Buffer) => (bytes += chunk.length));
  request.on("end", () => response.end(String(bytes)));
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  const { model, messages, max_tokens } = JSON.parse(body) as {
    model: string;
    messages: { content: string }[];
    max_tokens?: number;
  };
  if (model !== "talk") {
    response.writeHead(404, { "content-type": "application/json" });
    return void response.end(JSON.stringify({ error: { message: `no model "${model}" here` } }));
  }
  const asked = messages.at(-1)?.content ?? "";
  const pieces = asked === "for ever" ? Number.MAX_SAFE_INTEGER : Math.min(max_tokens ?? words.length, words.length);
  const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
  seen.answers++;
  response.writeHead(200, { "content-type": "text/event-stream" });
  every(
    response,
    tickMs,
    (n) => {
      if (n < pieces) return event({ choices: [{ delta: { content: words[n % words.length] } }] });
      if (n === pieces) return `${event({ choices: [], usage: { completion_tokens: pieces } })}data: [DONE]\n\n`;
      return undefined;
    },
    () => seen.answersEnded++,
  );
}

const server = createServer((request, response) => {
  const path = request.url ?? "/";
  if (path === "/echo") return void request.pipe(response);
  if (path === "/events") return events(response);
  if (path === "/big") return big(response);
  if (path === "/first")
    return void response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 0\n\n");
  if (path === "/sink") return sink(request, response);
  if (path === "/count") seen.counted++;
  // Takes the connection and reads nothing of the body.
  if (path === "/stall") return void setTimeout(() => response.writeHead(200).end("late"), 2_000);
  if (path === "/v1/chat/completions") return void answer(request, response).catch(() => response.destroy());
  const body =
    path === "/state" ? seen : path === "/v1/models" ? { data: [{ id: "talk" }] } : { host: process.env["HOSTNAME"] };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
});
server.on("connection", () => seen.connections++);

/** WebSocket with short unfragmented frames, sent back as they came. */
server.on("upgrade", (request, socket) => {
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const size = (rest[1] ?? 0) & 0x7f;
      if (rest.length < 6 || rest.length < 6 + size) return;
      const mask = rest.subarray(2, 6);
      const text = rest.subarray(6, 6 + size).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
      socket.write(Buffer.concat([Buffer.from([rest[0] ?? 0, size]), text]));
      if (((rest[0] ?? 0) & 0x0f) === 8) return void socket.end();
      rest = rest.subarray(6 + size);
    }
  });
  socket.on("error", () => {});
});
server.listen(8000);

// Answers only after the caller has ended its side.
createTcpServer({ allowHalfOpen: true }, (socket) => {
  const hash = createHash("sha256");
  socket.on("data", (chunk) => hash.update(chunk));
  socket.on("end", () => socket.end(hash.digest("hex")));
  socket.on("error", () => {});
}).listen(9001);

// Ends its side at once and goes on reading.
createTcpServer({ allowHalfOpen: true }, (socket) => {
  socket.end("bye");
  socket.on("data", (chunk) => (seen.received += chunk.length));
  socket.on("error", () => {});
}).listen(9002);

// Speaks HTTP and is no model server.
createServer((_request, response) => void response.writeHead(404).end("nothing here\n")).listen(9003);

process.on("SIGTERM", () => process.exit(0));
