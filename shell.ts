/**
 * Command lines that people give ecrin, in a flag or a profile, run in a shell as the AWS CLI and the
 * SDKs do.
 *
 * @module
 */

import type { Env } from "./aws_config.ts";
import { type ProgramResult, runProgram } from "./process.ts";
import type { System } from "./system.ts";

/**
 * Runs a command line in a shell and waits for its end.
 *
 * @param env its whole environment
 * @throws as {@linkcode runProgram} does
 */
export async function runInShell(
  commandLine: string,
  { system: { os }, env, signal }: {
    readonly system: Pick<System, "os">;
    readonly env: Env;
    readonly signal: AbortSignal;
  },
): Promise<ProgramResult> {
  const shell = os === "windows" ? ["cmd", "/d", "/s", "/c"] : ["sh", "-c"];
  return await runProgram([...shell, commandLine], { env, signal });
}
