/**
 * The files of the AWS CLI's cache of credentials, `~/.aws/cli/cache`, in its format (botocore's
 * `credentials.py`: `CachedCredentialFetcher`, and `JSONFileCache` of `utils.py`): read with care,
 * written whole.
 *
 * A key says which role, and not who gets it. So an entry of ours has a field more, which the CLI
 * passes over: a hash of who that is. It counts only for the same.
 *
 * @module
 */

import { dirname } from "node:path";
import { type AwsConfig, type Env, expandPath } from "./aws_config.ts";
import { type AwsCredentials, checkedCredentials } from "./clients.ts";
import { errorCode, followLinks, lockFolder, removeLeftovers, replaceFile } from "./file_lock.ts";
import type { AwsSettings } from "./settings.ts";
import type { System } from "./system.ts";
import { utcTimestamp } from "./utc_timestamp.ts";

/** Entries that last no longer than this count as expired, in milliseconds, as for botocore. */
const expiryWindow = 15 * 60 * 1000;

/** How long to wait for another process that writes, in milliseconds. */
export const cacheLockTimeout = 5000;

/** What the cache works with. */
export interface CacheContext {
  readonly config: AwsConfig;
  readonly system: System;
  readonly settings: Pick<AwsSettings, "endpointOverride">;
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
}

/** The fields of an entry, as JSON gives them. */
// deno-lint-ignore no-explicit-any -- parseEntry checks what it takes
export type EntryFields = any;

/** A place in the cache, and what counts there. */
export interface CacheSlot {
  /** The name of its file, without `.json`. */
  readonly key: string;
  /** The role, for messages. */
  readonly name: string;
  /** A hash of who gets the role's credentials. */
  readonly origin: string;
  /** Written beside the keys, as newer AWS CLIs do for some roles. */
  readonly account?: string;
  /** Whether the fields are those of an entry for this role; may throw a TypeError. */
  readonly fits: (fields: EntryFields) => boolean;
  /** Whether an entry of the AWS CLI's, which has no origin, can be of this one only. */
  readonly isOnlyOrigin: () => Promise<boolean>;
}

/** What an entry holds; of the CLI's there is no origin. */
export type CacheEntry = AwsCredentials & { readonly origin: string | undefined };

/** The folder of the cache. */
export function cacheFolder(env: Env): string {
  return expandPath("~/.aws/cli/cache", env);
}

function pathOf(key: string, env: Env): string {
  return `${cacheFolder(env)}/${key}.json`;
}

/** Credentials in `slot` that still last for a while, or `undefined`. */
export async function readSlot(
  slot: CacheSlot,
  { system, report }: CacheContext,
): Promise<AwsCredentials | undefined> {
  const text = await system.readTextFile(pathOf(slot.key, system.env)).catch((error: unknown) => {
    if (!(error instanceof Deno.errors.NotFound)) {
      report(`ignored the cached credentials of ${slot.name}: ${reasonOf(error)}`);
    }
  });
  const entry = text === undefined ? undefined : parseEntry(text, slot.fits);
  if (entry === undefined) return undefined;
  if ((entry.expiration?.getTime() ?? 0) - system.now().getTime() < expiryWindow) return undefined;
  if (entry.origin === slot.origin) return entry;
  if (entry.origin === undefined && await slot.isOnlyOrigin()) return entry;
  report(`ignored the cached credentials of ${slot.name}: another identity's`);
  return undefined;
}

/**
 * Keeps credentials in `slot`. What prevents it is reported, and no error.
 *
 * @param more the fields of the entry beside `Credentials`
 * @returns the path of the file; undefined when they are not kept
 */
export async function writeSlot(
  slot: CacheSlot,
  credentials: AwsCredentials,
  more: Readonly<Record<string, unknown>>,
  { system, signal, report }: CacheContext,
): Promise<string | undefined> {
  if (credentials.expiration === undefined) return undefined;
  const path = pathOf(slot.key, system.env);
  try {
    await keep(path, formatEntry(slot, credentials, more), signal);
    return path;
  } catch (error) {
    signal.throwIfAborted();
    report(`did not cache the credentials of ${slot.name}: ${reasonOf(error)}`);
    return undefined;
  }
}

/** The credentials in an entry, or `undefined` when the text is none, or one that does not fit. */
export function parseEntry(text: string, fits: CacheSlot["fits"]): CacheEntry | undefined {
  try {
    const fields: EntryFields = JSON.parse(text);
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = fields.Credentials;
    const values = [AccessKeyId, SecretAccessKey, SessionToken, Expiration];
    if (!values.every((value) => typeof value === "string" && value !== "")) return undefined;
    if (!fits(fields)) return undefined;
    // older AWS CLIs end the time in the letters UTC
    const expiration = new Date(Expiration.replace(/UTC$/, "Z"));
    if (Number.isNaN(expiration.getTime())) return undefined;
    const credentials = checkedCredentials({
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expiration,
    }, "reading the cache");
    const { Ecrin } = fields;
    return { ...credentials, origin: Ecrin === undefined ? undefined : String(Ecrin.Origin) };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function formatEntry(
  { account, origin }: CacheSlot,
  { accessKeyId, secretAccessKey, sessionToken, expiration }: AwsCredentials,
  more: Readonly<Record<string, unknown>>,
): string {
  return JSON.stringify({
    Credentials: {
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      SessionToken: sessionToken,
      Expiration: expiration && utcTimestamp(expiration),
      ...(account === undefined ? {} : { AccountId: account }),
    },
    ...more,
    Ecrin: { Origin: origin },
  });
}

async function keep(path: string, text: string, signal: AbortSignal): Promise<void> {
  const folder = dirname(path);
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  await using _lock = await lockFolder(folder, { timeoutMs: cacheLockTimeout, signal });
  const file = await followLinks(path);
  await removeLeftovers(file);
  await replaceFile(file, new TextEncoder().encode(text), { secret: true });
}

/** The errno of what went wrong with a file, or its message. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? errorCode(error) ?? error.message : String(error);
}
