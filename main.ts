/**
 * ecrin: logs container tools in to Amazon ECR. argv → command → exit code.
 *
 * @module
 */

import manifest from "./deno.json" with { type: "json" };
import { asksFor } from "./commands.ts";
import { type ExitCode, exitCodes, UserError } from "./errors.ts";
import { helpText } from "./help.ts";
import type { RunOptions } from "./run.ts";
import { realSystem, type System } from "./system.ts";

/**
 * Runs a command line.
 *
 * @param signals what ends the run, and where else the process's signals may go
 * @returns the exit code
 */
export async function main(
  args: readonly string[],
  system: System,
  signals: Pick<RunOptions, "interrupt" | "forwardSignals">,
): Promise<number> {
  const asked = asksFor(args);
  if (asked !== undefined) {
    const { version } = manifest;
    system.stdout(asked.what === "help" ? helpText(version, asked.words) : `ecrin ${version}\n`);
    return exitCodes.ok;
  }
  const { run } = await import("./run.ts");
  return await run(args, system, { ...signals, version: manifest.version });
}

/** Reports a defect: everything that is not a {@linkcode UserError}. */
async function reportBug(error: unknown, system: System): Promise<ExitCode> {
  const { scrub } = await import("./secret.ts");
  const stack = error instanceof Error ? error.stack ?? String(error) : String(error);
  system.stderr(
    `ecrin: bug: ${scrub(stack)}\n` +
      `ecrin: hint: please report this in ecrin's issue tracker, with ecrin ${manifest.version} ` +
      `and Deno ${Deno.version.deno}\n`,
  );
  return exitCodes.bug;
}

/** Signals that end a run, or reach the command that it runs. */
const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** Signals that are a command's alone. */
const commandSignals: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? []
  : ["SIGQUIT", "SIGUSR1", "SIGUSR2"];

if (import.meta.main) {
  const system = realSystem();
  const interrupted = new AbortController();
  let receiver: ((signal: Deno.Signal) => void) | undefined;
  for (const signal of signals) {
    Deno.addSignalListener(signal, () => {
      if (receiver !== undefined) return receiver(signal);
      interrupted.abort(
        new UserError("interrupted", { code: "interrupted", exitCode: exitCodes.interrupted }),
      );
    });
  }
  const forwardSignals = (to: (signal: Deno.Signal) => void): Disposable => {
    receiver = to;
    for (const signal of commandSignals) Deno.addSignalListener(signal, () => to(signal));
    return {
      [Symbol.dispose]: () => {
        receiver = undefined;
      },
    };
  };
  const options = { interrupt: interrupted.signal, forwardSignals };
  const exitCode = await main(Deno.args, system, options)
    .catch((error: unknown) => reportBug(error, system));
  // not exitCode alone: a connection that is still open would keep the process alive
  Deno.exit(exitCode);
}
