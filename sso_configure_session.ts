/**
 * The session that `ecrin sso configure` writes profiles for: named by flags, by a profile, chosen
 * from the config file, or a new one.
 *
 * @module
 */

import type { AwsConfig, Settings } from "./aws_config.ts";
import { parseSectionName, type WantedSection } from "./aws_config_edit.ts";
import { quoteName, shellWord, usageError, UserError } from "./errors.ts";
import { parseRegion } from "./partition.ts";
import type { Questions } from "./questions.ts";
import { type ConfigureOptions, flagNeeded } from "./sso_configure_options.ts";
import { defaultScope, parseScopes, type SsoSession } from "./sso_profile.ts";
import { parseStartUrl } from "./sso_session.ts";
import type { Terminal } from "./terminal.ts";

/** A session and the name of its section. */
export interface NamedSession extends SsoSession {
  readonly session: string;
}

/** What is to become of a session. */
export interface ChosenSession {
  readonly session: NamedSession;
  /** Its section; undefined when it is in the config file as it shall be. */
  readonly wanted: WantedSection | undefined;
}

/** Whom to ask. */
interface Asking {
  /** Undefined: nobody can be asked. */
  readonly questions: Questions | undefined;
  readonly terminal: Terminal;
}

/**
 * Decides on the session.
 *
 * @throws {UserError} when something is missing, or would change a session that others use
 */
export async function chooseSession(
  options: ConfigureOptions,
  config: AwsConfig,
  { questions, terminal }: Asking,
): Promise<ChosenSession> {
  const name = options.session ?? sessionByFlags(options, config) ??
    await askName(options, config, { questions, terminal });
  const existing = config.ssoSessions.get(name);
  const startUrl = options.startUrl ?? existing?.get("sso_start_url") ??
    await questions?.text("start URL of the portal, as in https://x.awsapps.com/start", {
      parse: parseStartUrl,
    });
  if (startUrl === undefined) throw flagNeeded("start-url URL", `the start URL of session ${name}`);
  const ssoRegion = options.ssoRegion ?? existing?.get("sso_region") ??
    await questions?.text("region of the portal", { parse: parseRegion });
  if (ssoRegion === undefined) {
    throw flagNeeded("sso-region REGION", `the region of session ${name}`);
  }
  const scopes = existing?.get("sso_registration_scopes") ?? defaultScope;
  const session = {
    ...{ profile: undefined, session: name, startUrl: parseStartUrl(startUrl) },
    ssoRegion: parseRegion(ssoRegion),
    scopes: parseScopes(scopes),
  };
  const settings = new Map([
    ["sso_start_url", startUrl],
    ["sso_region", ssoRegion],
    ["sso_registration_scopes", scopes],
  ]);
  if (existing !== undefined) refuseOther(name, existing, settings);
  const complete = existing?.has("sso_start_url") && existing.has("sso_region");
  return { session, wanted: complete ? undefined : { kind: "sso-session", name, settings } };
}

/** The session that the profile to write has, or the only one with the start URL. */
function sessionByFlags(
  { profile, startUrl, ssoRegion }: ConfigureOptions,
  config: AwsConfig,
): string | undefined {
  const ofProfile = config.profiles.get(profile ?? "")?.get("sso_session");
  if (ofProfile !== undefined && startUrl === undefined) return ofProfile;
  if (startUrl === undefined) return undefined;
  const same = [...config.ssoSessions].filter(([, settings]) =>
    settings.get("sso_start_url") === startUrl &&
    (ssoRegion === undefined || settings.get("sso_region") === ssoRegion)
  );
  return same.length === 1 ? same[0]?.[0] : undefined;
}

async function askName(
  { startUrl }: ConfigureOptions,
  config: AwsConfig,
  { questions, terminal }: Asking,
): Promise<string> {
  const names = [...config.ssoSessions.keys()];
  if (questions === undefined) {
    const [only, ...others] = startUrl === undefined ? names : [];
    if (only !== undefined && others.length === 0) return only;
    throw flagNeeded("sso-session NAME", "the name of the SSO session");
  }
  if (names.length > 0 && startUrl === undefined) {
    const labels = names.map((name) =>
      `${name} (${config.ssoSessions.get(name)?.get("sso_start_url") ?? "no start URL"})`
    );
    const index = await questions.choice("SSO session", [...labels, "(a new one)"]);
    terminal.say(`SSO session: ${labels[index] ?? "a new one"}`);
    const chosen = names[index];
    if (chosen !== undefined) return chosen;
  }
  return await questions.text("name of the SSO session, as in corp", {
    parse: (text) => {
      const name = parseSectionName(text);
      if (!config.ssoSessions.has(name)) return name;
      throw usageError("session-exists", `there is a session ${quoteName(name)} already`);
    },
  });
}

/** Other profiles use a session that is there: where it leads to does not change under them. */
function refuseOther(name: string, existing: Settings, settings: Settings): void {
  for (const [key, value] of settings) {
    if ((existing.get(key) ?? value) === value) continue;
    throw usageError(
      "sso-session-exists",
      `there is a session ${quoteName(name)} already, with another ${key}: ` +
        quoteName(existing.get(key) ?? ""),
      "choose another name: --sso-session NAME",
    );
  }
}

/** `error` with a hint that holds for a session that is not in the config file yet. */
export function signInWithUrl(
  error: unknown,
  { session, startUrl, ssoRegion }: NamedSession,
): unknown {
  if (!(error instanceof UserError) || !error.hint?.startsWith("run: ecrin sso login")) {
    return error;
  }
  return new UserError(error.message, {
    code: error.code,
    exitCode: error.exitCode,
    hint: `run: ecrin sso login --sso-session ${shellWord(session)} --start-url ` +
      `${shellWord(startUrl)} --sso-region ${ssoRegion}`,
    cause: error,
  });
}
