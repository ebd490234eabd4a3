/**
 * GitHub Actions: values that its log hides, and variables for the steps that follow
 * (docs.github.com: "Workflow commands for GitHub Actions").
 *
 * @module
 */

import type { Env } from "./aws_config.ts";
import type { AwsCredentials } from "./clients.ts";
import { exitCodes, usageError, UserError } from "./errors.ts";
import type { Secret } from "./secret.ts";
import type { System } from "./system.ts";

/** Whether this is a step of a job there; Forgejo and Gitea say so too. */
function inGitHubActions(env: Env): boolean {
  return env.GITHUB_ACTIONS === "true";
}

/**
 * Makes the log hide values before they are printed on purpose. The runner reads such lines on
 * stderr as well, and stdout is for data.
 */
export function maskInLog(values: readonly string[], { env, stderr }: System): void {
  if (!inGitHubActions(env)) return;
  for (const value of values) stderr(`::add-mask::${escaped(value)}\n`);
}

/** The parts of credentials that nobody may see. */
export function secretsOf({ secretAccessKey, sessionToken }: AwsCredentials): string[] {
  return sessionToken === undefined ? [secretAccessKey] : [secretAccessKey, sessionToken];
}

/** A registry's password, and the form that it has in files and requests. */
export function passwordForms({ password }: { readonly password: Secret }): string[] {
  return [password.reveal(), btoa(`AWS:${password.reveal()}`)];
}

/** As the runner wants data in its commands (actions/toolkit, `escapeData`). */
function escaped(value: string): string {
  return value.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

/**
 * Sets variables for the steps that follow, in the file $GITHUB_ENV.
 *
 * @throws {UserError} outside of a job, or when the file cannot be written
 */
export async function exportToSteps(
  variables: Readonly<Record<string, string>>,
  { env }: System,
): Promise<void> {
  const path = env.GITHUB_ENV;
  if (!path) {
    throw usageError(
      "not-in-github-actions",
      "GITHUB_ENV is not set: this is no step of a GitHub Actions job",
      "elsewhere use --format sh",
    );
  }
  // a value that holds the delimiter would end early: nobody can guess this one
  const delimiter = `ecrin_${crypto.randomUUID()}`;
  const text = Object.entries(variables)
    .map(([name, value]) => `${name}<<${delimiter}\n${value}\n${delimiter}\n`).join("");
  try {
    await Deno.writeTextFile(path, text, { append: true });
  } catch (cause) {
    throw new UserError(`cannot write ${path}, which GITHUB_ENV names`, {
      code: "github-env-unwritable",
      exitCode: exitCodes.usage,
      hint: "check the runner's temporary folder",
      cause,
    });
  }
}
