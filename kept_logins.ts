/**
 * Logins that stay: docker takes no lock, and one that has read the file before us and writes it
 * after us takes our logins out again. Where such a program has been at work during the run, the file
 * is looked at again until it is quiet.
 *
 * @module
 */

import type { LoginChange, StoredLogin } from "./docker_config.ts";
import { changeLogins, type ChangeOptions, storeLogin } from "./docker_config_file.ts";
import { openTogether, type Together } from "./together.ts";
import { isDisturbed, isQuiet } from "./write_marks.ts";

/** What this process has changed, by path and host. */
const kept = new Map<string, Map<string, LoginChange>>();

/** Files that a program without a lock has written while this process ran. */
const disturbed = new Set<string>();

/** Who writes each file: logins that end while it is being written are written together. */
const writers = new Map<string, Together<readonly LoginChange[]>>();

/** For how long such a program must not have written the file, in milliseconds. */
const quietTime = 2000;

/** How long that is waited for, in milliseconds. */
const longestWait = 15_000;

/** How often the file is looked at, in milliseconds. */
const interval = 50;

/**
 * Makes changes as `changeLogins` does, those of a run with the same options, and has
 * {@linkcode settleLogins} look after them.
 *
 * @throws {UserError} as `changeLogins` does
 */
export async function keepLogins(
  path: string,
  changes: readonly LoginChange[],
  options: ChangeOptions,
): Promise<void> {
  if (changes.length === 0) return;
  let writer = writers.get(path);
  if (writer === undefined) {
    writer = openTogether(async (several) => {
      const all = several.flat();
      await noteDisturbance(path);
      await changeLogins(path, () => Promise.resolve(all), options);
      remember(path, all);
    }, () => false);
    writers.set(path, writer);
  }
  await writer(changes);
}

/**
 * Stores logins as `storeLogin` does, and has {@linkcode settleLogins} look after them.
 *
 * @throws {UserError} as `storeLogin` does
 */
export async function keepStoredLogins(
  path: string,
  logins: readonly StoredLogin[],
  options: ChangeOptions,
): Promise<void> {
  await noteDisturbance(path);
  await storeLogin(path, logins, options);
  remember(path, logins);
}

function remember(path: string, changes: readonly LoginChange[]): void {
  const known = kept.get(path) ?? new Map<string, LoginChange>();
  for (const change of changes) known.set(change.host, change);
  kept.set(path, known);
}

/**
 * Makes the changes again that a program without a lock has undone. Returns at once when no such
 * program has written the files during this run.
 *
 * @throws {UserError} as `changeLogins` does
 */
export async function settleLogins(options: ChangeOptions): Promise<void> {
  await Promise.all([...kept].map(([path, changes]) => settle(path, [...changes.values()])));

  async function settle(path: string, changes: readonly LoginChange[]): Promise<void> {
    await noteDisturbance(path);
    if (!disturbed.has(path)) return;
    options.report?.(`another program writes ${path}: waiting until it is done`);
    const started = performance.now();
    let quietSince = started;
    let seen = "";
    while (performance.now() - quietSince < quietTime) {
      if (performance.now() - started > longestWait) return;
      options.signal?.throwIfAborted();
      const now = await stateOf(path);
      if (now.version !== seen) {
        await changeLogins(path, () => Promise.resolve(changes), options);
        const changed = (await stateOf(path)).version !== now.version;
        if (changed || !isQuiet(now.time)) quietSince = performance.now();
        // by ourselves or by others: looked at once more
        seen = changed ? "" : now.version;
      }
      await new Promise((resolve) => setTimeout(resolve, interval));
    }
  }
}

async function noteDisturbance(path: string): Promise<void> {
  const { time } = await stateOf(path);
  if (isDisturbed(time, performance.timeOrigin)) disturbed.add(path);
}

async function stateOf(path: string): Promise<{ version: string; time: number }> {
  try {
    const { mtime, ino, size } = await Deno.stat(path);
    const time = mtime?.getTime() ?? 0;
    return { version: `${ino} ${time} ${size}`, time };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { version: "none", time: 0 };
    throw error;
  }
}
