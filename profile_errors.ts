/**
 * What can be wrong with a profile, said with the section and the file to edit.
 *
 * @module
 */

import type { AwsConfig } from "./aws_config.ts";
import { quoteName as quote, usageError, type UserError } from "./errors.ts";
import { nearestNames } from "./nearest.ts";
import type { Profile } from "./profile_settings.ts";

/** What to do about a profile that does not exist. */
export function notFoundHint(config: AwsConfig, name: string): string {
  if (config.strays.has(name)) {
    const header = `[profile ${quoteWord(name)}]`;
    return `in ${config.paths.config} the section must be called ${header}`;
  }
  const names = nearestNames(name, [...config.profiles.keys()]);
  if (names.length > 0) return `profiles there: ${names.map(quote).join(", ")}`;
  return `there is no profile at all: add ${header(name)} to ${config.paths.config}`;
}

/** For a profile whose `[sso-session]` does not exist. */
export function ssoSessionNotFound(profile: Profile, session: string): UserError {
  const { config } = profile;
  const section = `[sso-session ${quoteWord(session)}]`;
  const names = nearestNames(session, [...config.ssoSessions.keys()]);
  const fix = `add ${section} with sso_start_url and sso_region to ${config.paths.config}`;
  return usageError(
    "sso-session-not-found",
    `profile ${quote(profile.name)} uses ${section}, which is missing in ${config.paths.config}`,
    names.length > 0 ? `${fix}; sessions there: ${names.map(quote).join(", ")}` : fix,
  );
}

/** For a profile that contradicts its `[sso-session]` in a setting of both. */
export function ssoConflict(profile: Profile, session: string, key: string): UserError {
  return profileError(
    profile,
    "sso-session-conflict",
    `and its [sso-session ${quoteWord(session)}] have different values for ${quote(key)}`,
    `remove ${quote(key)} from ${place(profile)}`,
  );
}

/** For a profile that has one of its two access keys only. */
export function partialKeys(
  profile: Profile,
  file: "config" | "credentials",
  key: string,
): UserError {
  const path = profile.config.paths[file];
  return usageError(
    "profile-keys-partial",
    `profile ${quote(profile.name)} has only one of its two access keys in ${path}`,
    `add ${key} beside the other, in ${path}`,
  );
}

/** For a profile without any source of credentials, reached from `named`. */
export function withoutCredentials(profile: Profile, named: Profile): UserError {
  const { settings } = profile;
  if (settings.has("aws_secret_access_key")) {
    const file = profile.config.byFile.credentials.get(profile.name)?.has("aws_secret_access_key")
      ? "credentials"
      : "config";
    return partialKeys(profile, file, "aws_access_key_id");
  }
  const what = profile === named
    ? "has nothing to sign in with"
    : `is the source of ${quote(named.name)} and has nothing to sign in with`;
  const missing = settings.has("sso_session") || settings.has("sso_start_url")
    ? "sso_account_id and sso_role_name"
    : settings.has("source_profile") || settings.has("credential_source")
    ? "role_arn"
    : "keys, role_arn, credential_process or sso_session";
  return profileError(
    profile,
    "profile-without-credentials",
    what,
    `add ${missing} to ${place(profile)}`,
  );
}

/** For source profiles that lead back to one visited before. */
export function profileLoop(named: Profile, visited: readonly string[], next: string): UserError {
  const loop = [...visited.slice(visited.indexOf(next)), next].map(quoteWord);
  const shown = loop.length > 10 ? [...loop.slice(0, 5), "…", ...loop.slice(-4)] : loop;
  return profileError(
    named,
    "profile-loop",
    `never gets to credentials, its source profiles go in a circle: ${shown.join(" → ")}`,
    "let the source_profile of one of them name a profile with credentials",
  );
}

/** For source profiles that lead through more than `most` roles. */
export function chainTooLong(named: Profile, most: number): UserError {
  return profileError(
    named,
    "profile-chain-too-long",
    `needs more than ${most} roles to be assumed one after the other`,
    "shorten the chain of source_profile",
  );
}

/** For a setting whose value is not what is `wanted`. */
export function malformedSetting(profile: Profile, key: string, wanted: string): UserError {
  return profileError(
    profile,
    "profile-setting-malformed",
    `has a malformed ${key}`,
    `set ${key} in ${place(profile)} to ${wanted}; a comment needs a line of its own`,
  );
}

/** An error about a profile: `problem` goes on after its name and file. */
export function profileError(
  profile: Profile,
  code: string,
  problem: string,
  hint: string,
): UserError {
  return usageError(
    code,
    `profile ${quote(profile.name)} in ${fileOf(profile)} ${problem}`,
    hint,
  );
}

/** The section and file to edit. */
export function place(profile: Profile): string {
  const inConfig = profile.config.byFile.config.has(profile.name);
  return `${inConfig ? header(profile.name) : `[${quoteWord(profile.name)}]`} in ${
    fileOf(profile)
  }`;
}

function fileOf({ config, name }: Profile): string {
  return config.byFile.config.has(name) || !config.byFile.credentials.has(name)
    ? config.paths.config
    : config.paths.credentials;
}

function header(name: string): string {
  return name === "default" ? "[default]" : `[profile ${quoteWord(name)}]`;
}

/** The same for section headers: quoted only where they need it. */
export function quoteWord(name: string): string {
  return /^[\w+=,.@:/-]{1,100}$/.test(name) ? name : quote(name);
}
