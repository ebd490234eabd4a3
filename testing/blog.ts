/**
 * Log-ins with the profile `blog`, which a test writes into the home folder in one form or another.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { FakeAws } from "./aws.ts";
import type { CliResult, TempHome } from "./cli.ts";
import { caller, ecrin, type Env } from "./ecrin.ts";
import type { AwsKey } from "./keys.ts";

/** The role session of {@linkcode temporaryKey}, and of a profile with the role `blog`. */
export const ann = "arn:aws:sts::222222222222:assumed-role/blog/ann";

/** Logs in to account 222222222222 with the profile `blog`, where nobody can be asked anything. */
export function logInAsBlog(
  aws: FakeAws,
  home: TempHome,
  { args = [], env = {} }: { args?: string[]; env?: Env } = {},
): Promise<CliResult> {
  const target = ["--account", "222222222222", "--region", "eu-west-1", "--profile", "blog"];
  return ecrin(aws, [...target, ...args], { home, env: { USER: "ann", CI: "true", ...env } });
}

/** ARN of the principal that asked ECR for the only token, after a log-in that must work. */
export function principalOf(aws: FakeAws, { code, stderr }: CliResult): string | undefined {
  assert.equal(code, 0, stderr);
  return caller(aws);
}

/** A temporary key, as a sign-in gives it. */
export function temporaryKey(aws: FakeAws): AwsKey {
  return aws.keys.issue({
    account: "222222222222",
    arn: ann,
    userId: "AROATEST:ann",
    expiresAt: Date.now() + 3600_000,
  });
}
