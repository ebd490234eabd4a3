/**
 * What a profile says about IAM Identity Center, in both forms: an `[sso-session]` of the config file,
 * or a start URL of its own.
 *
 * @module
 */

import {
  place,
  profileError,
  quoteWord,
  ssoConflict,
  ssoSessionNotFound,
} from "./profile_errors.ts";
import { type Profile, required } from "./profile_settings.ts";

/**
 * What is asked for when no scopes are configured, and what `aws configure sso` writes: a token that
 * gives roles, and is refreshed.
 */
export const defaultScope = "sso:account:access";

/** A session of IAM Identity Center: somebody at a portal. */
export interface SsoSession {
  /** The profile that says so, for messages. */
  readonly profile: string | undefined;
  /** The name of the `[sso-session]`; undefined for a start URL alone. */
  readonly session: string | undefined;
  readonly startUrl: string;
  readonly ssoRegion: string;
  /** `sso_registration_scopes`, when set. */
  readonly scopes?: string[] | undefined;
}

/** A role of IAM Identity Center. */
export interface SsoSource extends SsoSession {
  readonly kind: "sso";
  readonly account: string;
  readonly role: string;
}

/** A role of IAM Identity Center, in the account of whatever it is for. */
export interface SsoRole extends SsoSession {
  readonly kind: "sso-role";
  readonly role: string;
}

/**
 * The role that a profile takes, or `undefined` when it names neither account nor role.
 *
 * @throws {UserError} when what it says is not complete or contradicts itself
 */
export function parseSso(profile: Profile): SsoSource | undefined {
  const { settings } = profile;
  if (!settings.has("sso_account_id") && !settings.has("sso_role_name")) return undefined;
  const merged = withSession(profile);
  requireSettings(merged, [...sessionKeys, "sso_account_id", "sso_role_name"]);
  return {
    kind: "sso",
    ...sessionIn(merged),
    account: required(merged, "sso_account_id"),
    role: required(merged, "sso_role_name"),
  };
}

/**
 * The session that a profile names itself, with or without a role there; `undefined` for none.
 *
 * @throws {UserError} when what it says is not complete or contradicts itself
 */
export function ssoSessionOf(profile: Profile): SsoSession | undefined {
  const { settings } = profile;
  if (!settings.has("sso_session") && !settings.has("sso_start_url")) return undefined;
  const merged = withSession(profile);
  requireSettings(merged, sessionKeys);
  return sessionIn(merged);
}

const sessionKeys = ["sso_start_url", "sso_region"];

/** The profile with the settings of its `[sso-session]` among its own. */
function withSession(profile: Profile): Profile {
  const { config, settings } = profile;
  if (!settings.has("sso_session")) return profile;
  const session = required(profile, "sso_session");
  const shared = config.ssoSessions.get(session);
  if (shared === undefined) throw ssoSessionNotFound(profile, session);
  for (const [key, value] of shared) {
    if ((settings.get(key) ?? value) !== value) throw ssoConflict(profile, session, key);
  }
  return { ...profile, settings: new Map([...settings, ...shared]) };
}

function requireSettings(merged: Profile, keys: readonly string[]): void {
  const { settings, config } = merged;
  const missing = keys.filter((key) => !settings.get(key));
  if (missing.length === 0) return;
  const session = settings.get("sso_session");
  const where = session !== undefined && missing.some((key) => sessionKeys.includes(key))
    ? `[sso-session ${quoteWord(session)}] in ${config.paths.config}`
    : place(merged);
  throw profileError(
    merged,
    "sso-settings-missing",
    `is set up for SSO without ${missing.join(", ")}`,
    `add ${missing.join(", ")} to ${where}`,
  );
}

/** The session that settings hold which are complete. */
export function sessionIn(merged: Profile): SsoSession {
  const scopes = merged.settings.get("sso_registration_scopes");
  return {
    profile: merged.name,
    session: merged.settings.get("sso_session"),
    startUrl: required(merged, "sso_start_url"),
    ssoRegion: required(merged, "sso_region"),
    scopes: scopes === undefined ? undefined : parseScopes(scopes),
  };
}

/** The scopes in `sso_registration_scopes`. */
export function parseScopes(text: string): string[] {
  return text.split(",").map((scope) => scope.trim()).filter((scope) => scope !== "");
}
