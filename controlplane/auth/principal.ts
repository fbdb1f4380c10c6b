// Who is calling. Found out once per request, at the listener; handlers only read it.
import { createContextKey, type ContextKey } from "@connectrpc/connect";
import { OzError } from "#core/errors.ts";
import type { Rule } from "./rules.ts";

export type Principal = {
  readonly kind: "anonymous" | "admin";
  /** For the event log: "local root", "token admin". */
  readonly name: string;
  /** Id of the API token it came with. */
  readonly tokenId?: string;
  /** When that token ends, milliseconds since 1970; unset when it does not. */
  readonly tokenEndsAt?: number;
  /** Why the credential that was sent is not good. */
  readonly problem?: OzError;
};

export const anonymous: Principal = { kind: "anonymous", name: "anonymous" };

/** Who has the Unix socket has the machine: its file is readable by root only. */
export const localRoot: Principal = { kind: "admin", name: "local root" };

export const principalKey: ContextKey<Principal> = createContextKey<Principal>(anonymous, {
  description: "who is calling",
});

/** Throws unauthenticated or permission_denied when the rule does not let the caller in. */
export function requireRule(rule: Rule | undefined, principal: Principal, method: string): void {
  if (rule === "public") return;
  if (rule === undefined || rule === "agent") throw new OzError("permission_denied", `${method} cannot be called here`);
  if (principal.kind === "anonymous") {
    if (principal.problem !== undefined) throw principal.problem;
    throw new OzError("unauthenticated", "no valid credential was sent", {
      hint: "Use a context with a token (ozctl context ls), or run as root on the control plane's machine.",
    });
  }
}
