/**
 * A run of `login` from its arguments to its report: time limit, interrupt, output, exit code.
 *
 * @module
 */

import { type LoginOptions, outputOptions, parseLogin } from "./cli.ts";
import { type ExitCode, exitCodes, UserError } from "./errors.ts";
import { errorRecord, login, type LoginResult } from "./login.ts";
import type { System } from "./system.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

/** The most milliseconds that setTimeout takes: 24 days. It makes 1 of what is more. */
const longestTimer = 2 ** 31 - 1;

/** After an interrupt or the time limit, how long the work may take to end, in milliseconds. */
const endingLimit = 2500;

/** What a run is told by main. */
export interface RunOptions {
  readonly interrupt: AbortSignal;
  readonly version: string;
}

/**
 * Parses, logs in and reports.
 *
 * @returns the exit code
 */
export async function runLogin(
  args: readonly string[],
  system: System,
  run: RunOptions,
): Promise<ExitCode> {
  const output = outputOptions(args);
  const terminal = openTerminal(system, output);
  try {
    const options = parseLogin(args);
    const { logins, exitCode } = await limited(options, { system, terminal, run });
    if (options.json) {
      const dryRun = options.dryRun ? { dryRun: true } : {};
      system.stdout(`${JSON.stringify({ logins, ...dryRun })}\n`);
    }
    return exitCode;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    terminal.fail(error);
    if (output.json) {
      system.stdout(`${JSON.stringify({ logins: [], error: errorRecord(error) })}\n`);
    }
    return error.exitCode;
  }
}

/** The login, ended by the interrupt or after `--timeout`. */
async function limited(
  options: LoginOptions,
  { system, terminal, run }: { system: System; terminal: Terminal; run: RunOptions },
): Promise<LoginResult> {
  const limit = new AbortController();
  const timer = setTimeout(
    () => limit.abort(timeoutError(options.timeout)),
    Math.min(options.timeout * 1000, longestTimer),
  );
  const signal = AbortSignal.any([run.interrupt, limit.signal]);
  const { promise: overdue, reject } = Promise.withResolvers<never>();
  let overdueTimer: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener("abort", () => {
    // the work ends by itself; this is for what does not listen
    overdueTimer = setTimeout(() => reject(signal.reason), endingLimit);
  }, { once: true });
  try {
    const { version } = run;
    return await Promise.race([login(options, { system, terminal, signal, version }), overdue]);
  } finally {
    clearTimeout(timer);
    clearTimeout(overdueTimer);
  }
}

function timeoutError(seconds: number): UserError {
  return new UserError(`gave up after ${seconds} second${seconds === 1 ? "" : "s"}`, {
    code: "timeout",
    exitCode: exitCodes.timeout,
    hint: "check the network, or allow more time: --timeout 5m",
  });
}
