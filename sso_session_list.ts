/**
 * The sessions of IAM Identity Center that there are: those of the config file, in both forms, and
 * those whose token is in the folder that the AWS CLI, the SDKs and ecrin share. No request is made.
 *
 * ```ts
 * const sessions = await listSessions(config, context);
 * sessions.filter(({ state }) => state === "signed-in");
 * ```
 *
 * @module
 */

import type { AwsConfig } from "./aws_config.ts";
import type { CommandLine } from "./command_line.ts";
import { quoteName, usageError, UserError } from "./errors.ts";
import type { RunContext } from "./run.ts";
import { type SsoSession, ssoSessionOf } from "./sso_profile.ts";
import { namedSession, sessionOfProfile, sessionOptions } from "./sso_session.ts";
import { parseToken, type SsoToken, tokenFolder, tokenPath, usableGrant } from "./sso_token.ts";
import type { System } from "./system.ts";

/**
 * Whether a person has to sign in. `"refreshable"`: the access token has run out, and the next use
 * of the session gets another one without anybody.
 */
export type SessionState =
  | "signed-in"
  | "refreshable"
  | "expired"
  | "not-signed-in"
  | "unreadable";

/** A session, and what the file of its token says. */
export interface ListedSession {
  /** The name of the `[sso-session]`; undefined for a start URL alone, and where it is not known. */
  readonly session: string | undefined;
  readonly startUrl: string | undefined;
  readonly region: string | undefined;
  /** Names of the profiles that take their credentials from it. */
  readonly profiles: readonly string[];
  /** Of the token's file, whether it is there or not. */
  readonly path: string;
  readonly state: SessionState;
  /** Whether a token that runs out is refreshed without a person. */
  readonly refreshable: boolean;
  readonly token: SsoToken | undefined;
}

type Place = Pick<ListedSession, "session" | "startUrl" | "region" | "profiles" | "path">;

/** Every session: the config file's in its order, then those that only have a token. */
export async function listSessions(
  config: AwsConfig,
  { system, terminal }: Pick<RunContext, "system" | "terminal">,
): Promise<ListedSession[]> {
  const places = new Map<string, Place & { profiles: string[] }>();
  const add = async (session: string | undefined, startUrl: string, region: string | undefined) => {
    const path = await tokenPath(system.env, { session, startUrl });
    const place = places.get(path) ??
      { session, startUrl: startUrl || undefined, region, profiles: [], path };
    places.set(path, place);
    return place;
  };
  for (const [name, settings] of config.ssoSessions) {
    await add(name, settings.get("sso_start_url") ?? "", settings.get("sso_region"));
  }
  for (const [name, settings] of config.profiles) {
    try {
      const found = ssoSessionOf({ config, name, settings });
      if (found === undefined) continue;
      const place = await add(found.session, found.startUrl, found.ssoRegion);
      place.profiles.push(name);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      terminal.detail(`ignored profile ${quoteName(name)}: ${error.message}`);
    }
  }
  const strays = await strayTokens(new Set(places.keys()), system);
  return await Promise.all([...places.values(), ...strays].map((place) => look(place, system)));
}

/** The tokens in the folder whose path is not `known`. */
async function strayTokens(known: ReadonlySet<string>, system: System): Promise<Place[]> {
  const folder = tokenFolder(system.env);
  const found: Place[] = [];
  for (const name of await fileNames(folder)) {
    const path = `${folder}/${name}`;
    if (known.has(path) || !name.endsWith(".json")) continue;
    const fields = tokenFields(await system.readTextFile(path).catch(() => ""));
    if (fields === undefined) continue;
    const { startUrl, region } = fields;
    // other programs keep their own tokens there, which say nothing of a portal: Kiro, for one
    if (typeof startUrl !== "string" || startUrl === "") continue;
    found.push({
      session: undefined,
      startUrl,
      region: typeof region === "string" ? region : undefined,
      profiles: [],
      path,
    });
  }
  return found;
}

async function fileNames(folder: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.map(({ name }) => name).sort();
  } catch {
    return []; // there is no folder, or it is not for us to read
  }
}

/** The fields of a token's file; undefined for other files, as those of registrations. */
function tokenFields(text: string): Record<string, unknown> | undefined {
  try {
    const fields = JSON.parse(text);
    return typeof fields?.accessToken === "string" ? fields : undefined;
  } catch {
    return undefined;
  }
}

/** What the token's file says. */
async function look(place: Place, system: System): Promise<ListedSession> {
  let text: string;
  try {
    text = await system.readTextFile(place.path);
  } catch (error) {
    const state = error instanceof Deno.errors.NotFound ? "not-signed-in" : "unreadable";
    return { ...place, state, refreshable: false, token: undefined };
  }
  const token = parseToken(text);
  if (token === undefined) {
    return { ...place, state: "unreadable", refreshable: false, token: undefined };
  }
  // the old form has no refresh tokens: nobody looks for one there
  const isOldForm = place.startUrl !== undefined &&
    place.path === await tokenPath(system.env, { session: undefined, startUrl: place.startUrl });
  const refreshable = !isOldForm && usableGrant(token, system.now()) !== undefined;
  const state = token.expiresAt > system.now()
    ? "signed-in"
    : refreshable
    ? "refreshable"
    : "expired";
  return { ...place, state, refreshable, token };
}

/** The session that `--sso-session` or `--profile` names. */
export interface AskedSession {
  readonly named: SsoSession;
  readonly listed: ListedSession;
}

/**
 * The one of `sessions` that the command line names; `undefined` when it names none, and all are
 * meant. A name that is not in the config file counts while there is a token for it.
 *
 * @throws {UserError} when there is no such session, or two are named
 */
export async function askedSession(
  line: CommandLine,
  sessions: readonly ListedSession[],
  { config, system }: { config: AwsConfig; system: System },
): Promise<AskedSession | undefined> {
  const { profile, session } = sessionOptions(line);
  if (profile !== undefined && session !== undefined) {
    throw usageError(
      "two-sso-sessions",
      "--profile and --sso-session both name a session",
      "leave one of them out",
    );
  }
  if (profile !== undefined) {
    const named = sessionOfProfile(config, profile, system.env);
    const path = await tokenPath(system.env, named);
    const listed = sessions.find((listed) => listed.path === path);
    if (listed !== undefined) return { named, listed };
  }
  if (session === undefined) return undefined;
  const path = await tokenPath(system.env, { session, startUrl: "" });
  const listed = sessions.find((listed) => listed.path === path);
  if (listed === undefined || config.ssoSessions.has(session)) {
    const named = namedSession(config, session);
    return listed && { named, listed };
  }
  const { startUrl = "", region = "" } = listed;
  const named = { profile: undefined, session, startUrl, ssoRegion: region };
  return { named, listed: { ...listed, session } };
}

/** How `--json` prints a session. */
export function sessionRecord(listed: ListedSession): Record<string, unknown> {
  const { session, startUrl, region, profiles } = listed;
  return { session: session ?? null, startUrl: startUrl ?? null, region: region ?? null, profiles };
}
