/**
 * Runs ecrin against a fake AWS, and tells as whom it asked there.
 *
 * ```ts
 * await using aws = await startAws();
 * const { code } = await ecrinAsUser(aws, ["--region", "eu-west-1"]);
 * caller(aws); // arn:aws:iam::111111111111:user/deploy
 * ```
 *
 * @module
 */

import assert from "node:assert/strict";
import type { FakeAws, RecordedRequest } from "./aws.ts";
import { type CliResult, runCli, type TempHome } from "./cli.ts";

/** Environment variables; one that is undefined is taken away. */
export type Env = Record<string, string | undefined>;

/** What a run has besides its arguments. */
export interface Surroundings {
  home?: TempHome;
  /** Over what leads to the fake AWS. */
  env?: Env;
}

/** The environment of the fake AWS's user: where that AWS is, and the user's keys. */
export function userEnv(aws: FakeAws): Record<string, string> {
  return { ...aws.env(), ...aws.keys.env() };
}

/** The environment that finds the programs in `bin` of the home folder before all others. */
export function withPrograms(home: TempHome): Record<string, string> {
  return { PATH: `${home.at("bin")}:${Deno.env.get("PATH")}` };
}

/** Runs ecrin with `--tool file` and no credentials but those of `env` and the files of `home`. */
export function ecrin(
  aws: FakeAws,
  args: string[],
  { home, env = {} }: Surroundings = {},
): Promise<CliResult> {
  return runCli(["--tool", "file", ...args], {
    env: { ...aws.env(), ...env },
    ...(home === undefined ? {} : { home: home.path }),
  });
}

/** Runs ecrin with `--tool file` and the keys of the fake AWS's user. */
export function ecrinAsUser(
  aws: FakeAws,
  args: string[],
  { env, ...more }: Surroundings = {},
): Promise<CliResult> {
  return ecrin(aws, args, { ...more, env: { ...aws.keys.env(), ...env } });
}

/** Runs ecrin as the user, which must succeed, and returns the AssumeRole requests. */
export async function rolesAssumed(
  aws: FakeAws,
  args: string[],
  env: Env = {},
): Promise<RecordedRequest[]> {
  const { code, stderr } = await ecrinAsUser(aws, args, { env });
  assert.equal(code, 0, stderr);
  return aws.requestsOf("sts", "AssumeRole");
}

/** ARN of the principal whose key signed a request. */
export function signer(aws: FakeAws, request: RecordedRequest | undefined): string | undefined {
  return aws.keys.get(request?.accessKeyId ?? "")?.arn;
}

/** ARN of the principal that asked ECR for the only token. */
export function caller(aws: FakeAws): string | undefined {
  const [token, ...others] = aws.requestsOf("ecr");
  assert.deepEqual(others, []);
  return signer(aws, token);
}
