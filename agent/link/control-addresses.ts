// Which addresses of the control plane this host dials, in which order. Pure: the link asks, control-move.ts acts.
import { isLoopback, parseControlAddress } from "#core/control-address.ts";

export type KnownAddresses = {
  /** The one that is dialled first: it has worked. */
  readonly kept: string;
  /** What the control plane said last, best first; empty when it named none. */
  readonly told: readonly string[];
};

/** More than anybody has. */
const mostTold = 16;

/** As the control plane says them, without what is no address and without repetition. */
export function readTold(said: readonly string[]): readonly string[] {
  const read = said.slice(0, mostTold).flatMap((written) => {
    try {
      return [parseControlAddress(written).text];
    } catch {
      // A newer control plane may say more than this version knows.
      return [];
    }
  });
  return [...new Set(read)];
}

/** In the order of dialling: what is tried now, what has worked, then the rest. */
export function dialOrder({ kept, told }: KnownAddresses, trying: string | undefined): readonly [string, ...string[]] {
  const [first = kept, ...rest] = new Set([...(trying === undefined ? [] : [trying]), kept, ...told]);
  return [first, ...rest];
}

/** Those that would be better than the one that is dialled, best first. A host that dials its own machine stays with that. */
export function betterThan(dialed: string, told: readonly string[], isOwn = isLoopback): readonly string[] {
  if (isOwn(parseControlAddress(dialed).host)) return [];
  const at = told.indexOf(dialed);
  return at < 0 ? told : told.slice(0, at);
}

/** What is kept after a welcome: the dialled one, when it is better than the one that was kept. */
export function keptAfterWelcome({ kept, told }: KnownAddresses, dialed: string, isOwn = isLoopback): string {
  return betterThan(kept, told, isOwn).includes(dialed) ? dialed : kept;
}
