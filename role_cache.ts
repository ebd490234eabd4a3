/**
 * The AWS CLI's cache of role credentials, `~/.aws/cli/cache`, in its format and under its keys
 * (botocore's `credentials.py`: `CachedCredentialFetcher`, and `JSONFileCache` of `utils.py`): a
 * code that was typed for the one serves the other.
 *
 * A key says which role, and not who assumed it. So an entry of ours has a field more, which the
 * CLI passes over: a hash of the source, the roles before this one, and STS's endpoint. It counts
 * only for the same. An entry of the CLI's has no such field; it counts when every profile with this
 * key leads to the identity wanted, since then it can be no other's.
 *
 * @module
 */

import { dirname } from "node:path";
import { type AwsConfig, type Env, expandPath } from "./aws_config.ts";
import { type AwsCredentials, checkedCredentials } from "./clients.ts";
import { errorCode, followLinks, lockFolder, removeLeftovers, replaceFile } from "./file_lock.ts";
import { type Hop, planProfile, type Source } from "./profiles.ts";
import type { AwsSettings } from "./settings.ts";
import type { RoleSession } from "./sts.ts";
import type { System } from "./system.ts";
import { UserError } from "./errors.ts";

/** Entries that last no longer than this count as expired, in milliseconds, as for botocore. */
const expiryWindow = 15 * 60 * 1000;

/** How long to wait for another process that writes, in milliseconds. */
const lockTimeout = 5000;

/** What the cache is asked for: a role, by the roles before it, from a source. */
export interface CachedStep {
  readonly source: Source;
  /** In order; the last is the one wanted. */
  readonly hops: readonly CachedHop[];
}

/** A hop as far as the cache is concerned. */
export type CachedHop = Hop & { readonly tags?: readonly unknown[] | undefined };

/** The cache, as a run uses it. */
export interface RoleCache {
  /** Credentials that still last for a while, or `undefined`. */
  readonly read: (step: CachedStep) => Promise<AwsCredentials | undefined>;
  /** Keeps a session. What prevents it is reported, and no error. */
  readonly write: (step: CachedStep, session: RoleSession) => Promise<void>;
}

/** What {@linkcode openRoleCache} works with. */
export interface RoleCacheContext {
  readonly config: AwsConfig;
  readonly system: System;
  readonly settings: Pick<AwsSettings, "endpointOverride">;
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
}

/**
 * The name of a hop's entry, without `.json`: the SHA-1 of what AssumeRole is asked for, as Python
 * writes it. A session name counts when it is configured, as it is made up otherwise.
 */
export async function roleCacheKey(hop: Hop): Promise<string> {
  const params = {
    DurationSeconds: hop.durationSeconds,
    ExternalId: hop.externalId,
    RoleArn: hop.roleArn,
    RoleSessionName: hop.sessionName,
    SerialNumber: hop.mfaSerial,
  };
  // every value has been checked to be ASCII, which Python would escape the rest to
  const members = Object.entries(params).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
  return await hash("SHA-1", `{${members.join(", ")}}`);
}

/** Opens the cache; nothing is read or made yet. */
export function openRoleCache(context: RoleCacheContext): RoleCache {
  const { system, signal, report } = context;
  const pathOf = async (hop: Hop) =>
    expandPath(`~/.aws/cli/cache/${await roleCacheKey(hop)}.json`, system.env);
  return {
    read: async (step) => {
      const hop = step.hops.at(-1);
      if (hop === undefined || !isCached(step.hops)) return undefined;
      const origin = await originOf(step, context);
      if (origin === undefined) return undefined;
      const text = await system.readTextFile(await pathOf(hop)).catch((error: unknown) => {
        if (!(error instanceof Deno.errors.NotFound)) {
          report(`ignored the cached credentials of ${hop.roleArn}: ${reasonOf(error)}`);
        }
      });
      const entry = text === undefined ? undefined : parseEntry(text, hop);
      if (entry === undefined) return undefined;
      if ((entry.expiration?.getTime() ?? 0) - system.now().getTime() < expiryWindow) {
        return undefined;
      }
      if (entry.origin === origin) return entry;
      if (entry.origin === undefined && await isOnlyOrigin(hop, origin, context)) return entry;
      report(`ignored the cached credentials of ${hop.roleArn}: another identity's`);
      return undefined;
    },
    write: async (step, session) => {
      const hop = step.hops.at(-1);
      if (hop === undefined || !isCached(step.hops)) return;
      const origin = await originOf(step, context);
      if (origin === undefined || session.credentials.expiration === undefined) return;
      const path = await pathOf(hop);
      try {
        await keep(path, formatEntry(session, origin), signal);
        report(`cached the credentials of ${hop.roleArn} in ${path}`);
      } catch (error) {
        signal.throwIfAborted();
        report(`did not cache the credentials of ${hop.roleArn}: ${reasonOf(error)}`);
      }
    },
  };
}

/**
 * Whether the cache is for the last of `hops`: the CLI keeps the roles of profiles, and a code is
 * worth keeping. A plain `--role` lasts no longer than the window. Tags and a source identity make
 * another session of the role that the key does not tell from this one, and the latter is inherited.
 */
function isCached(hops: readonly CachedHop[]): boolean {
  const hop = hops.at(-1);
  return (hop?.profile !== undefined || hop?.mfaSerial !== undefined) &&
    hops.every(({ tags, sourceIdentity }) => tags === undefined && sourceIdentity === undefined);
}

/** A hash of who assumes the role; `undefined` for sources that cannot be told apart for certain. */
async function originOf(
  { source, hops }: CachedStep,
  { system, settings }: Pick<RoleCacheContext, "system" | "settings">,
): Promise<string | undefined> {
  const label = labelOf(source, system.env);
  if (label === undefined) return undefined;
  const before = hops.slice(0, -1).map(({ roleArn }) => roleArn);
  const endpoint = settings.endpointOverride("sts") ?? "";
  return await hash("SHA-256", JSON.stringify([label, before, endpoint]));
}

function labelOf(source: Source, env: Env): readonly string[] | undefined {
  switch (source.kind) {
    case "static":
      return ["key", source.accessKeyId];
    case "environment":
      return ["key", env.AWS_ACCESS_KEY_ID ?? ""];
    case "process":
      return ["process", source.command];
    case "login":
      return ["login", source.loginSession];
    case "sso":
      return ["sso", source.startUrl, source.account, source.role];
    default:
      // a machine's or a job's: got without a person, and another machine may share the home
      return undefined;
  }
}

/** Whether every profile whose role has the key of `hop` has this origin, and there is one. */
async function isOnlyOrigin(
  hop: Hop,
  origin: string,
  context: RoleCacheContext,
): Promise<boolean> {
  const { config, system } = context;
  const key = await roleCacheKey(hop);
  let found = false;
  for (const [name, profile] of config.profiles) {
    if (profile.get("role_arn") !== hop.roleArn) continue;
    let plan;
    try {
      plan = planProfile(config, name, system.env);
    } catch (error) {
      if (error instanceof UserError) continue; // the CLI cannot use it either
      throw error;
    }
    const last = plan.hops.at(-1);
    if (last === undefined) return false; // a web identity's role, which has the same keys
    if (await roleCacheKey(last) !== key) continue;
    // the keys in the environment may have been others then
    if (plan.source.kind === "environment") return false;
    if (await originOf(plan, context) !== origin) return false;
    found = true;
  }
  return found;
}

/** What an entry holds; of the CLI's there is no origin. */
type Entry = AwsCredentials & { readonly origin: string | undefined };

/**
 * The credentials in an entry, or `undefined` when the text is none, or that of another role.
 */
export function parseEntry(text: string, hop: Hop): Entry | undefined {
  try {
    const { Credentials, AssumedRoleUser, Ecrin } = JSON.parse(text);
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials;
    const values = [AccessKeyId, SecretAccessKey, SessionToken, Expiration, AssumedRoleUser.Arn];
    if (!values.every((value) => typeof value === "string" && value !== "")) return undefined;
    if (!isSessionOf(AssumedRoleUser.Arn, hop)) return undefined;
    // older AWS CLIs end the time in the letters UTC
    const expiration = new Date(Expiration.replace(/UTC$/, "Z"));
    if (Number.isNaN(expiration.getTime())) return undefined;
    const credentials = checkedCredentials({
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expiration,
    }, "reading the cache");
    return { ...credentials, origin: Ecrin === undefined ? undefined : String(Ecrin.Origin) };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Whether `arn:aws:sts::222222222222:assumed-role/deploy/ann` is a session of the hop's role. */
function isSessionOf(userArn: string, { roleArn, sessionName }: Hop): boolean {
  const role = /^arn:([^:]+):iam::(\d+):role\/(?:.*\/)?([^/]+)$/.exec(roleArn)?.slice(1);
  const user = /^arn:([^:]+):sts::(\d+):assumed-role\/([^/]+)\/([^/]+)$/.exec(userArn)?.slice(1);
  return role !== undefined && role.every((part, index) => part === user?.[index]) &&
    (sessionName === undefined || sessionName === user?.[3]);
}

/** The answer of AssumeRole as the CLI keeps it, and the origin. */
function formatEntry({ credentials, user }: RoleSession, origin: string): string {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials;
  return JSON.stringify({
    Credentials: {
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      SessionToken: sessionToken,
      Expiration: expiration?.toISOString().replace(/\.\d+/, ""),
    },
    AssumedRoleUser: { AssumedRoleId: user.id, Arn: user.arn },
    Ecrin: { Origin: origin },
  });
}

async function keep(path: string, text: string, signal: AbortSignal): Promise<void> {
  const folder = dirname(path);
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  await using _lock = await lockFolder(folder, { timeoutMs: lockTimeout, signal });
  const file = await followLinks(path);
  await removeLeftovers(file);
  // a new file takes the mode of the one that it replaces
  if (Deno.build.os !== "windows") await Deno.chmod(file, 0o600).catch(() => {});
  await replaceFile(file, new TextEncoder().encode(text));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? errorCode(error) ?? error.message : String(error);
}

async function hash(algorithm: "SHA-1" | "SHA-256", text: string): Promise<string> {
  // not node:crypto, which takes every run several milliseconds to load
  const digest = await crypto.subtle.digest(algorithm, new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
