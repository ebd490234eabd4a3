/**
 * A command of the user's in the place of ecrin: its terminal, its input and output, its signals and
 * its exit code.
 *
 * @module
 */

import { join } from "node:path";
import type { Env } from "./aws_config.ts";
import { exitCodes, permissionError, quoteName, shellWord, UserError } from "./errors.ts";
import type { System } from "./system.ts";

/** Sends signals to `receiver` instead of ending the run, until it is disposed. */
export type ForwardSignals = (receiver: (signal: Deno.Signal) => void) => Forwarding;

/** What {@linkcode ForwardSignals} gives. */
export interface Forwarding extends Disposable {
  /** What ecrin was told to ignore when it was started, and its command is to be told too. */
  readonly ignored: readonly Deno.Signal[];
}

/**
 * The path of the program that a shell would run.
 *
 * @throws {UserError} with the exit code 127 when there is none, 126 when it cannot be run
 */
export function findCommand(name: string, { env, os }: System): string {
  const windows = os === "windows";
  const endings = windows ? ["", ...(env.PATHEXT ?? ".EXE;.CMD;.BAT").split(";")] : [""];
  const isPath = windows ? /[\\/]/.test(name) : name.includes("/");
  const folders = isPath
    ? [""]
    : (env.PATH ?? env.Path ?? "").split(windows ? ";" : ":").map((path) => path || ".");
  const paths = folders.flatMap((folder) =>
    endings.map((ending) => isPath ? name + ending : join(folder, name + ending))
  ).map((path) => /[\\/]/.test(path) ? path : `./${path}`);
  const kinds = new Map(paths.map((path) => [path, kindOf(path, windows)]));
  const found = paths.find((path) => kinds.get(path) === "program");
  if (found !== undefined) return found;
  const other = paths.find((path) => kinds.get(path) !== undefined);
  if (other !== undefined) {
    throw new UserError(`cannot run ${quoteName(name)}: it is ${kinds.get(other)}`, {
      code: "command-not-executable",
      exitCode: exitCodes.notExecutable,
      hint: kinds.get(other) === "a folder"
        ? "name a program in it"
        : `run: chmod +x ${shellWord(other)}`,
    });
  }
  throw new UserError(`there is no command ${quoteName(name)}`, {
    code: "command-not-found",
    exitCode: exitCodes.notFound,
    hint: isPath ? "check the path" : "install it, or check PATH",
  });
}

function kindOf(path: string, windows: boolean): string | undefined {
  try {
    const { isDirectory, mode } = Deno.statSync(path);
    if (isDirectory) return "a folder";
    const executable = windows || mode === null || (mode & 0o111) !== 0;
    return executable ? "program" : "a file without the right to be executed";
  } catch {
    return undefined;
  }
}

/** Whether what is typed on a terminal reaches this process, and with it the command. */
function isInForeground(): boolean {
  try {
    // proc(5): pid (name) state ppid pgrp session tty_nr tpgid; a name may hold anything
    const stat = Deno.readTextFileSync("/proc/self/stat");
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return group === foreground;
  } catch {
    return [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
  }
}

/**
 * Runs a command to its end, with this process's input, output and terminal.
 *
 * @param argv its path, as of {@linkcode findCommand}, and its arguments
 * @returns its exit code; as in a shell 128 and the signal's number when one ended it
 * @throws {UserError} when it cannot be started
 */
export async function runInForeground(
  argv: readonly string[],
  { env, forwardSignals }: { readonly env: Env; readonly forwardSignals: ForwardSignals },
): Promise<number> {
  const [program = ""] = argv;
  const kept = Object.entries(env).filter((entry): entry is [string, string] =>
    entry[1] !== undefined
  );
  let child: Deno.ChildProcess | undefined;
  using forwarding = forwardSignals((signal) => {
    // a terminal sends what is typed there to the command by itself
    if ((signal === "SIGINT" || signal === "SIGQUIT") && isInForeground()) return;
    try {
      child?.kill(signal);
    } catch {
      // it has ended
    }
  });
  try {
    const [first = program, ...args] = ignoring(forwarding.ignored, argv);
    child = new Deno.Command(first, {
      args,
      clearEnv: true,
      env: Object.fromEntries(kept),
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) {
      throw permissionError(`may not start ${program}`, "--allow-run", cause);
    }
    throw new UserError(`cannot run ${quoteName(program)}: ${(cause as Error).message}`, {
      code: "command-not-executable",
      exitCode: cause instanceof Deno.errors.NotFound
        ? exitCodes.notFound
        : exitCodes.notExecutable,
      hint: "check that it is a program of this system, or a script whose interpreter is there",
      cause,
    });
  }
  const { code } = await child.status;
  return code;
}

/** The command line with signals ignored, which Deno would let the command have again. */
function ignoring(signals: readonly Deno.Signal[], argv: readonly string[]): readonly string[] {
  if (signals.length === 0) return argv;
  const names = signals.map((signal) => signal.slice("SIG".length)).join(" ");
  return ["/bin/sh", "-c", `trap '' ${names}; exec "$@"`, "sh", ...argv];
}
