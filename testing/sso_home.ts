/**
 * A home with a signed-in session of IAM Identity Center, and the real CLI that logs in with it.
 *
 * ```ts
 * await using home = await sessionHome(aws, { expiresAt: past });
 * assertLoggedIn(await loginWith(aws, home));
 * ```
 *
 * @module
 */

import assert from "node:assert/strict";
import type { FakeAws } from "./aws.ts";
import {
  type CliOptions,
  type CliResult,
  runCli,
  type RunningCli,
  startCli,
  type TempHome,
  tempHome,
} from "./cli.ts";
import type { SsoCacheFile } from "./sso_sessions.ts";

/** The profile `blog` of the session `corp`. */
const config = `[profile blog]
sso_session = corp
sso_account_id = 222222222222
sso_role_name = deploy
region = eu-west-1
[sso-session corp]
sso_start_url = https://x.awsapps.com/start
sso_region = us-west-2
`;

/** Where sessions are, below the home folder. */
export const sessionFolder = ".aws/sso/cache";

/** The file of the session: the SHA-1 of "corp". */
export const sessionFile = `${sessionFolder}/ee0bfd2552fbd840c02cc48b6e823320543c450f.json`;

/** An end that every token is past. */
export const past = "2024-01-01T00:00:00Z";

/** The time in so many minutes, as the AWS CLI writes it. */
export function inMinutes(minutes: number): string {
  return new Date(Date.now() + minutes * 60_000).toISOString().replace(/\.\d+/, "");
}

/** A home with a session. */
export interface SessionHome extends TempHome {
  /** What the file of the session held at first. */
  token: SsoCacheFile;
  readToken: () => Promise<SsoCacheFile>;
  writeToken: (token: SsoCacheFile) => Promise<void>;
  /** What is in the folder of the sessions. */
  names: () => Promise<string[]>;
}

/** A home with a session that has run out, unless `changes` say otherwise. */
export async function sessionHome(
  aws: FakeAws,
  changes: Partial<SsoCacheFile> & Record<string, unknown> = {},
): Promise<SessionHome> {
  const token = { ...aws.sso.signIn(), expiresAt: past, ...changes } as SsoCacheFile;
  const home = await tempHome({ ".aws/config": config, [sessionFile]: JSON.stringify(token) });
  return {
    ...home,
    token,
    readToken: async () => JSON.parse(await home.read(sessionFile)),
    writeToken: (token) => Deno.writeTextFile(home.at(sessionFile), JSON.stringify(token)),
    names: async () => {
      const entries = await Array.fromAsync(Deno.readDir(home.at(sessionFolder)));
      return entries.map(({ name }) => `${sessionFolder}/${name}`);
    },
  };
}

const args = ["--account", "222222222222", "--region", "eu-west-1", "--tool", "file"];
// a cached role would need no session
const login = [...args, "--profile", "blog", "--verbose", "--no-cache"];

function optionsOf(aws: FakeAws, home: SessionHome, options: CliOptions): CliOptions {
  const env = { ...aws.env(), USER: "ann", CI: "true", ...options.env };
  return { ...options, home: home.path, env };
}

/** Logs in with the session of `home`, where nobody can be asked; no secret is ever said. */
export async function loginWith(
  aws: FakeAws,
  home: SessionHome,
  options: CliOptions = {},
): Promise<CliResult> {
  const result = await runCli(login, optionsOf(aws, home, options));
  // every secret of this AWS begins so
  assert(!result.stderr.includes("not-a-"), result.stderr);
  assert.equal(result.stdout, "");
  return result;
}

/** Starts {@linkcode loginWith}, and resolves when AWS was asked to refresh the token. */
export async function loginUntilRefresh(aws: FakeAws, home: SessionHome): Promise<RunningCli> {
  const { length } = aws.requestsOf("sso-oidc");
  const cli = await startCli(login, { stdin: "", ...optionsOf(aws, home, {}) });
  for (let tries = 0; aws.requestsOf("sso-oidc").length === length; tries++) {
    assert(tries < 1000, "nobody asked for a token");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return cli;
}

/** Asserts that a login worked. */
export function assertLoggedIn({ code, stderr }: CliResult): void {
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^ecrin: logged in to /m);
}
