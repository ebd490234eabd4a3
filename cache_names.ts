/**
 * Names of the files that botocore keeps in `~/.aws/sso/cache` and `~/.aws/cli/cache`: hashes of
 * JSON, to the letter as Python's `json.dumps` writes it.
 *
 * @module
 */

/** JSON with all but printable ASCII escaped, as Python does by default (`ensure_ascii`). */
export function pythonAscii(json: string): string {
  return json.replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The hash of a text, in hexadecimal digits. */
export async function hash(algorithm: "SHA-1" | "SHA-256", text: string): Promise<string> {
  // not node:crypto, which takes every run several milliseconds to load
  const digest = await crypto.subtle.digest(algorithm, new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
