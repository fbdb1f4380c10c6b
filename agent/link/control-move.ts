// Moves the host to a better address of its control plane: tries what it was told, redials on one that answers with the cluster's
// authority, and keeps it once it was welcomed there. What does not work is said and tried again; until then everything stays.
import type { Clock } from "#core/clock.ts";
import { parseControlAddress } from "#core/control-address.ts";
import { toOzError } from "#core/errors.ts";
import type { Log } from "#core/log.ts";
import { type Loop, startLoop } from "#core/reconcile.ts";
import { lookTls } from "#core/tls-look.ts";
import { betterThan, dialOrder, keptAfterWelcome, type KnownAddresses, readTold } from "./control-addresses.ts";
import { type HostIdentity, saveAddresses } from "./identity-files.ts";
import { cutStage, reachWords } from "./reach-trouble.ts";
import type { AgentLink } from "./session.ts";

export type ControlMove = {
  /** For the link: what to dial, in this order. */
  order(): readonly [string, ...string[]];
  /** For the link: it was welcomed at this address and told these. */
  welcomed(dialed: string, addresses: readonly string[]): Promise<void>;
  /** Looks soon whether a better address works. */
  look(): void;
  /** Why a better address is not dialled; empty when none is better. */
  problem(): string;
  [Symbol.asyncDispose](): Promise<void>;
};

export type ControlMoveOptions = {
  readonly identity: HostIdentity;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Undefined while it is being made. */
  link(): Pick<AgentLink, "state" | "dialed" | "redial" | "addressTried"> | undefined;
  /** Between two tries of the same address in milliseconds. Default 60,000. */
  readonly tryAgainMs?: number;
  /** Whether a host is this machine, which is never left. Default: the loopback. */
  readonly isOwn?: (host: string) => boolean;
};

const lookMs = 5_000;

export function startControlMove(options: ControlMoveOptions): ControlMove {
  return new Move(options);
}

class Move implements ControlMove {
  readonly #options: ControlMoveOptions;
  readonly #loop: Loop;
  readonly #tryAgainMs: number;
  #known: KnownAddresses;
  #trying: string | undefined;
  #problem = "";
  /** Addresses that answered a look and gave no link: left alone until then. */
  readonly #aside = new Map<string, number>();

  constructor(options: ControlMoveOptions) {
    const { identity, clock, log, tryAgainMs = 60_000 } = options;
    this.#options = options;
    this.#tryAgainMs = tryAgainMs;
    this.#known = { kept: identity.address, told: identity.addresses };
    const run = (signal: AbortSignal) => this.#run(signal);
    this.#loop = startLoop({ name: "address of the control plane", run, periodMs: tryAgainMs, clock, log });
  }

  order(): readonly [string, ...string[]] {
    return dialOrder(this.#known, this.#trying);
  }

  async welcomed(dialed: string, addresses: readonly string[]): Promise<void> {
    const { clock, log, identity, stateDir, isOwn } = this.#options;
    const tried = this.#trying;
    if (tried !== undefined && tried !== dialed) this.#aside.set(tried, clock.now() + 10 * this.#tryAgainMs);
    this.#aside.delete(dialed);
    this.#trying = undefined;
    const told = readTold(addresses);
    const before = this.#known;
    const kept = keptAfterWelcome({ kept: before.kept, told }, dialed, isOwn);
    if (kept === before.kept && told.join() === before.told.join()) return;
    this.#known = { kept, told };
    await saveAddresses(stateDir, { ...identity, address: kept, addresses: told }).catch((error: unknown) =>
      // The next start dials what it kept before, and is told again.
      log.error({ err: toOzError(error) }, "the addresses of the control plane could not be kept"),
    );
  }

  look(): void {
    this.#loop.wake();
  }

  problem(): string {
    return this.#problem;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#loop[Symbol.asyncDispose]();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const link = this.#options.link();
    // While an address is tried, its welcome or another one decides.
    if (link === undefined || link.state().state !== "ready" || this.#trying !== undefined) return;
    const dialed = link.dialed();
    const { told } = this.#known;
    let problem = "";
    for (const address of betterThan(dialed, told, this.#options.isOwn)) {
      const words = await this.#lookAt(address, signal);
      if (signal.aborted || link.dialed() !== dialed || told !== this.#known.told) return;
      if (words === "") return this.#moveTo(address, dialed, link);
      if (problem === "") problem = `${address}: ${words}`;
    }
    if (problem !== "" && problem !== this.#problem)
      this.#options.log.warn({ dialed, problem }, "a better address of the control plane does not work; staying");
    this.#problem = problem;
    if (told[0] !== undefined) link.addressTried(told[0], problem);
  }

  #moveTo(address: string, dialed: string, link: Pick<AgentLink, "redial">): void {
    this.#trying = address;
    this.#problem = "";
    this.#options.log.info({ from: dialed, to: address }, "the control plane has a better address; moving there");
    link.redial(`the control plane is at ${address} now`);
  }

  /** Why an address does not work; empty when it answers with the cluster's authority and for its name. */
  async #lookAt(address: string, signal: AbortSignal): Promise<string> {
    if (this.#options.clock.now() < (this.#aside.get(address) ?? 0)) return "it answers, and no link comes about there";
    const { caPem } = this.#options.identity;
    const look = await lookTls({ ...parseControlAddress(address), caPem }, { timeoutMs: lookMs, signal });
    switch (look.outcome) {
      case "shown":
        return reachWords(look.untrusted || look.otherName);
      case "late":
        return `${look.stage}: no answer within ${lookMs} ms`;
      case "failed": {
        const cut = cutStage(look);
        return cut === undefined ? reachWords(look.error.message) : `${cut}: ${look.error.message}`;
      }
      case "aborted":
        return "the agent stops";
    }
  }
}
