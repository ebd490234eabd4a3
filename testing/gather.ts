/**
 * Waiting for company: shows that requests are made side by side, without looking at the clock.
 *
 * @module
 */

/** Resolves for everyone who waits as soon as `count` do, and for later ones at once. */
export function gathering(count: number): () => Promise<void> {
  const complete = Promise.withResolvers<void>();
  let here = 0;
  return () => {
    if (++here >= count) complete.resolve();
    return complete.promise;
  };
}
