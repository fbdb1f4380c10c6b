// What an import has to say beside the settings: what was not carried over, and what became something else.

/** One line about one key of the input. */
export type ImportNote = {
  /** Service it is about, as the settings name it; empty for the whole. */
  readonly service: string;
  /** Where it stands in the input: "services.web.logging", "volumes.data.driver_opts". */
  readonly key: string;
  /** Where that is, as "file:line:column", when it is known. */
  readonly at?: string | undefined;
  /** "not carried: …", "changed: …" or "not needed: …", with a full stop. */
  readonly text: string;
};

export type NoteKind = "not carried" | "changed" | "not needed";

/** Collects notes in the order they come up; the same note is kept once. */
export class NoteList {
  readonly #notes = new Map<string, ImportNote>();
  #service = "";

  /** Everything that is added from here on belongs to that service; empty for the whole. */
  about(service: string): void {
    this.#service = service;
  }

  add(kind: NoteKind, key: string, text: string): void {
    this.#keep(this.#service, kind, key, text);
  }

  /** One that holds for the whole, whichever service brings it up. */
  addForAll(kind: NoteKind, key: string, text: string): void {
    this.#keep("", kind, key, text);
  }

  #keep(service: string, kind: NoteKind, key: string, text: string): void {
    const note = { service, key, text: `${kind}: ${text}` };
    this.#notes.set(`${note.service}\0${key}\0${text}`, note);
  }

  get all(): ImportNote[] {
    return [...this.#notes.values()];
  }
}

/** A value of the input for a line of text: JSON, at most 60 characters. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
