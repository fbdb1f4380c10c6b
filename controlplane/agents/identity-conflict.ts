// Decides what a Hello means when its host is already known: a newcomer, the same agent again, or a second machine with
// the same identity. Pure, so that every case is a line in a table.

/** Who speaks: the machine by its boot, the process by its nonce. */
export type Speaker = { readonly bootId: string; readonly nonce: string };

export type ConflictState = {
  /** Whoever holds the live stream. */
  readonly holder: Speaker | undefined;
  /** Nonces that were superseded while their stream was alive: if one of them speaks again, two processes live. */
  readonly superseded: ReadonlySet<string>;
  /** While quarantined: when each speaker was last heard, by speakerKey. */
  readonly contacts: ReadonlyMap<string, number> | undefined;
};

export type Verdict =
  /** Nobody else is there. */
  | { readonly do: "admit" }
  /** The same machine again: the newer stream wins. */
  | { readonly do: "supersede" }
  /** Another boot while the older stream is open: wait whether the older one still speaks. */
  | { readonly do: "challenge" }
  /** Two live users of one identity. */
  | { readonly do: "quarantine"; readonly others: readonly string[] };

export function speakerKey(speaker: Speaker): string {
  return `${speaker.bootId}/${speaker.nonce}`;
}

/** What to do with a Hello. memoryMs: how long a contact counts as alive while quarantined. */
export function judgeHello(speaker: Speaker, state: ConflictState, now: number, memoryMs: number): Verdict {
  if (state.contacts !== undefined) {
    const others = [...state.contacts]
      .filter(([key, at]) => key !== speakerKey(speaker) && now - at < memoryMs)
      .map(([key]) => key);
    return others.length === 0 ? { do: "admit" } : { do: "quarantine", others };
  }
  if (state.holder === undefined) return { do: "admit" };
  if (state.holder.bootId !== speaker.bootId) return { do: "challenge" };
  if (state.holder.nonce !== speaker.nonce && state.superseded.has(speaker.nonce)) {
    return { do: "quarantine", others: [speakerKey(state.holder)] };
  }
  return { do: "supersede" };
}

/** Text for people about a quarantined identity. */
export function quarantineProblem(keys: readonly string[]): string {
  const boots = new Set(keys.map((key) => key.slice(0, key.indexOf("/"))));
  const who =
    boots.size > 1
      ? `${boots.size} machines use the identity of this host (boot ids ${[...boots].map((boot) => boot.slice(0, 8)).join(", ")})`
      : "two agents use the identity of this host at the same time";
  return `${who}; none of them is obeyed and their containers keep running. Stop the agent on the copy, remove its state directory and join it as a host of its own`;
}
