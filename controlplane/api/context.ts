// What the handlers of the API share: how to read the world, hear of changes, and change it.
import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/log.ts";
import type { RandomBytes } from "#core/ids.ts";
import type { AddressBook } from "../address/address-book.ts";
import type { AgentHub } from "../agents/hub.ts";
import type { LiveCalls } from "../auth/live-calls.ts";
import type { Changer } from "../change/change.ts";
import type { Authority } from "../pki/authority.ts";
import type { StatusCheck } from "#proto/status_pb.ts";
import type { Store } from "../store/store.ts";
import type { World } from "../world.ts";
import type { ChangeSignal } from "./change-signal.ts";

export type ApiContext = {
  readonly store: Store;
  readonly hub: AgentHub;
  readonly authority: Authority;
  readonly changer: Changer;
  readonly signal: ChangeSignal;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly liveCalls: LiveCalls;
  readonly log: Log;
  /** The store's world, read once per revision. */
  world(): Promise<World>;
  /** Address printed for others. */
  advertised(): string;
  readonly addresses: AddressBook;
  /** The addresses were changed: has the certificate name them, and tells the hosts. */
  addressesChanged(): Promise<void>;
  /** Whether a machine that has nothing yet can install from here; not so from source. */
  readonly installable: boolean;
  /** Checks of listeners and the like. */
  checks(): readonly StatusCheck[];
  /** Epoch that a host obeyed when it last said hello. */
  obeyedEpoch(hostId: string): number;
  isRevoked(hostId: string): boolean;
  /** Refuses a host's certificate from now on and cuts its stream. */
  revoke(hostId: string): void;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
};
