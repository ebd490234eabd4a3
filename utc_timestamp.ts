/**
 * Times as AWS and its CLI write them.
 *
 * @module
 */

/** A time to the second, in UTC (botocore's `_serialize_utc_timestamp`): `2026-11-20T21:00:00Z`. */
export function utcTimestamp(time: Date): string {
  return time.toISOString().replace(/\.\d+/, "");
}
