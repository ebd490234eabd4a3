/**
 * AWS credentials as environment variables: those to set, and those that would contradict them.
 * Pure.
 *
 * @module
 */

import type { AwsCredentials } from "./clients.ts";
import type { VariableChanges } from "./shell_syntax.ts";
import { utcTimestamp } from "./utc_timestamp.ts";

/** Every variable that {@linkcode awsVariables} may set. */
const ours = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_CREDENTIAL_EXPIRATION",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
];

/**
 * What others would read instead or besides. The AWS CLI takes a stale AWS_SECURITY_TOKEN for the
 * session token; SDKs take AWS_PROFILE before the keys.
 */
const contradicting = ["AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"];

/**
 * The variables for credentials, in the names of the AWS CLI's `configure export-credentials`.
 *
 * @param region left as it is when it is not known
 */
export function awsVariables(
  credentials: AwsCredentials,
  region: string | undefined,
): VariableChanges {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials;
  const set: Record<string, string> = {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
    ...(expiration === undefined ? {} : { AWS_CREDENTIAL_EXPIRATION: utcTimestamp(expiration) }),
    ...(region === undefined ? {} : { AWS_REGION: region, AWS_DEFAULT_REGION: region }),
  };
  const stale = ["AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"].filter((name) => !(name in set));
  return { set, unset: [...stale, ...contradicting] };
}

/** What takes all of {@linkcode awsVariables} back. */
export const withoutAwsVariables: VariableChanges = { set: {}, unset: ours };

/**
 * The document that a `credential_process` prints (AWS SDKs and Tools Reference Guide, "Process
 * credential provider").
 */
export function processDocument(
  { accessKeyId, secretAccessKey, sessionToken, expiration }: AwsCredentials,
): Readonly<Record<string, unknown>> {
  return {
    Version: 1,
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    ...(sessionToken === undefined ? {} : { SessionToken: sessionToken }),
    ...(expiration === undefined ? {} : { Expiration: utcTimestamp(expiration) }),
  };
}
