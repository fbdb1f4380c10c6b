// Opens a listener, or says in words why it cannot be opened.
import type { ListenOptions, Server } from "node:net";
import { OzError } from "#core/errors.ts";
import { portHolder } from "./port-holder.ts";

export type ListenTarget = { host: string; port: number } & Pick<ListenOptions, "backlog">;

/** Port on which it listens (useful when asked for 0). Throws port_taken naming the holder, bad_request, permission_denied. */
export async function listen(server: Server, target: ListenTarget, portHint: string): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ ...target, exclusive: true }, () => {
        server.removeListener("error", reject);
        resolve();
      });
    });
  } catch (error) {
    throw await explain(error, target, portHint);
  }
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : target.port;
}

async function explain(error: unknown, { host, port }: ListenTarget, portHint: string): Promise<OzError> {
  const where = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const code = (error as { code?: string }).code;
  if (code === "EADDRINUSE") {
    const holder = await portHolder(port);
    return new OzError("port_taken", `${where} is taken${holder === undefined ? "" : ` by ${holder}`}`, {
      hint: portHint,
      cause: error,
    });
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return new OzError("bad_request", `${where} cannot be listened on: this machine has no such address`, {
      hint: "`ip address` lists the addresses of this machine.",
      cause: error,
    });
  }
  if (code === "EACCES") {
    return new OzError("permission_denied", `${where} may not be listened on by this user`, {
      hint: "Choose a port above 1023, or start as root.",
      cause: error,
    });
  }
  return new OzError("unavailable", `${where} cannot be listened on: ${String(error)}`, { cause: error });
}
