// A language model that speaks nonsense by design: random weights, own vocabulary, the shape of a real one. It stands in when
// no model can be downloaded, so that everything except the sense of the answers can still be seen working.

import { GgufWriter } from "./gguf-writer.ts";

const EMBEDDING = 64;
const LAYERS = 2;
const HEADS = 4;
const KV_HEADS = 2;
const FEED_FORWARD = 128;
const CONTEXT = 4096;

/** GGUF's kinds of tokens. */
const TOKEN = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;
const WORDS = ["the", "a", "and", "of", "to", "in", "is", "it", "on", "as", "model", "nonsense", "by", "design"];

/** The same bytes each time. About 0.4 MB. */
export function nonsenseModel(): Buffer {
  const file = new GgufWriter();
  const vocabulary = makeVocabulary();
  writeHead(file, vocabulary.length);
  file.string("tokenizer.ggml.model", "llama");
  file.array(
    "tokenizer.ggml.tokens",
    "string",
    vocabulary.map((token) => token.text),
  );
  file.array(
    "tokenizer.ggml.scores",
    "float32",
    vocabulary.map((_token, index) => -index),
  );
  file.array(
    "tokenizer.ggml.token_type",
    "int32",
    vocabulary.map((token) => token.kind),
  );
  file.uint32("tokenizer.ggml.unknown_token_id", 0);
  file.uint32("tokenizer.ggml.bos_token_id", 1);
  file.uint32("tokenizer.ggml.eos_token_id", 2);
  writeTensors(file, vocabulary.length);
  return file.bytes();
}

function writeHead(file: GgufWriter, vocabularySize: number): void {
  file.string("general.architecture", "llama");
  file.string("general.name", "nonsense by design");
  file.uint32("general.file_type", 0);
  file.uint32("llama.context_length", CONTEXT);
  file.uint32("llama.embedding_length", EMBEDDING);
  file.uint32("llama.block_count", LAYERS);
  file.uint32("llama.feed_forward_length", FEED_FORWARD);
  file.uint32("llama.attention.head_count", HEADS);
  file.uint32("llama.attention.head_count_kv", KV_HEADS);
  file.float32("llama.attention.layer_norm_rms_epsilon", 1e-5);
  file.uint32("llama.rope.dimension_count", EMBEDDING / HEADS);
  file.uint32("llama.vocab_size", vocabularySize);
}

function writeTensors(file: GgufWriter, vocabularySize: number): void {
  const random = seededRandom(12_345);
  const weights = (name: string, shape: readonly number[]): void => {
    file.tensor(name, shape, Float32Array.from({ length: shape.reduce((a, b) => a * b) }, random));
  };
  const norm = (name: string): void => file.tensor(name, [EMBEDDING], new Float32Array(EMBEDDING).fill(1));
  const keyValue = (EMBEDDING / HEADS) * KV_HEADS;
  weights("token_embd.weight", [EMBEDDING, vocabularySize]);
  for (let layer = 0; layer < LAYERS; layer++) {
    const block = `blk.${layer}`;
    norm(`${block}.attn_norm.weight`);
    weights(`${block}.attn_q.weight`, [EMBEDDING, EMBEDDING]);
    weights(`${block}.attn_k.weight`, [EMBEDDING, keyValue]);
    weights(`${block}.attn_v.weight`, [EMBEDDING, keyValue]);
    weights(`${block}.attn_output.weight`, [EMBEDDING, EMBEDDING]);
    norm(`${block}.ffn_norm.weight`);
    weights(`${block}.ffn_gate.weight`, [EMBEDDING, FEED_FORWARD]);
    weights(`${block}.ffn_up.weight`, [EMBEDDING, FEED_FORWARD]);
    weights(`${block}.ffn_down.weight`, [FEED_FORWARD, EMBEDDING]);
  }
  norm("output_norm.weight");
  weights("output.weight", [EMBEDDING, vocabularySize]);
}

function makeVocabulary(): { text: string; kind: number }[] {
  const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, "0");
  const bytes = Array.from({ length: 256 }, (_none, byte) => ({ text: `<0x${hex(byte)}>`, kind: TOKEN.byte }));
  const letters = Array.from({ length: 94 }, (_none, index) => String.fromCharCode(33 + index));
  // "▁" is how this kind of vocabulary writes a space.
  const pieces = ["\u2581", ...letters, ...WORDS.map((word) => `\u2581${word}`)];
  return [
    { text: "<unk>", kind: TOKEN.unknown },
    { text: "<s>", kind: TOKEN.control },
    { text: "</s>", kind: TOKEN.control },
    ...bytes,
    ...pieces.map((piece) => ({ text: piece, kind: TOKEN.normal })),
  ];
}

/** Small numbers around 0, from a linear congruential generator. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 32 - 0.5) * 0.5;
  };
}
