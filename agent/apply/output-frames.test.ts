import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameSplitter, type OutputPiece } from "./output-frames.ts";

function frame(type: number, text: string): Buffer {
  const head = Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}
const textOf = (pieces: OutputPiece[], stream: string) =>
  Buffer.concat(pieces.filter((piece) => piece.stream === stream).map((piece) => piece.bytes)).toString();

test("any chunking of any frames gives the same output", () => {
  const frames = fc.array(fc.tuple(fc.constantFrom(0, 1, 2), fc.string({ maxLength: 40 })), { maxLength: 12 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1 }), (list, cuts) => {
      const bytes = Buffer.concat(list.map(([type, text]) => frame(type, text)));
      const splitter = new FrameSplitter();
      const pieces: OutputPiece[] = [];
      for (let at = 0, n = 0; at < bytes.length; n++) {
        const end = at + (cuts[n % cuts.length] ?? 1);
        pieces.push(...splitter.push(bytes.subarray(at, end)));
        at = end;
      }
      expect(textOf(pieces, "stdout")).toBe(
        list
          .filter(([type]) => type !== 2)
          .map(([, text]) => text)
          .join(""),
      );
      expect(textOf(pieces, "stderr")).toBe(
        list
          .filter(([type]) => type === 2)
          .map(([, text]) => text)
          .join(""),
      );
    }),
  );
});

test("what came together goes on together, however many lines it is", () => {
  const lines = Array.from({ length: 1000 }, (_, n) => frame(1, `line ${n}\n`));
  const chunk = Buffer.concat([...lines, frame(2, "oh\n"), ...lines]);
  expect(new FrameSplitter().push(chunk).map(({ stream }) => stream)).toEqual(["stdout", "stderr", "stdout"]);
});

test("a terminal's output has no frames", () => {
  expect(textOf(new FrameSplitter(true).push(Buffer.from("\u0001\0\0\0\0\0\0\u0001x")), "stdout").length).toBe(9);
  const splitter = new FrameSplitter();
  const pieces = [...splitter.push(Buffer.from("plain text here")), ...splitter.push(Buffer.from(" and on"))];
  expect(textOf(pieces, "stdout")).toBe("plain text here and on");
});
