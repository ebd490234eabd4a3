/**
 * Temporary folders for one login each, that only their owner can read. They are removed at the end;
 * those that a killed process left behind, by the next process that makes one.
 *
 * ```ts
 * await using folder = await isolatedFolder({ fallback: "/home/ann/.docker" });
 * ```
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { tryLockFolder } from "./file_lock.ts";
import { once } from "./once.ts";

/** By this name a folder left behind is told. */
const prefix = ".ecrin-login-";

/** Where folders left behind have been looked for, once a process. */
const searched = new Map<string, Promise<void>>();

/** A folder, locked for as long as this process needs it. Disposing removes it. */
export interface IsolatedFolder extends AsyncDisposable {
  readonly path: string;
}

/**
 * Makes an empty folder (0700) in the system's folder for temporary files, or in `fallback` where
 * that cannot be written.
 *
 * @throws the errors of the file system, for `fallback`
 */
export async function isolatedFolder(
  { fallback }: { readonly fallback: string },
): Promise<IsolatedFolder> {
  for (;;) {
    const path = await makeFolder(fallback);
    const lock = await lockMade(path);
    // another process may have taken it for one left behind before it was locked
    if (lock === undefined) continue;
    // meanwhile the login goes on
    const searching = once(searched, dirname(path), () => removeAbandoned(path));
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
    return await Deno.makeTempDir({ prefix });
  } catch {
    await Deno.mkdir(fallback, { recursive: true, mode: 0o700 });
    return await Deno.makeTempDir({ dir: fallback, prefix });
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
      if (!isDirectory || !name.startsWith(prefix) || name === basename(path)) continue;
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
