/**
 * IAM Identity Center: sessions that are signed in already, in the files that the AWS CLI and the
 * SDKs share, and the role credentials they give.
 *
 * @module
 */

import { type Env, expandPath } from "./aws_config.ts";
import { awsError } from "./aws_errors.ts";
import { type AwsCredentials, checkedCredentials, type ClientSettings } from "./clients.ts";
import { loadSso } from "./deps.ts";
import { exitCodes, quoteName, shellWord, UserError } from "./errors.ts";
import type { SsoSource } from "./profiles.ts";
import { Secret } from "./secret.ts";
import type { System } from "./system.ts";

/**
 * Path of the token of a session: the SHA-1 of the sso-session's name, or of the start URL exactly
 * as written for profiles without one (botocore's `SSOTokenLoader`).
 */
export async function tokenPath(
  env: Env,
  source: Pick<SsoSource, "session" | "startUrl">,
): Promise<string> {
  // not node:crypto, which takes every run several milliseconds to load
  const name = new TextEncoder().encode(source.session ?? source.startUrl);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-1", name)).toHex();
  return expandPath(`~/.aws/sso/cache/${hash}.json`, env);
}

/** How a person calls the session of a source. */
export function sessionLabel({ profile, session, startUrl }: SsoSource): string {
  if (profile !== undefined) return `the SSO session of profile ${quoteName(profile)}`;
  return `the SSO session ${session ?? startUrl}`;
}

/** The command that signs in to a source. */
export function signInCommand({ profile, session }: SsoSource): string {
  return profile !== undefined
    ? `run: aws sso login --profile ${shellWord(profile)}`
    : `run: aws sso login --sso-session ${shellWord(session ?? "")}`;
}

/**
 * The role credentials that a signed-in session gives.
 *
 * @throws {UserError} when nobody is signed in, the session has expired or is refused, or the role
 * is not assigned
 */
export async function ssoCredentials(
  source: SsoSource,
  system: System,
  clients: ClientSettings,
): Promise<AwsCredentials> {
  const token = await readToken(source, system);
  const { SSOClient, GetRoleCredentialsCommand } = await loadSso();
  const client = new SSOClient(await clients.of("sso", source.ssoRegion));
  try {
    const { roleCredentials } = await client.send(
      new GetRoleCredentialsCommand({
        accessToken: token.reveal(),
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
  } catch (error) {
    throw portalError(error, source);
  }
}

function portalError(error: unknown, source: SsoSource): unknown {
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (status === 401) {
    return ssoError("sso-session-refused", `AWS refused ${sessionLabel(source)}`, source, error);
  }
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

async function readToken(source: SsoSource, { env, readTextFile, now }: System): Promise<Secret> {
  const path = await tokenPath(env, source);
  let text: string;
  try {
    text = await readTextFile(path);
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
  if (token.expiresAt <= now()) {
    throw ssoError("sso-session-expired", `${sessionLabel(source)} has expired`, source);
  }
  return token.accessToken;
}

/** The token in a cache file, or `undefined` when the text is no such file. */
export function parseToken(text: string): { accessToken: Secret; expiresAt: Date } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { accessToken, expiresAt } = (value ?? {}) as Record<string, unknown>;
  if (typeof accessToken !== "string" || accessToken === "") return undefined;
  if (typeof expiresAt !== "string") return undefined;
  // Older AWS CLIs end the time in the letters UTC
  const time = new Date(expiresAt.replace(/UTC$/, "Z"));
  if (Number.isNaN(time.getTime())) return undefined;
  return { accessToken: new Secret(accessToken), expiresAt: time };
}

function ssoError(code: string, message: string, source: SsoSource, cause?: unknown): UserError {
  return new UserError(message, {
    code,
    exitCode: exitCodes.credentials,
    hint: signInCommand(source),
    cause,
  });
}
