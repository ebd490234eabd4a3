/**
 * The files in which docker, podman and helm keep their logins: read, and changed under a lock, with a
 * look afterwards at what others have made of it.
 *
 * ```ts
 * const password = new Secret("…");
 * await storeLogin(dockerConfigPath(env), [{ host: "public.ecr.aws", username: "AWS", password }]);
 * ```
 *
 * @module
 */

import { dirname } from "node:path";
import {
  amazonsHelper,
  credentialStoreFor,
  type DockerConfig,
  type LoginChange,
  mergeLogins,
  parseDockerConfig,
  type StoredLogin,
} from "./docker_config.ts";
import { explained, malformed, notAFile } from "./docker_config_errors.ts";
import { exitCodes, quote, UserError } from "./errors.ts";
import { followLinks, lockFolder, removeLeftovers, replaceFile } from "./file_lock.ts";
import { markFor } from "./write_marks.ts";

/** What {@linkcode changeLogins} can be told. */
export interface ChangeOptions {
  /** Told what the user might like to know. */
  report?: ((line: string) => void) | undefined;
  /** How long to wait for other ecrin processes, in milliseconds. 30,000 by default. */
  lockTimeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** What {@linkcode storeLogin} can be told. */
export interface StoreOptions extends ChangeOptions {
  /** Gives a login to the program `docker-credential-${helper}`; a failure is a UserError. */
  storeWith?: ((helper: string, login: StoredLogin) => Promise<void>) | undefined;
}

/** How often a file that others keep changing is read anew before giving up. */
const maxTries = 20;

/**
 * Puts `logins` where docker looks for them: into the file at `path`, which is made when there is
 * none, or with `storeWith` into the credential store that the file names.
 *
 * @throws {UserError} as {@linkcode changeLogins} does, and when the file names a store and
 * `storeWith` is not given.
 */
export async function storeLogin(
  path: string,
  logins: readonly StoredLogin[],
  options: StoreOptions = {},
): Promise<void> {
  const inStore = new Set<StoredLogin>();
  await changeLogins(path, async (config) => {
    const stores = new Map(
      logins.map((login) => [login, usableStore(path, config, login, options)]),
    );
    const changes: LoginChange[] = [];
    for (const [login, helper] of stores) {
      changes.push(helper === undefined ? login : { host: login.host, action: "in-store" });
      if (helper === undefined || inStore.has(login)) continue;
      await options.storeWith?.(helper, login);
      inStore.add(login);
    }
    return changes;
  }, options);
}

/**
 * Changes logins in the file at `path`, which is made when there is none. Other ecrin processes wait
 * meanwhile. What a program without a lock (docker login) writes before is kept; no one can keep it
 * from writing later what it has read before.
 *
 * @param plan the changes, for the file as it is while it is locked; asked again when others change
 * it meanwhile
 * @throws {UserError} (exit code 3) with the file as it was, when it is malformed, cannot be read
 * or written, stays locked or keeps changing.
 */
export async function changeLogins(
  path: string,
  plan: (config: DockerConfig) => Promise<readonly LoginChange[]>,
  options: ChangeOptions = {},
): Promise<void> {
  try {
    const target = await followLinks(path);
    await Deno.mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const { lockTimeoutMs = 30_000, signal } = options;
    await using _lock = await lockFolder(dirname(target), { timeoutMs: lockTimeoutMs, signal });
    await removeLeftovers(target);
    await changeLocked(path, target, plan, options);
  } catch (error) {
    throw explained(path, error);
  }
}

async function changeLocked(
  path: string,
  target: string,
  plan: (config: DockerConfig) => Promise<readonly LoginChange[]>,
  options: ChangeOptions,
): Promise<void> {
  for (let tries = 0; tries < maxTries; tries++) {
    options.signal?.throwIfAborted();
    const before = await readText(path, target);
    const changes = await plan(parseDockerConfig(before ?? "{}", path));
    if (changes.length === 0) return;
    const after = await mergeLogins(before, changes, path);
    if (after === before) return;
    const replaced = await replaceFile(target, new TextEncoder().encode(after), {
      unchanged: async () => await readText(path, target) === before,
      report: options.report,
      timeAfter: (before) => markFor(before, Date.now()),
    });
    if (!replaced) continue;
    const now = await readText(path, target);
    if (now === after) return;
    if (now !== undefined && await mergeLogins(now, changes, path) === now) return;
  }
  throw new UserError(`could not change ${path}: other programs keep changing it`, {
    code: "docker-config-busy",
    exitCode: exitCodes.tool,
    hint: "run it again when they are done",
  });
}

/** The store for `login` that can be used, or undefined for the file. */
function usableStore(
  path: string,
  config: DockerConfig,
  { host }: StoredLogin,
  { storeWith }: StoreOptions,
): string | undefined {
  const helper = credentialStoreFor(config, host);
  const key = config.credHelpers.has(host) ? `credHelpers["${host}"]` : "credsStore";
  if (helper === amazonsHelper) {
    throw new UserError(
      `${key} in ${path} leaves ${host} to Amazon's credential helper, ${amazonsHelper}: it stores no logins`,
      {
        code: "ecr-login-configured",
        exitCode: exitCodes.tool,
        hint: `nothing needs logging in there; to use ecrin instead, remove ${key} from that file`,
      },
    );
  }
  if (helper !== undefined && storeWith === undefined) {
    throw new UserError(
      `${key} in ${path} puts the login of ${host} into the credential store ${quote(helper)}; ` +
        "docker would ignore one in the file",
      {
        code: "credential-store-configured",
        exitCode: exitCodes.tool,
        hint: `use --tool docker, or remove ${key} from that file`,
      },
    );
  }
  return helper;
}

/**
 * What is in the file at `path`; undefined when there is none, or an empty one, which docker takes
 * for none.
 *
 * @throws {UserError} as {@linkcode parseDockerConfig} does, and when the file cannot be read.
 */
export async function readDockerConfig(path: string): Promise<DockerConfig | undefined> {
  try {
    const text = await readText(path, await followLinks(path));
    return text === undefined || text.trim() === "" ? undefined : parseDockerConfig(text, path);
  } catch (error) {
    throw explained(path, error, "read");
  }
}

/**
 * Makes sure that the file at `path` can be read, before a program that would replace a malformed
 * one is let at it. No file is fine.
 *
 * @throws {UserError} as {@linkcode parseDockerConfig} does, and when the file cannot be read.
 */
export async function checkConfigFile(path: string): Promise<void> {
  const text = await readConfigText(path);
  if (text !== undefined) parseDockerConfig(text, path);
}

/**
 * The content of the file at `path`; undefined when there is none.
 *
 * @throws {UserError} when it cannot be read.
 */
export async function readConfigText(path: string): Promise<string | undefined> {
  try {
    return await readText(path, await followLinks(path));
  } catch (error) {
    throw explained(path, error, "read");
  }
}

/** The content of `target`, byte for byte; undefined when there is no such file. */
async function readText(path: string, target: string): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    // opening a pipe or a device could wait for ever
    if (!(await Deno.stat(target)).isFile) throw notAFile(path);
    bytes = await Deno.readFile(target);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    throw malformed(path, text, text.indexOf("\uFFFD"), "is not in UTF-8");
  }
}
