/**
 * Role credentials of IAM Identity Center in the AWS CLI's cache, under its keys (botocore's
 * `credentials.py`: `SSOCredentialFetcher`): what the portal gave the one serves the other.
 *
 * A key names the session, the account and the role. A session's name says nothing of its portal, so
 * the origin of an entry is a hash of the portal: start URL, region and endpoint. An entry of the
 * CLI's has none; it counts when the config file's session is the one wanted.
 *
 * @module
 */

import type { AwsConfig } from "./aws_config.ts";
import { hash, pythonAscii } from "./cache_names.ts";
import {
  type CacheContext,
  cacheFolder,
  cacheLockTimeout,
  type CacheSlot,
  type EntryFields,
  reasonOf,
} from "./cli_cache.ts";
import { UserError } from "./errors.ts";
import { lockFolder, removeFile } from "./file_lock.ts";
import { parseSso, type SsoSession, type SsoSource } from "./sso_profile.ts";

/** What an entry has beside `Credentials`. */
export const ssoEntryFields = { ProviderType: "sso" } as const;

/**
 * The name of a role's entry, without `.json`: the SHA-1 of its account, name and session, in the
 * compact JSON of Python, which escapes what is not ASCII.
 */
export async function ssoRoleCacheKey(
  { session, startUrl, account, role }: Omit<SsoSource, "kind" | "profile" | "ssoRegion">,
): Promise<string> {
  const of = session === undefined ? { startUrl } : { sessionName: session };
  // sorted by name, as botocore has them
  const json = JSON.stringify({ accountId: account, roleName: role, ...of });
  return await hash("SHA-1", pythonAscii(json));
}

/** The place of a role's credentials. */
export async function ssoSlot(source: SsoSource, context: CacheContext): Promise<CacheSlot> {
  return {
    key: await ssoRoleCacheKey(source),
    name: `${source.account}/${source.role}`,
    origin: await originOf(source, context),
    account: source.account,
    fits: (fields) =>
      isSso(fields) && (fields.Credentials.AccountId ?? source.account) === source.account,
    isOnlyOrigin: () => Promise.resolve(isOnlySession(source, context.config)),
  };
}

function isSso(fields: EntryFields): boolean {
  return fields?.ProviderType === ssoEntryFields.ProviderType;
}

/** A hash of the session; its name is part of it, so that one of several can be logged out of. */
async function originOf(
  { session, startUrl, ssoRegion }: SsoSession,
  { settings }: Pick<CacheContext, "settings">,
): Promise<string> {
  const endpoint = settings.endpointOverride("sso") ?? "";
  return await hash("SHA-256", JSON.stringify([session ?? "", startUrl, ssoRegion, endpoint]));
}

/** Whether the config file leads everybody with the key of `source` to its portal, and somebody. */
function isOnlySession({ session, startUrl, ssoRegion }: SsoSource, config: AwsConfig): boolean {
  if (session !== undefined) {
    const settings = config.ssoSessions.get(session);
    return settings?.get("sso_start_url") === startUrl && settings.get("sso_region") === ssoRegion;
  }
  const regions = [...config.profiles.values()]
    .filter((profile) => !profile.has("sso_session") && profile.get("sso_start_url") === startUrl)
    .map((profile) => profile.get("sso_region"));
  return regions.length > 0 && regions.every((region) => region === ssoRegion);
}

/**
 * Removes the entries of IAM Identity Center: those of one session, as far as they can be told, or
 * all. What cannot be removed is reported.
 *
 * @returns how many were removed
 */
export async function removeSsoRoles(
  session: SsoSession | undefined,
  context: CacheContext,
): Promise<number> {
  const { system, signal, report } = context;
  const folder = cacheFolder(system.env);
  let count = 0;
  try {
    await using _lock = await lockFolder(folder, { timeoutMs: cacheLockTimeout, signal });
    const isWanted = session === undefined ? isSso : await entriesOf(session, context);
    for (const { name } of await Array.fromAsync(Deno.readDir(folder))) {
      if (!name.endsWith(".json")) continue;
      const path = `${folder}/${name}`;
      const text = await system.readTextFile(path).catch(() => "");
      if (!isWanted(fieldsOf(text), name.slice(0, -".json".length))) continue;
      await removeFile(path);
      report(`removed ${path}`);
      count++;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Deno.errors.NotFound)) {
      report(`did not clear ${folder}: ${reasonOf(error)}`);
    }
  }
  return count;
}

/** Tells the entries of a session: by their origin, or as the role of one of its profiles. */
async function entriesOf(
  session: SsoSession,
  context: CacheContext,
): Promise<(fields: EntryFields, key: string) => boolean> {
  const { config } = context;
  const origin = await originOf(session, context);
  const keys = new Set<string>();
  for (const [name, settings] of config.profiles) {
    try {
      const source = parseSso({ config, name, settings });
      if (source === undefined || source.session !== session.session) continue;
      if (session.session === undefined && source.startUrl !== session.startUrl) continue;
      keys.add(await ssoRoleCacheKey(source));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
  return (fields, key) => keys.has(key) || (isSso(fields) && fields.Ecrin?.Origin === origin);
}

function fieldsOf(text: string): EntryFields {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
