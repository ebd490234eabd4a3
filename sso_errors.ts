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

/** The error of a person who said no to a sign-in. */
export function signInDenied(session: SsoSession, cause?: unknown): UserError {
  const name = session.session ?? session.startUrl;
  const message = `the sign-in to ${name} was denied in the browser`;
  return ssoError("sso-sign-in-denied", message, session, cause);
}

/** The error of a start URL that is none, or is in another region. */
export function portalUnknown({ startUrl, ssoRegion }: SsoSession, cause: unknown): UserError {
  return new UserError(`AWS knows no portal ${startUrl} in ${ssoRegion}`, {
    code: "sso-portal-unknown",
    exitCode: exitCodes.usage,
    hint: "check the start URL and its region: IAM Identity Center's page shows both",
    cause,
  });
}

/** The error of a session that has run out and that nothing refreshes. */
export function sessionExpired(session: SsoSession, cause?: unknown): UserError {
  return ssoError("sso-session-expired", `${sessionLabel(session)} has expired`, session, cause);
}
