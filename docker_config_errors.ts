/**
 * What can be wrong with docker's config file, in the user's words.
 *
 * @module
 */

import { dirname } from "node:path";
import { exitCodes, shellWord, UserError } from "./errors.ts";
import { errorCode, LockTimeout } from "./file_lock.ts";
import { positionAt } from "./json_edit.ts";

/** docker takes an empty file for none, but only a program that was killed leaves one. */
export function emptyFile(path: string): UserError {
  const hint = `run: rm ${shellWord(path)}`;
  return configError(
    "malformed",
    `docker's config is malformed: ${path}:1:1: the file is empty`,
    hint,
  );
}

/** The error for a fault at `offset` of `text`, which it does not show. */
export function malformed(path: string, text: string, offset: number, fault: string): UserError {
  const { line, column } = positionAt(text, offset);
  return configError(
    "malformed",
    `docker's config is malformed: ${path}:${line}:${column}: ${fault}`,
    "mend it there in an editor, or move the file away, with the logins and settings in it",
  );
}

/** The error for a folder, a pipe or a device in place of the file. */
export function notAFile(path: string): UserError {
  return configError("not-a-file", `docker's config is not a file: ${path}`, elsewhere);
}

const ownFolder = "set DOCKER_CONFIG to a folder of your own";
const elsewhere = "move it away, or set DOCKER_CONFIG to another folder";

/** What the errors of the file system mean here, by errno. */
const fileErrors: Record<string, { what: string; hint: (path: string) => string }> = {
  EACCES: { what: "permission denied", hint: makeOurs },
  EDQUOT: { what: "the disk quota is used up", hint: makeSpace },
  EEXIST: { what: "something that is no folder is in the way", hint: () => elsewhere },
  EISDIR: { what: "it is a folder", hint: () => elsewhere },
  ELOOP: { what: "its symlinks lead in a circle", hint: () => elsewhere },
  ENOSPC: { what: "no space left on the disk", hint: makeSpace },
  ENOTDIR: { what: "something that is no folder is in the way", hint: () => elsewhere },
  EPERM: { what: "the operation is not permitted", hint: () => ownFolder },
  EROFS: {
    what: "the file system is read-only",
    hint: () => "set DOCKER_CONFIG to a folder that can be written",
  },
};

function makeSpace(path: string): string {
  return `free some space for ${dirname(path)}, or set DOCKER_CONFIG to a folder on another disk`;
}

/** The usual cause is one `sudo docker login`. */
function makeOurs(path: string): string {
  if (Deno.build.os === "windows") return ownFolder;
  return `run: sudo chown -R "$(id -u)" ${shellWord(dirname(path))}`;
}

/**
 * `error` in the user's words when it is one of the lock or of the file system.
 *
 * @param doing what could not be done to the file
 */
export function explained(
  path: string,
  error: unknown,
  doing: "change" | "read" = "change",
): unknown {
  if (error instanceof LockTimeout) {
    const message = `cannot change ${path}: another ecrin process keeps its folder locked`;
    return configError("locked", message, "wait until it is done, or end it", error);
  }
  const code = error instanceof UserError ? undefined : errorCode(error);
  if (code === undefined) return error;
  const { what, hint } = fileErrors[code] ?? { what: code, hint: () => elsewhere };
  return configError("unwritable", `cannot ${doing} ${path}: ${what}`, hint(path), error);
}

/** An error about a config file: exit code 3, code `docker-config-…`. */
function configError(
  code: string,
  message: string,
  hint: string,
  cause?: unknown,
): UserError {
  return new UserError(message, {
    code: `docker-config-${code}`,
    exitCode: exitCodes.tool,
    hint,
    cause,
  });
}
