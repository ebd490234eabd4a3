/**
 * Times and their summary (pure).
 *
 * @module
 */

/** Summary of the times of one case, in milliseconds. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The {@linkcode Summary} of at least one time. */
export function summarize(times: readonly number[]): Summary {
  return { median: median(times), min: Math.min(...times), max: Math.max(...times) };
}

/**
 * How many times as long `times` took as `base`: the median of the ratios of the runs that were
 * next to each other, so that a machine that gets slower meanwhile changes nothing.
 */
export function ratio(times: readonly number[], base: readonly number[]): number {
  return median(times.map((time, round) => time / (base[round] ?? NaN)));
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const around = sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1);
  return around.reduce((sum, value) => sum + value, 0) / around.length;
}
