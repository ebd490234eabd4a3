/**
 * From the name of a profile to a plan that can be carried out: where the first credentials come
 * from, and which roles are then assumed, in which order. Everything that the files can get wrong
 * is found here, before any request.
 *
 * ```ts
 * const plan = planProfile(config, "blog", Deno.env.toObject());
 * plan.source; // { kind: "sso", account: "111111111111", … }
 * plan.hops.map((hop) => hop.roleArn); // ["arn:aws:iam::222222222222:role/deploy"]
 * ```
 *
 * The order in which a profile's settings count is that of botocore's `credentials.py`: a role with
 * its source, web identity, SSO, keys in the credentials file, `aws login`, `credential_process`,
 * keys in the config file. Static keys of a *source* profile beat its own `role_arn`.
 *
 * @module
 */

import type { AwsConfig, Env, Settings } from "./aws_config.ts";
import { quoteName as quote, usageError } from "./errors.ts";
import {
  chainTooLong,
  malformedSetting,
  notFoundHint,
  partialKeys,
  place,
  profileError,
  profileLoop,
  withoutCredentials,
} from "./profile_errors.ts";
import { optional, type Profile, required } from "./profile_settings.ts";
import { Secret } from "./secret.ts";
import { metadataDisabled } from "./settings.ts";
import { parseSso, type SsoSource } from "./sso_profile.ts";
import type { WebTokenSource } from "./web_identity.ts";

/** Where the first credentials of a plan come from. `profile` is the one that says so. */
export type Source =
  | StaticSource
  | { readonly kind: "process"; readonly profile: string; readonly command: string }
  | LoginSource
  | SsoSource
  | WebIdentitySource
  | WebTokenSource
  /** `credential_source` Environment, EcsContainer or Ec2InstanceMetadata. */
  | { readonly kind: "environment"; readonly profile: string | undefined }
  | { readonly kind: "container"; readonly profile: string | undefined }
  | {
    readonly kind: "instance";
    readonly profile: string | undefined;
    /** Whether `--role` is there, so that the web identity of a CI job would have come before. */
    readonly roleNamed?: boolean | undefined;
  };

/** Access keys from one of the files. */
export interface StaticSource {
  readonly kind: "static";
  readonly profile: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken?: Secret | undefined;
}

/** The session of `aws login`. */
export interface LoginSource {
  readonly kind: "login";
  readonly profile: string;
  /** ARN of who signed in. */
  readonly loginSession: string;
  /** The region of the profile, unchecked: it is where the session is renewed. */
  readonly region?: string | undefined;
}

/** A role assumed with the token in a file. */
export interface WebIdentitySource {
  readonly kind: "web-identity";
  readonly profile: string | undefined;
  readonly tokenFile: string;
  readonly roleArn: string;
  readonly sessionName?: string | undefined;
  /** In seconds. */
  readonly durationSeconds?: number | undefined;
}

/** One AssumeRole. */
export interface Hop {
  readonly profile: string | undefined;
  readonly roleArn: string;
  readonly sessionName?: string | undefined;
  readonly externalId?: string | undefined;
  readonly mfaSerial?: string | undefined;
  /** `mfa_process`: a command that prints the MFA code. */
  readonly mfaProcess?: string | undefined;
  /** In seconds, 900 to 43200. */
  readonly durationSeconds?: number | undefined;
  readonly sourceIdentity?: string | undefined;
  /** The region of the profile that names the role, unchecked. */
  readonly region?: string | undefined;
}

/** A profile, ready to be used. */
export interface ProfilePlan {
  readonly profile: string;
  readonly source: Source;
  /** In the order to assume: the first with the credentials of `source`. */
  readonly hops: readonly Hop[];
  /** The region of the named profile, unchecked. */
  readonly region: string | undefined;
  /** The settings of the named profile. */
  readonly settings: Settings;
}

/** Far more than anybody chains; each is a request that takes its time. */
const mostHops = 100;

/** Settings that decide who one is; nested settings under them would otherwise look like none. */
const identityKeys = new Set([
  "role_arn",
  "source_profile",
  "credential_source",
  "web_identity_token_file",
  "sso_session",
  "sso_start_url",
  "sso_region",
  "sso_account_id",
  "sso_role_name",
  "credential_process",
  "login_session",
  "aws_access_key_id",
  "aws_secret_access_key",
]);

/**
 * Plans the identity of the profile `name`. Of `env` only what a `credential_source` needs is read.
 *
 * @throws {UserError} With exit code 2, for a profile that does not exist (`profile-not-found`), has
 * nothing to sign in with (`profile-without-credentials`), or contradicts itself or the files.
 */
export function planProfile(config: AwsConfig, name: string, env: Env): ProfilePlan {
  const named = findProfile(config, name);
  const hops: Hop[] = [];
  const visited = new Set([name]);
  let profile = named;
  let source: Source | undefined;
  while (source === undefined) {
    if (!assumesRole(profile) || (profile !== named && hasStaticKeys(profile))) {
      source = profileSource(profile, named);
      break;
    }
    if (hops.length === mostHops) throw chainTooLong(named, mostHops);
    hops.push(parseHop(profile));
    const next = parseRoleSource(profile, env);
    if (typeof next !== "string") {
      source = next;
    } else if (next === profile.name && hasStaticKeys(profile)) {
      source = profileSource(profile, named);
    } else {
      if (visited.has(next)) throw profileLoop(named, [...visited], next);
      visited.add(next);
      profile = findSourceProfile(profile, next);
    }
  }
  return {
    profile: name,
    source,
    hops: hops.reverse(),
    region: optional(named, "region"),
    settings: named.settings,
  };
}

/** Web identity has a `role_arn` too, but assumes it in its own way. */
function assumesRole({ settings }: Profile): boolean {
  return settings.has("role_arn") && !settings.has("web_identity_token_file");
}

/** One key of the two is enough, as for botocore: half a pair is then an error. */
function hasStaticKeys({ settings }: Profile): boolean {
  return settings.has("aws_access_key_id") || settings.has("aws_secret_access_key");
}

function parseHop(profile: Profile): Hop {
  return {
    profile: profile.name,
    roleArn: required(profile, "role_arn"),
    sessionName: optional(profile, "role_session_name"),
    externalId: optional(profile, "external_id"),
    mfaSerial: optional(profile, "mfa_serial"),
    mfaProcess: optional(profile, "mfa_process"),
    durationSeconds: parseDuration(profile),
    sourceIdentity: optional(profile, "source_identity"),
    region: optional(profile, "region"),
  };
}

/** What a role is assumed with: the name of another profile, or a source. */
function parseRoleSource(profile: Profile, env: Env): string | Source {
  const { settings } = profile;
  const bySource = settings.has("credential_source");
  const byProfile = settings.has("source_profile");
  if (bySource && byProfile) {
    throw profileError(
      profile,
      "profile-source-conflict",
      "has both source_profile and credential_source",
      `remove one of the two from ${place(profile)}`,
    );
  }
  if (byProfile) return required(profile, "source_profile");
  if (bySource) return parseCredentialSource(profile, env);
  throw profileError(
    profile,
    "profile-source-missing",
    "has a role_arn and nothing to assume it with",
    `add source_profile, credential_source or web_identity_token_file to ${place(profile)}`,
  );
}

interface CredentialSource {
  readonly kind: "environment" | "container" | "instance";
  readonly isThere: (env: Env) => boolean;
  /** Continues "with credential_source NAME, but". */
  readonly missing: string;
  readonly hint: string;
}

/** The spelling counts: the AWS CLI refuses any other. */
const credentialSources: ReadonlyMap<string, CredentialSource> = new Map([
  ["Environment", {
    kind: "environment",
    isThere: (env) => Boolean(env["AWS_ACCESS_KEY_ID"] && env["AWS_SECRET_ACCESS_KEY"]),
    missing: "the environment has no keys",
    hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
  }],
  ["EcsContainer", {
    kind: "container",
    isThere: (env) =>
      Boolean(
        env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] ||
          env["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
      ),
    missing: "this is no container that AWS gave credentials to",
    hint: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI must be set: give the task a role",
  }],
  ["Ec2InstanceMetadata", {
    kind: "instance",
    isThere: (env) => !metadataDisabled(env),
    missing: "AWS_EC2_METADATA_DISABLED is true",
    hint: "unset AWS_EC2_METADATA_DISABLED",
  }],
]);

function parseCredentialSource(profile: Profile, env: Env): Source {
  const name = required(profile, "credential_source");
  const found = credentialSources.get(name);
  if (found === undefined) {
    throw profileError(
      profile,
      "credential-source-unknown",
      `has the unknown credential_source ${quote(name)}`,
      `set it to ${[...credentialSources.keys()].join(", ")} in ${place(profile)}`,
    );
  }
  if (!found.isThere(env)) {
    throw profileError(
      profile,
      "credential-source-unavailable",
      `assumes its role with credential_source ${name}, but ${found.missing}`,
      found.hint,
    );
  }
  return { kind: found.kind, profile: profile.name };
}

/** The credentials of a profile itself, its `source_profile` left aside. */
function profileSource(profile: Profile, named: Profile): Source {
  const source = parseWebIdentity(profile) ?? parseSso(profile) ??
    parseStaticKeys(profile, "credentials") ?? parseLogin(profile) ?? parseProcess(profile) ??
    parseStaticKeys(profile, "config");
  if (source === undefined) throw withoutCredentials(profile, named);
  return source;
}

function parseWebIdentity(profile: Profile): WebIdentitySource | undefined {
  if (!profile.settings.has("web_identity_token_file")) return undefined;
  return {
    kind: "web-identity",
    profile: profile.name,
    tokenFile: required(profile, "web_identity_token_file"),
    roleArn: required(profile, "role_arn"),
    sessionName: optional(profile, "role_session_name"),
    durationSeconds: parseDuration(profile),
  };
}

function parseStaticKeys(profile: Profile, file: "config" | "credentials"): Source | undefined {
  const settings = profile.config.byFile[file].get(profile.name);
  if (!settings?.has("aws_access_key_id")) return undefined;
  const inFile = { ...profile, settings };
  for (const key of ["aws_access_key_id", "aws_secret_access_key"]) {
    if (!settings.get(key)) throw partialKeys(profile, file, key);
  }
  const token = optional(inFile, "aws_security_token") ?? optional(inFile, "aws_session_token");
  return {
    kind: "static",
    profile: profile.name,
    accessKeyId: required(inFile, "aws_access_key_id"),
    secretAccessKey: new Secret(required(inFile, "aws_secret_access_key")),
    sessionToken: token === undefined ? undefined : new Secret(token),
  };
}

function parseLogin(profile: Profile): Source | undefined {
  if (!profile.settings.has("login_session")) return undefined;
  return {
    kind: "login",
    profile: profile.name,
    loginSession: required(profile, "login_session"),
    region: optional(profile, "region"),
  };
}

function parseProcess(profile: Profile): Source | undefined {
  if (!profile.settings.has("credential_process")) return undefined;
  return {
    kind: "process",
    profile: profile.name,
    command: required(profile, "credential_process"),
  };
}

function parseDuration(profile: Profile): number | undefined {
  const value = optional(profile, "duration_seconds");
  if (value === undefined) return undefined;
  const seconds = /^\d{1,9}$/.test(value) ? Number(value) : NaN;
  if (seconds >= 900 && seconds <= 43_200) return seconds;
  throw malformedSetting(profile, "duration_seconds", "a whole number from 900 to 43200");
}

/**
 * The profile of a name.
 *
 * @throws {UserError} `profile-not-found`
 */
export function findProfile(config: AwsConfig, name: string): Profile {
  const settings = config.profiles.get(name);
  if (settings === undefined) {
    const { paths } = config;
    throw usageError(
      "profile-not-found",
      `profile ${quote(name)} does not exist in ${paths.config} or ${paths.credentials}`,
      notFoundHint(config, name),
    );
  }
  return checkNesting({ config, name, settings });
}

function findSourceProfile(parent: Profile, name: string): Profile {
  const { config } = parent;
  const settings = config.profiles.get(name);
  if (settings === undefined) {
    throw profileError(
      parent,
      "profile-not-found",
      `has the source_profile ${quote(name)}, which does not exist`,
      notFoundHint(config, name),
    );
  }
  return checkNesting({ config, name, settings });
}

function checkNesting(profile: Profile): Profile {
  for (const key of profile.settings.keys()) {
    const parent = key.split(".", 1)[0] ?? "";
    if (parent !== key && identityKeys.has(parent)) {
      throw malformedSetting(profile, parent, "a value on the same line");
    }
  }
  return profile;
}
