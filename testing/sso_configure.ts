/**
 * `ecrin sso configure` without questions, in a home that is signed in.
 *
 * @module
 */

import type { FakeAws } from "./aws.ts";
import { type CliOptions, type CliResult, runCli, type TempHome, tempHome } from "./cli.ts";
import { ssoSessionFile } from "./profile_files.ts";
import type { SsoAccount } from "./sso_sessions.ts";

/** The section of the session `corp`. */
export const session = `[sso-session corp]
sso_start_url = https://x.awsapps.com/start
sso_region = us-east-1
sso_registration_scopes = sso:account:access
`;

/** `~/.aws/config` of somebody who has a session and cares for their file. */
export const config = `# mine\n[default]\nregion = us-east-1 \n\n${session}`;

/** A home that is signed in to `corp`. */
export async function signedIn(aws: FakeAws, text: string | undefined = config): Promise<TempHome> {
  return await tempHome({
    [ssoSessionFile]: JSON.stringify(aws.sso.signIn()),
    ...(text === "" ? {} : { ".aws/config": text }),
  });
}

/** Runs `ecrin sso configure`. */
export function configure(
  aws: FakeAws,
  home: TempHome,
  args: string[],
  options: CliOptions = {},
): Promise<CliResult> {
  const env = { ...aws.env(), ...options.env };
  return runCli(["sso", "configure", ...args], { ...options, home: home.path, env });
}

/** The flags that leave nothing of one profile open but its session, and what they write. */
export const single = ["--account", "222222222222", "--sso-role", "deploy", "--profile", "blog"];
export const blog = `
[profile blog]
sso_session = corp
sso_account_id = 222222222222
sso_role_name = deploy
`;

/** An account as the portal lists it. */
export function account(accountId: string, accountName: string, roles: string[]): SsoAccount {
  return { accountId, accountName, emailAddress: `${accountId}@example.com`, roles };
}
