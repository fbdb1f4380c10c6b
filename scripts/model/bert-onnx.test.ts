import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "vitest";
import { bertOnnx, readSafetensorsHeader, type Weight } from "./bert-onnx.ts";

const config = {
  hidden_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  layer_norm_eps: 1e-12,
  hidden_act: "gelu",
};

function weights(): Map<string, Weight> {
  const norm = (at: string) => [`${at}.LayerNorm.weight`, `${at}.LayerNorm.bias`];
  const dense = (at: string) => [`${at}.weight`, `${at}.bias`];
  const layer = "encoder.layer.0";
  const names = [
    ...["word", "position", "token_type"].map((kind) => `embeddings.${kind}_embeddings.weight`),
    ...norm("embeddings"),
    ...["query", "key", "value"].flatMap((part) => dense(`${layer}.attention.self.${part}`)),
    ...dense(`${layer}.attention.output.dense`),
    ...norm(`${layer}.attention.output`),
    ...dense(`${layer}.intermediate.dense`),
    ...dense(`${layer}.output.dense`),
    ...norm(`${layer}.output`),
  ];
  return new Map(names.map((name, i) => [name, { shape: [4, 4], offset: i * 64, length: 64 }]));
}

type Fields = Map<number, Uint8Array[]>;

/** The fields of a message that have a length. */
function fieldsOf(bytes: Uint8Array): Fields {
  const reader = new BinaryReader(bytes);
  const fields: Fields = new Map();
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited) fields.set(field, [...(fields.get(field) ?? []), reader.bytes()]);
    else reader.skip(type);
  }
  return fields;
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

describe("bertOnnx", () => {
  const graph = fieldsOf(fieldsOf(bertOnnx(config, weights(), "model.safetensors")).get(7)?.[0] ?? new Uint8Array());

  it("names every weight's place in the file beside it, each once", () => {
    const places = (graph.get(5) ?? []).flatMap((bytes) => {
      const tensor = fieldsOf(bytes);
      const entries = (tensor.get(13) ?? []).map((entry) => fieldsOf(entry));
      if (entries.length === 0) return [];
      return [
        [text(tensor.get(8)?.[0]), ...entries.map((entry) => `${text(entry.get(1)?.[0])}=${text(entry.get(2)?.[0])}`)],
      ];
    });
    const expected = [...weights()].map(([name, { offset, length }]) => {
      return [name, "location=model.safetensors", `offset=${offset}`, `length=${length}`];
    });
    expect(new Map(places.map((place) => [place[0], place]))).toEqual(
      new Map(expected.map((place) => [place[0], place])),
    );
    expect(places.length).toBe(expected.length);
  });

  it("has the inputs and the output of the usual exports, and every name is made before it is used", () => {
    const names = (field: number) => (graph.get(field) ?? []).map((bytes) => text(fieldsOf(bytes).get(1)?.[0]));
    expect(names(11)).toEqual(["input_ids", "attention_mask", "token_type_ids"]);
    expect(names(12)).toEqual(["last_hidden_state"]);
    const tensors = (graph.get(5) ?? []).map((bytes) => text(fieldsOf(bytes).get(8)?.[0]));
    const known = new Set([...names(11), ...tensors]);
    expect(known.size).toBe(names(11).length + tensors.length);
    for (const node of graph.get(1) ?? []) {
      const fields = fieldsOf(node);
      for (const input of fields.get(1) ?? []) expect(known).toContain(text(input));
      known.add(text(fields.get(2)?.[0]));
    }
    expect(known).toContain("last_hidden_state");
  });

  it("refuses what it does not know", () => {
    expect(() => bertOnnx({ ...config, hidden_act: "relu" }, weights(), "w")).toThrow(/activation relu/);
    const missing = weights();
    missing.delete("encoder.layer.0.output.dense.bias");
    expect(() => bertOnnx(config, missing, "w")).toThrow("the model has no weight encoder.layer.0.output.dense.bias");
  });
});

describe("readSafetensorsHeader", () => {
  const file = (header: object): Buffer => {
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    return Buffer.concat([length, json]);
  };

  it("counts places from the start of the file", () => {
    const bytes = file({ __metadata__: { a: "b" }, w: { dtype: "F32", shape: [2], data_offsets: [8, 16] } });
    expect(readSafetensorsHeader(bytes)).toEqual(new Map([["w", { shape: [2], offset: bytes.length + 8, length: 8 }]]));
  });

  it("leaves other kinds of numbers out, and refuses a cut file", () => {
    expect(readSafetensorsHeader(file({ w: { dtype: "I64", shape: [1], data_offsets: [0, 8] } })).size).toBe(0);
    expect(() => readSafetensorsHeader(file({ w: {} }).subarray(0, 12))).toThrow(/cut/);
    expect(() => readSafetensorsHeader(Buffer.alloc(3))).toThrow(/cut/);
  });
});
