/**
 * What can be wrong with a tool's file of logins, in the user's words.
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
    `the file of logins is malformed: ${path}:1:1: the file is empty`,
    hint,
  );
}

/** The error for a fault at `offset` of `text`, which it does not show. */
export function malformed(path: string, text: string, offset: number, fault: string): UserError {
  const { line, column } = positionAt(text, offset);
  return configError(
    "malformed",
    `the file of logins is malformed: ${path}:${line}:${column}: ${fault}`,
    "mend it there in an editor, or move the file away, with the logins and settings in it",
  );
}

/** The error for a folder, a pipe or a device in place of the file. */
export function notAFile(path: string): UserError {
  return configError("not-a-file", `${path} is not a file`, moveAway(path));
}

function moveAway(path: string): string {
  return `move it away, or ${useAnother(path)}`;
}

/** How to have a tool use another file, by what its own is called. */
const ways: readonly (readonly [path: RegExp, way: string])[] = [
  [/(?:^|[\\/])registry[\\/]config\.json$/, "set HELM_REGISTRY_CONFIG to another file"],
  [/(?:^|[\\/])config\.json$/, "set DOCKER_CONFIG to another folder"],
  [/(?:^|[\\/])auth\.json$/, "set REGISTRY_AUTH_FILE to another file"],
];

/** With any other name it is one that the user has chosen. */
function useAnother(path: string, which = ""): string {
  const way = ways.find(([pattern]) => pattern.test(path))?.[1] ?? "name another file";
  return `${way}${which}`;
}

/** What the errors of the file system mean here, by errno. */
const fileErrors: Record<string, { what: string; hint: (path: string) => string }> = {
  EACCES: { what: "permission denied", hint: makeOurs },
  EDQUOT: { what: "the disk quota is used up", hint: makeSpace },
  EEXIST: { what: "something that is no folder is in the way", hint: moveAway },
  EISDIR: { what: "it is a folder", hint: moveAway },
  ELOOP: { what: "its symlinks lead in a circle", hint: moveAway },
  ENOSPC: { what: "no space left on the disk", hint: makeSpace },
  ENOTDIR: { what: "something that is no folder is in the way", hint: moveAway },
  EPERM: {
    what: "the operation is not permitted",
    hint: (path) => useAnother(path, " of your own"),
  },
  EROFS: {
    what: "the file system is read-only",
    hint: (path) => useAnother(path, " that can be written"),
  },
};

function makeSpace(path: string): string {
  return `free some space for ${dirname(path)}, or ${useAnother(path, " on another disk")}`;
}

/** The usual cause is one `sudo docker login`; but /run/containers is root's in any case. */
function makeOurs(path: string): string {
  if (Deno.build.os === "windows" || path.startsWith("/run/containers/")) {
    return useAnother(path, " of your own");
  }
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
  const { what, hint } = fileErrors[code] ?? { what: code, hint: moveAway };
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
