/**
 * A CI job that has nothing but its platform's web identity, and the role that trusts it.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { FakeAws } from "./aws.ts";
import { type CliResult, runCli, type TempHome } from "./cli.ts";

/** Environment variables of the job. */
export type Env = Record<string, string | undefined>;

/** Who gives out the tokens. */
export const issuer = "https://token.actions.githubusercontent.com";

/** The role that the job is for. */
export const deploy = "arn:aws:iam::222222222222:role/deploy";

/** A role that trusts the jobs of one repository. */
export const trusting = { arn: deploy, webIdentity: { issuer, subject: "repo:example/blog:*" } };

/** An account, a region and a role by its name. */
export const usual = ["--account", "222222222222", "--region", "eu-west-1", "--role", "deploy"];

/** Runs the CLI without credentials but those in `env`, and makes sure that no JWT is shown. */
export async function ecrin(
  aws: FakeAws,
  args: string[],
  { home, env = {} }: { home?: TempHome; env?: Env } = {},
): Promise<CliResult> {
  const result = await runCli(["--tool", "file", ...args], {
    env: { ...aws.env(), USER: "ann", ...env },
    ...(home === undefined ? {} : { home: home.path }),
  });
  const bearer = aws.githubEnv().ACTIONS_ID_TOKEN_REQUEST_TOKEN ?? "";
  for (const secret of ["eyJ", bearer, "not-a-signature", btoa("not-a-signature")]) {
    assert.ok(!`${result.stdout}${result.stderr}`.includes(secret), `${secret} was shown`);
  }
  return result;
}
