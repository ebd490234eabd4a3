/**
 * The file of a signed-in session, which the AWS CLI, the SDKs and ecrin share: where it is, what is
 * in it, and how it looks after a refresh. Pure.
 *
 * ```ts
 * const token = parseToken(await Deno.readTextFile(path));
 * ```
 *
 * @module
 */

import { type Env, expandPath } from "./aws_config.ts";
import { hash } from "./cache_names.ts";
import { Secret } from "./secret.ts";
import type { SsoSession } from "./sso_profile.ts";
import type { Registration } from "./sso_registration.ts";
import { utcTimestamp } from "./utc_timestamp.ts";

/** The token of a session. */
export interface SsoToken {
  readonly accessToken: Secret;
  readonly expiresAt: Date;
  /** What refreshes it; undefined when the file holds no such thing. */
  readonly grant: RefreshGrant | undefined;
}

/** What CreateToken takes for a new access token. */
export interface RefreshGrant {
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly refreshToken: Secret;
  /** When the client's registration, and with it the refresh token, runs out; undefined: not said. */
  readonly registrationExpiresAt: Date | undefined;
}

/** What CreateToken answers. */
export interface NewToken {
  readonly accessToken: string;
  /** In seconds. */
  readonly expiresIn: number;
  /** The refresh token from now on; undefined: the old one stays. */
  readonly refreshToken: string | undefined;
}

/** Where the AWS CLI, the SDKs and ecrin keep tokens and registrations. */
export function tokenFolder(env: Env): string {
  return expandPath("~/.aws/sso/cache", env);
}

/**
 * Path of the token of a session: the SHA-1 of the sso-session's name, or of the start URL exactly
 * as written for profiles without one (botocore's `SSOTokenLoader`).
 */
export async function tokenPath(
  env: Env,
  source: Pick<SsoSession, "session" | "startUrl">,
): Promise<string> {
  return `${tokenFolder(env)}/${await hash("SHA-1", source.session ?? source.startUrl)}.json`;
}

/** The token in a cache file, or `undefined` when the text is no such file. */
export function parseToken(text: string): SsoToken | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const fields = (value ?? {}) as Record<string, unknown>;
  const accessToken = secretOf(fields.accessToken);
  const expiresAt = parseTimestamp(fields.expiresAt);
  if (accessToken === undefined || expiresAt === undefined) return undefined;
  return { accessToken, expiresAt, grant: grantOf(fields) };
}

function grantOf(fields: Record<string, unknown>): RefreshGrant | undefined {
  const { clientId } = fields;
  const clientSecret = secretOf(fields.clientSecret);
  const refreshToken = secretOf(fields.refreshToken);
  if (clientSecret === undefined || refreshToken === undefined) return undefined;
  if (typeof clientId !== "string" || clientId === "") return undefined;
  const registrationExpiresAt = parseTimestamp(fields.registrationExpiresAt);
  return { clientId, clientSecret, refreshToken, registrationExpiresAt };
}

function secretOf(value: unknown): Secret | undefined {
  return typeof value === "string" && value !== "" ? new Secret(value) : undefined;
}

/** A time in a cache file, or `undefined` for anything else. */
export function parseTimestamp(value: unknown): Date | undefined {
  if (typeof value !== "string") return undefined;
  // Older AWS CLIs end the time in the letters UTC
  const time = new Date(value.replace(/UTC$/, "Z"));
  return Number.isNaN(time.getTime()) ? undefined : time;
}

/** What refreshes `token`, or `undefined` when nothing does, or no longer. */
export function usableGrant(token: SsoToken, now: Date): RefreshGrant | undefined {
  const { grant } = token;
  const end = grant?.registrationExpiresAt;
  return end !== undefined && end <= now ? undefined : grant;
}

/**
 * The cache file of a session that was signed in to just now, with the fields of the AWS CLI in its
 * order (`SSOTokenFetcher` in botocore's utils.py).
 */
export function signedInText(
  { startUrl, ssoRegion }: Pick<SsoSession, "startUrl" | "ssoRegion">,
  { token, client }: { readonly token: NewToken; readonly client: Registration },
  now: Date,
): string {
  const { accessToken, expiresIn, refreshToken } = token;
  return JSON.stringify({
    startUrl,
    region: ssoRegion,
    accessToken,
    expiresAt: utcTimestamp(new Date(now.getTime() + expiresIn * 1000)),
    clientId: client.clientId,
    clientSecret: client.clientSecret.reveal(),
    registrationExpiresAt: utcTimestamp(client.expiresAt),
    ...(refreshToken === undefined ? {} : { refreshToken }),
  });
}

/**
 * The cache file `text` with a new token in it. Every other field stays, in its place, also those
 * that ecrin does not know.
 *
 * @throws {SyntaxError} when `text` is no JSON
 */
export function refreshedText(text: string, token: NewToken, now: Date): string {
  const { accessToken, expiresIn, refreshToken } = token;
  const end = new Date(now.getTime() + expiresIn * 1000);
  return JSON.stringify({
    ...JSON.parse(text),
    accessToken,
    expiresAt: utcTimestamp(end),
    ...(refreshToken === undefined ? {} : { refreshToken }),
  });
}
