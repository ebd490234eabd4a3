/**
 * What stands in `~/.aws` of a user: profiles with keys, and sessions of IAM Identity Center (SSO).
 *
 * @module
 */

import type { AwsKey } from "./keys.ts";

/** The keys of a profile, as lines of either file. */
export function keyLines({ accessKeyId, secretAccessKey, sessionToken }: AwsKey): string {
  const token = sessionToken === undefined ? "" : `aws_session_token = ${sessionToken}\n`;
  return `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n${token}`;
}

/** A profile with a key, as it stands below `header`: `profile blog` in config, `blog` in credentials. */
export function keyProfile(header: string, key: AwsKey): string {
  return `[${header}]\n${keyLines(key)}`;
}

/** The sign-in page of the SSO sessions here. */
const startUrl = "https://x.awsapps.com/start";

/** What {@linkcode ssoProfile} and {@linkcode oldSsoProfile} take. */
export interface SsoProfile {
  /** Default `blog`. */
  name?: string;
  /** Of the registry; default none. */
  region?: string;
  /** Where the session is; default us-east-1. */
  ssoRegion?: string;
}

/** A config file with a profile of the SSO session `corp`: role deploy of account 222222222222. */
export function ssoProfile(profile: SsoProfile = {}): string {
  const { ssoRegion = "us-east-1" } = profile;
  return `${ssoRole(profile)}sso_session = corp
[sso-session corp]
sso_start_url = ${startUrl}
sso_region = ${ssoRegion}
`;
}

/** The same in the old form, which has no `sso-session` section. */
export function oldSsoProfile(profile: SsoProfile = {}): string {
  const { ssoRegion = "us-east-1" } = profile;
  return `${ssoRole(profile)}sso_start_url = ${startUrl}\nsso_region = ${ssoRegion}\n`;
}

function ssoRole({ name = "blog", region }: SsoProfile): string {
  const header = name === "default" ? name : `profile ${name}`;
  return `[${header}]\nsso_account_id = 222222222222\nsso_role_name = deploy\n` +
    (region === undefined ? "" : `region = ${region}\n`);
}

/** Where the AWS CLI keeps the token of the session `corp`: the SHA-1 of its name. */
export const ssoSessionFile = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";

/** Where it keeps the token of the old form: the SHA-1 of the start URL. */
export const oldSsoFile = ".aws/sso/cache/3947de8b16688092197fa616c34e01335f21d256.json";
