// From the vectors of a text's tokens to the vector of the text. Pure.

/** Numbers of a batch: texts × longest × size, row by row. */
export type Hidden = { data: Float32Array; longest: number; size: number };

/** The vector of one text of a batch, of length 1. `tokens` is how many it has, the rest of its row is padding. */
export function poolText(hidden: Hidden, text: number, tokens: number, pooling: "mean" | "cls"): Float32Array {
  const { data, longest, size } = hidden;
  const sums = new Float64Array(size);
  const read = pooling === "cls" ? 1 : tokens;
  for (let token = 0; token < read; token++) {
    const start = (text * longest + token) * size;
    for (let i = 0; i < size; i++) sums[i] = (sums[i] as number) + (data[start + i] as number);
  }
  return toUnit(sums);
}

/** Its first numbers, of length 1 again. */
export function shorten(vector: Float32Array, dimensions: number | undefined): Float32Array {
  return dimensions === undefined ? vector : toUnit(vector.subarray(0, dimensions));
}

function toUnit(numbers: Float32Array | Float64Array): Float32Array {
  let squares = 0;
  for (const number of numbers) squares += number * number;
  const length = Math.sqrt(squares) || 1;
  return Float32Array.from(numbers, (number) => number / length);
}
