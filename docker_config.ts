/**
 * Docker's config.json, and podman's auth.json, which has the same format: which logins it holds,
 * which store a login belongs in, and how to add one without harm to anything else in it.
 *
 * ```ts
 * const password = new Secret("…");
 * await storeLogin(dockerConfigPath(env), [{ host: "public.ecr.aws", username: "AWS", password }]);
 * ```
 *
 * The format is that of docker's cli/config/configfile and cli/config/types packages.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { loadBase64 } from "./deps.ts";
import { exitCodes, quote, usageError, UserError } from "./errors.ts";
import { emptyFile, explained, malformed, notAFile } from "./docker_config_errors.ts";
import { followLinks, lockFolder, removeLeftovers, replaceFile } from "./file_lock.ts";
import {
  JsonFault,
  type JsonMember,
  type JsonNode,
  parseJson,
  removeMember,
  removeMembers,
  setMember,
} from "./json_edit.ts";
import { conceal, Secret } from "./secret.ts";
import { markFor } from "./write_marks.ts";

/** One login, as the tools keep it: `host` is the key, exactly as images name the registry. */
export interface StoredLogin {
  host: string;
  username: string;
  password: Secret;
}

/**
 * A change of one login: written into the file, removed from it, or marked by an empty entry as
 * being in a credential store, which is what docker does.
 */
export type LoginChange = StoredLogin | {
  host: string;
  action: "remove" | "in-store";
  /** NAME of that store, where the file may not yet say so. */
  store?: string | undefined;
};

/** What matters of a config file. Nothing in it is checked for being a registry. */
export interface DockerConfig {
  /** Host to base64 of `username:password`; undefined for an entry without (kept in a store). */
  auths: ReadonlyMap<string, string | undefined>;
  /** Host to the NAME of `docker-credential-NAME`; `""` for the file itself. */
  credHelpers: ReadonlyMap<string, string>;
  /** The NAME for all other hosts, if any. */
  credsStore: string | undefined;
}

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

/** Fields of an entry that docker would prefer to a new `auth`, or that hold the old password. */
const replacedFields = new Set(["identitytoken", "registrytoken", "username", "password"]);

/**
 * Where docker's config is: in the folder `DOCKER_CONFIG`, else in `.docker` in the home folder.
 *
 * @throws {UserError} when the environment names neither.
 */
export function dockerConfigPath(env: Readonly<Record<string, string | undefined>>): string {
  if (env.DOCKER_CONFIG) return join(env.DOCKER_CONFIG, "config.json");
  const home = Deno.build.os === "windows" ? env.USERPROFILE : env.HOME;
  if (home) return join(home, ".docker", "config.json");
  throw usageError(
    "no-home-folder",
    "cannot tell where docker's config is: neither HOME nor DOCKER_CONFIG is set",
    "set DOCKER_CONFIG to a folder",
  );
}

/**
 * The logins and stores that `text`, the content of `path`, names. Like docker it takes `null` for
 * "nothing", keys in any case, and the last of duplicates.
 *
 * @throws {UserError} (`docker-config-malformed`) when docker could not read it either, or would
 * read a part of it only. The message has the place of the fault and nothing of the content.
 */
export function parseDockerConfig(text: string, path: string): DockerConfig {
  if (text.trim() === "") throw emptyFile(path);
  if (text.startsWith("\uFEFF")) {
    throw malformed(path, text, 0, "starts with a byte order mark, which docker cannot read");
  }
  let root: JsonNode;
  try {
    root = parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    throw malformed(path, text, error.offset, error.message);
  }
  const top = members(root, "the file");
  const auths = new Map<string, string | undefined>();
  for (const entry of entries("auths")) {
    const fields = members(entry.value, 'an entry of "auths"');
    const field = fields.findLast(({ key }) => isKey(key, "auth"));
    const auth = field && string(field.value, '"auth"');
    if (field && auth && !isAuth(auth)) {
      // one of these makes docker skip other logins of the file, at random
      throw malformed(path, text, field.value.start, '"auth" is not base64 of username:password');
    }
    auths.set(entry.key, auth || undefined);
  }
  const credHelpers = new Map<string, string>();
  for (const { key, value } of entries("credHelpers")) {
    credHelpers.set(key, string(value, 'an entry of "credHelpers"'));
  }
  const store = top.findLast(({ key }) => isKey(key, "credsStore"));
  const credsStore = (store && string(store.value, '"credsStore"')) || undefined;
  return { auths, credHelpers, credsStore };

  function entries(name: string): JsonMember[] {
    return top.filter(({ key }) => isKey(key, name)).flatMap(({ value }) =>
      members(value, `"${name}"`)
    );
  }

  function members(node: JsonNode, what: string): JsonMember[] {
    if (node.kind === "object") return node.members;
    if (node !== root && valueOf(node) === null) return [];
    throw malformed(path, text, node.start, `${what} is not an object`);
  }

  function string(node: JsonNode, what: string): string {
    const value = valueOf(node) ?? "";
    if (typeof value === "string") return value;
    throw malformed(path, text, node.start, `${what} is not a string`);
  }

  function valueOf(node: JsonNode): unknown {
    return JSON.parse(text.slice(node.start, node.end));
  }
}

/**
 * The NAME of the credential helper that keeps the login of `host`: what `credHelpers` says about
 * the host, else `credsStore`; undefined for the file itself.
 */
export function credentialStoreFor(config: DockerConfig, host: string): string | undefined {
  return (config.credHelpers.get(host) ?? config.credsStore) || undefined;
}

/** The login of `host` that is in the file itself; undefined when there is none to be read. */
export function readLogin(config: DockerConfig, host: string): StoredLogin | undefined {
  const auth = config.auths.get(host);
  if (auth === undefined) return undefined;
  let decoded: string;
  try {
    const bytes = Uint8Array.from(atob(auth), (char) => char.charCodeAt(0));
    decoded = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
  const colon = decoded.indexOf(":");
  if (colon < 0) return undefined;
  conceal(auth);
  const password = new Secret(decoded.slice(colon + 1));
  return { host, username: decoded.slice(0, colon), password };
}

/**
 * `text` with the logins changed, and with every other byte as it was. A `text` of undefined, for
 * no file yet, gives one as docker writes it.
 *
 * @throws {UserError} as {@linkcode parseDockerConfig} does.
 */
export async function mergeLogins(
  text: string | undefined,
  changes: readonly LoginChange[],
  path: string,
): Promise<string> {
  let merged = text ?? '{\n\t"auths": {}\n}';
  parseDockerConfig(merged, path);
  // those in a row at once: of a file of megabytes, each look takes its time
  const removed = new Set<string>();
  const removeThem = () => {
    if (removed.size === 0) return;
    for (const name of authsKeys(merged)) merged = removeMembers(merged, [name], removed);
    removed.clear();
  };
  for (const change of changes) {
    const { host } = change;
    const action = "action" in change ? change.action : "add";
    if (action === "remove") {
      // docker login once stored URLs, and docker logout still removes these as well
      for (const key of [host, `https://${host}`, `http://${host}`]) removed.add(key);
      continue;
    }
    removeThem();
    const name = authsKeys(merged).at(-1) ?? "auths";
    merged = removeMembers(merged, [name, host], replacedFields);
    if ("action" in change) {
      merged = removeMember(merged, [name, host, "auth"]);
      if (!parseDockerConfig(merged, path).auths.has(host)) {
        merged = setMember(merged, [name, host], {});
      }
      if (change.store !== undefined) merged = nameStore(merged, host, change.store, path);
    } else {
      const { encodeBase64 } = await loadBase64();
      const auth = encodeBase64(`${change.username}:${change.password.reveal()}`);
      conceal(auth);
      merged = setMember(merged, [name, host, "auth"], auth);
    }
  }
  removeThem();
  return merged;
}

/** docker names the store of the platform, once it has taken it, for all logins. */
function nameStore(text: string, host: string, store: string, path: string): string {
  const config = parseDockerConfig(text, path);
  if (credentialStoreFor(config, host) === store) return text;
  // logins that were written meanwhile would be ignored
  const others = [...config.auths.values()].some((auth) => auth !== undefined);
  const names = others || config.credHelpers.size > 0;
  return setMember(text, names ? ["credHelpers", host] : ["credsStore"], store);
}

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
  if (helper === "ecr-login") {
    throw new UserError(
      `${key} in ${path} leaves ${host} to Amazon's credential helper, ecr-login: it stores no logins`,
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

/** The keys of the top level that docker takes for "auths". */
function authsKeys(text: string): string[] {
  const root = parseJson(text);
  if (root.kind !== "object") return [];
  return root.members.map(({ key }) => key).filter((key) => isKey(key, "auths"));
}

/** Whether docker's decodeAuth takes it: padded base64, in lines or not, of a text with a colon. */
function isAuth(auth: string): boolean {
  const base64 = auth.replaceAll(/[\r\n]/g, "");
  return /^[A-Za-z0-9+/]*={0,2}$/.test(base64) && base64.length % 4 === 0 &&
    atob(base64).includes(":");
}

/** Go's encoding/json, which docker reads with, matches keys in any case. */
function isKey(key: string, name: string): boolean {
  return key.toLowerCase() === name.toLowerCase();
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
