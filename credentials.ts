/**
 * Which identity: the source of the first credentials, in the AWS CLI's order. Pure;
 * role_hops.ts and sources.ts get the credentials.
 *
 * @module
 */

import type { AwsConfig, Env } from "./aws_config.ts";
import { quote, usageError, UserError } from "./errors.ts";
import { noCredentials } from "./instance.ts";
import { type Hop, planProfile, type Source } from "./profiles.ts";
import { parseRole } from "./role.ts";
import { metadataDisabled } from "./settings.ts";
import type { SsoRole } from "./sso_profile.ts";
import { namedSession } from "./sso_session.ts";
import {
  jobIdentity,
  jobIdentityName,
  type WebIdentityChoice,
  webIdentitySource,
} from "./web_identity.ts";

/** Where an identity comes from, before any request. */
export interface IdentityPlan {
  /** With `--sso-session` it lacks the account, which each target has its own of. */
  readonly source: Source | SsoRole;
  /** Roles that the profile assumes, in order. */
  readonly hops: readonly Hop[];
  /** The profile whose settings (region, endpoints, CA bundle) hold. */
  readonly settingsProfile: string;
  /** What was there too and why it was not used, for `--verbose`. */
  readonly ignored: readonly string[];
}

/** What the command line says about the identity. */
export interface AskedIdentity {
  readonly profile: string | undefined;
  readonly sso?: { readonly session: string; readonly role: string } | undefined;
  readonly webIdentity?: WebIdentityChoice | undefined;
  /** The roles of `--role`: the web identity of a CI job is nothing without one. */
  readonly roles?: readonly unknown[];
}

/**
 * Chooses the source: `--profile`, `--sso-session` or `--web-identity`, environment keys, AWS_PROFILE,
 * the default profile, the CI job's web identity when a role is named, a web identity, container,
 * instance.
 *
 * @throws {UserError} when what was chosen does not exist or cannot work
 */
export function planIdentity(
  config: AwsConfig,
  env: Env,
  asked: AskedIdentity,
): IdentityPlan {
  const plan = chooseIdentity(config, env, asked);
  const job = asked.roles?.length && plan.source.kind !== "web-token"
    ? jobIdentityName(env)
    : undefined;
  const unused = [
    ...(job === undefined ? [] : [job]),
    ...machineSources.filter(([name, kind]) => env[name] && kind !== plan.source.kind)
      .map(([name]) => name),
  ].map((name) => `${name}: it is for when nothing else is there`);
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
  asked: AskedIdentity,
): IdentityPlan {
  const named = env.AWS_PROFILE || env.AWS_DEFAULT_PROFILE;
  const variable = env.AWS_PROFILE ? "AWS_PROFILE" : "AWS_DEFAULT_PROFILE";
  const hasKeys = Boolean(env.AWS_ACCESS_KEY_ID);
  const outrankedBy = (flag: string, same?: string) => [
    ...(hasKeys ? [`the keys in the environment: ${flag} comes first`] : []),
    ...(named && named !== same ? [`${variable} (${named}): ${flag} comes first`] : []),
  ];
  if (asked.profile !== undefined) {
    return fromProfile(config, asked.profile, env, outrankedBy("--profile", asked.profile));
  }
  const withoutProfile = (source: IdentityPlan["source"], flag: string): IdentityPlan => ({
    source,
    hops: [],
    settingsProfile: named || "default",
    ignored: outrankedBy(flag),
  });
  if (asked.sso !== undefined) {
    const { session, role } = asked.sso;
    const source = { ...namedSession(config, session), kind: "sso-role", role } as const;
    return withoutProfile(source, "--sso-session");
  }
  if (asked.webIdentity !== undefined) {
    return withoutProfile(webIdentitySource(asked.webIdentity, env), "--web-identity");
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
  const roleNamed = Boolean(asked.roles?.length);
  return {
    source: (roleNamed ? jobIdentity(env) : undefined) ?? ambientSource(env, roleNamed),
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
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]) {
    if (!env[name] || /^[\x21-\x7e]+$/.test(env[name])) continue;
    throw usageError(
      "malformed-environment-keys",
      `${name} holds a space, a line break or a letter outside ASCII`,
      `set ${name} again, as AWS gave it`,
    );
  }
  if (env.AWS_SECRET_ACCESS_KEY) return;
  throw usageError(
    "partial-environment-keys",
    "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not",
    "set both, and AWS_SESSION_TOKEN for temporary keys; or unset AWS_ACCESS_KEY_ID",
  );
}

/** What the machine itself offers. */
function ambientSource(env: Env, roleNamed: boolean): Source {
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
  if (!metadataDisabled(env)) {
    return { kind: "instance", profile: undefined, roleNamed };
  }
  throw noCredentials(env, { roleNamed });
}
