/**
 * Container tools at work: logging a program in, with the password on its stdin and nowhere else.
 *
 * @module
 */

import { dirname } from "node:path";
import type { Env } from "./aws_config.ts";
import { checkConfigFile } from "./docker_config.ts";
import { exitCodes, UserError } from "./errors.ts";
import { explain } from "./messages.ts";
import { isolateConfig } from "./isolated_config.ts";
import { keepLogins } from "./kept_logins.ts";
import { runProgram } from "./process.ts";
import { scrub, type Secret } from "./secret.ts";
import { lockStore } from "./store_lock.ts";
import { storePathOf } from "./stores.ts";
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
 * Makes sure that a tool's file of logins is not malformed: docker would replace such a file by a new
 * one, and with it every login in it.
 *
 * @throws {UserError} when it is
 */
export async function checkLoginFiles(tool: ToolName, system: System): Promise<void> {
  const path = storePathOf(tool, system);
  if (path !== undefined) await checkConfigFile(path);
}

/**
 * Logs a program in to a registry, and puts the login where the program would have put it: into its
 * file, or the credential store that the file names. Any number of these may go on at once.
 *
 * @throws {UserError} when it fails, with what it said explained where it is known
 */
export async function loginWithProgram(
  tool: InstalledTool,
  login: ProgramLogin,
  system: System,
): Promise<void> {
  const { host, password, signal, report } = login;
  const path = sharedFile(tool, system);
  if (path === undefined) return await runLogin(tool, login, system.env);
  await using isolated = await isolateConfig(tool.name, path, host, system);
  await using _store = isolated.helper === undefined
    ? undefined
    : await lockStore(isolated.helper, dirname(path), { system, signal, report });
  await runLogin(tool, login, { ...system.env, ...isolated.env }, isolated.inUsersWords);
  await keepLogins(path, await isolated.changes(password), { report, signal });
}

/** The file into which a login of the program is merged; undefined where it has to do it itself. */
function sharedFile(tool: InstalledTool, system: System): string | undefined {
  // a snap has files of its own, and sees no others
  if (/^(?:\/var\/lib\/snapd)?\/snap\//.test(tool.path)) return undefined;
  const { REGISTRY_AUTH_FILE, DOCKER_CONFIG, XDG_RUNTIME_DIR } = system.env;
  const named = REGISTRY_AUTH_FILE || DOCKER_CONFIG || XDG_RUNTIME_DIR;
  // without root it sets XDG_RUNTIME_DIR for itself
  if (tool.name === "podman" && system.os === "linux" && !named && system.uid() !== 0) {
    return undefined;
  }
  return storePathOf(tool.name, system);
}

async function runLogin(
  tool: InstalledTool,
  { host, password, signal, report }: ProgramLogin,
  env: Env,
  inUsersWords: (said: string) => string = (said) => said,
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
  const said = inUsersWords(scrub(`${stdout}\n${stderr}`.trim()));
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
export function withoutSecrets(env: Env): Env {
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
