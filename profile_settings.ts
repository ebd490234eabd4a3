/**
 * The settings of a profile that decide who one is, each checked against its grammar when read.
 *
 * @module
 */

import type { AwsConfig, Settings } from "./aws_config.ts";
import { malformedSetting, place, profileError } from "./profile_errors.ts";

/** A profile with what is needed to look things up and to complain. */
export interface Profile {
  readonly config: AwsConfig;
  readonly name: string;
  readonly settings: Settings;
}

/**
 * What values must look like. Roles, session names and the like are those of the API reference of
 * STS (AssumeRole); keys go into a header.
 */
const grammar: Readonly<Record<string, readonly [pattern: RegExp, wanted: string]>> = {
  role_arn: [
    /^arn:aws[a-z-]*:iam::\d{12}:role\/(?:[\x21-\x7e]{1,510}\/)?[\w+=,.@-]{1,64}$/,
    "the ARN of a role, such as arn:aws:iam::111111111111:role/deploy",
  ],
  role_session_name: [/^[\w+=,.@-]{2,64}$/, "2 to 64 letters, digits and +=,.@-_"],
  source_identity: [/^[\w+=,.@-]{2,64}$/, "2 to 64 letters, digits and +=,.@-_"],
  external_id: [/^[\w+=,.@:/-]{2,1224}$/, "2 to 1224 letters, digits and +=,.@:/-_"],
  mfa_serial: [
    /^[\w+=/:,.@-]{9,256}$/,
    "the serial number of a device or an ARN, such as arn:aws:iam::111111111111:mfa/ann",
  ],
  sso_account_id: [/^\d{12}$/, "an account of 12 digits"],
  sso_role_name: [/^[\w+=,.@-]{1,64}$/, "up to 64 letters, digits and +=,.@-_"],
  sso_start_url: [/^https?:\/\/[\x21-\x7e]+$/, "a URL, such as https://corp.awsapps.com/start"],
  aws_access_key_id: [/^[\x21-\x7e]+$/, "one word of ASCII characters"],
  aws_secret_access_key: [/^[\x21-\x7e]+$/, "one word of ASCII characters"],
  aws_session_token: [/^[\x21-\x7e]+$/, "one word of ASCII characters"],
  aws_security_token: [/^[\x21-\x7e]+$/, "one word of ASCII characters"],
};

const anything = [/^[^\0]*$/, "text without NUL characters"] as const;

/** The checked value of a setting that must be there and not be empty. */
export function required(profile: Profile, key: string): string {
  const value = optional(profile, key);
  if (value !== undefined) return value;
  const problem = profile.settings.has(key) ? `an empty ${key}` : `no ${key}`;
  throw profileError(
    profile,
    "profile-setting-missing",
    `has ${problem}`,
    `set ${key} in ${place(profile)}`,
  );
}

/** The checked value of a setting; an empty one counts as not set. */
export function optional(profile: Profile, key: string): string | undefined {
  const value = profile.settings.get(key);
  if (!value) return undefined;
  const [pattern, wanted] = grammar[key] ?? anything;
  if (!pattern.test(value)) throw malformedSetting(profile, key, wanted);
  return value;
}
