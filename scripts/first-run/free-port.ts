// A port that nobody has: the wished one, else the next one above it.

import { createServer } from "node:net";
import { OzError } from "#core/errors.ts";

/** True when this machine can listen there now. */
export function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** The first free port from `wished` on; looks at 50. */
export async function freePort(host: string, wished: number, excluded: readonly number[] = []): Promise<number> {
  for (let port = wished; port < wished + 50; port++) {
    if (!excluded.includes(port) && (await canListen(host, port))) return port;
  }
  throw new OzError("port_taken", `no free port from ${wished} to ${wished + 49} on ${host}`);
}
