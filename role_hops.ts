/**
 * From the first credentials to those in use: the source's, then one AssumeRole a hop, in order.
 *
 * @module
 */

import { awsError } from "./aws_errors.ts";
import { type AwsCredentials, stsRegion } from "./clients.ts";
import { quoteName, usageError } from "./errors.ts";
import type { MfaContext, MfaDevice } from "./mfa.ts";
import { once } from "./once.ts";
import type { Hop, Source } from "./profiles.ts";
import type { Tag } from "./role.ts";
import type { RoleCache } from "./role_cache.ts";
import { describeSource, type SourceContext, sourceCredentials } from "./sources.ts";
import { roleLine, type RoleStep, sourceLine, type SourceStep, type Story } from "./story.ts";
import type { AssumeRoleParams, RoleSession, StsClient } from "./sts.ts";
import { checkWebIdentityRole } from "./web_identity.ts";

/** One AssumeRole, from a profile or from `--role`. */
export interface RoleHop extends Hop {
  readonly tags?: readonly Tag[] | undefined;
}

/** Credentials, and whose they are. */
export interface Identity {
  /** ARN of the last role, else the source as a person calls it. */
  readonly name: string;
  readonly credentials: AwsCredentials;
  /** What renews them when they have run out. */
  readonly renew: string | undefined;
  /** How they came about. */
  readonly story: Story;
}

/** Longest session, in seconds, of a role that another role's session assumes (STS). */
const longestChained = 3600;

/** Life of an MFA session, in seconds: a run's, however many roles it assumes. */
const mfaSessionDuration = 3600;

/** What renews credentials that were cached. */
const renewCached = "add --no-cache for new credentials";

/** Sources whose credentials are a role session, so that further roles are a chain. */
const roleSources: ReadonlySet<Source["kind"]> = new Set([
  "container",
  "instance",
  "sso",
  "web-identity",
]);

/**
 * Checks what can be known of the hops before a request.
 *
 * @throws {UserError} when a hop asks for a session longer than STS gives, or has no use for MFA
 */
export function checkHops(source: Source, hops: readonly RoleHop[]): void {
  if (source.kind === "web-token" && hops[0] !== undefined) {
    checkWebIdentityRole(hops[0]);
    if (hops[0].mfaSerial !== undefined) {
      throw usageError(
        "mfa-without-user",
        `${source.name} has no MFA device`,
        "leave --mfa-serial out: it is for the keys of a user",
      );
    }
  }
  for (const [index, hop] of hops.entries()) {
    const chained = index > 0 || roleSources.has(source.kind);
    if (chained && (hop.durationSeconds ?? 0) > longestChained) {
      throw usageError(
        "duration-too-long",
        `a session of ${hop.roleArn} can last 1h at most: another role's session assumes it`,
        hop.profile === undefined
          ? "use: --duration 1h"
          : `set duration_seconds to ${longestChained} in profile ${quoteName(hop.profile)}`,
      );
    }
  }
}

/** What {@linkcode resolveIdentity} works with. */
export interface IdentityContext extends SourceContext {
  /** The identities of the run by their hops, so that each step is taken once. */
  readonly identities: Map<string, Promise<Identity>>;
  /** The MFA sessions of the run by their device: a code is good once. */
  readonly mfaSessions: Map<string, Promise<AwsCredentials>>;
  readonly mfa: MfaContext;
  /** `undefined` with `--no-cache`. */
  readonly cache: RoleCache | undefined;
  /** Region of what is logged in to, for STS. */
  readonly region: string | undefined;
  readonly defaultSessionName: string;
}

/**
 * Gets the credentials of the source and assumes the roles, in order.
 *
 * @throws {UserError} when a step fails
 */
export function resolveIdentity(
  source: Source,
  hops: readonly RoleHop[],
  context: IdentityContext,
): Promise<Identity> {
  return once(
    context.identities,
    JSON.stringify([describeSource(source), hops]),
    () => takeStep(source, hops, context),
  );
}

/** The source's identity, or the last role's by the identity of the hops before it. */
async function takeStep(
  source: Source,
  hops: readonly RoleHop[],
  context: IdentityContext,
): Promise<Identity> {
  const hop = hops.at(-1);
  if (hop === undefined) return await takeSource(source, context);
  if (source.kind === "web-token" && hops.length === 1) {
    const { assumeWithWebIdentity } = await import("./web_identity_session.ts");
    const { credentials, region } = await assumeWithWebIdentity(source, hop, context);
    const role: RoleStep = {
      roleArn: hop.roleArn,
      sessionName: hop.sessionName ?? context.defaultSessionName,
      region,
      by: "request",
      expiresAt: credentials.expiration,
    };
    context.report(roleLine(role));
    const story = { source: sourceStep(source), roles: [role] };
    return { name: hop.roleArn, renew: undefined, credentials, story };
  }
  const cached = await context.cache?.read({ source, hops });
  if (cached !== undefined) {
    const story = cachedStory(source, hops, cached);
    context.report(sourceLine(story.source));
    for (const role of story.roles) context.report(roleLine(role));
    return { name: hop.roleArn, credentials: cached, renew: renewCached, story };
  }
  const earlier = hops.slice(0, -1);
  const device = deviceFor(hop, earlier);
  if (device !== undefined) (await import("./mfa.ts")).requireMfa(device, context.mfa);
  const by = await resolveIdentity(source, earlier, context);
  const how = { by, device, isFirst: earlier.length === 0 };
  const { session, step: assumed } = await assumeRole(hop, how, context);
  const step = { ...assumed, cachedIn: await context.cache?.write({ source, hops }, session) };
  context.report(roleLine(step));
  const story = { ...by.story, roles: [...by.story.roles, step] };
  return { ...by, name: hop.roleArn, credentials: session.credentials, story };
}

/** The source's identity; its line is told also when it gives nothing. */
async function takeSource(source: Source, context: IdentityContext): Promise<Identity> {
  const { name, renew } = describeSource(source);
  const cached = await context.cache?.read({ source, hops: [] });
  if (cached !== undefined) {
    const step = { ...sourceStep(source, cached), cached: true };
    context.report(sourceLine(step));
    return { name, renew: renewCached, credentials: cached, story: { source: step, roles: [] } };
  }
  let step = sourceStep(source);
  let credentials: AwsCredentials;
  try {
    credentials = await sourceCredentials(source, context);
    const cachedIn = await context.cache?.write({ source, hops: [] }, { credentials });
    step = { ...sourceStep(source, credentials), cachedIn };
  } finally {
    context.report(sourceLine(step));
  }
  return { name, renew, credentials, story: { source: step, roles: [] } };
}

function sourceStep(source: Source, credentials?: AwsCredentials): SourceStep {
  const { kind, profile } = source;
  const { name } = describeSource(source);
  return { kind, profile, name, expiresAt: credentials?.expiration };
}

/** Where the last role's credentials were in the cache, so that nobody was asked. */
function cachedStory(source: Source, hops: readonly RoleHop[], cached: AwsCredentials): Story {
  const roles = hops.map(({ roleArn, sessionName }, index): RoleStep => {
    const isLast = index === hops.length - 1;
    return {
      roleArn,
      sessionName,
      region: undefined,
      by: isLast ? "cache" : "skipped",
      expiresAt: isLast ? cached.expiration : undefined,
    };
  });
  return { source: sourceStep(source), roles };
}

/** The device that a hop wants a code of, unless one of the hops before it had it already. */
function deviceFor(hop: RoleHop, earlier: readonly RoleHop[]): MfaDevice | undefined {
  const { mfaSerial: serial, mfaProcess, roleArn, profile } = hop;
  if (serial === undefined) return undefined;
  if (earlier.some(({ mfaSerial }) => mfaSerial === serial)) return undefined;
  return { serial, roleArn, profile, process: mfaProcess };
}

interface AssumeRoleBy {
  readonly by: Identity;
  readonly device: MfaDevice | undefined;
  /** Whether no role comes before. */
  readonly isFirst: boolean;
}

/**
 * Assumes the role of a hop. The code that it needs buys an MFA session of the user, with which all
 * roles are assumed that want the device: STS takes a code once, and a run may have many accounts.
 * Who has a session already gets no other (GetSessionToken is for long-lived keys); there the code
 * goes with AssumeRole, for that role alone.
 */
async function assumeRole(
  hop: RoleHop,
  { by, device, isFirst }: AssumeRoleBy,
  context: IdentityContext,
): Promise<{ session: RoleSession; step: RoleStep }> {
  const region = stsRegion(hop.roleArn, [hop.region, context.region, context.settings.region]);
  const config = await context.clients.of("sts", region);
  const { name, renew, credentials } = by;
  const { openSts } = await import("./sts.ts");
  const ask = async <T>(
    action: string,
    request: (sts: StsClient) => Promise<T>,
    as = credentials,
  ): Promise<T> => {
    try {
      return await request(openSts(as, config));
    } catch (error) {
      throw awsError(error, action, { identity: name, renew });
    }
  };
  const action = `AssumeRole ${hop.roleArn}`;
  const params = assumeRoleParams(hop, context.defaultSessionName);
  const identify = () => ask("GetCallerIdentity", (sts) => sts.getCallerIdentity());
  let session: RoleSession;
  if (device === undefined) {
    session = await ask(action, (sts) => sts.assumeRole(params));
  } else if (isFirst && credentials.sessionToken === undefined) {
    const mfaSession = once(
      context.mfaSessions,
      device.serial,
      async () =>
        await (await import("./mfa.ts")).withMfaCode(device, context.mfa, {
          identify,
          use: (TokenCode) =>
            ask("GetSessionToken", (sts) =>
              sts.getSessionToken({
                SerialNumber: device.serial,
                TokenCode,
                DurationSeconds: mfaSessionDuration,
              })),
        }),
    );
    session = await ask(action, (sts) => sts.assumeRole(params), await mfaSession);
  } else {
    const { withMfaCode } = await import("./mfa.ts");
    session = await withMfaCode(device, context.mfa, {
      identify,
      use: (TokenCode) =>
        ask(action, (sts) => sts.assumeRole({ ...params, SerialNumber: device.serial, TokenCode })),
    });
  }
  const step: RoleStep = {
    roleArn: hop.roleArn,
    sessionName: params.RoleSessionName,
    region,
    by: device === undefined ? "request" : "mfa",
    expiresAt: session.credentials.expiration,
  };
  return { session, step };
}

function assumeRoleParams(hop: RoleHop, defaultSessionName: string): AssumeRoleParams {
  return {
    RoleArn: hop.roleArn,
    RoleSessionName: hop.sessionName ?? defaultSessionName,
    DurationSeconds: hop.durationSeconds,
    ExternalId: hop.externalId,
    SourceIdentity: hop.sourceIdentity,
    Tags: hop.tags?.map(({ key, value }) => ({ Key: key, Value: value })),
  };
}
