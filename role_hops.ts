/**
 * From the first credentials to those in use: the source's, then one AssumeRole a hop, in order.
 *
 * @module
 */

import { awsError } from "./aws_errors.ts";
import { type AwsCredentials, checkedCredentials, stsRegion } from "./clients.ts";
import { loadCredentialProviders } from "./deps.ts";
import { exitCodes, quoteName, shellWord, usageError, UserError } from "./errors.ts";
import type { Hop, Source } from "./profiles.ts";
import type { Tag } from "./role.ts";
import { conceal } from "./secret.ts";
import { describeSource, type SourceContext, sourceCredentials } from "./sources.ts";

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
}

/** Longest session, in seconds, of a role that another role's session assumes (STS). */
const longestChained = 3600;

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
 * @throws {UserError} when a hop needs an MFA code, or asks for a session longer than STS gives
 */
export function checkHops(source: Source, hops: readonly RoleHop[]): void {
  for (const [index, hop] of hops.entries()) {
    if (hop.mfaSerial !== undefined) throw mfaNeeded(hop, hops);
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

function mfaNeeded({ profile, roleArn }: RoleHop, hops: readonly RoleHop[]): UserError {
  const name = profile ?? "default";
  // the profile that was named: its credentials are the ones wanted, wherever the code is asked for
  const named = hops.findLast((hop) => hop.profile !== undefined)?.profile ?? name;
  return new UserError(`profile ${quoteName(name)} needs an MFA code to assume ${roleArn}`, {
    code: "mfa-needed",
    exitCode: exitCodes.credentials,
    hint: `run: eval "$(aws configure export-credentials --profile ${
      shellWord(named)
    } --format env)", then ecrin without --profile`,
  });
}

/** What {@linkcode resolveIdentity} works with. */
export interface IdentityContext extends SourceContext {
  /** The identities of the run by their hops, so that each step is taken once. */
  readonly identities: Map<string, Promise<Identity>>;
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
  const key = JSON.stringify(hops);
  const known = context.identities.get(key);
  if (known !== undefined) return known;
  const identity = takeStep(source, hops, context);
  context.identities.set(key, identity);
  return identity;
}

/** The source's identity, or the last role's by the identity of the hops before it. */
async function takeStep(
  source: Source,
  hops: readonly RoleHop[],
  context: IdentityContext,
): Promise<Identity> {
  const hop = hops.at(-1);
  if (hop === undefined) {
    const { name, renew } = describeSource(source);
    context.report(`identity: ${name}`);
    return { name, renew, credentials: await sourceCredentials(source, context) };
  }
  const by = await resolveIdentity(source, hops.slice(0, -1), context);
  return { ...by, ...await assumeRole(hop, by, context) };
}

async function assumeRole(
  hop: RoleHop,
  by: Identity,
  { clients, region, settings, defaultSessionName, report }: IdentityContext,
): Promise<Pick<Identity, "name" | "credentials">> {
  const sts = stsRegion(hop.roleArn, [hop.region, region, settings.region]);
  const clientConfig = await clients.of("sts", sts);
  const { fromTemporaryCredentials } = await loadCredentialProviders();
  const name = hop.sessionName ?? defaultSessionName;
  const provider = fromTemporaryCredentials({
    masterCredentials: definedOnly(by.credentials),
    params: {
      RoleArn: hop.roleArn,
      RoleSessionName: name,
      DurationSeconds: hop.durationSeconds,
      ExternalId: hop.externalId,
      SourceIdentity: hop.sourceIdentity,
      Tags: hop.tags?.map(({ key, value }) => ({ Key: key, Value: value })),
    },
    clientConfig: clientConfig as never,
  });
  try {
    const credentials = checkedCredentials(await provider(), "AssumeRole");
    const end = credentials.expiration?.toISOString() ?? "an unknown time";
    report(`assumed ${hop.roleArn} as ${name} in ${sts}, until ${end}`);
    return { name: hop.roleArn, credentials };
  } catch (error) {
    throw awsError(error, `AssumeRole ${hop.roleArn}`, { identity: by.name, renew: by.renew });
  }
}

/** The SDK's types know no optional field that is there and `undefined`. */
export function definedOnly(
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
): { accessKeyId: string; secretAccessKey: string; sessionToken?: string } {
  conceal(secretAccessKey);
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}
