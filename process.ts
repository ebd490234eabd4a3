/**
 * Child processes, through dax: input on stdin, output captured, ended when the run ends.
 *
 * @module
 */

import type { Env } from "./aws_config.ts";
import { type $Type, loadDax } from "./deps.ts";
import type { Secret } from "./secret.ts";

/** How a child ended. */
export interface ProgramResult {
  /** 127 when there is no such program. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a child gets. */
export interface ProgramOptions {
  /** Its whole environment. */
  readonly env: Env;
  /** Ends the child: SIGTERM, and SIGKILL when it stays. */
  readonly signal: AbortSignal;
  readonly stdin?: Secret | undefined;
  /** dax itself, or one with programs swapped for functions in tests. */
  readonly $?: $Type | undefined;
}

/** How long a child may take to end after SIGTERM, in milliseconds. */
const grace = 1000;

/**
 * Runs a program without a shell and waits for its end.
 *
 * @throws what `signal` was aborted with, when it was
 */
export async function runProgram(
  argv: readonly string[],
  { env, signal, stdin, $ }: ProgramOptions,
): Promise<ProgramResult> {
  const { default: dax, KillController } = await loadDax();
  signal.throwIfAborted();
  const kill = new KillController();
  let killTimer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    kill.kill("SIGTERM");
    killTimer = setTimeout(() => kill.kill("SIGKILL"), grace);
  };
  signal.addEventListener("abort", end, { once: true });
  try {
    const result = await ($ ?? dax)`${[...argv]}`
      .clearEnv()
      .env(childEnv(env))
      .stdinText(stdin?.reveal() ?? "")
      .stdout("piped")
      .stderr("piped")
      .noThrow()
      .signal(kill.signal);
    signal.throwIfAborted();
    return { code: result.code, stdout: result.stdout, stderr: withoutPipeNoise(result.stderr) };
  } finally {
    signal.removeEventListener("abort", end);
    clearTimeout(killTimer);
  }
}

/**
 * The environment of a child. LD_LIBRARY_PATH is left out because Deno refuses it under a scoped
 * `--allow-run`.
 */
function childEnv(env: Env): Record<string, string> {
  const kept = Object.entries(env).filter(([name, value]) =>
    value !== undefined && !name.startsWith("LD_")
  );
  return Object.fromEntries(kept) as Record<string, string>;
}

/** dax adds this when a child ends before it has read its stdin. */
function withoutPipeNoise(stderr: string): string {
  return stderr.replace(/^stdin pipe broken\..*\n?/gm, "");
}
