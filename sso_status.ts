/**
 * `ecrin sso status`: the sessions of IAM Identity Center, and whether one must sign in again. Only
 * files are looked at; that AWS has ended a session earlier is not known before its next use.
 *
 * @module
 */

import { loadAwsConfig } from "./aws_config.ts";
import { exitCodes, type UserError } from "./errors.ts";
import type { RunCommand } from "./run.ts";
import { sessionExpired, sessionLabel, ssoError } from "./sso_errors.ts";
import {
  type AskedSession,
  askedSession,
  type ListedSession,
  listSessions,
  sessionRecord,
  type SessionState,
} from "./sso_session_list.ts";
import { formatTable } from "./table.ts";
import { shortTime } from "./terminal.ts";

/** What people are told of each state. */
const words: Readonly<Record<SessionState, string>> = {
  "signed-in": "signed in",
  "refreshable": "expired, refreshed when used",
  "expired": "expired",
  "not-signed-in": "not signed in",
  "unreadable": "unreadable",
};

/** Prints the sessions; exit code 4 when the one that is named needs a new sign-in. */
export const run: RunCommand = async (line, context) => {
  const { system, terminal, results } = context;
  const config = await loadAwsConfig(system.env, system.readTextFile);
  const all = await listSessions(config, context);
  const asked = await askedSession(line, all, { config, system });
  const sessions = asked === undefined ? all : [asked.listed];
  results.push(...sessions.map(record));
  if (sessions.length === 0) {
    terminal.say(`there is no SSO session in ${config.paths.config}, and none is signed in`);
    terminal.say("to set one up, run: ecrin sso configure");
  } else if (!line.values.has("json")) {
    const header = ["SESSION", "STATE", "EXPIRES", "REGION", "START URL"];
    system.stdout(formatTable(header, sessions.map((listed) => row(listed, system.now()))));
  }
  const problem = asked && problemOf(asked);
  if (problem !== undefined) throw problem;
  return { exitCode: exitCodes.ok };
};

function record(listed: ListedSession): Record<string, unknown> {
  const { state, refreshable, token } = listed;
  const expiresAt = token?.expiresAt.toISOString() ?? null;
  return { ...sessionRecord(listed), state, expiresAt, refreshable };
}

function row(listed: ListedSession, now: Date): string[] {
  const { state, region = "-", startUrl = "-" } = listed;
  return [nameOf(listed), words[state], expiryOf(listed, now), region, startUrl];
}

/** A start URL alone has no name of its own: its profiles stand in. */
function nameOf({ session, profiles: [first, ...others] }: ListedSession): string {
  if (session !== undefined) return session;
  if (first === undefined) return "-";
  return `profile ${first}${others.length > 0 ? ` and ${others.length} more` : ""}`;
}

function expiryOf({ state, refreshable, token }: ListedSession, now: Date): string {
  if (token === undefined) return "-";
  const time = shortTime(token.expiresAt, now);
  return state === "signed-in" && refreshable ? `${time}, then refreshed` : time;
}

/** What keeps a session from being used without a new sign-in. */
function problemOf({ named, listed: { state, path } }: AskedSession): UserError | undefined {
  switch (state) {
    case "signed-in":
    case "refreshable":
      return undefined;
    case "expired":
      return sessionExpired(named);
    case "not-signed-in":
      return ssoError("sso-not-signed-in", `${sessionLabel(named)} is not signed in`, named);
    case "unreadable":
      return ssoError("sso-token-unreadable", `the SSO token in ${path} cannot be read`, named);
  }
}
