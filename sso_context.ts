/**
 * What everything about sessions of IAM Identity Center works with.
 *
 * @module
 */

import type { AwsConfig } from "./aws_config.ts";
import { type ClientSettings, clientSettings } from "./clients.ts";
import { openHttp } from "./http.ts";
import type { RunContext } from "./run.ts";
import { awsSettings } from "./settings.ts";
import type { SsoSession } from "./sso_profile.ts";
import type { SsoToken } from "./sso_token.ts";
import type { System } from "./system.ts";
import type { Terminal } from "./terminal.ts";

/** What getting the token of a session may touch. */
export interface SsoContext {
  readonly system: System;
  readonly clients: ClientSettings;
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
  /** Whether a person may be asked. */
  readonly input: boolean;
  /** Takes the lines of `--verbose`. */
  readonly report: (line: string) => void;
  /** The sign-ins of the run by their session, so that a person is asked once, and no is no. */
  readonly signIns: Map<string, Promise<SsoToken>>;
}

/**
 * The {@linkcode SsoContext} of a command that is about a session.
 *
 * @param session whose profile says which settings hold
 * @throws {UserError} when a setting of the user's cannot be used
 */
export function openSso(
  session: Pick<SsoSession, "profile">,
  { config, input }: { readonly config: AwsConfig; readonly input: boolean },
  { system, terminal, signal, version }: RunContext,
): SsoContext {
  const { env } = system;
  const profile = session.profile ?? (env.AWS_PROFILE || env.AWS_DEFAULT_PROFILE || "default");
  const settings = awsSettings(env, config, profile);
  const report = terminal.detail;
  const http = openHttp({
    caBundle: settings.caBundle,
    signal,
    readTextFile: system.readTextFile,
    maxAttempts: env.AWS_MAX_ATTEMPTS,
    report,
  });
  const clients = clientSettings(settings, http, { version });
  return { system, clients, signal, terminal, input, report, signIns: new Map() };
}
