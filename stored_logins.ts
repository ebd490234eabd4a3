/**
 * The logins to ECR that container tools have, wherever they keep them, and until when each is good.
 * Nothing is asked of any registry or of AWS.
 *
 * ```ts
 * const { logins } = await findStoredLogins(storeFiles(system), { system, signal });
 * logins[0]?.expiresAt; // 2026-11-21T09:12:00.000Z
 * ```
 *
 * @module
 */

import {
  amazonsHelper,
  credentialStoreFor,
  type DockerConfig,
  readLogin,
  type StoredLogin,
} from "./docker_config.ts";
import { readDockerConfig } from "./docker_config_file.ts";
import { UserError } from "./errors.ts";
import { expiryOf } from "./expiry.ts";
import { once } from "./once.ts";
import { parseRegistry, type Registry } from "./registry.ts";
import { sharedRuntime, type StoreFile, storeOf, type StoreTool } from "./stores.ts";
import type { System } from "./system.ts";
import type { ToolName } from "./tools.ts";

/** A login to ECR in a file, or in the credential store that the file names. */
export interface EcrLogin {
  readonly registry: Registry;
  readonly file: StoreFile;
  /** The NAME of `docker-credential-NAME` that keeps it; undefined for the file itself. */
  readonly helper: string | undefined;
  /** What it is stored under: the host, or a URL of it; tools take the first of them. */
  readonly keys: readonly string[];
  /** Undefined when the password does not tell, or is not here. */
  readonly expiresAt: Date | undefined;
  /**
   * `"amazon"`: Amazon's helper gets a password whenever one is needed, none is stored.
   * `"unused"`: it is in the file, while the tools ask a credential store for it.
   */
  readonly state: "stored" | "amazon" | "unused";
}

/** What was found, and why it may not be all. */
export interface StoredLogins {
  readonly logins: readonly EcrLogin[];
  readonly errors: readonly UserError[];
  /** Files that leave every registry to Amazon's helper. */
  readonly leftToAmazon: readonly StoreFile[];
}

/** What reading needs: the helpers of credential stores are programs. */
export interface ReadContext {
  readonly system: System;
  readonly signal: AbortSignal;
}

/**
 * The logins to ECR in `files`, in their order, by host. A file that cannot be read, or a store that
 * cannot be asked, does not keep the others from being.
 *
 * @throws what `signal` was aborted with
 */
export async function findStoredLogins(
  files: readonly StoreFile[],
  context: ReadContext,
): Promise<StoredLogins> {
  const found = {
    logins: [] as EcrLogin[],
    errors: [] as UserError[],
    leftToAmazon: [] as StoreFile[],
  };
  for (const file of files) {
    try {
      const config = await readDockerConfig(file.path);
      if (config === undefined) continue;
      const { logins, errors } = await ecrLoginsOf(config, file, context);
      found.logins.push(...logins);
      found.errors.push(...errors);
      if (defaultStore(config, file) === amazonsHelper) found.leftToAmazon.push(file);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof UserError)) throw error;
      if (!isRootsOwn(file, error)) found.errors.push(error);
    }
  }
  return found;
}

/** Whether the file cannot be there, as its folder is closed to this user. */
function isRootsOwn({ path }: StoreFile, { cause }: UserError): boolean {
  return path.startsWith(`${sharedRuntime}/`) && cause instanceof Deno.errors.PermissionDenied;
}

/** The logins to ECR of one file; `config` is what it holds. */
async function ecrLoginsOf(
  config: DockerConfig,
  file: StoreFile,
  context: ReadContext,
): Promise<Pick<StoredLogins, "logins" | "errors">> {
  const logins: EcrLogin[] = [];
  const errors: UserError[] = [];
  const add = (
    server: EcrServer,
    helper: string | undefined,
    state: EcrLogin["state"],
    login?: StoredLogin,
  ) => {
    const { registry, keys } = server;
    const expiresAt = login && expiryOf(login.password);
    logins.push({ registry, file, helper, keys, expiresAt, state });
  };
  for (const server of ecrServers(config.auths.keys())) {
    const login = server.keys.map((key) => readLogin(config, key)).find((login) => login);
    if (login === undefined) continue;
    add(
      server,
      undefined,
      storeFor(config, file, namesOf(server)) === undefined ? "stored" : "unused",
      login,
    );
  }
  for (const [helper, servers] of await helpersOf(config, file, context, errors)) {
    for (const server of servers) {
      if (helper === amazonsHelper) {
        add(server, helper, "amazon");
        continue;
      }
      try {
        const login = await getFrom(helper, server.keys, file, context);
        if (login !== undefined) add(server, helper, "stored", login);
      } catch (error) {
        collect(error, errors, context);
      }
    }
  }
  logins.sort((a, b) => (a.registry.host < b.registry.host ? -1 : 1));
  return { logins, errors };
}

/** A registry of ECR, and what logins to it are stored under. */
interface EcrServer {
  readonly registry: Registry;
  readonly keys: readonly string[];
}

/** The helpers that logins to ECR may be behind, each with the servers to ask it for. */
async function helpersOf(
  config: DockerConfig,
  file: StoreFile,
  context: ReadContext,
  errors: UserError[],
): Promise<Map<string, EcrServer[]>> {
  const helpers = new Map<string, EcrServer[]>();
  const add = (helper: string, server: EcrServer) =>
    helpers.set(helper, [...helpers.get(helper) ?? [], server]);
  for (const server of ecrServers(config.credHelpers.keys())) {
    const helper = storeFor(config, file, namesOf(server));
    if (helper !== undefined) add(helper, server);
  }
  const byDefault = defaultStore(config, file);
  if (byDefault === undefined || byDefault === amazonsHelper) return helpers;
  try {
    const store = await open(byDefault, file, context);
    for (const server of ecrServers(await store.list())) {
      // others are kept elsewhere, and this is one of earlier times
      if (storeFor(config, file, namesOf(server)) === byDefault && !asked(server)) {
        add(byDefault, server);
      }
    }
  } catch (error) {
    collect(error, errors, context);
  }
  return helpers;

  function asked({ registry }: EcrServer): boolean {
    return [...helpers.values()].flat().some((server) => server.registry.host === registry.host);
  }
}

/** What `credHelpers` may call a server. */
function namesOf({ registry, keys }: EcrServer): string[] {
  return [registry.host, ...keys];
}

/** The store for a server of these names; podman and its family know no `credsStore`. */
function storeFor(
  config: DockerConfig,
  file: StoreFile,
  keys: readonly string[],
): string | undefined {
  const named = keys.find((key) => config.credHelpers.has(key));
  if (named !== undefined) return credentialStoreFor(config, named);
  return defaultStore(config, file);
}

function defaultStore(config: DockerConfig, { kind }: StoreFile): string | undefined {
  return kind === "podman" ? undefined : config.credsStore;
}

/** Those of the keys that name a registry of ECR, by registry. */
function ecrServers(keys: Iterable<string>): EcrServer[] {
  const servers = new Map<string, { registry: Registry; keys: string[] }>();
  for (const key of keys) {
    const registry = registryOfKey(key);
    if (registry === undefined) continue;
    const known = servers.get(registry.host);
    if (known === undefined) servers.set(registry.host, { registry, keys: [key] });
    // the tools prefer the host alone to a URL of it
    else if (key === registry.host) known.keys.unshift(key);
    else known.keys.push(key);
  }
  return [...servers.values()];
}

/**
 * The registry that a login is stored for: under its host, a URL of it as old versions of docker
 * wrote, or a part of it (`HOST/team`), which podman can log in to.
 */
export function registryOfKey(key: string): Registry | undefined {
  const host = key.replace(/^https?:\/\//, "").replace(/\/.*$/s, "");
  // what parseRegistry would take for an account or an ARN is no key of a login
  if (!host.includes(".")) return undefined;
  try {
    return parseRegistry(host);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

async function getFrom(
  helper: string,
  keys: readonly string[],
  file: StoreFile,
  context: ReadContext,
): Promise<StoredLogin | undefined> {
  const store = await open(helper, file, context);
  for (const key of keys) {
    const login = await store.get(key);
    if (login !== undefined) return login;
  }
  return undefined;
}

async function open(
  helper: string,
  file: StoreFile,
  { system, signal }: ReadContext,
): Promise<import("./credential_helper.ts").CredentialStore> {
  const { openCredentialStore } = await import("./credential_helper.ts");
  return openCredentialStore(helper, { system, signal, tool: file.tools[0] ?? file.kind });
}

function collect(error: unknown, errors: UserError[], { signal }: ReadContext): void {
  signal.throwIfAborted();
  if (!(error instanceof UserError)) throw error;
  errors.push(error);
}

/**
 * Tells which stored logins last, without a request. It keeps what it read: a run that asks for many
 * hosts reads each file once, and asks a credential store for the hosts that are asked for only.
 */
export interface StoredExpiries {
  /**
   * When the login of `host` in the store of `tool` runs out; undefined when there is none, when it
   * cannot be read, whatever the reason, or when its password does not tell.
   */
  readonly expiryIn: (tool: ToolName | StoreTool, host: string) => Promise<Date | undefined>;
  /** The same, and only if it is good for more than `seconds` from now. */
  readonly lasting: (
    tool: ToolName | StoreTool,
    host: string,
    seconds: number,
  ) => Promise<Date | undefined>;
  /** NAMEs of the credential stores that may have a login, and were not asked. */
  readonly unasked: ReadonlySet<string>;
}

/**
 * Opens the stores of this system for {@linkcode StoredExpiries}.
 *
 * @param context.startPrograms whether credential stores are asked, which are programs; default true
 */
export function openStoredExpiries(
  { startPrograms = true, ...context }: ReadContext & { readonly startPrograms?: boolean },
): StoredExpiries {
  const { system, signal } = context;
  const configs = new Map<string, Promise<DockerConfig | undefined>>();
  const unasked = new Set<string>();
  const expiryIn = async (tool: ToolName | StoreTool, host: string) => {
    const file = storeOf(tool, system);
    if (file === undefined) return undefined;
    try {
      const config = await once(configs, file.path, () => readDockerConfig(file.path));
      if (config === undefined) return undefined;
      const helper = storeFor(config, file, [host]);
      if (helper === amazonsHelper) return undefined;
      if (helper !== undefined && !startPrograms) {
        unasked.add(helper);
        return undefined;
      }
      const login = helper === undefined
        ? readLogin(config, host)
        : await getFrom(helper, [host], file, context);
      return login && expiryOf(login.password);
    } catch (error) {
      signal.throwIfAborted();
      // the login that follows meets the same fault, and says so
      if (error instanceof UserError) return undefined;
      throw error;
    }
  };
  return {
    unasked,
    expiryIn,
    lasting: async (tool, host, seconds) => {
      const expiresAt = await expiryIn(tool, host);
      const latest = system.now().getTime() + seconds * 1000;
      return expiresAt !== undefined && expiresAt.getTime() > latest ? expiresAt : undefined;
    },
  };
}
