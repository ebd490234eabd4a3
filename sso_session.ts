/**
 * The sessions of IAM Identity Center that the config file names: which one is meant, where its
 * portal is. Pure; nothing here is signed in.
 *
 * @module
 */

import type { AwsConfig, Env } from "./aws_config.ts";
import { lastValue, optional } from "./cli.ts";
import type { CommandLine } from "./command_line.ts";
import { quote, quoteName, usageError } from "./errors.ts";
import { nearestNames } from "./nearest.ts";
import { parseRegion } from "./partition.ts";
import { quoteWord } from "./profile_errors.ts";
import { findProfile, planProfile } from "./profiles.ts";
import { sessionIn, type SsoSession, ssoSessionOf } from "./sso_profile.ts";

/** What a command line says about the session that it is for; all undefined: nothing. */
export interface SessionOptions {
  readonly profile: string | undefined;
  readonly session: string | undefined;
  readonly startUrl: string | undefined;
  readonly ssoRegion: string | undefined;
}

/**
 * The session in the flags of `ecrin sso …`.
 *
 * @throws {UserError} when a value is malformed or they contradict each other
 */
export function sessionOptions(line: CommandLine): SessionOptions {
  return {
    profile: lastValue(line, "profile"),
    session: lastValue(line, "sso-session"),
    startUrl: optional(line, "start-url", parseStartUrl),
    ssoRegion: optional(line, "sso-region", parseRegion),
  };
}

/**
 * Checks a portal's start URL. It is taken exactly as written, since the name of the token's file is
 * made from it.
 *
 * @throws {UserError} `bad-start-url`
 */
export function parseStartUrl(text: string): string {
  const url = URL.parse(text);
  const good = url !== null && url.username === "" && url.password === "" &&
    (url.protocol === "https:" || isLoopback(url)) && /^[\x21-\x7e]+$/.test(text);
  if (good) return text;
  throw usageError(
    "bad-start-url",
    `${quote(text)} is not the start URL of a portal`,
    "it looks like https://d-1234567890.awsapps.com/start: IAM Identity Center's page shows it",
  );
}

function isLoopback({ protocol, hostname }: URL): boolean {
  return protocol === "http:" && /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(hostname);
}

/**
 * The session that is meant: the one named, that of the profile named, or that of a start URL and
 * its region; with nothing said that of AWS_PROFILE or the default profile, else the only one in the
 * config file.
 *
 * @throws {UserError} when there is none, or several and none is named
 */
export function findSession(options: SessionOptions, config: AwsConfig, env: Env): SsoSession {
  const { profile, session, startUrl, ssoRegion } = options;
  if (profile !== undefined) return sessionOfProfile(config, profile, env);
  if (startUrl !== undefined) {
    if (ssoRegion === undefined) {
      throw usageError(
        "sso-region-needed",
        "--start-url needs --sso-region",
        "add: --sso-region REGION",
      );
    }
    return { profile: undefined, session, startUrl, ssoRegion };
  }
  if (session !== undefined) return namedSession(config, session);
  const named = env.AWS_PROFILE || env.AWS_DEFAULT_PROFILE;
  if (named) return sessionOfProfile(config, named, env);
  const byDefault = config.profiles.get("default");
  if (byDefault?.has("sso_session") || byDefault?.has("sso_start_url")) {
    return sessionOfProfile(config, "default", env);
  }
  const [only, ...others] = config.ssoSessions.keys();
  if (only !== undefined && others.length === 0) return namedSession(config, only);
  if (only === undefined) {
    throw usageError(
      "sso-session-needed",
      `there is no [sso-session] in ${config.paths.config}`,
      "run: ecrin sso configure; or say which one: --start-url URL --sso-region REGION",
    );
  }
  throw usageError(
    "sso-session-needed",
    `there are several SSO sessions in ${config.paths.config}`,
    `say which one: --sso-session with one of ${[only, ...others].map(quoteName).join(", ")}`,
  );
}

/**
 * The `[sso-session]` of a name.
 *
 * @throws {UserError} when it does not exist or is not complete
 */
export function namedSession(config: AwsConfig, name: string): SsoSession {
  const settings = config.ssoSessions.get(name);
  const section = `[sso-session ${quoteWord(name)}]`;
  if (settings === undefined) {
    const names = nearestNames(name, [...config.ssoSessions.keys()]);
    throw usageError(
      "sso-session-not-found",
      `there is no ${section} in ${config.paths.config}`,
      names.length > 0
        ? `sessions there: ${names.map(quoteName).join(", ")}`
        : "run: ecrin sso configure",
    );
  }
  const missing = ["sso_start_url", "sso_region"].filter((key) => !settings.get(key));
  if (missing.length > 0) {
    throw usageError(
      "sso-settings-missing",
      `${section} in ${config.paths.config} has no ${missing.join(" and no ")}`,
      `add ${missing.join(" and ")} there`,
    );
  }
  return { ...sessionIn({ config, name, settings }), session: name, profile: undefined };
}

/**
 * The session that a profile takes its credentials from, directly or through source profiles.
 *
 * @throws {UserError} when the profile does not exist or has to do with no session
 */
export function sessionOfProfile(config: AwsConfig, name: string, env: Env): SsoSession {
  const profile = findProfile(config, name);
  const session = ssoSessionOf(profile);
  if (session !== undefined) return session;
  const { source } = planProfile(config, name, env);
  if (source.kind === "sso") return source;
  throw usageError(
    "profile-without-sso",
    `profile ${quoteName(name)} has nothing to do with SSO`,
    "name a profile that has sso_session, or run: ecrin sso configure",
  );
}
