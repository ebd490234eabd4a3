/**
 * A run of a command from its arguments to its report: time limit, interrupt, output, exit code.
 *
 * @module
 */

import { timeLimit } from "./cli.ts";
import { type CommandLine, outputOptions, parseCommandLine, refuseWords } from "./command_line.ts";
import { type CommandName, commandOf } from "./commands.ts";
import { type ExitCode, exitCodes, UserError } from "./errors.ts";
import type { ForwardSignals } from "./foreground.ts";
import { scrub } from "./secret.ts";
import type { System } from "./system.ts";
import { openTerminal, type Terminal } from "./terminal.ts";
import { startTimeLimit } from "./time_limit.ts";

/** Seconds that a person has for an answer, or for signing in when others do so before them. */
const personLimit = 900;

/** After an interrupt or the time limit, how long the work may take to end, in milliseconds. */
const endingLimit = 2500;

/** What a run is told by main. */
export interface RunOptions {
  /** Ends the run; its reason is a {@linkcode UserError}. */
  readonly interrupt: AbortSignal;
  readonly forwardSignals: ForwardSignals;
  readonly version: string;
}

/** What a command works with. */
export interface RunContext {
  readonly system: System;
  readonly terminal: Terminal;
  /** Ends the run; its reason is the error to report. */
  readonly signal: AbortSignal;
  readonly version: string;
  /** What `--json` lists, put in as it comes about: a run may be ended in the middle. */
  readonly results: unknown[];
  /** Lifts `--timeout`, once what follows is the user's own work. */
  readonly liftTimeLimit: () => void;
  readonly forwardSignals: ForwardSignals;
}

/** What a run came to. */
export interface CommandResult {
  readonly exitCode: ExitCode | number;
  /** What `--json` prints, beside the list where there is one; undefined: what there is was printed. */
  readonly json?: Readonly<Record<string, unknown>>;
}

/** A command's work, as its file exports it under the name `run`. */
export type RunCommand = (line: CommandLine, context: RunContext) => Promise<CommandResult>;

/** Where each command's work is. */
const commandFiles: Readonly<Record<CommandName, () => Promise<{ run: RunCommand }>>> = {
  "login": () => import("./login.ts"),
  "logout": () => import("./logout.ts"),
  "status": () => import("./status.ts"),
  "whoami": () => import("./whoami.ts"),
  "env": () => import("./env.ts"),
  "exec": () => import("./exec.ts"),
  "password": () => import("./password.ts"),
  "sso login": () => import("./sso_login.ts"),
  "sso logout": () => import("./sso_logout.ts"),
  "sso status": () => import("./sso_status.ts"),
  "sso configure": () => import("./sso_configure.ts"),
};

/**
 * Parses, works and reports.
 *
 * @returns the exit code
 */
export async function run(
  args: readonly string[],
  system: System,
  options: RunOptions,
): Promise<number> {
  const output = outputOptions(args);
  const terminal = openTerminal(system, output);
  const results: unknown[] = [];
  let line: CommandLine | undefined;
  const print = (json: Readonly<Record<string, unknown>>) => {
    const lists = (line?.command ?? commandOf(args))?.lists;
    const all = lists === undefined ? json : { [lists]: results, ...json };
    if (output.json) system.stdout(`${JSON.stringify(all)}\n`);
  };
  try {
    line = parseCommandLine(args);
    refuseWords(line);
    const { exitCode, json } = await limited(line, {
      ...{ system, terminal, results },
      ...options,
    });
    if (json !== undefined || line.command.lists !== undefined) print(json ?? {});
    return exitCode;
  } catch (error) {
    terminal.flush();
    if (!(error instanceof UserError)) throw error;
    terminal.fail(error);
    print({ error: errorRecord(error) });
    return error.exitCode;
  }
}

type Unlimited = Pick<RunContext, "system" | "terminal" | "results"> & RunOptions;

/** The command's work, ended by the interrupt or after `--timeout`. */
async function limited(line: CommandLine, context: Unlimited): Promise<CommandResult> {
  const { interrupt } = context;
  const seconds = timeLimit(line);
  const limit = new AbortController();
  const clock = startTimeLimit({
    seconds,
    over: () => limit.abort(timeoutError(seconds)),
    personSeconds: personLimit,
    unanswered: () => limit.abort(unanswered()),
  });
  const signal = AbortSignal.any([interrupt, limit.signal]);
  const { promise: overdue, reject } = Promise.withResolvers<never>();
  let overdueTimer: ReturnType<typeof setTimeout> | undefined;
  let lifted = false;
  signal.addEventListener("abort", () => {
    // the work ends by itself; this is for what does not listen
    if (!lifted) overdueTimer = setTimeout(() => reject(signal.reason), endingLimit);
  }, { once: true });
  const liftTimeLimit = () => {
    lifted = true;
    clock.lift();
  };
  const terminal: Terminal = {
    ...context.terminal,
    asking: (work) => clock.asking(() => context.terminal.asking(work)),
  };
  try {
    const { run } = await commandFiles[line.command.name]();
    return await Promise.race([
      run(line, { ...context, terminal, signal, liftTimeLimit }),
      overdue,
    ]);
  } finally {
    clock.lift();
    clearTimeout(overdueTimer);
  }
}

function unanswered(): UserError {
  return new UserError(`nobody answered for ${personLimit / 60} minutes`, {
    code: "timeout",
    exitCode: exitCodes.timeout,
    hint: "where nobody can answer, add: --no-input",
  });
}

function timeoutError(seconds: number): UserError {
  return new UserError(`gave up after ${seconds} second${seconds === 1 ? "" : "s"}`, {
    code: "timeout",
    exitCode: exitCodes.timeout,
    hint: "check the network, or allow more time: --timeout 5m",
  });
}

/** An error, as `--json` prints it. */
export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}

/** The form of an error in `--json`. */
export function errorRecord(error: UserError): ErrorRecord {
  return {
    code: error.code,
    message: scrub(error.message),
    hint: error.hint === undefined ? null : scrub(error.hint),
  };
}
