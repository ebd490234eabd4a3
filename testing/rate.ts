/**
 * A limit on requests a second, as AWS has: a bucket of tokens that fills up again. A request that is
 * turned away takes none.
 *
 * @module
 */

/** Whether there is a token for another request: `rate` a second, and as many at once. */
export function rateLimit(rate: number): () => boolean {
  let tokens = rate;
  let filled = performance.now();
  return () => {
    const now = performance.now();
    tokens = Math.min(rate, tokens + (now - filled) / 1000 * rate);
    filled = now;
    if (tokens < 1) return false;
    tokens--;
    return true;
  };
}
