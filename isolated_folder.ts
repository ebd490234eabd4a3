/**
 * Temporary folders for one login each, that only their owner can read. Those of a process are in one
 * that it keeps locked, and that goes with the last of them; what a killed process left behind is
 * removed by the next one.
 *
 * ```ts
 * await using folder = await isolatedFolder({ fallback: "/home/ann/.docker" });
 * ```
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { tryLockFolder } from "./file_lock.ts";

/** By this name a folder left behind is told. */
export const isolatedPrefix = ".ecrin-login-";

/** A folder. Disposing removes it. */
export interface IsolatedFolder extends AsyncDisposable {
  readonly path: string;
}

/** The folder of this process, while there is one in it. */
let shared: Promise<IsolatedFolder> | undefined;

/** How many use it. */
let users = 0;

/** How many there were: each is called by its number. */
let count = 0;

/**
 * Makes an empty folder (0700) in the system's folder for temporary files, or in `fallback` where
 * that cannot be written.
 *
 * @throws the errors of the file system, for `fallback`
 */
export async function isolatedFolder(
  options: { readonly fallback: string },
): Promise<IsolatedFolder> {
  users++;
  const parent = shared ??= lockedFolder(options);
  try {
    const path = join((await parent).path, String(++count));
    await Deno.mkdir(path, { mode: 0o700 });
    return {
      path,
      async [Symbol.asyncDispose](): Promise<void> {
        await removeFolder(path);
        await leave(parent);
      },
    };
  } catch (error) {
    await leave(parent).catch(() => {}); // it is the error above
    throw error;
  }
}

async function leave(parent: Promise<IsolatedFolder>): Promise<void> {
  if (--users > 0) return;
  shared = undefined;
  await (await parent)[Symbol.asyncDispose]();
}

/** A folder in the same places, locked until disposed of. */
async function lockedFolder(
  { fallback }: { readonly fallback: string },
): Promise<IsolatedFolder> {
  for (;;) {
    const path = await makeFolder(fallback);
    const lock = await lockMade(path);
    // another process may have taken it for one left behind before it was locked
    if (lock === undefined) continue;
    // meanwhile the login goes on
    const searching = removeAbandoned(path);
    return {
      path,
      async [Symbol.asyncDispose](): Promise<void> {
        await searching;
        await removeFolder(path);
        await lock[Symbol.asyncDispose]();
      },
    };
  }
}

async function makeFolder(fallback: string): Promise<string> {
  try {
    return await Deno.makeTempDir({ prefix: isolatedPrefix });
  } catch {
    await Deno.mkdir(fallback, { recursive: true, mode: 0o700 });
    return await Deno.makeTempDir({ dir: fallback, prefix: isolatedPrefix });
  }
}

async function lockMade(path: string): Promise<AsyncDisposable | undefined> {
  try {
    const lock = await tryLockFolder(path);
    if (lock !== undefined && await isFolder(path)) return lock;
    await lock?.[Symbol.asyncDispose]();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return undefined;
}

/** Removes the folders beside `path` that are ours by name and by owner, and that nobody locks. */
async function removeAbandoned(path: string): Promise<void> {
  try {
    const { uid } = await Deno.stat(path);
    for await (const { name, isDirectory } of Deno.readDir(dirname(path))) {
      if (!isDirectory || !name.startsWith(isolatedPrefix) || name === basename(path)) continue;
      const other = join(dirname(path), name);
      await removeIfAbandoned(other, uid).catch(() => {}); // it has been removed already
    }
  } catch {
    // a folder that cannot be listed
  }
}

async function removeIfAbandoned(path: string, uid: number | null): Promise<void> {
  if ((await Deno.lstat(path)).uid !== uid) return;
  const lock = await tryLockFolder(path);
  if (lock === undefined) return;
  await removeFolder(path);
  await lock[Symbol.asyncDispose]();
}

/** A program that outlives the login may still be writing there: the next process tries again. */
async function removeFolder(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch(() => {});
}

async function isFolder(path: string): Promise<boolean> {
  return (await Deno.lstat(path)).isDirectory;
}
