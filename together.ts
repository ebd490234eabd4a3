/**
 * Work that costs as much for many as for one, such as a change of a file under a lock.
 *
 * @module
 */

/** Does it for one; those that come while it is being done for others go in together. */
export type Together<T> = (item: T) => Promise<void>;

/**
 * Makes a {@linkcode Together}.
 *
 * @param work does it for several
 * @param ofOne whether a failure may be due to one of them: each is then tried by itself
 */
export function openTogether<T>(
  work: (items: readonly T[]) => Promise<void>,
  ofOne: (error: unknown) => boolean,
): Together<T> {
  let waiting: { item: T; done: PromiseWithResolvers<void> }[] = [];
  let running = false;

  const doAll = async (batch: typeof waiting): Promise<void> => {
    try {
      await work(batch.map(({ item }) => item));
      for (const { done } of batch) done.resolve();
    } catch (error) {
      if (batch.length > 1 && ofOne(error)) { for (const one of batch) await doAll([one]); }
      else for (const { done } of batch) done.reject(error);
    }
  };

  const run = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await doAll(batch);
    }
    running = false;
  };

  return (item) => {
    const done = Promise.withResolvers<void>();
    waiting.push({ item, done });
    if (!running) void run();
    return done.promise;
  };
}
