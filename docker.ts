/**
 * Container tools at work: logging a program in, with the password on its stdin and nowhere else.
 *
 * @module
 */

import { dirname } from "node:path";
import type { Env } from "./aws_config.ts";
import { exitCodes, UserError } from "./errors.ts";
import { explain } from "./messages.ts";
import type { InstalledTool } from "./installed_tools.ts";
import { isolateConfig } from "./isolated_config.ts";
import { keepLogins } from "./kept_logins.ts";
import { howItFailed, runProgram } from "./process.ts";
import { scrub, type Secret } from "./secret.ts";
import { withoutSecrets } from "./secret_variables.ts";
import { lockStore } from "./store_lock.ts";
import { foundRuntime, storePathOf } from "./stores.ts";
import type { System } from "./system.ts";

/** What a login with a program needs. */
export interface ProgramLogin {
  readonly host: string;
  readonly password: Secret;
  readonly signal: AbortSignal;
  /** Takes the lines of `--verbose`. */
  readonly report: (line: string) => void;
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
  const path = await sharedFile(tool, system);
  if (path === undefined) {
    // they lose each other's logins
    await using _tool = await lockStore(tool.name, system.env.HOME ?? "/", {
      ...{ system, signal, report },
    });
    return await runLogin(tool, login, system.env);
  }
  await using isolated = await isolateConfig(tool.name, path, host, system);
  await using _store = isolated.helper === undefined
    ? undefined
    : await lockStore(isolated.helper, dirname(path), { system, signal, report });
  await runLogin(tool, login, { ...system.env, ...isolated.env }, isolated.inUsersWords);
  await keepLogins(path, await isolated.changes(password), { report, signal });
}

/** The file into which a login of the program is merged; undefined where it has to do it itself. */
async function sharedFile(tool: InstalledTool, system: System): Promise<string | undefined> {
  // a snap has files of its own, and sees no others
  if (/^(?:\/var\/lib\/snapd)?\/snap\//.test(tool.path)) return undefined;
  const path = storePathOf(tool.name, system);
  const folder = tool.name === "podman" ? foundRuntime(system) : undefined;
  return folder === undefined || await isOwn(folder, system) ? path : undefined;
}

/** Whether a folder is there and the user's, as podman looks for it. */
async function isOwn(folder: string, system: System): Promise<boolean> {
  try {
    const { isDirectory, uid } = await Deno.stat(folder);
    return isDirectory && uid === system.uid();
  } catch {
    return false;
  }
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
    `${tool.name} login ${howItFailed(code, said || "it said nothing")}`,
    {
      code: "tool-failed",
      exitCode: exitCodes.tool,
      hint: said === ""
        ? `try: ${command}, with any password; or use: --tool file`
        : `--verbose shows all that ${tool.name} said; or use: --tool file`,
    },
  );
}
