/**
 * "Did you mean": the candidate nearest to a misspelt word.
 *
 * @module
 */

/** At most this share of the word's letters may differ, or the suggestion would only confuse. */
const mostDifferent = 0.4;

/** The candidate nearest to `word`, or `undefined` when none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distance(word.toLowerCase(), candidate) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  if (best === undefined) return undefined;
  const limit = Math.max(1, Math.floor(word.length * mostDifferent));
  return best.distance <= limit ? best.candidate : undefined;
}

/** At most five of `names`, the most like `word` first. */
export function nearestNames(word: string, names: readonly string[]): string[] {
  const from = word.slice(0, 64).toLowerCase();
  return names.slice(0, 10_000)
    .map((name) => ({ name, distance: distance(from, name.slice(0, 64).toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 5)
    .map(({ name }) => name);
}

/** Levenshtein distance: letters to insert, delete or replace, with two rows of its table. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
