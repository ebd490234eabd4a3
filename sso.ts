/**
 * IAM Identity Center: sessions that are signed in already, in the files that the AWS CLI and the
 * SDKs share, and the role credentials they give.
 *
 * @module
 */

import { awsError } from "./aws_errors.ts";
import { type AwsCredentials, checkedCredentials } from "./clients.ts";
import { loadSso } from "./deps.ts";
import { exitCodes, quoteName, shellWord, UserError } from "./errors.ts";
import type { SsoSource } from "./profiles.ts";
import { scrub } from "./secret.ts";
import type { SsoSession } from "./sso_profile.ts";
import { refreshToken, type SsoContext } from "./sso_refresh.ts";
import { parseToken, type SsoToken, tokenPath } from "./sso_token.ts";
import type { System } from "./system.ts";

/** A token with less than this left is refreshed, in milliseconds; as the SDK (`EXPIRE_WINDOW_MS`). */
const refreshWindow = 5 * 60_000;

/**
 * CreateToken's refusals (sso-oidc's `errors.d.ts`) that only a new sign-in mends: the session was
 * ended, or what the file holds is no good.
 */
const signInErrors: ReadonlySet<string> = new Set([
  "AccessDeniedException",
  "ExpiredTokenException",
  "InvalidClientException",
  "InvalidGrantException",
  "InvalidRequestException",
  "InvalidScopeException",
  "UnauthorizedClientException",
  "UnsupportedGrantTypeException",
]);

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

/**
 * The role credentials that a signed-in session gives. A token that has run out is refreshed, and
 * so is, once, one that looks valid and is refused.
 *
 * @throws {UserError} when nobody is signed in, the session has expired or is refused, or the role
 * is not assigned
 */
export async function ssoCredentials(
  source: SsoSource,
  context: SsoContext,
): Promise<AwsCredentials> {
  const { token, tried } = await currentToken(source, context);
  try {
    return await roleCredentials(source, token, context);
  } catch (error) {
    if (!isRefused(error) || tried) throw portalError(error, source);
    context.report(`AWS refused ${sessionLabel(source)}`);
    const other = await replaceRefused(token, source, context);
    if (other === undefined) throw portalError(error, source);
    return await roleCredentials(source, other, context).catch((error: unknown) => {
      throw portalError(error, source);
    });
  }
}

async function roleCredentials(
  source: SsoSource,
  { accessToken }: SsoToken,
  { clients }: SsoContext,
): Promise<AwsCredentials> {
  const { SSOClient, GetRoleCredentialsCommand } = await loadSso();
  const client = new SSOClient(await clients.of("sso", source.ssoRegion));
  const { roleCredentials } = await client.send(
    new GetRoleCredentialsCommand({
      accessToken: accessToken.reveal(),
      accountId: source.account,
      roleName: source.role,
    }),
  );
  return checkedCredentials(
    {
      ...roleCredentials,
      expiration: roleCredentials?.expiration === undefined
        ? undefined
        : new Date(roleCredentials.expiration),
    },
    "GetRoleCredentials",
  );
}

/**
 * The token in the file of the session, and whether a refresh was tried: it is when the token has
 * run out or is about to.
 */
async function currentToken(
  source: SsoSource,
  context: SsoContext,
): Promise<{ token: SsoToken; tried: boolean }> {
  const { system, signal, report } = context;
  const path = await tokenPath(system.env, source);
  const token = await readToken(path, source, system);
  const left = token.expiresAt.getTime() - system.now().getTime();
  if (left > refreshWindow) return { token, tried: false };
  try {
    const other = await otherToken(token, source, context);
    if (other !== undefined) return { token: other, tried: true };
  } catch (error) {
    signal.throwIfAborted();
    report(`could not refresh ${sessionLabel(source)}: ${scrub(String(error))}`);
    if (left <= 0) throw refreshError(error, source);
  }
  if (left <= 0) throw expired(source);
  return { token, tried: true };
}

/** A token in place of one that AWS refused; undefined when there is none to be had. */
async function replaceRefused(
  token: SsoToken,
  source: SsoSource,
  context: SsoContext,
): Promise<SsoToken | undefined> {
  try {
    return await otherToken(token, source, context);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!needsSignIn(error)) throw refreshError(error, source);
    return undefined;
  }
}

async function otherToken(
  token: SsoToken,
  source: SsoSource,
  context: SsoContext,
): Promise<SsoToken | undefined> {
  // the old form has no refresh tokens; botocore and the SDK look for none there either
  if (source.session === undefined) return undefined;
  const path = await tokenPath(context.system.env, source);
  return await refreshToken(token, { path, region: source.ssoRegion }, context);
}

function refreshError(error: unknown, source: SsoSource): unknown {
  if (needsSignIn(error)) return expired(source, error);
  return awsError(error, "CreateToken", {
    identity: sessionLabel(source),
    renew: signInCommand(source),
  });
}

function needsSignIn(error: unknown): boolean {
  return error instanceof Error && signInErrors.has(error.name);
}

function isRefused(error: unknown): boolean {
  return statusOf(error) === 401;
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

function portalError(error: unknown, source: SsoSource): unknown {
  if (isRefused(error)) {
    return ssoError("sso-session-refused", `AWS refused ${sessionLabel(source)}`, source, error);
  }
  const status = statusOf(error);
  if (status === 403 || status === 404) {
    return new UserError(
      `the role ${source.role} of account ${source.account} is not assigned to you in SSO`,
      {
        code: "sso-role-not-assigned",
        exitCode: exitCodes.credentials,
        hint: "check sso_account_id and sso_role_name, or ask whoever assigns access",
        cause: error,
      },
    );
  }
  return awsError(error, "GetRoleCredentials", {
    identity: sessionLabel(source),
    renew: signInCommand(source),
  });
}

async function readToken(path: string, source: SsoSource, system: System): Promise<SsoToken> {
  let text: string;
  try {
    text = await system.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw ssoError("sso-token-unreadable", `cannot read ${path}`, source, error);
    }
    throw ssoError("sso-not-signed-in", `${sessionLabel(source)} is not signed in`, source);
  }
  const token = parseToken(text);
  if (token === undefined) {
    throw ssoError("sso-token-malformed", `the SSO token in ${path} is malformed`, source);
  }
  return token;
}

function expired(source: SsoSource, cause?: unknown): UserError {
  return ssoError("sso-session-expired", `${sessionLabel(source)} has expired`, source, cause);
}

function ssoError(code: string, message: string, source: SsoSource, cause?: unknown): UserError {
  return new UserError(message, {
    code,
    exitCode: exitCodes.credentials,
    hint: signInCommand(source),
    cause,
  });
}
