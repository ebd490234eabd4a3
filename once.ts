/**
 * Work that is shared: done once, by whoever needs it first.
 *
 * @module
 */

/** What `make` gives for `key`, and gave the first time; a failure is shared like a result. */
export function once<T>(
  made: Map<string, Promise<T>>,
  key: string,
  make: () => Promise<T>,
): Promise<T> {
  const existing = made.get(key);
  if (existing !== undefined) return existing;
  const value = make();
  made.set(key, value);
  return value;
}
