// ozctl login: gets to know a control plane. The token goes only to a server whose authority is the one that was told.
import type { Command } from "commander";
import { parseControlAddress } from "#core/control-address.ts";
import { OzError } from "#core/errors.ts";
import { isName } from "#core/names.ts";
import { StatusService } from "#proto/status_pb.ts";
import { newCommand, runs } from "../command.ts";
import { parseAddress } from "../connect-json.ts";
import { contextNames, readContext, useContext, writeContext } from "../contexts.ts";
import { fetchAuthority, parseCaSha256 } from "../pinned-authority.ts";
import { readAllInput, readSecret } from "../read-secret.ts";
import type { Session } from "../session.ts";

type Options = { caSha256: string; tokenStdin?: boolean; name?: string };

export function loginCommand(session: Session): Command {
  const command = newCommand(session, "login", {
    summary: "get to know a control plane",
    description: [
      "Asks for the token, tries it, and keeps both in a context that is used",
      "from now on. The whole line is printed by:  ozctl token create NAME",
    ].join("\n"),
    examples: [
      "ozctl login https://10.0.0.5:7443 --ca-sha256 9b:41:…",
      "ozctl login https://10.0.0.5:7443 --ca-sha256 9b41… --token-stdin < token",
    ],
  })
    .argument("<address>", "https://HOST, or with another port than 7443: https://HOST:PORT")
    .requiredOption("--ca-sha256 <hex>", "hash of the authority's public key")
    .option("--token-stdin", "read the token from standard input")
    .option("--name <context>", "name of the context (default: the host)");
  return runs(session, command, (address: string, options: Options) => login(session, address, options));
}

async function login(session: Session, written: string, options: Options): Promise<number> {
  const { io } = session;
  const address = secureAddress(written);
  const caSha256 = parseCaSha256(options.caSha256);
  const name = contextName(session, address, options.name);
  const caPem = await fetchAuthority(address, caSha256);
  const typed = options.tokenStdin === true ? await readAllInput(io) : await readSecret(io, `Token for ${address}: `);
  const context = { name, address, caPem, token: apiToken(typed) };
  const { openClient } = await import("../client.ts");
  const status = await openClient(context).call(StatusService.method.getStatus, {});
  writeContext(io.env, context);
  useContext(io.env, name);
  io.out(`Logged in at ${address} (Ozwald ${status.version}). From now on: context ${name}\n`);
  return 0;
}

/** Tokens go over TLS only. The port is 7443 unless another is written. */
function secureAddress(written: string): string {
  const url = parseAddress(written.includes("://") ? written : `https://${written}`);
  if (url.protocol !== "https:")
    throw new OzError("bad_request", `${written} is plaintext; a token is sent over TLS only.`, {
      hint: 'Write "https://HOST:7443".',
    });
  return `https://${url.hostname}:${parseControlAddress(written).port}`;
}

/** The name that was asked for, or the host's. A context of another control plane is never replaced. */
function contextName({ io }: Session, address: string, asked: string | undefined): string {
  const name = asked ?? new URL(address).hostname.replace(/^\[|\]$/g, "").replaceAll(":", "-");
  if (!isName(name))
    throw new OzError("bad_request", `"${name}" is no name for a context.`, { hint: "Say another:  --name NAME" });
  if (!contextNames(io.env).includes(name)) return name;
  const known = readContext(io.env, name);
  if (known.address === address) return name;
  throw new OzError("already_exists", `Context ${name} is for ${known.address}.`, {
    hint: "Choose another name:  --name NAME",
  });
}

function apiToken(typed: string): string {
  const token = typed.trim();
  if (/^ozt_[0-9a-z]{1,40}_[A-Za-z0-9_-]{43}$/.test(token)) return token;
  const what =
    token === "" ? "no token" : token.startsWith("ozj_") ? "a join token, for machines" : "no token, or not all of it";
  throw new OzError("bad_request", `That is ${what}; nothing was sent.`, {
    hint: "A token begins with ozt_ and comes from:  ozctl token create NAME",
  });
}
