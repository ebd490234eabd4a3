/**
 * Credential stores, one login at a time: the macOS keychain, for one, refuses two at once.
 *
 * @module
 */

import { join } from "node:path";
import { exitCodes, UserError } from "./errors.ts";
import { lockFile, LockTimeout } from "./file_lock.ts";
import type { System } from "./system.ts";

/** The end of the last login to each store in this process. */
const last = new Map<string, Promise<void>>();

/** How long another process's login may take, in milliseconds: docker allows a registry 15 s. */
const timeoutMs = 60_000;

/**
 * Waits until no other login to the credential helper goes on, in this process or another one of
 * this user, and keeps them waiting until disposed of.
 *
 * @param configFolder the folder of the tool's config, where the system has none for the user alone
 * @throws {UserError} (`credential-store-locked`) when another process's takes too long
 */
export async function lockStore(
  helper: string,
  configFolder: string,
  { system, signal, report }: {
    readonly system: Pick<System, "env" | "os">;
    readonly signal: AbortSignal;
    readonly report: (line: string) => void;
  },
): Promise<AsyncDisposable> {
  const before = last.get(helper);
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  last.set(helper, done);
  await before;
  const path = join(lockFolderOf(system) ?? configFolder, `.ecrin-store-${safeName(helper)}.lock`);
  let lock: AsyncDisposable | undefined;
  try {
    lock = await lockFile(path, { timeoutMs, signal });
  } catch (error) {
    if (error instanceof LockTimeout || signal.aborted) {
      finish();
      throw error instanceof LockTimeout ? locked(helper, error) : error;
    }
    report(`cannot lock the credential store ${helper} at ${path}: going on without`);
  }
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      await lock?.[Symbol.asyncDispose]();
      finish();
    },
  };
}

/** A folder that is this user's alone, whatever DOCKER_CONFIG is. */
function lockFolderOf({ env, os }: Pick<System, "env" | "os">): string | undefined {
  if (os === "darwin") return env.TMPDIR || undefined;
  return (os === "windows" ? env.TEMP : env.XDG_RUNTIME_DIR) || undefined;
}

/** It comes from the user's config, and need not be a name. */
function safeName(helper: string): string {
  return helper.replaceAll(/[^\w.-]/g, "_");
}

function locked(helper: string, cause: LockTimeout): UserError {
  return new UserError(
    `another ecrin process has been logging in to the credential store ${helper} for a minute`,
    {
      code: "credential-store-locked",
      exitCode: exitCodes.tool,
      hint: "wait until it is done, or end it; it may be waiting for you to unlock the store",
      cause,
    },
  );
}
