/**
 * Container tools on this machine, and their files of logins, looked at before anything is asked of
 * AWS.
 *
 * @module
 */

import { checkConfigFile } from "./docker_config_file.ts";
import { exitCodes, UserError } from "./errors.ts";
import { storePathOf } from "./stores.ts";
import type { System } from "./system.ts";
import { findProgram, installHint, type Tool, type ToolName, tools } from "./tools.ts";

/** A tool, and where it is. */
export interface InstalledTool extends Tool {
  readonly path: string;
}

/**
 * Makes sure that a program is there.
 *
 * @throws {UserError} when it is not on PATH
 */
export function requireTool(name: Tool["name"], system: System): InstalledTool {
  const tool = tools.find((candidate) => candidate.name === name);
  const path = findProgram(name, system);
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
