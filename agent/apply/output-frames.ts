// Docker sends both outputs of a container over one connection, in frames with an 8-byte head. This takes them apart. Pure.

export type OutputPiece = { readonly stream: "stdout" | "stderr"; readonly bytes: Uint8Array };

const headBytes = 8;

/**
 * Splits chunks as they arrive. A frame that came in part is handed on in part, so nothing is ever buffered but a head.
 * A head that is none means the output is a terminal's, which has no frames: from there everything is stdout.
 */
export class FrameSplitter {
  #head = new Uint8Array(headBytes);
  #headLength = 0;
  #left = 0;
  #stream: OutputPiece["stream"] = "stdout";
  #raw: boolean;

  /** raw: true for output of a terminal. */
  constructor(raw = false) {
    this.#raw = raw;
  }

  push(chunk: Uint8Array): OutputPiece[] {
    const pieces: OutputPiece[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#raw) {
        pieces.push({ stream: "stdout", bytes: chunk.subarray(at) });
        break;
      }
      if (this.#left > 0) {
        const end = Math.min(chunk.length, at + this.#left);
        pieces.push({ stream: this.#stream, bytes: chunk.subarray(at, end) });
        this.#left -= end - at;
        at = end;
        continue;
      }
      const taken = Math.min(headBytes - this.#headLength, chunk.length - at);
      this.#head.set(chunk.subarray(at, at + taken), this.#headLength);
      this.#headLength += taken;
      at += taken;
      if (this.#headLength === headBytes) this.#readHead(pieces);
    }
    return joined(pieces);
  }

  #readHead(pieces: OutputPiece[]): void {
    const head = this.#head;
    this.#headLength = 0;
    const isHead = (head[0] ?? 255) <= 2 && head[1] === 0 && head[2] === 0 && head[3] === 0;
    if (!isHead) {
      this.#raw = true;
      pieces.push({ stream: "stdout", bytes: head.slice() });
      return;
    }
    this.#stream = head[0] === 2 ? "stderr" : "stdout";
    this.#left = new DataView(head.buffer).getUint32(4);
  }
}

/** Neighbours of one output as one piece: a frame is a line, and each piece becomes a message on its way to the reader. */
function joined(pieces: readonly OutputPiece[]): OutputPiece[] {
  const runs: { stream: OutputPiece["stream"]; parts: Uint8Array[] }[] = [];
  for (const { stream, bytes } of pieces) {
    const last = runs.at(-1);
    if (last?.stream === stream) last.parts.push(bytes);
    else runs.push({ stream, parts: [bytes] });
  }
  return runs.map(({ stream, parts: [first = new Uint8Array(), ...more] }) => ({
    stream,
    bytes: more.length === 0 ? first : Buffer.concat([first, ...more]),
  }));
}
