/**
 * Durations as people type them: `15m`, `1h30m`, `900s`, `3600`.
 *
 * @module
 */

import { quote, usageError } from "./errors.ts";

/** Bounds that STS sets to a role session, in seconds. */
const shortestRoleSession = 900;
const longestRoleSession = 43_200;

/**
 * Seconds in `text`: hours, minutes and seconds in this order, each at most once, or a bare number
 * of seconds.
 *
 * @throws {UserError} `bad-duration` for anything else.
 */
export function parseDuration(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  const match = /^(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?$/.exec(text);
  if (match === null || text === "") {
    throw usageError(
      "bad-duration",
      `${quote(text)} is not a duration`,
      "write it as 90s, 15m, 1h30m or 12h",
    );
  }
  const [, hours = 0, minutes = 0, seconds = 0] = match;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/**
 * Seconds in `text`, as a role session may last them.
 *
 * @throws {UserError} `bad-duration` for what is no duration, or is not within 15 minutes to 12 hours
 * (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
 */
export function parseRoleDuration(text: string): number {
  const seconds = parseDuration(text);
  if (seconds >= shortestRoleSession && seconds <= longestRoleSession) return seconds;
  throw usageError(
    "bad-duration",
    `a role session cannot last ${quote(text)}`,
    "choose between 15m (900 seconds) and 12h (43200 seconds)",
  );
}
