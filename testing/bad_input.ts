/**
 * Bad input: what a run is given, and how it is refused before anybody is asked.
 *
 * @module
 */

import type { Env } from "./ecrin.ts";
import { assertFails } from "./failing_runs.ts";
import type { Failure } from "./outcomes.ts";

/** Arguments for a region and a tool that nothing is wrong with. */
export const base = ["--region", "eu-west-1", "--tool", "file"];

/** What nobody types: 100,000 characters. */
export const long = "a".repeat(100_000);

/** A command line, environment and files, and how they are refused. */
export interface Row extends Omit<Failure, "exitCode"> {
  args: string[];
  /** Over an environment with keys; undefined takes a variable away. */
  env?: Env;
  /** Of the home folder, by relative path. */
  files?: Record<string, string>;
  /** Default 2. */
  exitCode?: number;
}

/** Asserts that a row is refused, as an error of the run unless it says else, with no request made. */
export async function assertRefused(row: Row): Promise<void> {
  const { args, env = {}, files = {}, exitCode = 2, ofLogin = false } = row;
  await assertFails(args, { ...row, exitCode, ofLogin }, {
    arrange: async (_aws, home) => {
      for (const [path, text] of Object.entries(files)) await home.write(path, text);
      return env;
    },
    requests: { count: 0 },
  });
}
