// The token that lets a machine join: which invitation, whose cluster, and the secret. Control plane and agent read the same form.
import { OzError } from "./errors.ts";

export type JoinToken = {
  /** Id of the invitation. */
  readonly id: string;
  /** SHA-256 of the public key (SPKI) of the cluster's authority, hex. The secret is sent only to a server whose chain ends there. */
  readonly caSha256: string;
  /** Proof of the invitation; never logged. */
  readonly secret: string;
};

/** Fixed lengths, because base64url itself may contain the separator: 32 bytes are 43 characters. */
const pattern = /^ozj_([0-9a-z]{1,40})_([A-Za-z0-9_-]{43})_([A-Za-z0-9_-]{43})$/;

/** `ozj_<id>_<SHA-256 of the authority's key>_<secret>`. */
export function formatJoinToken({ id, caSha256, secret }: JoinToken): string {
  const token = `ozj_${id}_${Buffer.from(caSha256, "hex").toString("base64url")}_${secret}`;
  if (!pattern.test(token)) throw new OzError("internal", "a join token was made of parts that cannot be read back");
  return token;
}

/** Reads a token; space around it is ignored. Throws bad_request, without repeating the token. */
export function parseJoinToken(text: string): JoinToken {
  const [, id, ca, secret] = pattern.exec(text.trim()) ?? [];
  if (id === undefined || ca === undefined || secret === undefined)
    throw new OzError("bad_request", problem(text), { hint });
  return { id, caSha256: Buffer.from(ca, "base64url").toString("hex"), secret };
}

const hint = "Copy the whole token, it begins with ozj_. A new one: ozctl host invite";

function problem(text: string): string {
  const token = text.trim();
  if (token === "") return "the join token is empty";
  if (token.startsWith("ozt_")) return "this is an API token; joining needs a join token";
  if (!token.startsWith("ozj_")) return "this is no join token";
  return `the join token has ${token.length} characters in an order that no token has; a part is missing or changed`;
}
