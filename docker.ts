/**
 * Container tools at work: logging a program in, with the password on its stdin and nowhere else.
 *
 * @module
 */

import type { Env } from "./aws_config.ts";
import type { $Type } from "./deps.ts";
import { exitCodes, UserError } from "./errors.ts";
import { explain } from "./messages.ts";
import { runProgram } from "./process.ts";
import { scrub, type Secret } from "./secret.ts";
import { findProgram, installHint, type Tool, tools } from "./tools.ts";
import type { System } from "./system.ts";

/** What a login with a program needs. */
export interface ProgramLogin {
  readonly host: string;
  readonly password: Secret;
  readonly signal: AbortSignal;
  /** Takes the lines of `--verbose`. */
  readonly report: (line: string) => void;
  readonly $?: $Type | undefined;
}

/** Variables that hold AWS's secrets: no container tool needs them to log in. */
const secretVariables = [
  "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SECURITY_TOKEN",
  "AWS_SESSION_TOKEN",
];

/**
 * Makes sure that a program is there, before anything is asked of AWS.
 *
 * @throws {UserError} when it is not on PATH
 */
export function requireTool(name: Tool["name"], system: System): Tool {
  const tool = tools.find((candidate) => candidate.name === name);
  const search = { ...system, windows: system.os === "windows" };
  if (tool !== undefined && findProgram(name, search) !== undefined) return tool;
  throw new UserError(`${name} is not installed`, {
    code: "tool-missing",
    exitCode: exitCodes.tool,
    hint: `${installHint(name, system.os)}; or use: --tool file`,
  });
}

/**
 * Logs a program in to a registry.
 *
 * @throws {UserError} when it fails, with what it said explained where it is known
 */
export async function loginWithProgram(
  tool: Tool,
  { host, password, signal, report, $ }: ProgramLogin,
  { env }: System,
): Promise<void> {
  const argv = [tool.name, ...tool.loginArgs(host)];
  report(`$ ${argv.join(" ")}`);
  const { code, stdout, stderr } = await runProgram(argv, {
    env: withoutSecrets(env),
    stdin: password,
    signal,
    $,
  });
  const said = scrub(`${stdout}\n${stderr}`.trim());
  for (const line of said.split("\n").filter((line) => line.trim() !== "")) {
    report(`${tool.name}: ${line.trimEnd()}`);
  }
  if (code === 0) return;
  throw explain(said, { registry: host, tool: tool.name }) ?? new UserError(
    `${tool.name} login failed with exit code ${code}: ${lastLine(said)}`,
    {
      code: "tool-failed",
      exitCode: exitCodes.tool,
      hint: `--verbose shows all that ${tool.name} said; or use: --tool file`,
    },
  );
}

function withoutSecrets(env: Env): Env {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !secretVariables.includes(name)),
  );
}

function lastLine(text: string): string {
  return text.split("\n").at(-1)?.trim() || "it said nothing";
}
