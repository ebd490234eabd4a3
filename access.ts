/**
 * A run's way to AWS: who it is, which credentials it has for what, and the authorization tokens it
 * gets, each once however many registries share them. Decided first ({@linkcode planAccess}), asked
 * for later ({@linkcode openAccess}).
 *
 * @module
 */

import { type AuthorizationToken, privateToken, publicToken } from "./aws.ts";
import { type AwsConfig, loadAwsConfig } from "./aws_config.ts";
import type { IdentityOptions } from "./cli.ts";
import { type AwsCredentials, type ClientSettings, clientSettings } from "./clients.ts";
import { type IdentityPlan, planIdentity } from "./credentials.ts";
import { secretVariables } from "./secret_variables.ts";
import { usageError } from "./errors.ts";
import { type Http, openHttp } from "./http.ts";
import { once } from "./once.ts";
import { partitionOf } from "./partition.ts";
import type { Source } from "./profiles.ts";
import { roleArn, sessionName } from "./role.ts";
import type { RoleCache } from "./role_cache.ts";
import { checkHops, type Identity, resolveIdentity, type RoleHop } from "./role_hops.ts";
import type { RunContext } from "./run.ts";
import { conceal } from "./secret.ts";
import { type AwsSettings, awsSettings } from "./settings.ts";
import { describeSource } from "./sources.ts";
import type { SsoContext } from "./sso_context.ts";
import { type LoginHost, loginHost, type Target } from "./targets.ts";

/** Where the identity comes from and which settings hold. */
export interface AccessPlan {
  readonly config: AwsConfig;
  readonly identity: IdentityPlan;
  readonly settings: AwsSettings;
}

/** Somebody on AWS: the first credentials, and the roles assumed with them. */
export interface Step {
  readonly source: Source;
  readonly hops: readonly RoleHop[];
  /** ARN of the last role, or the source in words. */
  readonly identity: string;
}

/** What an identity is for: the account of roles that are names, and the region. */
export type Place = Pick<Target, "account"> & { readonly region: string | undefined };

/** What a run asks of AWS. */
export interface Access {
  readonly http: Http;
  readonly clients: ClientSettings;
  /** @param region the one that the identity is for */
  readonly identityFor: (step: Step, region: string | undefined) => Promise<Identity>;
  readonly tokenFor: (step: Step, target: Target) => Promise<RegistryToken>;
}

/** A token, and the registry that it is for. */
export type RegistryToken = Pick<AuthorizationToken, "password" | "expiresAt"> & {
  readonly at: LoginHost;
};

/**
 * Decides who the run is, without a request.
 *
 * @throws {UserError} for what is wrong with the options, the environment or the files
 */
export async function planAccess(
  options: IdentityOptions,
  { system, terminal }: RunContext,
): Promise<AccessPlan> {
  // also those that are not used: a program of the user's may print them
  for (const name of secretVariables) conceal(system.env[name] ?? "");
  const config = await loadAwsConfig(system.env, system.readTextFile);
  const identity = planIdentity(config, system.env, options);
  for (const ignored of identity.ignored) terminal.detail(`ignored ${ignored}`);
  const unused = unusedMfa(options, identity);
  if (unused !== undefined) terminal.warn(unused);
  const settings = awsSettings(system.env, config, identity.settingsProfile);
  return { config, identity, settings };
}

/**
 * The identity for a place, without a request.
 *
 * @param defaultDuration life of the credentials of `--role`, in seconds, without `--duration`
 * @throws {UserError} when its roles cannot be assumed like that
 */
export function planStep(
  { identity }: AccessPlan,
  options: IdentityOptions,
  place: Place,
  { defaultDuration = tokenDuration }: { defaultDuration?: number } = {},
): Step {
  const source = sourceIn(identity.source, place);
  const hops = [...identity.hops, ...roleHops({ ...options, defaultDuration }, place, source)];
  checkHops(source, hops);
  return { source, hops, identity: hops.at(-1)?.roleArn ?? describeSource(source).name };
}

/** What to say when a code is given and no role wants one. */
function unusedMfa({ mfa }: IdentityOptions, { hops }: IdentityPlan): string | undefined {
  const flag = mfa.code !== undefined
    ? "--mfa-code"
    : mfa.command !== undefined
    ? "--mfa-command"
    : undefined;
  const wanted = mfa.serial !== undefined || hops.some(({ mfaSerial }) => mfaSerial !== undefined);
  if (flag === undefined || wanted) return undefined;
  return `${flag} is not used: no role here names an MFA device (--mfa-serial, mfa_serial)`;
}

/** The source for a place, whose account an SSO role is taken in. */
function sourceIn(source: IdentityPlan["source"], { account }: Place): Source {
  if (source.kind !== "sso-role") return source;
  if (account === undefined) {
    throw usageError(
      "account-needed",
      `the SSO role ${source.role} is given by its name, and no account says where it is`,
      "add: --account ID",
    );
  }
  return { ...source, kind: "sso", account };
}

/** Life of a role's credentials, in seconds, that only fetch a token: the least STS gives. */
const tokenDuration = 900;

/** Life of a role's credentials, in seconds, unless AssumeRole is told another. */
export const stsDuration = 3600;

/** The region whose partition roles are in when nothing says another. */
const defaultRegion = "us-east-1";

/** The hops of `--role`: names are of the place's account, in the partition of its region. */
function roleHops(
  options: IdentityOptions & { readonly defaultDuration: number },
  place: Place,
  source: Source,
): RoleHop[] {
  // a web identity cannot say it
  const sayingWho = source.kind === "web-token" && options.roles.length > 1 ? 1 : 0;
  const { defaultDuration } = options;
  return options.roles.map((role, index): RoleHop => {
    if (role.account === undefined && place.account === undefined) {
      throw usageError(
        "account-needed",
        `the role ${role.name} is given by its name, and no account says where it is`,
        "add: --account ID, or give the role's ARN",
      );
    }
    const last = index === options.roles.length - 1;
    const mfaSerial = index === 0 ? options.mfa.serial : undefined;
    const partition = partitionOf(place.region ?? defaultRegion).name;
    return {
      profile: undefined,
      roleArn: roleArn(role, place.account ?? "", partition),
      sessionName: options.sessionName,
      // nobody types a code for 15 minutes: STS's hour, which is worth caching
      durationSeconds: options.duration ??
        (mfaSerial === undefined && defaultDuration !== stsDuration ? defaultDuration : undefined),
      mfaSerial,
      // it lasts through a chain, and cannot be set again
      sourceIdentity: index === sayingWho ? options.sourceIdentity : undefined,
      externalId: last ? options.externalId : undefined,
      tags: last && options.tags.length > 0 ? options.tags : undefined,
    };
  });
}

/** Makes the {@linkcode Access} of a run. Nothing is asked for yet. */
export function openAccess(
  { config, settings }: AccessPlan,
  options: IdentityOptions,
  { system, terminal, signal, version }: RunContext,
): Access {
  const report = terminal.detail;
  const http = openHttp({
    caBundle: settings.caBundle,
    signal,
    readTextFile: system.readTextFile,
    maxAttempts: system.env.AWS_MAX_ATTEMPTS,
    report,
  });
  const clients = clientSettings(settings, http, { version });
  let opened: Promise<RoleCache> | undefined;
  // credentials that are at hand are not cached
  const cacheOf = ({ source, hops }: Step) =>
    options.cache && (source.kind === "sso" || hops.length > 0)
      ? opened ??= import("./role_cache.ts").then(({ openRoleCache }) =>
        openRoleCache({ config, system, settings, signal, report })
      )
      : undefined;
  // by what they depend on, so that each is got once
  const identities = new Map<string, Promise<Identity>>();
  const mfaSessions = new Map<string, Promise<AwsCredentials>>();
  const signIns: SsoContext["signIns"] = new Map();
  const tokens = new Map<string, Promise<AuthorizationToken>>();

  const identityFor: Access["identityFor"] = async (step, region) =>
    await resolveIdentity(step.source, step.hops, {
      ...{ identities, mfaSessions, http, system, clients, signal, settings },
      cache: await cacheOf(step),
      mfa: { ...options.mfa, input: options.input, system, signal, asking: terminal.asking },
      ...{ terminal, input: options.input, signIns },
      region,
      defaultSessionName: sessionName(system.env),
      report,
    });

  const tokenOf = (step: Step, target: Target) => {
    const { public: isPublic, region, variant } = target;
    const key = JSON.stringify([isPublic, region, variant, describeSource(step.source), step.hops]);
    return once(tokens, key, async () => {
      const identity = await identityFor(step, isPublic ? undefined : region);
      const token = isPublic
        ? await publicToken(identity, clients, target)
        : await privateToken(identity, clients, target);
      const end = token.expiresAt?.toISOString() ?? "an unknown time";
      report(`got an authorization token of ${isPublic ? "ECR Public" : region}, until ${end}`);
      return token;
    });
  };
  const tokenFor: Access["tokenFor"] = async (step, target) => {
    const { password, expiresAt, proxyEndpoint } = await tokenOf(step, target);
    const overridden = settings.endpointOverride("ecr") !== undefined;
    return { password, expiresAt, at: loginHost(target, proxyEndpoint, overridden) };
  };
  return { http, clients, identityFor, tokenFor };
}
