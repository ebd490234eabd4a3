/**
 * Changing the AWS config file, which other programs read and write too: locked, whole, and on top
 * of what they wrote meanwhile.
 *
 * ```ts
 * const path = awsConfigPath(env);
 * const before = await readAwsConfigFile(path);
 * await changeAwsConfigFile(path, { before, change: (text) => edited(text), signal, report });
 * ```
 *
 * @module
 */

import { dirname } from "node:path";
import { type Env, expandPath } from "./aws_config.ts";
import { permissionError, shellWord, usageError, UserError } from "./errors.ts";
import {
  errorCode,
  followLinks,
  lockFolder,
  LockTimeout,
  removeLeftovers,
  replaceFile,
} from "./file_lock.ts";

/** What {@linkcode changeAwsConfigFile} takes. */
export interface ConfigFileChange {
  /** What the file held when the change was decided on. */
  readonly before: string;
  /** The new text of the file; asked again when the file has changed. What it throws is thrown. */
  readonly change: (text: string) => string;
  readonly signal: AbortSignal;
  /** Told what the user might like to know. */
  readonly report: (line: string) => void;
}

/** How often a file that others keep changing is read anew before giving up. */
const maxTries = 20;

/** How long a program may take to write a file that it has emptied, in milliseconds. */
const writingTime = 50;

/** How long to wait for other ecrin processes, in milliseconds. */
const lockTimeoutMs = 30_000;

/**
 * Where the AWS config file is: AWS_CONFIG_FILE, else `~/.aws/config`.
 *
 * @throws {UserError} when the environment names neither it nor a home folder
 */
export function awsConfigPath(env: Env): string {
  const path = expandPath(env.AWS_CONFIG_FILE || "~/.aws/config", env);
  if (!/^~[\\/]/.test(path)) return path;
  throw usageError(
    "no-home-folder",
    "cannot tell where the AWS config file is: neither HOME nor AWS_CONFIG_FILE is set",
    "set AWS_CONFIG_FILE to a file",
  );
}

/**
 * The text of the config file; `""` when there is none.
 *
 * @throws {UserError} when it cannot be read, is no file, or is not in UTF-8
 */
export async function readAwsConfigFile(path: string): Promise<string> {
  try {
    return await readText(path, await followLinks(path));
  } catch (error) {
    throw explained(path, error);
  }
}

/**
 * Changes the config file, which is made when there is none (0600, in a folder of 0700). Symlinks,
 * mode and owner stay. Other ecrin processes wait meanwhile; what a program without a lock
 * (`aws configure`) writes before is kept; no one can keep it from writing later what it has read
 * before.
 *
 * @throws {UserError} with the file as it was, when it cannot be read or written, stays locked or
 * keeps changing; what `change` throws
 */
export async function changeAwsConfigFile(path: string, options: ConfigFileChange): Promise<void> {
  try {
    const target = await followLinks(path);
    await Deno.mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await using _lock = await lockFolder(dirname(target), {
      timeoutMs: lockTimeoutMs,
      signal: options.signal,
    });
    await removeLeftovers(target);
    await changeLocked(path, target, options);
  } catch (error) {
    throw explained(path, error);
  }
}

async function changeLocked(
  path: string,
  target: string,
  { before, change, signal, report }: ConfigFileChange,
): Promise<void> {
  for (let tries = 0; tries < maxTries; tries++) {
    signal.throwIfAborted();
    const text = await readText(path, target);
    // the AWS CLI empties the file and then writes it
    if (text !== before && before.startsWith(text)) {
      await new Promise((resolve) => setTimeout(resolve, writingTime));
      continue;
    }
    const changed = change(text);
    if (changed === text) return;
    const replaced = await replaceFile(target, new TextEncoder().encode(changed), {
      unchanged: async () => await readText(path, target) === text,
      report,
    });
    if (!replaced) continue;
    const now = await readText(path, target);
    if (change(now) === now) return;
  }
  throw usageError(
    "aws-config-busy",
    `could not change ${path}: other programs keep changing it`,
    "run it again when they are done",
  );
}

async function readText(path: string, target: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    // opening a pipe or a device could wait for ever
    if (!(await Deno.stat(target)).isFile) {
      throw usageError(
        "aws-config-unreadable",
        `the AWS config file is not a file: ${path}`,
        "let AWS_CONFIG_FILE name a file, or unset it",
      );
    }
    bytes = await Deno.readFile(target);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw usageError(
      "aws-config-malformed",
      `cannot change ${path}: it is not in UTF-8`,
      `save ${path} as UTF-8`,
      cause,
    );
  }
}

/** What the errors of the file system mean here, by errno. */
const fileErrors: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the disk quota is used up",
  EEXIST: "something that is no folder is in the way",
  ELOOP: "its symlinks lead in a circle",
  ENOSPC: "no space left on the disk",
  ENOTDIR: "something that is no folder is in the way",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only",
};

function explained(path: string, error: unknown): unknown {
  if (error instanceof UserError) return error;
  if (error instanceof LockTimeout) {
    return usageError(
      "aws-config-busy",
      `could not change ${path}: another ecrin process keeps ${dirname(path)} locked`,
      "wait until it is done, or end it",
      error,
    );
  }
  if (error instanceof Deno.errors.NotCapable) {
    return permissionError(`may not change ${path}`, "--allow-read and --allow-write", error);
  }
  const code = errorCode(error);
  const what = fileErrors[code ?? ""];
  if (what === undefined) return error;
  const hint = code === "EACCES" || code === "EPERM"
    ? `run: ls -ld ${shellWord(dirname(path))} ${shellWord(path)}`
    : "let AWS_CONFIG_FILE name a file that can be written";
  return usageError("aws-config-unwritable", `cannot change ${path}: ${what}`, hint, error);
}
