/**
 * Refreshing the token of a session. Its refresh token is good once, and neither the AWS CLI nor the
 * SDKs lock the file: so here is a lock, a look at what is in the file by then, and the new refresh
 * token kept before anything else happens.
 *
 * @module
 */

import { dirname } from "node:path";
import { exitCodes, UserError } from "./errors.ts";
import {
  errorCode,
  followLinks,
  lockFolder,
  LockTimeout,
  removeLeftovers,
  replaceFile,
} from "./file_lock.ts";
import type { SsoContext } from "./sso_context.ts";
import { createToken } from "./sso_oidc.ts";
import {
  type NewToken,
  parseToken,
  refreshedText,
  type SsoToken,
  usableGrant,
} from "./sso_token.ts";
import type { System } from "./system.ts";

/** How long another process may be refreshing, in milliseconds. */
const lockTimeoutMs = 60_000;

/**
 * A token in place of `old`: the one that another process put into the file meanwhile, or else a
 * refreshed one, which is written to the file. When it cannot be written it is good for this run.
 *
 * @param old the token that the file held when it was read, expired or not
 * @param file its path, and the region of its session
 * @returns undefined when nothing refreshes it
 * @throws what CreateToken throws, and {@linkcode UserError} when the file stays locked
 */
export async function refreshToken(
  old: SsoToken,
  file: { path: string; region: string },
  context: SsoContext,
): Promise<SsoToken | undefined> {
  const { system, report } = context;
  if (usableGrant(old, system.now()) === undefined) return undefined;
  const path = await followLinks(file.path);
  await using lock = await lockCache(dirname(path), context);
  if (lock !== undefined) await removeLeftovers(path);
  const text = await textOf(path, system);
  const current = parseToken(text ?? "");
  if (text === undefined || current === undefined) return undefined; // signed out meanwhile
  if (isNewer(current, old, system)) {
    report("another process has refreshed the SSO token");
    return current;
  }
  const grant = usableGrant(current, system.now());
  if (grant === undefined) return undefined;
  let answer: NewToken;
  try {
    answer = await createToken(
      {
        grantType: "refresh_token",
        clientId: grant.clientId,
        clientSecret: grant.clientSecret.reveal(),
        refreshToken: grant.refreshToken.reveal(),
      },
      file.region,
      context.clients,
    );
  } catch (error) {
    // a program without a lock may have used the refresh token up
    const other = parseToken(await textOf(path, system) ?? "");
    if (other === undefined || !isNewer(other, old, system)) throw error;
    report("another program has refreshed the SSO token");
    return other;
  }
  const refreshed = refreshedText(text, answer, system.now());
  await keep(path, { old: text, refreshed }, context);
  return parseToken(refreshed);
}

function isNewer(token: SsoToken, old: SsoToken, system: System): boolean {
  return token.accessToken.reveal() !== old.accessToken.reveal() && token.expiresAt > system.now();
}

async function textOf(path: string, { readTextFile }: System): Promise<string | undefined> {
  return await readTextFile(path).catch(() => undefined);
}

/** The lock of the folder; undefined where it cannot be locked, as in a home of someone else's. */
async function lockCache(
  folder: string,
  { signal, report }: SsoContext,
): Promise<AsyncDisposable | undefined> {
  try {
    return await lockFolder(folder, { timeoutMs: lockTimeoutMs, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LockTimeout) {
      throw new UserError(
        `cannot refresh the SSO token: another ecrin process keeps ${folder} locked`,
        {
          code: "sso-cache-locked",
          exitCode: exitCodes.credentials,
          hint: "wait until it is done, or end it",
          cause: error,
        },
      );
    }
    report(`could not lock ${folder} (${reason(error)})`);
    return undefined;
  }
}

/** Puts the refreshed token into the file, unless someone else wrote or removed it meanwhile. */
async function keep(
  path: string,
  { old, refreshed }: { old: string; refreshed: string },
  { system, report }: SsoContext,
): Promise<void> {
  try {
    const written = await replaceFile(path, new TextEncoder().encode(refreshed), {
      secret: true,
      unchanged: async () => await textOf(path, system) === old,
      report,
    });
    report(
      written
        ? `refreshed the SSO token in ${path}`
        : `refreshed the SSO token, for this run only: ${path} was changed meanwhile`,
    );
  } catch (error) {
    report(
      `refreshed the SSO token, for this run only: ${path} cannot be written (${reason(error)})`,
    );
  }
}

function reason(error: unknown): string {
  return errorCode(error) ?? (error instanceof Error ? error.name : String(error));
}
