/**
 * ecrin: logs container tools in to Amazon ECR. argv → command → exit code.
 *
 * @module
 */

import manifest from "./deno.json" with { type: "json" };
import { asksFor } from "./commands.ts";
import { type ExitCode, exitCodes, UserError } from "./errors.ts";
import { helpText } from "./help.ts";
import { realSystem, type System } from "./system.ts";

/**
 * Runs a command line.
 *
 * @param interrupt ends the run; its reason is a {@linkcode UserError}
 * @returns the exit code
 */
export async function main(
  args: readonly string[],
  system: System,
  interrupt: AbortSignal,
): Promise<number> {
  const asked = asksFor(args);
  if (asked !== undefined) {
    const { version } = manifest;
    system.stdout(asked.what === "help" ? helpText(version, asked.words) : `ecrin ${version}\n`);
    return exitCodes.ok;
  }
  const { run } = await import("./run.ts");
  return await run(args, system, { interrupt, version: manifest.version });
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

if (import.meta.main) {
  const system = realSystem();
  const interrupted = new AbortController();
  const interrupt = () => {
    interrupted.abort(
      new UserError("interrupted", { code: "interrupted", exitCode: exitCodes.interrupted }),
    );
  };
  Deno.addSignalListener("SIGINT", interrupt);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", interrupt);
  const exitCode = await main(Deno.args, system, interrupted.signal)
    .catch((error: unknown) => reportBug(error, system));
  // not exitCode alone: a connection that is still open would keep the process alive
  Deno.exit(exitCode);
}
