/**
 * Docker's config.json as text, and podman's auth.json and helm's file, which have the same format:
 * which logins it holds, which store a login belongs in, and how to add one without harm to anything
 * else in it. Pure; docker_config_file.ts reads and writes the files.
 *
 * ```ts
 * const config = parseDockerConfig(text, "config.json");
 * credentialStoreFor(config, "public.ecr.aws"); // "desktop"
 * ```
 *
 * The format is that of docker's cli/config/configfile and cli/config/types packages.
 *
 * @module
 */

import { loadBase64 } from "./deps.ts";
import { emptyFile, malformed } from "./docker_config_errors.ts";
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

/** Amazon's helper, as `credsStore` and `credHelpers` name it: it gets tokens and stores nothing. */
export const amazonsHelper = "ecr-login";

/** Fields of an entry that docker would prefer to a new `auth`, or that hold the old password. */
const replacedFields = new Set(["identitytoken", "registrytoken", "username", "password"]);

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
