// The addresses of a running control plane: every change is on disk before anybody hears of it.
import type { Clock } from "#core/clock.ts";
import { formatAddress, reachableAs } from "../advertise.ts";
import type { Address } from "../config.ts";
import type { Names } from "../pki/certificates.ts";
import { readAddresses, writeAddresses } from "./address-file.ts";
import {
  type AddressList,
  afterStart,
  noAddresses,
  parseWritten,
  splitWritten,
  withHost,
  withoutOld,
  withPresent,
} from "./address-list.ts";

export type BookEntry = {
  /** "https://10.0.0.5:7443". */
  readonly address: string;
  readonly present: boolean;
  /** Milliseconds since 1970; undefined when nobody chose it. */
  readonly since: number | undefined;
};

export type AddressBook = {
  /** Present ones first, the printed one at the top. */
  entries(): readonly [BookEntry, ...BookEntry[]];
  /** For agents: the same as whole addresses; empty while nobody chose any. */
  told(): readonly string[];
  isPresent(address: string): boolean;
  /** For the server's certificate: all of them and this machine's own. */
  names(): Names;
  /** Whole address that a host dialled last; empty when it never said. */
  dialedBy(hostId: string): string;
  /** Replaces the present addresses; false when they are these already. Throws bad_request. */
  set(written: readonly string[]): boolean;
  /** Drops an old one. Throws bad_request, not_found, precondition. */
  forget(written: string): void;
  /** Whole form of what a person wrote. Throws bad_request. */
  resolve(written: string): string;
  /** What a host says it dialled; true when that is news. Kept with the next save or change. */
  noteHost(hostId: string, dialed: string): boolean;
  /** Writes what was noted since the last time. */
  save(): void;
  /** The port that is listened on, when it was not known before. */
  listening(port: number): void;
};

export type AddressBookOptions = {
  readonly pkiDir: string;
  readonly listen: Address;
  readonly advertise: readonly string[];
  readonly clock: Clock;
};

/** Opens the book and takes in what --advertise says. Throws bad_request for a malformed --advertise, precondition for a damaged file. */
export function openAddressBook({ pkiDir, listen, advertise, clock }: AddressBookOptions): AddressBook {
  const kept = readAddresses(pkiDir);
  const reachable = (hosts: readonly string[]) => reachableAs({ advertise: hosts, listen });
  const advertised = advertise.filter((written) => written.trim() !== "").map(parseWritten);
  const list = afterStart(kept, advertised, reachable([]).printed, clock.now());
  // Nothing that was said is worth a file.
  if (kept !== list && (kept !== undefined || advertised.length > 0)) writeAddresses(pkiDir, list);
  return bookOf({ list, port: listen.port, pkiDir, listen, clock });
}

type Opened = Omit<AddressBookOptions, "advertise"> & { readonly list: AddressList; readonly port: number };

function bookOf({ pkiDir, listen, clock, ...opened }: Opened): AddressBook {
  let { list, port } = opened;
  const reachable = (hosts: readonly string[]) => reachableAs({ advertise: hosts, listen });

  let unsaved = false;
  function change(next: AddressList): boolean {
    if (next === list && !unsaved) return false;
    writeAddresses(pkiDir, next);
    list = next;
    unsaved = false;
    return true;
  }
  const whole = (at: string) => {
    const split = splitWritten(at, port);
    return formatAddress(split.host, split.port);
  };
  /** As it was written before: with and without the port that is listened on is the same. */
  const asKnown = (written: string) => {
    const at = parseWritten(written);
    return [...list.present, ...list.old].find((one) => whole(one.at) === whole(at))?.at ?? at;
  };
  const entries = (): BookEntry[] => [
    ...list.present.map(({ at, since }) => ({ address: whole(at), present: true, since })),
    ...list.old.map(({ at, since }) => ({ address: whole(at), present: false, since })),
  ];
  return {
    entries() {
      const automatic = { address: formatAddress(reachable([]).printed, port), present: true, since: undefined };
      const [first = automatic, ...rest] = list.present.length > 0 ? entries() : [automatic, ...entries()];
      return [first, ...rest];
    },
    told: () => entries().map(({ address }) => address),
    isPresent: (address) => list.present.some(({ at }) => whole(at) === address),
    names() {
      const hosts = [...list.present, ...list.old].map(({ at }) => splitWritten(at, port).host);
      const { dns, ips } = reachable(hosts);
      return { dns, ips };
    },
    dialedBy: (hostId) => list.hosts[hostId] ?? "",
    set(written) {
      const wanted = [...new Set(written.map(asKnown))];
      if (wanted.join() === list.present.map(({ at }) => at).join()) return false;
      return change(withPresent(list, wanted, reachable([]).printed, clock.now()));
    },
    forget: (written) => void change(withoutOld(list, asKnown(written))),
    resolve: (written) => whole(parseWritten(written)),
    noteHost(hostId, dialed) {
      const next = withHost(list, hostId, dialed);
      if (next === list) return false;
      list = next;
      return (unsaved = true);
    },
    save: () => void change(list),
    listening(now) {
      port = now;
      if (list.present.length > 0 && list.port !== now) change({ ...list, port: now });
    },
  };
}

/** Changes what a control plane that does not run will say. Gives the entries from now on. Throws what the book throws. */
export function editOffline(
  options: Omit<AddressBookOptions, "advertise">,
  edit: (book: AddressBook) => void,
): readonly [BookEntry, ...BookEntry[]] {
  const list = readAddresses(options.pkiDir) ?? noAddresses;
  const book = bookOf({ ...options, list, port: list.port ?? options.listen.port });
  edit(book);
  return book.entries();
}
