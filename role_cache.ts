/**
 * Role credentials in the AWS CLI's cache, under its keys: a code that was typed for the one serves
 * the other. Here is what is cached and whose an entry is; cli_cache.ts has the files.
 *
 * The origin of a role is a hash of the source, the roles before it, and STS's endpoint. An entry of
 * the CLI's has none; it counts when every profile with this key leads to the identity wanted, since
 * then it can be no other's.
 *
 * @module
 */

import type { Env } from "./aws_config.ts";
import { hash } from "./cache_names.ts";
import {
  type CacheContext,
  type CacheEntry,
  type CacheSlot,
  type EntryFields,
  parseEntry as parseFitting,
  readSlot,
  writeSlot,
} from "./cli_cache.ts";
import type { AwsCredentials } from "./clients.ts";
import { UserError } from "./errors.ts";
import { type Hop, planProfile, type Source } from "./profiles.ts";
import { ssoEntryFields, ssoSlot } from "./sso_role_cache.ts";
import type { RoleSession } from "./sts.ts";

/** What the cache is asked for: a role, by the roles before it, from a source. */
export interface CachedStep {
  readonly source: Source;
  /** In order; the last is the one wanted. Without any it is the source's own role. */
  readonly hops: readonly CachedHop[];
}

/** A hop as far as the cache is concerned. */
export type CachedHop = Hop & { readonly tags?: readonly unknown[] | undefined };

/** A session of a role; those of IAM Identity Center come without a user. */
export type CachedSession = Pick<RoleSession, "credentials"> & Partial<RoleSession>;

/** The cache, as a run uses it. */
export interface RoleCache {
  /** Credentials that still last for a while, or `undefined`. */
  readonly read: (step: CachedStep) => Promise<AwsCredentials | undefined>;
  /** Keeps a session, and tells in which file. What prevents it is reported, and no error. */
  readonly write: (step: CachedStep, session: CachedSession) => Promise<string | undefined>;
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
export function openRoleCache(context: CacheContext): RoleCache {
  // one after the other: a run with many accounts would else poll for its own lock
  let last: Promise<unknown> = Promise.resolve();
  return {
    read: async (step) => {
      const slot = await slotOf(step, context);
      return slot && await readSlot(slot, context);
    },
    write: async (step, { credentials, user }) => {
      const slot = await slotOf(step, context);
      if (slot === undefined) return undefined;
      const fields = user === undefined
        ? ssoEntryFields
        : { AssumedRoleUser: { AssumedRoleId: user.id, Arn: user.arn } };
      const written = last.then(() => writeSlot(slot, credentials, fields, context));
      last = written.catch(() => {});
      return await written;
    },
  };
}

/** The place of a step's credentials; `undefined` for those that are not cached. */
async function slotOf(step: CachedStep, context: CacheContext): Promise<CacheSlot | undefined> {
  const { source, hops } = step;
  const hop = hops.at(-1);
  if (hop === undefined) return source.kind === "sso" ? await ssoSlot(source, context) : undefined;
  if (!isCached(hops)) return undefined;
  const origin = await originOf(step, context);
  if (origin === undefined) return undefined;
  return {
    key: await roleCacheKey(hop),
    name: hop.roleArn,
    origin,
    fits: (fields) => isSessionOf(fields, hop),
    isOnlyOrigin: () => isOnlyOrigin(hop, origin, context),
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
  { system, settings }: Pick<CacheContext, "system" | "settings">,
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
  context: CacheContext,
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

/** The credentials in an entry, or `undefined` when the text is none, or that of another role. */
export function parseEntry(text: string, hop: Hop): CacheEntry | undefined {
  return parseFitting(text, (fields) => isSessionOf(fields, hop));
}

/** Whether `arn:aws:sts::222222222222:assumed-role/deploy/ann` is a session of the hop's role. */
function isSessionOf({ AssumedRoleUser }: EntryFields, { roleArn, sessionName }: Hop): boolean {
  const { Arn: userArn } = AssumedRoleUser;
  if (typeof userArn !== "string") return false;
  const role = /^arn:([^:]+):iam::(\d+):role\/(?:.*\/)?([^/]+)$/.exec(roleArn)?.slice(1);
  const user = /^arn:([^:]+):sts::(\d+):assumed-role\/([^/]+)\/([^/]+)$/.exec(userArn)?.slice(1);
  return role !== undefined && role.every((part, index) => part === user?.[index]) &&
    (sessionName === undefined || sessionName === user?.[3]);
}
