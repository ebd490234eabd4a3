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

/** Reports a defect: everything that is not a {@linkcode UserError}, of which the help has one. */
async function reportBug(error: unknown, system: System): Promise<ExitCode> {
  if (error instanceof UserError) {
    system.stderr(`ecrin: error: ${error.message}\n`);
    return error.exitCode;
  }
  const { scrub } = await import("./secret.ts");
  const { printable } = await import("./terminal.ts");
  const stack = error instanceof Error ? error.stack ?? String(error) : String(error);
  system.stderr(
    `ecrin: bug: ${printable(scrub(stack))}\n` +
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

/** Those that a process may have been told to ignore, by their numbers in signal(7). */
const ignorable: readonly (readonly [signal: Deno.Signal, number: number])[] = [
  ["SIGHUP", 1],
  ["SIGINT", 2],
  ["SIGQUIT", 3],
];

/**
 * The signals that this process was told to ignore, as nohup does, and a script with what it runs in
 * the background. Asked before there are listeners.
 */
function ignoredSignals(): Deno.Signal[] {
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    const mask = BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? 0}`);
    return ignorable.flatMap(([signal, number]) =>
      (mask >> BigInt(number - 1)) % 2n === 1n ? [signal] : []
    );
  } catch {
    return []; // not Linux, or Deno may not look
  }
}

if (import.meta.main) {
  const system = realSystem();
  const ignored = ignoredSignals();
  const interrupted = new AbortController();
  let receiver: ((signal: Deno.Signal) => void) | undefined;
  for (const signal of signals) {
    // with a listener for one signal, Deno ends by those of them that have none
    Deno.addSignalListener(signal, () => {
      if (ignored.includes(signal)) return;
      if (receiver !== undefined) return receiver(signal);
      interrupted.abort(
        new UserError("interrupted", { code: "interrupted", exitCode: exitCodes.interrupted }),
      );
    });
  }
  const forwardSignals: RunOptions["forwardSignals"] = (to) => {
    receiver = to;
    for (const signal of commandSignals.filter((signal) => !ignored.includes(signal))) {
      Deno.addSignalListener(signal, () => to(signal));
    }
    return {
      ignored,
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
