/**
 * A bound on how much is done at once.
 *
 * @module
 */

/** Does `work` as soon as there is room for it, in the order of the calls. */
export type Pool = <T>(work: () => Promise<T>) => Promise<T>;

/** A {@linkcode Pool} with room for `size` works. */
export function openPool(size: number): Pool {
  let room = size;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (room > 0) room--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // the room goes to who waits longest, so that nobody who comes now is faster
      const next = waiting.shift();
      if (next === undefined) room++;
      else next();
    }
  };
}
