/**
 * What people are told about sessions of IAM Identity Center. Pure.
 *
 * @module
 */

import { exitCodes, quoteName, shellWord, UserError } from "./errors.ts";
import type { SsoSession } from "./sso_profile.ts";

/** How a person calls the session of a source. */
export function sessionLabel({ profile, session, startUrl }: SsoSession): string {
  if (profile !== undefined) return `the SSO session of profile ${quoteName(profile)}`;
  return `the SSO session ${session ?? startUrl}`;
}

/** The command that signs in to a session. */
export function signInCommand({ profile, session, startUrl, ssoRegion }: SsoSession): string {
  if (profile !== undefined) return `run: ecrin sso login --profile ${shellWord(profile)}`;
  if (session !== undefined) return `run: ecrin sso login --sso-session ${shellWord(session)}`;
  return `run: ecrin sso login --start-url ${shellWord(startUrl)} --sso-region ${ssoRegion}`;
}

/** An error that signing in mends. */
export function ssoError(
  code: string,
  message: string,
  session: SsoSession,
  cause?: unknown,
): UserError {
  return new UserError(message, {
    code,
    exitCode: exitCodes.credentials,
    hint: signInCommand(session),
    cause,
  });
}

/** The error of a session that has run out and that nothing refreshes. */
export function sessionExpired(session: SsoSession, cause?: unknown): UserError {
  return ssoError("sso-session-expired", `${sessionLabel(session)} has expired`, session, cause);
}
