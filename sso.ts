/**
 * IAM Identity Center: sessions that are signed in already, in the files that the AWS CLI and the
 * SDKs share, and the role credentials they give.
 *
 * @module
 */

import { awsError, statusOf } from "./aws_errors.ts";
import { type AwsCredentials, checkedCredentials } from "./clients.ts";
import { loadSso } from "./deps.ts";
import { exitCodes, permissionError, UserError } from "./errors.ts";
import { errorCode } from "./file_lock.ts";
import { once } from "./once.ts";
import { scrub } from "./secret.ts";
import type { SsoContext } from "./sso_context.ts";
import { sessionExpired, sessionLabel, signInCommand, ssoError } from "./sso_errors.ts";
import type { SsoSession, SsoSource } from "./sso_profile.ts";
import { refreshToken } from "./sso_refresh.ts";
import { parseToken, type SsoToken, tokenPath } from "./sso_token.ts";
import type { SignInOptions } from "./sso_way.ts";
import type { System } from "./system.ts";
import { terminalToAsk } from "./tty.ts";

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

/** Errors of a session that a person can mend here and now. */
const mendedBySignIn: ReadonlySet<string> = new Set([
  "sso-not-signed-in",
  "sso-session-expired",
  "sso-session-refused",
]);

/** A token, and how it came about. */
export interface CurrentToken {
  readonly token: SsoToken;
  readonly from: "file" | "refresh" | "sign-in";
}

/**
 * A token of the session that is valid by the clock: the one in its file, refreshed when it is about
 * to run out. Where nothing refreshes it and a person can be asked, they sign in.
 *
 * @param options how to sign in, where it is not left to us
 * @throws {UserError} when nobody is signed in and nobody can be asked, or the sign-in fails
 */
async function currentToken(
  session: SsoSession,
  context: SsoContext,
  options: SignInOptions,
): Promise<CurrentToken> {
  try {
    return await storedToken(session, context);
  } catch (problem) {
    return await signInInstead(problem, session, context, options);
  }
}

/**
 * A token from a sign-in in place of `problem`.
 *
 * @throws `problem` itself where signing in does not mend it, or nobody can be asked
 */
async function signInInstead(
  problem: unknown,
  session: SsoSession,
  context: SsoContext,
  options: SignInOptions & { readonly insteadOf?: SsoToken } = {},
): Promise<CurrentToken> {
  if (!(problem instanceof UserError) || !mendedBySignIn.has(problem.code)) throw problem;
  const { terminal, signIns } = context;
  if (!canAsk(context)) throw problem;
  const token = await once(signIns, session.session ?? session.startUrl, async () => {
    const { signIn } = await import("./sso_sign_in.ts");
    return await terminal.asking((voice) => {
      voice.say(`${problem.message}: signing in`);
      const asking: SsoContext["terminal"]["asking"] = (work) => work(voice);
      return signIn(session, options, {
        ...context,
        terminal: { ...terminal, ...voice, asking },
        report: voice.detail,
      });
    });
  });
  return { token, from: "sign-in" };
}

function canAsk(context: SsoContext): boolean {
  using tty = terminalToAsk(context);
  return tty !== undefined;
}

/**
 * The role credentials that a session gives. A token that has run out is refreshed, and so is, once,
 * one that looks valid and is refused; what cannot be refreshed is signed in to again, once, where a
 * person can be asked.
 *
 * @throws {UserError} when nobody is signed in, the session has expired or is refused, or the role
 * is not assigned
 */
export async function ssoCredentials(
  source: SsoSource,
  context: SsoContext,
): Promise<AwsCredentials> {
  try {
    return await withSessionToken(source, context, {
      use: (token) => roleCredentials(source, token, context),
    });
  } catch (error) {
    throw portalError(error, source);
  }
}

/**
 * Asks the portal something with a token of the session, which is refreshed or signed in for where it
 * has to be. One that looks valid and is refused (401) is replaced, once by a refresh and once by a
 * sign-in.
 *
 * @throws {UserError} when there is no token to be had; else what `use` throws
 */
export async function withSessionToken<T>(
  session: SsoSession,
  context: SsoContext,
  { use, signIn = {} }: {
    readonly use: (token: SsoToken) => Promise<T>;
    readonly signIn?: SignInOptions;
  },
): Promise<T> {
  let current = await currentToken(session, context, signIn);
  while (true) {
    try {
      return await use(current.token);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!isRefused(error)) throw error;
      context.report(`AWS refused ${sessionLabel(session)}`);
      current = await insteadOfRefused(current, error, session, context, signIn);
    }
  }
}

/** A token in place of one that AWS refused, when there is one to be had. */
async function insteadOfRefused(
  { token, from }: CurrentToken,
  refusal: unknown,
  session: SsoSession,
  context: SsoContext,
  options: SignInOptions,
): Promise<CurrentToken> {
  const message = `AWS refused ${sessionLabel(session)}`;
  const problem = ssoError("sso-session-refused", message, session, refusal);
  if (from === "sign-in") throw problem;
  if (from === "file") {
    const refreshed = await replaceRefused(token, session, context);
    if (refreshed !== undefined) return { token: refreshed, from: "refresh" };
  }
  return await signInInstead(problem, session, context, { ...options, insteadOf: token });
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
 * The token in the file of the session, refreshed when it has run out or is about to.
 *
 * @throws {UserError} when there is none, or it has run out and cannot be refreshed
 */
export async function storedToken(
  session: SsoSession,
  context: SsoContext,
): Promise<CurrentToken> {
  const { system, signal, report } = context;
  const path = await tokenPath(system.env, session);
  const token = await readToken(path, session, system);
  const left = token.expiresAt.getTime() - system.now().getTime();
  if (left > refreshWindow) return { token, from: "file" };
  try {
    const other = await otherToken(token, session, context);
    if (other !== undefined) return { token: other, from: "refresh" };
  } catch (error) {
    signal.throwIfAborted();
    report(`could not refresh ${sessionLabel(session)}: ${scrub(String(error))}`);
    if (left <= 0) throw refreshError(error, session);
  }
  if (left <= 0) throw sessionExpired(session);
  // another refresh would give no more
  return { token, from: "refresh" };
}

/** A refreshed token in place of one that AWS refused; undefined when there is none to be had. */
async function replaceRefused(
  token: SsoToken,
  session: SsoSession,
  context: SsoContext,
): Promise<SsoToken | undefined> {
  try {
    return await otherToken(token, session, context);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!needsSignIn(error)) throw refreshError(error, session);
    return undefined;
  }
}

async function otherToken(
  token: SsoToken,
  session: SsoSession,
  context: SsoContext,
): Promise<SsoToken | undefined> {
  // the old form has no refresh tokens; botocore and the SDK look for none there either
  if (session.session === undefined) return undefined;
  const path = await tokenPath(context.system.env, session);
  return await refreshToken(token, { path, region: session.ssoRegion }, context);
}

function refreshError(error: unknown, source: SsoSession): unknown {
  if (needsSignIn(error)) return sessionExpired(source, error);
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

function portalError(error: unknown, source: SsoSource): unknown {
  const status = statusOf(error);
  if (status === 403 || status === 404) {
    return new UserError(
      `the role ${source.role} of account ${source.account} is not assigned to you in SSO`,
      {
        code: "sso-role-not-assigned",
        exitCode: exitCodes.credentials,
        hint: `check ${
          source.profile === undefined
            ? "--account and --sso-role"
            : "sso_account_id and sso_role_name"
        }, or ask whoever assigns access`,
        cause: error,
      },
    );
  }
  return awsError(error, "GetRoleCredentials", {
    identity: sessionLabel(source),
    renew: signInCommand(source),
  });
}

async function readToken(path: string, source: SsoSession, system: System): Promise<SsoToken> {
  let text: string;
  try {
    text = await system.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw permissionError(`may not read ${path}`, "--allow-read", error);
    }
    if (!(error instanceof Deno.errors.NotFound)) {
      const why = errorCode(error);
      const message = `cannot read ${path}${why === undefined ? "" : ` (${why})`}`;
      throw ssoError("sso-token-unreadable", message, source, error);
    }
    throw ssoError("sso-not-signed-in", `${sessionLabel(source)} is not signed in`, source);
  }
  const token = parseToken(text);
  if (token === undefined) {
    throw ssoError("sso-token-malformed", `the SSO token in ${path} is malformed`, source);
  }
  return token;
}
