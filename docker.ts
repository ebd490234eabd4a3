/**
 * Container tools at work: logging a program in, with the password on its stdin and nowhere else.
 *
 * @module
 */

import type { Env } from "./aws_config.ts";
import { checkConfigFile, dockerConfigPath } from "./docker_config.ts";
import { exitCodes, UserError } from "./errors.ts";
import { explain } from "./messages.ts";
import { runProgram } from "./process.ts";
import { scrub, type Secret } from "./secret.ts";
import { findProgram, installHint, type Tool, type ToolName, tools } from "./tools.ts";
import type { System } from "./system.ts";

/** What a login with a program needs. */
export interface ProgramLogin {
  readonly host: string;
  readonly password: Secret;
  readonly signal: AbortSignal;
  /** Takes the lines of `--verbose`. */
  readonly report: (line: string) => void;
}

/** A tool, and where it is. */
export interface InstalledTool extends Tool {
  readonly path: string;
}

/** Variables that hold secrets for AWS: no container tool needs them to log in. */
export const secretVariables = [
  "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SECURITY_TOKEN",
  "AWS_SESSION_TOKEN",
  "BITBUCKET_STEP_OIDC_TOKEN",
  "CIRCLE_OIDC_TOKEN",
  "CIRCLE_OIDC_TOKEN_V2",
];

/**
 * Makes sure that a program is there, before anything is asked of AWS.
 *
 * @throws {UserError} when it is not on PATH
 */
export function requireTool(name: Tool["name"], system: System): InstalledTool {
  const tool = tools.find((candidate) => candidate.name === name);
  const path = findProgram(name, { ...system, windows: system.os === "windows" });
  if (tool !== undefined && path !== undefined) return { ...tool, path };
  throw new UserError(`${name} is not installed`, {
    code: "tool-missing",
    exitCode: exitCodes.tool,
    hint: `${installHint(name, system.os)}; or use: --tool file`,
  });
}

/**
 * Makes sure that a tool's files with logins are not malformed: docker would replace such a file by
 * a new one, and with it every login in it.
 *
 * Of podman's it is those that are named by a variable, of which it rewrites docker's (its
 * containers-auth.json(5)); elsewhere it looks out for itself.
 *
 * @throws {UserError} when one is
 */
export async function checkLoginFiles(tool: ToolName, { env, os }: System): Promise<void> {
  const { DOCKER_CONFIG, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR } = env;
  const paths: string[] = [];
  if (tool !== "podman") {
    // without HOME docker asks the system for it
    const home = os === "windows" ? env.USERPROFILE : env.HOME;
    if (DOCKER_CONFIG || home) paths.push(dockerConfigPath(env));
  } else {
    if (DOCKER_CONFIG) paths.push(dockerConfigPath(env));
    if (REGISTRY_AUTH_FILE) paths.push(REGISTRY_AUTH_FILE);
    else if (XDG_RUNTIME_DIR) paths.push(`${XDG_RUNTIME_DIR}/containers/auth.json`);
  }
  for (const path of paths) await checkConfigFile(path);
}

/**
 * Logs a program in to a registry.
 *
 * @throws {UserError} when it fails, with what it said explained where it is known
 */
export async function loginWithProgram(
  tool: InstalledTool,
  { host, password, signal, report }: ProgramLogin,
  { env }: System,
): Promise<void> {
  const args = tool.loginArgs(host);
  const command = [tool.name, ...args].join(" ");
  report(`$ ${command}`);
  // by its path: a search of its own could find another one
  const { code, stdout, stderr } = await runProgram([tool.path, ...args], {
    env: withoutSecrets(env),
    stdin: password,
    signal,
  });
  const said = scrub(`${stdout}\n${stderr}`.trim());
  for (const line of said.split("\n").filter((line) => line.trim() !== "")) {
    report(`${tool.name}: ${line.trimEnd()}`);
  }
  if (code === 0) return;
  throw explain(said, { registry: host, tool: tool.name }) ?? new UserError(
    `${tool.name} login ${howItEnded(code)}: ${lastLine(said)}`,
    {
      code: "tool-failed",
      exitCode: exitCodes.tool,
      hint: said === ""
        ? `try: ${command}, with any password; or use: --tool file`
        : `--verbose shows all that ${tool.name} said; or use: --tool file`,
    },
  );
}

/** Without the variables above, and any other that holds a secret of this run: `env:NAME`. */
function withoutSecrets(env: Env): Env {
  const kept = Object.entries(env).filter(([name, value]) =>
    !secretVariables.includes(name) && (value === undefined || scrub(value) === value)
  );
  return Object.fromEntries(kept);
}

/** Codes over 128 are a signal's number and 128, as in a shell. */
function howItEnded(code: number): string {
  return code > 128 ? `was killed by signal ${code - 128}` : `failed with exit code ${code}`;
}

function lastLine(text: string): string {
  return text.split("\n").at(-1)?.trim() || "it said nothing";
}
