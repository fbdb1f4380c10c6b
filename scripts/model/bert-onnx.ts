// The ONNX graph of a BERT encoder whose weights lie in a safetensors file: they are named by place there, never copied.

import { OzError } from "#core/errors.ts";
import { OnnxWriter } from "./onnx-writer.ts";

/** What a model's config.json says. */
export type BertConfig = {
  hidden_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  layer_norm_eps: number;
  hidden_act: string;
};

export type Weight = { shape: readonly number[]; offset: number; length: number };

const OPSET = 20;

/** Places of the weights in a safetensors file, from its first bytes. */
export function readSafetensorsHeader(start: Buffer): Map<string, Weight> {
  const length = start.length < 8 ? Number.MAX_SAFE_INTEGER : Number(start.readBigUInt64LE(0));
  if (length > start.length - 8) throw new OzError("bad_request", "the safetensors header is cut");
  const header = JSON.parse(start.toString("utf8", 8, 8 + length)) as Record<string, HeaderEntry>;
  const weights = new Map<string, Weight>();
  for (const [name, { dtype, shape, data_offsets: place }] of Object.entries(header)) {
    if (dtype !== "F32" || shape === undefined || place === undefined) continue;
    weights.set(name, { shape, offset: 8 + length + place[0], length: place[1] - place[0] });
  }
  return weights;
}

type HeaderEntry = { dtype?: string; shape?: number[]; data_offsets?: [number, number] };

/** Inputs and output are those of the usual exports: input_ids, attention_mask, token_type_ids; last_hidden_state. */
export function bertOnnx(config: BertConfig, weights: ReadonlyMap<string, Weight>, file: string): Uint8Array {
  if (config.hidden_act !== "gelu") {
    throw new OzError("bad_request", `a BERT with the activation ${config.hidden_act} is not known here`);
  }
  const onnx = new OnnxWriter();
  const weight = (name: string): string => {
    const found = weights.get(name);
    if (found === undefined) throw new OzError("bad_request", `the model has no weight ${name}`);
    return onnx.weight(name, found.shape, { file, offset: found.offset, length: found.length });
  };
  for (const name of ["input_ids", "attention_mask", "token_type_ids"]) {
    onnx.input(name, "int64", ["batch", "sequence"]);
  }
  const parts: Parts = { onnx, config, weight };
  let hidden = embeddings(parts);
  const mask = attentionMask(onnx);
  const size = config.hidden_size / config.num_attention_heads;
  const heads = onnx.constant("heads", "int64", [4], [0, 0, config.num_attention_heads, size]);
  const joined = onnx.constant("joined", "int64", [3], [0, 0, config.hidden_size]);
  const scale = onnx.constant("scale", "float32", [], [Math.sqrt(size)]);
  for (let n = 0; n < config.num_hidden_layers; n++) {
    const at = `encoder.layer.${n}`;
    const seen = attention(parts, hidden, `${at}.attention.self`, { mask, heads, joined, scale });
    const between = residual(
      parts,
      hidden,
      dense(parts, seen, `${at}.attention.output.dense`),
      `${at}.attention.output`,
    );
    const wide = onnx.node("Gelu", [dense(parts, between, `${at}.intermediate.dense`)], `${at}.gelu`);
    hidden = residual(parts, between, dense(parts, wide, `${at}.output.dense`), `${at}.output`);
  }
  onnx.node("Identity", [hidden], "last_hidden_state");
  onnx.output("last_hidden_state", "float32", ["batch", "sequence", config.hidden_size]);
  return onnx.bytes("bert", OPSET);
}

type Parts = { onnx: OnnxWriter; config: BertConfig; weight: (name: string) => string };

function embeddings(parts: Parts): string {
  const { onnx, weight } = parts;
  const zero = onnx.constant("zero", "int64", [], [0]);
  const one = onnx.constant("one", "int64", [], [1]);
  const axis = onnx.constant("first", "int64", [1], [0]);
  const length = onnx.node("Shape", ["input_ids"], "sequence_length", { start: 1, end: 2 });
  const positions = onnx.node("Range", [zero, onnx.node("Squeeze", [length, axis], "length"), one], "positions");
  const looked = [
    ["word", "input_ids"],
    ["position", positions],
    ["token_type", "token_type_ids"],
  ].map(([kind = "", ids = ""]) => {
    return onnx.node("Gather", [weight(`embeddings.${kind}_embeddings.weight`), ids], `embeddings.${kind}`);
  });
  const [word = "", position = "", type = ""] = looked;
  const both = onnx.node("Add", [word, type], "embeddings.both");
  return residual(parts, both, position, "embeddings");
}

/** 0 where a token is, a number that softmax makes nothing of where the text has ended. */
function attentionMask(onnx: OnnxWriter): string {
  const axes = onnx.constant("mask_axes", "int64", [2], [1, 2]);
  const seen = onnx.node("Cast", ["attention_mask"], "mask_float", { to: 1 });
  const hidden = onnx.node("Sub", [onnx.constant("all", "float32", [], [1]), seen], "mask_hidden");
  const low = onnx.constant("lowest", "float32", [], [-1e9]);
  return onnx.node("Unsqueeze", [onnx.node("Mul", [hidden, low], "mask_low"), axes], "mask");
}

type Shared = { mask: string; heads: string; joined: string; scale: string };

function attention(parts: Parts, hidden: string, at: string, shared: Shared): string {
  const { onnx } = parts;
  const split = (name: string, perm: readonly number[]): string => {
    const flat = dense(parts, hidden, `${at}.${name}`);
    return onnx.node(
      "Transpose",
      [onnx.node("Reshape", [flat, shared.heads], `${at}.${name}.split`)],
      `${at}.${name}.heads`,
      {
        perm,
      },
    );
  };
  const [query, key, value] = [split("query", [0, 2, 1, 3]), split("key", [0, 2, 3, 1]), split("value", [0, 2, 1, 3])];
  const raw = onnx.node("MatMul", [query, key], `${at}.raw`);
  const scaled = onnx.node("Div", [raw, shared.scale], `${at}.scaled`);
  const scores = onnx.node("Softmax", [onnx.node("Add", [scaled, shared.mask], `${at}.masked`)], `${at}.scores`, {
    axis: -1,
  });
  const seen = onnx.node("MatMul", [scores, value], `${at}.seen`);
  const turned = onnx.node("Transpose", [seen], `${at}.turned`, { perm: [0, 2, 1, 3] });
  return onnx.node("Reshape", [turned, shared.joined], `${at}.joined`);
}

function dense({ onnx, weight }: Parts, input: string, at: string): string {
  const turned = onnx.node("Transpose", [weight(`${at}.weight`)], `${at}.turned`, { perm: [1, 0] });
  return onnx.node("Add", [onnx.node("MatMul", [input, turned], `${at}.product`), weight(`${at}.bias`)], `${at}.sum`);
}

function residual({ onnx, weight, config }: Parts, before: string, added: string, at: string): string {
  const sum = onnx.node("Add", [before, added], `${at}.residual`);
  const norm = [sum, weight(`${at}.LayerNorm.weight`), weight(`${at}.LayerNorm.bias`)];
  return onnx.node("LayerNormalization", norm, `${at}.norm`, { axis: -1, epsilon: { float: config.layer_norm_eps } });
}
