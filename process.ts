/**
 * Child processes, through dax: input on stdin, output captured, ended when the run ends.
 *
 * @module
 */

import type { Env } from "./aws_config.ts";
import { type CommandContext, type KillSignalListener, loadDax } from "./deps.ts";
import { permissionError } from "./errors.ts";
import { scrub, type Secret } from "./secret.ts";

/** How a child ended. */
export interface ProgramResult {
  /** 127 when there is no such program, or none for its script; 126 when it cannot be started. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a child gets. */
export interface ProgramOptions {
  /** Its whole environment. */
  readonly env: Env;
  /** Ends the child. */
  readonly signal: AbortSignal;
  readonly stdin?: Secret | string | undefined;
}

/**
 * How long a child may take to end after SIGTERM, in milliseconds: docker outlives it while it waits
 * for a credential helper.
 */
const grace = 1000;

/**
 * Runs a program without a shell and waits for its end.
 *
 * @throws what `signal` was aborted with, when it was; a UserError when Deno may not start
 * the program
 */
export async function runProgram(
  argv: readonly string[],
  { env, signal, stdin }: ProgramOptions,
): Promise<ProgramResult> {
  const { default: $, KillController } = await loadDax();
  signal.throwIfAborted();
  const kill = new KillController();
  let killTimer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    kill.kill("SIGTERM");
    killTimer = setTimeout(() => kill.kill("SIGKILL"), grace);
  };
  signal.addEventListener("abort", end, { once: true });
  try {
    const result = await $`child`
      .registerCommand("child", (context) => runChild(argv, context, { env, stdin }))
      .stdout("piped")
      .stderr("piped")
      .noThrow()
      .signal(kill.signal);
    // Ctrl-C in a terminal reaches the child too, which may be gone before we hear of it
    if (result.code !== 0) await new Promise((resolve) => setTimeout(resolve, 50));
    signal.throwIfAborted();
    return { code: result.code, stdout: result.stdout, stderr: result.stderr };
  } catch (error) {
    const program = argv[0]?.split(/[\\/]/).at(-1);
    if (error instanceof Deno.errors.NotCapable) {
      throw permissionError(`may not start ${program}`, "--allow-run", error);
    }
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
    clearTimeout(killTimer);
  }
}

/** The greatest number of a signal, on Linux. */
const lastSignal = 64;

/**
 * How a program failed, and the last line of what it said, without secrets:
 * `"failed with exit code 1: no such item"`. A code is 128 and a signal's number where one ended it,
 * as in a shell; the AWS CLI's own codes, 252 to 255, are greater.
 */
export function howItFailed(code: number, said: string): string {
  const ended = code > 128 && code <= 128 + lastSignal
    ? `was killed by signal ${code - 128}`
    : `failed with exit code ${code}`;
  const line = lastLine(said);
  return line === "" ? ended : `${ended}: ${line}`;
}

/** The last line of what a program said, without secrets; empty when it said nothing. */
export function lastLine(said: string): string {
  return scrub(said).trim().split("\n").at(-1)?.trim() ?? "";
}

/**
 * The environment of a child. LD_… is left out because Deno refuses it under a scoped
 * `--allow-run`.
 */
export function childEnv(env: Env): Record<string, string> {
  const kept = Object.entries(env).filter(([name, value]) =>
    value !== undefined && !name.startsWith("LD_")
  );
  return Object.fromEntries(kept) as Record<string, string>;
}

/**
 * The program itself, as a command of dax. dax's own way to start one, through Deno's
 * node:child_process, sends no second signal, takes a program that was killed for one that
 * succeeded, and kills one that does not read its stdin.
 */
async function runChild(
  [program = "", ...args]: readonly string[],
  { signal, stdout, stderr }: CommandContext,
  { env, stdin }: Pick<ProgramOptions, "env" | "stdin">,
): Promise<{ code: number }> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      clearEnv: true,
      env: childEnv(env),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable || !(error instanceof Error)) throw error;
    // not there, nothing there that could interpret it, or no right to run it
    await stderr.writeLine(`cannot be started: ${error.message}`);
    return { code: error instanceof Deno.errors.NotFound ? 127 : 126 };
  }
  const input = child.stdin.getWriter();
  const readers = [child.stdout.getReader(), child.stderr.getReader()] as const;
  const kill: KillSignalListener = (name) => {
    try {
      child.kill(name === "SIGKILL" ? name : "SIGTERM");
    } catch {
      // it has ended
    }
    // a program of its own may outlive it and keep its pipes open
    void child.status.then(() => readers.map((reader) => reader.cancel()));
  };
  signal.addListener(kill);
  try {
    // a child that ends without reading its input is judged by its exit code
    const text = typeof stdin === "string" ? stdin : stdin?.reveal() ?? "";
    const fed = input.write(new TextEncoder().encode(text))
      .then(() => input.close()).catch(() => {});
    await Promise.all([copy(readers[0], stdout), copy(readers[1], stderr)]);
    const { code } = await child.status;
    await Promise.race([fed, input.abort().catch(() => {})]);
    return { code };
  } finally {
    signal.removeListener(kill);
  }
}

async function copy(
  from: ReadableStreamDefaultReader<Uint8Array>,
  to: CommandContext["stdout"],
): Promise<void> {
  for (;;) {
    const { value } = await from.read();
    if (value === undefined) return;
    await to.writeAll(value);
  }
}
