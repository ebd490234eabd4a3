/**
 * Runs of ecrin that must fail: in two lines, with the right exit code and one object for scripts,
 * and without a trace in the home folder.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type AwsOptions, type FakeAws, startAws } from "./aws.ts";
import { runCli } from "./cli.ts";
import { type Env, userEnv } from "./ecrin.ts";
import { assertFailure, type Failure } from "./outcomes.ts";
import type { Service } from "./protocol.ts";
import { contents, type TempHome, tempHome } from "./temp_home.ts";

/** What a failing run starts from. */
export interface FailingRun {
  /** Makes AWS or the home such that it fails; returns variables to set over the user's. */
  arrange?: (aws: FakeAws, home: TempHome) => Env | void | Promise<Env | void>;
  aws?: AwsOptions;
  /** Requests that the fake AWS gets meanwhile, of one service or of all; default any number. */
  requests?: { of?: Service | undefined; count: number | undefined };
}

/**
 * Runs ecrin as the user twice at once, for people and for scripts, each with an AWS and a home of
 * its own, and asserts that both fail as `expected` and write nothing.
 */
export async function assertFails(
  args: string[],
  expected: Failure,
  { arrange = () => {}, aws: awsOptions = {}, requests = { count: undefined } }: FailingRun = {},
): Promise<void> {
  const run = async (json: boolean): Promise<void> => {
    await using aws = await startAws(awsOptions);
    await using home = await tempHome();
    const env = { ...userEnv(aws), ...await arrange(aws, home) };
    const before = await contents(home.path);
    const result = await runCli(json ? ["--json", ...args] : args, { home: home.path, env });
    assertFailure(result, expected, { json });
    if (requests.count !== undefined) {
      const made = requests.of === undefined ? aws.requests : aws.requestsOf(requests.of);
      assert.equal(made.length, requests.count);
      if (requests.count === 0) assert.deepEqual(aws.registry.requests, []);
    }
    assert.deepEqual(await contents(home.path), before, "something was written");
  };
  // both are over before either may fail the test
  const runs = await Promise.allSettled([run(false), run(true)]);
  for (const ended of runs) if (ended.status === "rejected") throw ended.reason;
}
