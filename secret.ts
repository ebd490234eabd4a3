/**
 * Secrets: a wrapper whose printed form is `***`, and the scrubber that takes every wrapped value
 * out of text that comes from elsewhere (a tool's stderr, an SDK message, a stack).
 *
 * ```ts
 * const password = new Secret("hunter2");
 * `${password}`; // "***"
 * scrub("login with hunter2 failed"); // "login with *** failed"
 * ```
 *
 * @module
 */

/** What a secret looks like wherever it is printed. */
const mask = "***";

/** Shorter values are not scrubbed: replacing every "a" of a message would only garble it. */
const shortestScrubbed = 6;

/** Every value ever wrapped, in each spelling that a tool could echo it in. */
const known = new Set<string>();

/** The same, longest first; undefined since one came. */
let longestFirst: readonly string[] | undefined;

/** A value that must not be seen. Only {@linkcode Secret.reveal} gives it back. */
export class Secret {
  readonly #value: string;

  /** Wraps `value` and makes {@linkcode scrub} remove it, from now on, from every text. */
  constructor(value: string) {
    this.#value = value;
    conceal(value);
  }

  /** The value itself, for the one place that needs it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return mask;
  }

  toJSON(): string {
    return mask;
  }

  [Symbol.for("Deno.customInspect")](): string {
    return mask;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return mask;
  }
}

/** Makes {@linkcode scrub} remove `value` without wrapping it, for values that others hold. */
export function conceal(value: string): void {
  const trimmed = value.trim();
  if (trimmed.length < shortestScrubbed) return;
  const before = known.size;
  for (const spelling of spellings(trimmed)) known.add(spelling);
  if (known.size > before) longestFirst = undefined;
}

/** The ways in which programs write a value down: plain, JSON, URL, shell, XML and HTML. */
function spellings(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1);
  const uri = encodeURIComponent(value.toWellFormed());
  const code = (char: string, digits: number) =>
    char.charCodeAt(0).toString(16).padStart(digits, "0");
  const percent = uri.replace(/[!'()*]/g, (char) => `%${code(char, 2).toUpperCase()}`);
  const xml = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return [
    value,
    json,
    // Go's encoding/json, for HTML's sake
    json.replace(/[&<>]/g, (char) => `\\u${code(char, 4)}`),
    json.replaceAll("/", "\\/"),
    uri,
    percent,
    percent.replace(/%../g, (escape) => escape.toLowerCase()),
    value.replaceAll("'", `'\\''`),
    xml,
    xml.replaceAll('"', "&quot;").replaceAll("'", "&#39;"),
    xml.replaceAll('"', "&#34;").replaceAll("'", "&#39;"),
    xml.replaceAll('"', "&quot;").replaceAll("'", "&apos;"),
  ];
}

/** `text` with every known secret replaced by `***`, longest first so that no tail is left. */
export function scrub(text: string): string {
  longestFirst ??= [...known].sort((a, b) => b.length - a.length);
  return longestFirst.reduce((scrubbed, value) => scrubbed.replaceAll(value, mask), text);
}
