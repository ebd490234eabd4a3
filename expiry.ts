/**
 * Until when a stored password is good, read from the password itself.
 *
 * @module
 */

import type { Secret } from "./secret.ts";

/** ECR's passwords have up to 2,714 characters; what is longer than this is something else. */
const longestPassword = 32_768;

/** Seconds from 1970 to the year 10000, from which on ISO 8601 dates look different. */
const latest = 253_402_300_800;

/**
 * When the password of an ECR login runs out: it is base64 of a JSON object whose `expiration` is in
 * seconds since 1970. ECR does not document that, so a password that has no such date is no error.
 */
export function expiryOf(password: Secret): Date | undefined {
  const text = password.reveal();
  if (text.length > longestPassword) return undefined;
  let fields: unknown;
  try {
    fields = JSON.parse(atob(text));
  } catch {
    return undefined;
  }
  if (typeof fields !== "object" || fields === null || !("expiration" in fields)) return undefined;
  const { expiration } = fields;
  if (typeof expiration !== "number" || !(expiration > 0 && expiration < latest)) return undefined;
  return new Date(expiration * 1000);
}
