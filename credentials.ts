/**
 * Which identity: the source of the first credentials, in the AWS CLI's order, then a hop a role.
 *
 * @module
 */

import { awsError } from "./aws_errors.ts";
import type { AwsConfig, Env } from "./aws_config.ts";
import { type AwsCredentials, checkedCredentials, stsRegion } from "./clients.ts";
import { loadCredentialProviders } from "./deps.ts";
import { exitCodes, quote, quoteName, shellWord, usageError, UserError } from "./errors.ts";
import { noCredentials } from "./instance.ts";
import { type Hop, planProfile, type Source } from "./profiles.ts";
import { parseRole, type Tag } from "./role.ts";
import { conceal } from "./secret.ts";
import { describeSource, type SourceContext, sourceCredentials } from "./sources.ts";

/** Where an identity comes from, before any request. */
export interface IdentityPlan {
  readonly source: Source;
  /** Roles that the profile assumes, in order. */
  readonly hops: readonly RoleHop[];
  /** The profile whose settings (region, endpoints, CA bundle) hold. */
  readonly settingsProfile: string;
  /** What was there too and why it was not used, for `--verbose`. */
  readonly ignored: readonly string[];
}

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
 * Chooses the source: `--profile`, environment keys, AWS_PROFILE, the default profile, a web
 * identity, container, instance.
 *
 * @throws {UserError} when what was chosen does not exist or cannot work
 */
export function planIdentity(
  config: AwsConfig,
  env: Env,
  asked: { readonly profile: string | undefined },
): IdentityPlan {
  const plan = chooseIdentity(config, env, asked);
  const unused = machineSources.filter(([name, kind]) => env[name] && kind !== plan.source.kind)
    .map(([name]) => `${name}: it is for when nothing else is there`);
  return { ...plan, ignored: [...plan.ignored, ...unused] };
}

/** What the machine offers, by the variable that says so. */
const machineSources: readonly (readonly [name: string, kind: Source["kind"]])[] = [
  ["AWS_WEB_IDENTITY_TOKEN_FILE", "web-identity"],
  ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "container"],
  ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "container"],
];

function chooseIdentity(
  config: AwsConfig,
  env: Env,
  asked: { readonly profile: string | undefined },
): IdentityPlan {
  const named = env.AWS_PROFILE || env.AWS_DEFAULT_PROFILE;
  const variable = env.AWS_PROFILE ? "AWS_PROFILE" : "AWS_DEFAULT_PROFILE";
  const hasKeys = Boolean(env.AWS_ACCESS_KEY_ID);
  if (asked.profile !== undefined) {
    return fromProfile(config, asked.profile, env, [
      ...(hasKeys ? ["the keys in the environment: --profile comes first"] : []),
      ...(named && named !== asked.profile ? [`${variable}: --profile comes first`] : []),
    ]);
  }
  if (hasKeys) {
    checkEnvironmentKeys(env);
    return {
      source: { kind: "environment", profile: undefined },
      hops: [],
      settingsProfile: named || "default",
      ignored: named ? [`${variable} (${named}): the keys in the environment come first`] : [],
    };
  }
  if (named) {
    const other = env.AWS_DEFAULT_PROFILE;
    const ignored = other && other !== named
      ? [`AWS_DEFAULT_PROFILE (${other}): AWS_PROFILE comes first`]
      : [];
    try {
      return fromProfile(config, named, env, ignored);
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== "profile-not-found") throw error;
      throw new UserError(`${error.message}, and ${variable} names it`, error);
    }
  }
  const byDefault = defaultProfile(config, env);
  if (byDefault !== undefined) return byDefault;
  return {
    source: ambientSource(env),
    hops: [],
    settingsProfile: "default",
    ignored: config.profiles.has("default") ? ["the default profile: it has no credentials"] : [],
  };
}

function fromProfile(
  config: AwsConfig,
  name: string,
  env: Env,
  ignored: readonly string[],
): IdentityPlan {
  const { source, hops } = planProfile(config, name, env);
  return { source, hops, settingsProfile: name, ignored };
}

/** The default profile's plan, or `undefined` when it holds settings only. */
function defaultProfile(config: AwsConfig, env: Env): IdentityPlan | undefined {
  if (!config.profiles.has("default")) return undefined;
  try {
    return fromProfile(config, "default", env, []);
  } catch (error) {
    if (error instanceof UserError && error.code === "profile-without-credentials") {
      return undefined;
    }
    throw error;
  }
}

function checkEnvironmentKeys(env: Env): void {
  if (env.AWS_SECRET_ACCESS_KEY) return;
  throw new UserError("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not", {
    code: "partial-environment-keys",
    exitCode: exitCodes.credentials,
    hint: "set both, and AWS_SESSION_TOKEN for temporary keys; or unset AWS_ACCESS_KEY_ID",
  });
}

/** What the machine itself offers. */
function ambientSource(env: Env): Source {
  const tokenFile = env.AWS_WEB_IDENTITY_TOKEN_FILE;
  if (tokenFile) {
    if (!env.AWS_ROLE_ARN) {
      throw usageError(
        "web-identity-without-role",
        "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not",
        "set AWS_ROLE_ARN to the role that the token is for",
      );
    }
    if (!/^arn:/.test(env.AWS_ROLE_ARN)) {
      throw usageError(
        "bad-role",
        `AWS_ROLE_ARN is ${quote(env.AWS_ROLE_ARN)}, which is not the ARN of a role`,
        "set it to the role that the token is for, as arn:aws:iam::123456789012:role/NAME",
      );
    }
    parseRole(env.AWS_ROLE_ARN);
    return {
      kind: "web-identity",
      profile: undefined,
      tokenFile,
      roleArn: env.AWS_ROLE_ARN,
      sessionName: env.AWS_ROLE_SESSION_NAME || undefined,
    };
  }
  if (env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI || env.AWS_CONTAINER_CREDENTIALS_FULL_URI) {
    return { kind: "container", profile: undefined };
  }
  if (env.AWS_EC2_METADATA_DISABLED?.toLowerCase() !== "true") {
    return { kind: "instance", profile: undefined };
  }
  throw noCredentials(env);
}

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
