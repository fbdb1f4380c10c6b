// Writes an ONNX file: a graph of operators whose weights stay in a file beside it. Only what an exported encoder needs.

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** ONNX's numbers for element types. */
const ELEMENT = { float32: 1, int64: 7 } as const;
/** ONNX's numbers for kinds of attributes. */
const ATTRIBUTE = { float: 1, int: 2, ints: 7 } as const;
const IR_VERSION = 9;

export type ElementType = keyof typeof ELEMENT;
/** A whole number becomes an int attribute, a list one of ints, `{ float }` a float. */
export type Attribute = number | readonly number[] | { float: number };
/** Bytes of a weight in the file beside the model. */
export type ExternalBytes = { file: string; offset: number; length: number };

type Message = (writer: BinaryWriter) => void;

export class OnnxWriter {
  readonly #nodes: Message[] = [];
  readonly #tensors: Message[] = [];
  readonly #inputs: Message[] = [];
  readonly #outputs: Message[] = [];

  /** A name in place of a size means: any. */
  input(name: string, type: ElementType, shape: readonly (string | number)[]): void {
    this.#inputs.push(valueInfo(name, type, shape));
  }

  output(name: string, type: ElementType, shape: readonly (string | number)[]): void {
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** Adds an operator and returns the name of its one output, which is `output`. */
  node(
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    this.#nodes.push((writer) => {
      for (const input of inputs) writer.tag(1, WireType.LengthDelimited).string(input);
      writer.tag(2, WireType.LengthDelimited).string(output);
      writer.tag(3, WireType.LengthDelimited).string(output);
      writer.tag(4, WireType.LengthDelimited).string(operator);
      for (const [name, value] of Object.entries(attributes)) message(writer, 5, attribute(name, value));
    });
    return output;
  }

  /** A weight of 32-bit floats whose bytes are elsewhere. */
  weight(name: string, shape: readonly number[], { file, offset, length }: ExternalBytes): string {
    this.#tensors.push((writer) => {
      for (const size of shape) writer.tag(1, WireType.Varint).int64(size);
      writer.tag(2, WireType.Varint).int32(ELEMENT.float32);
      writer.tag(8, WireType.LengthDelimited).string(name);
      const places = { location: file, offset: String(offset), length: String(length) };
      for (const [key, value] of Object.entries(places)) {
        message(writer, 13, (entry) => {
          entry.tag(1, WireType.LengthDelimited).string(key);
          entry.tag(2, WireType.LengthDelimited).string(value);
        });
      }
      writer.tag(14, WireType.Varint).int32(1);
    });
    return name;
  }

  /** Numbers that stand in the graph itself. An empty shape is a single number. */
  constant(name: string, type: ElementType, shape: readonly number[], values: readonly number[]): string {
    const raw = Buffer.alloc(values.length * (type === "int64" ? 8 : 4));
    for (const [i, value] of values.entries()) {
      if (type === "int64") raw.writeBigInt64LE(BigInt(value), i * 8);
      else raw.writeFloatLE(value, i * 4);
    }
    this.#tensors.push((writer) => {
      for (const size of shape) writer.tag(1, WireType.Varint).int64(size);
      writer.tag(2, WireType.Varint).int32(ELEMENT[type]);
      writer.tag(8, WireType.LengthDelimited).string(name);
      writer.tag(9, WireType.LengthDelimited).bytes(raw);
    });
    return name;
  }

  bytes(graphName: string, opset: number): Uint8Array {
    const writer = new BinaryWriter();
    writer.tag(1, WireType.Varint).int64(IR_VERSION);
    writer.tag(2, WireType.LengthDelimited).string("ozwald");
    message(writer, 7, (graph) => {
      for (const node of this.#nodes) message(graph, 1, node);
      graph.tag(2, WireType.LengthDelimited).string(graphName);
      for (const tensor of this.#tensors) message(graph, 5, tensor);
      for (const input of this.#inputs) message(graph, 11, input);
      for (const output of this.#outputs) message(graph, 12, output);
    });
    message(writer, 8, (set) => set.tag(2, WireType.Varint).int64(opset));
    return writer.finish();
  }
}

function message(writer: BinaryWriter, field: number, write: Message): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}

function valueInfo(name: string, type: ElementType, shape: readonly (string | number)[]): Message {
  return (writer) => {
    writer.tag(1, WireType.LengthDelimited).string(name);
    message(writer, 2, (of) =>
      message(of, 1, (tensor) => {
        tensor.tag(1, WireType.Varint).int32(ELEMENT[type]);
        message(tensor, 2, (sizes) => {
          for (const size of shape) {
            message(sizes, 1, (one) => {
              if (typeof size === "number") one.tag(1, WireType.Varint).int64(size);
              else one.tag(2, WireType.LengthDelimited).string(size);
            });
          }
        });
      }),
    );
  };
}

function attribute(name: string, value: Attribute): Message {
  return (writer) => {
    writer.tag(1, WireType.LengthDelimited).string(name);
    if (typeof value === "number") {
      writer.tag(3, WireType.Varint).int64(value);
      writer.tag(20, WireType.Varint).int32(ATTRIBUTE.int);
    } else if ("float" in value) {
      writer.tag(2, WireType.Bit32).float(value.float);
      writer.tag(20, WireType.Varint).int32(ATTRIBUTE.float);
    } else {
      for (const one of value) writer.tag(8, WireType.Varint).int64(one);
      writer.tag(20, WireType.Varint).int32(ATTRIBUTE.ints);
    }
  };
}
