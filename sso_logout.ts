/**
 * `ecrin sso logout`: ends sessions of IAM Identity Center. Their tokens and the role credentials
 * that were cached with them are removed from this machine first, then AWS is told; so nothing stays
 * here when it cannot be reached. Registrations of clients stay, as with the AWS CLI.
 *
 * @module
 */

import { awsError, statusOf } from "./aws_errors.ts";
import { type AwsConfig, loadAwsConfig } from "./aws_config.ts";
import { reasonOf } from "./cli_cache.ts";
import { loadSso } from "./deps.ts";
import { type ExitCode, exitCodes, shellWord, UserError } from "./errors.ts";
import { errorCode, lockFolder, LockTimeout, removeFile } from "./file_lock.ts";
import { parseRegion } from "./partition.ts";
import { errorRecord, type RunCommand, type RunContext } from "./run.ts";
import { awsSettings } from "./settings.ts";
import { openSso, type SsoContext } from "./sso_context.ts";
import { sessionLabel } from "./sso_errors.ts";
import { createToken } from "./sso_oidc.ts";
import { removeSsoRoles } from "./sso_role_cache.ts";
import {
  type AskedSession,
  askedSession,
  type ListedSession,
  listSessions,
  sessionRecord,
} from "./sso_session_list.ts";
import type { Terminal } from "./terminal.ts";
import { parseToken, type SsoToken, tokenFolder, usableGrant } from "./sso_token.ts";

/** How long another process may be refreshing a token, in milliseconds. */
const lockTimeoutMs = 60_000;

/** A session that was signed in to. */
interface Ended {
  readonly listed: ListedSession;
  /** What its file held; undefined when that was unreadable. */
  readonly token: SsoToken | undefined;
  /** Region of the portal. */
  readonly region: string | undefined;
  /** Why the file is still there. */
  readonly failure: UserError | undefined;
}

/**
 * What AWS said: `"over"` when it had ended the session already, `"unknown"` when there is no token
 * to ask with.
 */
type Outcome = "revoked" | "over" | "unknown" | UserError;

/** Ends the session that is named, or all. */
export const run: RunCommand = async (line, context) => {
  const { system, terminal, signal, results } = context;
  const config = await loadAwsConfig(system.env, system.readTextFile);
  const all = await listSessions(config, context);
  const asked = await askedSession(line, all, { config, system });
  const profile = asked?.named.profile;
  const sso = openSso({ profile }, { config, input: false }, context);
  const ended = await removeTokens(asked === undefined ? all : [asked.listed], context);
  const roles = await removeRoles(asked, config, context);
  const outcomes = await terminal.during(
    "ending SSO sessions",
    Promise.all(ended.map((session) => revoke(session, sso))),
  );
  let exitCode: ExitCode = exitCodes.ok;
  for (const [index, { listed, failure }] of ended.entries()) {
    const outcome = outcomes[index] ?? "unknown";
    const error = failure ?? (outcome instanceof UserError ? outcome : undefined);
    if (exitCode === exitCodes.ok && error !== undefined) exitCode = error.exitCode;
    results.push({
      ...sessionRecord(listed),
      removed: failure === undefined,
      revoked: outcome === "revoked" || outcome === "over",
      ...(error === undefined ? {} : { error: errorRecord(error) }),
    });
    tell(
      asked === undefined ? labelOf(listed) : sessionLabel(asked.named),
      { failure, outcome },
      terminal,
    );
  }
  if (roles > 0) {
    terminal.say(`removed the cached credentials of ${roles} SSO role${roles === 1 ? "" : "s"}`);
  }
  if (ended.length === 0) {
    const none = "no SSO session is signed in";
    terminal.say(asked === undefined ? none : `${sessionLabel(asked.named)} is not signed in`);
  }
  signal.throwIfAborted();
  return { exitCode, json: { cachedRoles: roles } };
};

/** Says what became of a session. */
function tell(
  name: string,
  { failure, outcome }: Pick<Ended, "failure"> & { outcome: Outcome },
  terminal: Terminal,
): void {
  const isLeft = outcome instanceof UserError;
  if (failure !== undefined) {
    terminal.fail(failure);
    if (isLeft) terminal.warn(`could not end ${name} at AWS: ${outcome.message}`);
  } else if (isLeft) {
    const but = `but could not end it at AWS: ${outcome.message}`;
    terminal.warn(`removed the token of ${name}, ${but}`);
  } else if (outcome === "unknown") {
    terminal.warn(`removed the unreadable token of ${name}, so AWS was not told to end it`);
  } else {
    terminal.say(`signed out of ${name}${outcome === "over" ? ", which had ended already" : ""}`);
  }
}

/** How a person calls a session that was not named. */
function labelOf({ session, startUrl, profiles: [profile], path }: ListedSession): string {
  if (session === undefined && startUrl === undefined) return `the SSO session in ${path}`;
  return sessionLabel({
    profile: session === undefined ? profile : undefined,
    session,
    startUrl: startUrl ?? "",
    ssoRegion: "",
  });
}

/** Removes the files of the tokens, under the lock of those who write them. */
async function removeTokens(
  sessions: readonly ListedSession[],
  { system, signal, terminal }: RunContext,
): Promise<Ended[]> {
  const ended: Ended[] = [];
  const signedIn = sessions.filter(({ state }) => state !== "not-signed-in");
  if (signedIn.length === 0) return ended;
  await using _lock = await lockTokens(tokenFolder(system.env), {
    signal,
    report: terminal.detail,
  });
  for (const listed of signedIn) {
    // it may have been refreshed while we waited
    const text = await system.readTextFile(listed.path).catch((error: unknown) =>
      error instanceof Deno.errors.NotFound ? undefined : ""
    );
    if (text === undefined) continue;
    const failure = await removeFile(listed.path).then(
      () => undefined,
      (error: unknown) =>
        new UserError(`cannot remove ${listed.path}: ${reasonOf(error)}`, {
          code: "sso-token-not-removed",
          exitCode: exitCodes.credentials,
          hint: `remove it by hand: rm ${shellWord(listed.path)}`,
          cause: error,
        }),
    );
    ended.push({
      listed,
      token: parseToken(text),
      region: regionIn(text) ?? listed.region,
      failure,
    });
  }
  return ended;
}

async function lockTokens(
  folder: string,
  { signal, report }: Pick<SsoContext, "signal" | "report">,
): Promise<AsyncDisposable | undefined> {
  try {
    return await lockFolder(folder, { timeoutMs: lockTimeoutMs, signal });
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof LockTimeout ? "another process has it" : errorCode(error);
    report(`could not lock ${folder} (${reason})`);
    return undefined;
  }
}

/** The region in a token's file: that of the portal that gave it. */
function regionIn(text: string): string | undefined {
  try {
    const { region } = JSON.parse(text);
    return typeof region === "string" && region !== "" ? region : undefined;
  } catch {
    return undefined;
  }
}

async function removeRoles(
  asked: AskedSession | undefined,
  config: AwsConfig,
  { system, signal, terminal }: RunContext,
): Promise<number> {
  const { env } = system;
  const named = env.AWS_PROFILE || env.AWS_DEFAULT_PROFILE || "default";
  const settings = awsSettings(env, config, asked?.named.profile ?? named);
  const context = { config, system, settings, signal, report: terminal.detail };
  return await removeSsoRoles(asked?.named, context);
}

/**
 * Ends a session at the portal. A token that has run out is refreshed for that: the session itself
 * lasts much longer, and its own token is all that the portal takes.
 */
async function revoke(
  { listed, token, region }: Ended,
  { clients, system }: SsoContext,
): Promise<Outcome> {
  if (token === undefined) return "unknown";
  try {
    const portal = parseRegion(region ?? "");
    let accessToken = token.accessToken.reveal();
    if (token.expiresAt <= system.now()) {
      const grant = listed.refreshable ? usableGrant(token, system.now()) : undefined;
      if (grant === undefined) return "over";
      const request = {
        grantType: "refresh_token" as const,
        clientId: grant.clientId,
        clientSecret: grant.clientSecret.reveal(),
        refreshToken: grant.refreshToken.reveal(),
      };
      accessToken = (await createToken(request, portal, clients)).accessToken;
    }
    const { SSOClient, LogoutCommand } = await loadSso();
    const client = new SSOClient(await clients.of("sso", portal));
    await client.send(new LogoutCommand({ accessToken }));
    return "revoked";
  } catch (error) {
    if (isRefusal(error)) return "over";
    const problem = awsError(error, "Logout", { identity: labelOf(listed), renew: undefined });
    if (problem instanceof UserError) return problem;
    throw problem;
  }
}

/** CreateToken's refusals for a session or a client that is no more. */
const endings =
  /^(?:AccessDenied|ExpiredToken|InvalidClient|InvalidGrant|UnauthorizedClient)Exception$/;

/** Whether AWS said that there is no such session, or no longer. */
function isRefusal(error: unknown): boolean {
  return statusOf(error) === 401 || endings.test((error as Error).name);
}
