/**
 * Files that several processes write: one writer at a time, and always a whole file.
 *
 * ```ts
 * await using _lock = await lockFolder("/home/ann/.docker", { timeoutMs: 30_000 });
 * await replaceFile("/home/ann/.docker/config.json", new TextEncoder().encode("{}"));
 * ```
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";

/** What {@linkcode lockFolder} needs to know. */
export interface LockOptions {
  /** How long to wait for another process, in milliseconds. */
  timeoutMs: number;
  /** Ends the wait; the promise is rejected with its reason. */
  signal?: AbortSignal | undefined;
}

/** Another process kept the lock for longer than the time limit. */
export class LockTimeout extends Error {
  override readonly name = "LockTimeout";
}

/** Where a folder itself cannot be locked, this file in it is, and is removed afterwards. */
const lockFileName = ".ecrin.lock";

/**
 * Waits until no other process holds the lock of `folder`, and takes it until disposed of.
 *
 * The folder itself is what is locked (flock(2) on its handle): nothing is left behind, a process
 * that dies lets go by dying, and containers that share the folder share the lock. Windows opens no
 * folders, and NFS locks nothing exclusively that is open for reading: there a file is locked.
 *
 * @throws {LockTimeout} after `timeoutMs`.
 * @throws {Deno.errors.NotFound} when there is no such folder, and the other errors of opening it.
 */
export async function lockFolder(folder: string, options: LockOptions): Promise<AsyncDisposable> {
  return await waitForLock(folder, () => tryLockFolder(folder), options);
}

/**
 * As {@linkcode lockFolder}, for a file that is made for it and removed with it.
 *
 * @throws {LockTimeout} after `timeoutMs`.
 */
export async function lockFile(path: string, options: LockOptions): Promise<AsyncDisposable> {
  return await waitForLock(path, () => tryLockFile(path), options);
}

async function waitForLock(
  path: string,
  tryLock: () => Promise<AsyncDisposable | undefined>,
  options: LockOptions,
): Promise<AsyncDisposable> {
  const deadline = performance.now() + options.timeoutMs;
  while (true) {
    options.signal?.throwIfAborted();
    const lock = await tryLock();
    if (lock !== undefined) return lock;
    if (performance.now() >= deadline) {
      throw new LockTimeout(`${path} stayed locked for ${options.timeoutMs} ms`);
    }
    // polled, as a blocking lock() could not be abandoned; at random, so that nobody starves
    await pause(5 + Math.random() * 20, options.signal);
  }
}

/** The lock of `folder`, as {@linkcode lockFolder}'s, or undefined while another process has it. */
export async function tryLockFolder(folder: string): Promise<AsyncDisposable | undefined> {
  if (Deno.build.os !== "windows") {
    const handle = await Deno.open(folder);
    try {
      if (await handle.tryLock(true)) return closing(handle);
      handle.close();
      return undefined;
    } catch { // EBADF or ENOLCK: this file system cannot lock a folder
      handle.close();
    }
  }
  return await tryLockFile(join(folder, lockFileName));
}

/**
 * The lock of a file that is made for it and removed with it; undefined while another process has
 * it. The second choice of {@linkcode lockFolder}.
 */
export async function tryLockFile(path: string): Promise<AsyncDisposable | undefined> {
  const file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 });
  let ours = false;
  try {
    // a file that its last owner removed after we opened it guards nothing
    ours = await file.tryLock(true) && await isStillAt(path, file);
  } finally {
    if (!ours) file.close();
  }
  if (!ours) return undefined;
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      // removed before the lock goes, so that nobody can lock what is about to be removed. Windows
      // keeps the name of a removed file taken while others have it open: there it stays
      if (Deno.build.os !== "windows") await Deno.remove(path).catch(() => {});
      file.close();
    },
  };
}

function closing(handle: Deno.FsFile): AsyncDisposable {
  return {
    [Symbol.asyncDispose](): Promise<void> {
      handle.close();
      return Promise.resolve();
    },
  };
}

async function isStillAt(path: string, file: Deno.FsFile): Promise<boolean> {
  const named = await statOf(path);
  const opened = await file.stat();
  return named !== undefined && named.dev === opened.dev && named.ino === opened.ino;
}

/** The path of the file itself, which may not be there yet, behind the symlinks that lead to it. */
export async function followLinks(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  let entry: Deno.FileInfo;
  try {
    entry = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
  if (!entry.isSymlink) return await followLinks(path); // it was made this very moment
  return await followLinks(resolve(await Deno.realPath(dirname(path)), await Deno.readLink(path)));
}

/** What {@linkcode replaceFile} can be told. */
export interface ReplaceOptions {
  /** Asked at the last moment: is the old file still the one that the new content comes from? */
  unchanged?: (() => Promise<boolean>) | undefined;
  /** Told when the file had to be written in place. */
  report?: ((line: string) => void) | undefined;
  /** The time to give the file, by the time that it had, in milliseconds since 1970. */
  timeAfter?: ((before: number | undefined) => number) | undefined;
  /** Whether nobody but its owner may read the file (0600), whoever could before. */
  secret?: boolean | undefined;
}

/**
 * Errors after which a file that cannot be replaced may still be written: it is a bind mount of its
 * own, or nothing can be made beside it.
 */
const inPlaceCodes = new Set(["EBUSY", "EXDEV", "EACCES", "EPERM", "EROFS"]);

/**
 * Makes `content` the whole content of the file at `path`, which is no symlink. A reader
 * sees the old file or the new one (but for what is reported), and after a failure the old one is
 * there. Mode and owner of an existing file stay; a new file is readable by its owner only (0600).
 *
 * @returns false when `unchanged` said no: nothing was done.
 * @throws the errors of the file system, whose `code` is the errno ("ENOSPC").
 */
export async function replaceFile(
  path: string,
  content: Uint8Array,
  options: ReplaceOptions = {},
): Promise<boolean> {
  const old = await statOf(path);
  const isUnchanged = options.unchanged ?? (() => Promise.resolve(true));
  const time = options.timeAfter?.(old?.mtime?.getTime());
  const temporary = `${temporaryPrefix(path)}${crypto.randomUUID()}.tmp`;
  try {
    const mode = options.secret ? 0o600 : old?.mode;
    const ownerStays = await writeNew(
      temporary,
      content,
      old && { uid: old.uid, gid: old.gid, mode: mode ?? null },
      time,
    );
    if (!(await isUnchanged())) return false;
    if (!ownerStays && !options.secret && await canWriteInPlace(path, content, time)) {
      options.report?.(`wrote ${path} in place: a new file could not have its owner`);
      return true;
    }
    await Deno.rename(temporary, path);
    if (!ownerStays) options.report?.(`${path} is yours now: its owner could not be kept`);
  } catch (error) {
    const code = errorCode(error);
    if (old === undefined || code === undefined || !inPlaceCodes.has(code)) throw error;
    if (!(await isUnchanged())) return false;
    if (options.secret && Deno.build.os !== "windows") await Deno.chmod(path, 0o600);
    await writeInPlace(path, content, time);
    options.report?.(`wrote ${path} in place: it could not be replaced by a new file (${code})`);
  } finally {
    await Deno.remove(temporary).catch(() => {}); // it is not there after a success
  }
  return true;
}

/**
 * Removes what processes that were killed inside {@linkcode replaceFile} left beside `path`. Only
 * for who holds the lock of the folder: a living process's file would go as well.
 */
export async function removeLeftovers(path: string): Promise<void> {
  const prefix = basename(temporaryPrefix(path));
  try {
    for await (const { name } of Deno.readDir(dirname(path))) {
      if (!name.startsWith(prefix) || !name.endsWith(".tmp")) continue;
      await Deno.remove(join(dirname(path), name));
    }
  } catch {
    // a folder that cannot be read or written keeps them: they are in nobody's way
  }
}

/**
 * Removes a file, what it is a symlink to, and what was left beside it; it need not be there. Only
 * for who holds the lock of the folder, as {@linkcode removeLeftovers}.
 */
export async function removeFile(path: string): Promise<void> {
  const file = await followLinks(path);
  await removeLeftovers(file);
  for (const each of new Set([file, path])) {
    await Deno.remove(each).catch((error: unknown) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

/** The errno name that Deno gives the errors of the file system: `"ENOENT"`. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

function temporaryPrefix(path: string): string {
  return join(dirname(path), `.${basename(path)}.ecrin-`);
}

/** Returns whether the new file has the owner of the old one. */
async function writeNew(
  path: string,
  content: Uint8Array,
  like: Pick<Deno.FileInfo, "uid" | "gid" | "mode"> | undefined,
  time: number | undefined,
): Promise<boolean> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  await writeAll(file, content);
  let ownerStays = true;
  if (like !== undefined && Deno.build.os !== "windows") {
    const made = await file.stat();
    if (made.uid !== like.uid || made.gid !== like.gid) {
      ownerStays = await Deno.chown(path, like.uid, like.gid).then(() => true, () => false);
    }
    const mode = (like.mode ?? 0o600) & 0o777;
    if (((made.mode ?? 0) & 0o777) !== mode) await Deno.chmod(path, mode);
  }
  if (time !== undefined) await setTime(file, time);
  await file.sync();
  return ownerStays;
}

/** As {@linkcode writeInPlace}; returns false, with nothing done, for who may not write the file. */
async function canWriteInPlace(
  path: string,
  content: Uint8Array,
  time: number | undefined,
): Promise<boolean> {
  try {
    await writeInPlace(path, content, time);
    return true;
  } catch (error) {
    if (errorCode(error) === "EACCES") return false;
    throw error;
  }
}

/** Overwrites the file; a full disk, half-way, has the old content written over the new one. */
async function writeInPlace(
  path: string,
  content: Uint8Array,
  time: number | undefined,
): Promise<void> {
  const old = await Deno.readFile(path);
  using file = await Deno.open(path, { write: true });
  try {
    await overwrite(file, content);
    if (time !== undefined) await setTime(file, time);
  } catch (error) {
    await overwrite(file, old).catch(() => {});
    throw error;
  }
}

/** Only the owner of a file may: others, who may write it, leave it the time of that. */
async function setTime(file: Deno.FsFile, time: number): Promise<void> {
  const seconds = (time + 0.5) / 1000; // or what is lost in the division is a millisecond
  await file.utime(seconds, seconds).catch(() => {});
}

async function overwrite(file: Deno.FsFile, content: Uint8Array): Promise<void> {
  await file.seek(0, Deno.SeekMode.Start);
  await writeAll(file, content);
  await file.truncate(content.length);
  await file.sync();
}

async function writeAll(file: Deno.FsFile, content: Uint8Array): Promise<void> {
  for (let written = 0; written < content.length;) {
    written += await file.write(content.subarray(written));
  }
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Resolves after `milliseconds`; rejects with the signal's reason as soon as it is aborted. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", abort, { once: true });
    function abort(): void {
      clearTimeout(timer);
      reject(signal?.reason);
    }
  });
}
