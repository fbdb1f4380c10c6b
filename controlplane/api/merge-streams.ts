// Several streams as one, in the order in which they speak. One message of each is held at a time, so that slow readers slow the writers.

/** Throws what the first of them throws, and ends the others then. */
export async function* mergeStreams<T>(streams: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  type Turn = { readonly stream: AsyncGenerator<T>; readonly taken: Promise<IteratorResult<T>> };
  const spoke: Turn[] = [];
  let wake = () => {};
  // No Promise.race: a stream that is silent would keep the outcome of each one, and with it all that the others said.
  const listen = (stream: AsyncGenerator<T>) => {
    const taken = stream.next();
    const tell = () => {
      spoke.push({ stream, taken });
      wake();
    };
    taken.then(tell, tell);
  };
  let open = streams.length;
  for (const stream of streams) listen(stream);
  try {
    while (open > 0) {
      const turn = spoke.shift();
      if (turn === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      const result = await turn.taken;
      if (result.done === true) {
        open -= 1;
        continue;
      }
      listen(turn.stream);
      yield result.value;
    }
  } finally {
    for (const stream of streams) void stream.return(undefined).catch(() => {});
  }
}
