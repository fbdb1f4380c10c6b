// Several streams as one, in the order in which they speak. One message of each is held at a time, so that slow readers slow the writers.

export async function* mergeStreams<T>(streams: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  type Turn = { index: number; result: IteratorResult<T> };
  const turn = async (index: number): Promise<Turn> => ({
    index,
    result: await (streams[index]?.next() ?? Promise.resolve({ done: true as const, value: undefined })),
  });
  const pending = new Map(streams.map((_, index) => [index, turn(index)]));
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      if (result.done === true) {
        pending.delete(index);
        continue;
      }
      pending.set(index, turn(index));
      yield result.value;
    }
  } finally {
    for (const stream of streams) void stream.return(undefined).catch(() => {});
  }
}
