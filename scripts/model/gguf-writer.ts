// Writes a GGUF version 3 file: typed metadata, then F32 tensors on 32-byte borders. Only what a small model needs.

const ALIGNMENT = 32;

/** GGUF's numbers for value types. */
const VALUE_TYPE = { int32: 5, uint32: 4, float32: 6, string: 8, array: 9 } as const;
const TENSOR_F32 = 0;

type ArrayType = "int32" | "float32" | "string";
type Tensor = { name: string; shape: readonly number[]; values: Float32Array };

export class GgufWriter {
  readonly #metadata: Buffer[] = [];
  readonly #tensors: Tensor[] = [];

  string(key: string, value: string): void {
    this.#metadata.push(Buffer.concat([text(key), uint32(VALUE_TYPE.string), text(value)]));
  }

  uint32(key: string, value: number): void {
    this.#metadata.push(Buffer.concat([text(key), uint32(VALUE_TYPE.uint32), uint32(value)]));
  }

  float32(key: string, value: number): void {
    this.#metadata.push(Buffer.concat([text(key), uint32(VALUE_TYPE.float32), float32(value)]));
  }

  array(key: string, type: ArrayType, values: readonly (string | number)[]): void {
    const one = { int32, float32, string: text }[type] as (value: string | number) => Buffer;
    const head = [text(key), uint32(VALUE_TYPE.array), uint32(VALUE_TYPE[type]), uint64(values.length)];
    this.#metadata.push(Buffer.concat([...head, ...values.map(one)]));
  }

  /** `shape` as GGUF wants it: the fastest-moving dimension first. */
  tensor(name: string, shape: readonly number[], values: Float32Array): void {
    const expected = shape.reduce((a, b) => a * b);
    if (values.length !== expected) throw new Error(`${name}: ${values.length} values for a shape of ${expected}`);
    this.#tensors.push({ name, shape, values });
  }

  bytes(): Buffer {
    const parts = [Buffer.from("GGUF"), uint32(3), uint64(this.#tensors.length), uint64(this.#metadata.length)];
    parts.push(...this.#metadata);
    let offset = 0;
    for (const { name, shape, values } of this.#tensors) {
      parts.push(text(name), uint32(shape.length), ...shape.map(uint64), uint32(TENSOR_F32), uint64(offset));
      offset = aligned(offset + values.byteLength);
    }
    const headBytes = parts.reduce((sum, part) => sum + part.length, 0);
    parts.push(Buffer.alloc(aligned(headBytes) - headBytes));
    for (const { values } of this.#tensors) {
      parts.push(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
      parts.push(Buffer.alloc(aligned(values.byteLength) - values.byteLength));
    }
    return Buffer.concat(parts);
  }
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  return buffer;
}

function uint64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

function float32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return buffer;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([uint64(bytes.length), bytes]);
}
