// What every action of the original's command gets, and whom it asks.
import { OzError } from "#core/errors.ts";
import type { Io } from "../io.ts";
import { defaultPort, type Places } from "./places.ts";
import type { RestTarget } from "./rest-call.ts";
import type { Words } from "./words.ts";

/** What an action gets. */
export type Scene = { readonly io: Io; readonly words: Words; readonly places: Places };

/** The key of the REST interface. Throws bad_request when the environment has none. */
export function systemKey(io: Io): string {
  const key = io.env["OZWALD_SYSTEM_KEY"];
  if (key) return key;
  throw new OzError("bad_request", "OZWALD_SYSTEM_KEY is not set; it is the key of the provisioner's API.", {
    hint: 'export OZWALD_SYSTEM_KEY="$(openssl rand -hex 32)"   (the same one wherever you type ozwald)',
  });
}

/** The REST interface that is meant, with its key. Throws bad_request when there is no key. */
export function target({ io, words, places }: Scene): RestTarget {
  return { port: words.port ?? defaultPort(places), key: systemKey(io) };
}
