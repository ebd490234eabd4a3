/**
 * `ecrin sso login`: signs in to a session of IAM Identity Center.
 *
 * @module
 */

import { type AwsConfig, loadAwsConfig } from "./aws_config.ts";
import { statusOf } from "./aws_errors.ts";
import { loadSso } from "./deps.ts";
import { exitCodes, UserError } from "./errors.ts";
import type { RunCommand } from "./run.ts";
import { awsSettings } from "./settings.ts";
import { storedToken } from "./sso.ts";
import { openSso, type SsoContext } from "./sso_context.ts";
import { ssoError } from "./sso_errors.ts";
import type { SsoSession } from "./sso_profile.ts";
import { registrationPath } from "./sso_registration.ts";
import { removeSsoRoles } from "./sso_role_cache.ts";
import { findSession, sessionOptions } from "./sso_session.ts";
import { signIn } from "./sso_sign_in.ts";
import type { SsoToken } from "./sso_token.ts";
import { signInOptions } from "./sso_way.ts";
import { until } from "./terminal.ts";
import { isCi } from "./tty.ts";

/** A session that is signed in to, as `--json` prints it. */
export interface SessionLogin {
  /** Name of the `[sso-session]`; `null` for a start URL alone. */
  readonly session: string | null;
  readonly startUrl: string;
  readonly region: string;
  /** ISO 8601. */
  readonly expiresAt: string;
  /** Whether a person signed in just now; false: the session was valid, or could be refreshed. */
  readonly signedIn: boolean;
}

/**
 * Signs in to the session, unless it is valid still or can be refreshed.
 *
 * @throws {UserError} when nobody signs in
 */
export const run: RunCommand = async (line, context) => {
  const options = { ...signInOptions(line), force: line.values.has("force") };
  const wanted = sessionOptions(line);
  const { system, terminal, results } = context;
  const config = await loadAwsConfig(system.env, system.readTextFile);
  const session = findSession(wanted, config, system.env);
  const sso = openSso(session, { config, input: !line.values.has("no-input") }, context);

  const current = await currentToken(session, sso);
  const good = current !== undefined && !options.force && await isAccepted(current, session, sso);
  if (!good) requirePerson(session, sso);
  // AWS may have forgotten the client
  if (options.force) await Deno.remove(await registrationPath(system.env, session)).catch(() => {});
  if (!good) await forgetRoles(session, { ...sso, config });
  const token = good ? current : await signIn(session, { ...options, insteadOf: current }, sso);
  const name = session.session ?? session.startUrl;
  const end = until(token.expiresAt, system.now());
  terminal.say(good ? `already signed in to ${name} (${end})` : `signed in to ${name} (${end})`);
  const login: SessionLogin = {
    session: session.session ?? null,
    startUrl: session.startUrl,
    region: session.ssoRegion,
    expiresAt: token.expiresAt.toISOString(),
    signedIn: !good,
  };
  results.push(login);
  return { exitCode: exitCodes.ok, json: {} };
};

/** The session's token, refreshed where it has to be; undefined when only a sign-in gives one. */
async function currentToken(
  session: SsoSession,
  context: SsoContext,
): Promise<SsoToken | undefined> {
  try {
    return (await storedToken(session, context)).token;
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof UserError) || error.exitCode !== exitCodes.credentials) throw error;
    context.report(error.message);
    return undefined;
  }
}

/**
 * Whether the portal takes the token. An administrator may have ended the session, which the file
 * does not say.
 */
async function isAccepted(
  { accessToken }: SsoToken,
  { ssoRegion }: SsoSession,
  { clients, report, signal }: SsoContext,
): Promise<boolean> {
  const { SSOClient, ListAccountsCommand } = await loadSso();
  const client = new SSOClient(await clients.of("sso", ssoRegion));
  try {
    await client.send(
      new ListAccountsCommand({ accessToken: accessToken.reveal(), maxResults: 1 }),
    );
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (statusOf(error) !== 401) return true; // whatever that is, a new token does not mend it
    report("AWS refused the session although it looks valid");
    return false;
  }
}

/** Removes the cached role credentials of whoever signed in before: it may be somebody else now. */
async function forgetRoles(
  session: SsoSession,
  { config, system, signal, report }: SsoContext & { readonly config: AwsConfig },
): Promise<void> {
  const settings = awsSettings(system.env, config, session.profile ?? "default");
  await removeSsoRoles(session, { config, system, settings, signal, report });
}

/** A terminal is not needed: the page can be opened from what a pipe shows. */
function requirePerson(session: SsoSession, { input, system }: SsoContext): void {
  const name = session.session ?? session.startUrl;
  if (!input) {
    throw ssoError(
      "sso-person-needed",
      `signing in to ${name} takes a person, and --no-input is given`,
      session,
    );
  }
  if (isCi(system.env)) {
    throw new UserError(`signing in to ${name} takes a person, and this is a CI job`, {
      code: "sso-person-needed",
      exitCode: exitCodes.credentials,
      hint: "use the job's web identity with --role, or unset CI if it is none",
    });
  }
}
