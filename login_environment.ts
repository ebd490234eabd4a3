/**
 * Registry logins for one program and its children: in their environment, and in a folder that is
 * gone afterwards. The user's own files are read and never written.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import type { Env } from "./aws_config.ts";
import { mergeLogins, parseDockerConfig, type StoredLogin } from "./docker_config.ts";
import { readConfigText } from "./docker_config_file.ts";
import { withoutSecrets } from "./secret_variables.ts";
import { usageError } from "./errors.ts";
import { linkRest } from "./isolated_config.ts";
import { removeMember, setMember } from "./json_edit.ts";
import { runProgram } from "./process.ts";
import { podmanAlsoReads, type StoreKind, storePathOf } from "./stores.ts";
import type { System } from "./system.ts";

/** What {@linkcode loginEnvironment} works with. */
export interface LoginEnvironmentContext {
  readonly system: System;
  readonly signal: AbortSignal;
  /** A folder that only the user can read. */
  readonly folder: string;
  /** The path of the program that gets the variables. */
  readonly program: string;
}

/**
 * Variables that make docker, podman, buildah, skopeo, helm and what reads their files find `logins`
 * besides the user's own: for docker DOCKER_AUTH_CONFIG where it understands that, else a
 * DOCKER_CONFIG with all that the user's folder has.
 *
 * @throws {UserError} when a file of the user's is malformed
 */
export async function loginEnvironment(
  logins: readonly StoredLogin[],
  context: LoginEnvironmentContext,
): Promise<Record<string, string>> {
  const { system, folder } = context;
  const podman = join(folder, "auth.json");
  await writeCopy(podman, "podman", logins, {
    originals: [storePathOf("podman", system), ...podmanAlsoReads(system)],
  });
  const helm = join(folder, "helm.json");
  await writeCopy(helm, "helm", logins, { originals: [storePathOf("helm", system)] });
  const inVariable = await understandsAuthConfig(context);
  return {
    // docker looks there first
    ...inVariable || system.env[authConfigName]
      ? { [authConfigName]: await authConfig(system.env, logins) }
      : {},
    ...inVariable ? {} : { DOCKER_CONFIG: await dockerFolder(logins, context) },
    REGISTRY_AUTH_FILE: podman,
    HELM_REGISTRY_CONFIG: helm,
  };
}

const authConfigName = "DOCKER_AUTH_CONFIG";

/** The first version of docker's command line that reads DOCKER_AUTH_CONFIG (docker/cli #6171). */
const authConfigSince = [28, 3] as const;

/**
 * Whether the program is a docker that reads its logins from the environment. Others that read
 * docker's file do not: a script may start any of them.
 */
async function understandsAuthConfig(
  { system, signal, program }: LoginEnvironmentContext,
): Promise<boolean> {
  if (!/^docker(?:\.exe)?$/i.test(basename(program))) return false;
  const env = withoutSecrets(system.env);
  const { code, stdout } = await runProgram([program, "--version"], { env, signal });
  const [, major, minor] = /\b(\d+)\.(\d+)\.\d+/.exec(stdout) ?? [];
  if (code !== 0 || major === undefined) return false;
  const [sinceMajor, sinceMinor] = authConfigSince;
  return Number(major) > sinceMajor ||
    (Number(major) === sinceMajor && Number(minor) >= sinceMinor);
}

/** The value of DOCKER_AUTH_CONFIG, with the logins that it has already. */
async function authConfig(env: Env, logins: readonly StoredLogin[]): Promise<string> {
  const { auths } = parseAuthConfig(env[authConfigName] || "{}");
  // docker ignores the whole variable when there is anything else in it (its parseEnvConfig)
  const known = Object.fromEntries(
    [...auths].flatMap(([host, auth]) => auth === undefined ? [] : [[host, { auth }]]),
  );
  const merged = await mergeLogins(JSON.stringify({ auths: known }), logins, authConfigName);
  return JSON.stringify(JSON.parse(merged));
}

function parseAuthConfig(text: string): ReturnType<typeof parseDockerConfig> {
  try {
    return parseDockerConfig(text, authConfigName);
  } catch (cause) {
    throw usageError(
      "docker-auth-config-malformed",
      `the variable ${authConfigName} is not what docker reads there: {"auths":{HOST:{"auth":…}}}`,
      `run: unset ${authConfigName}`,
      cause,
    );
  }
}

/** A folder for DOCKER_CONFIG: links to all that the user's has, and a config.json of its own. */
async function dockerFolder(
  logins: readonly StoredLogin[],
  { system, folder }: LoginEnvironmentContext,
): Promise<string> {
  const made = join(folder, "docker");
  await Deno.mkdir(made, { mode: 0o700 });
  const path = storePathOf("docker", system);
  await writeCopy(join(made, "config.json"), "docker", logins, { originals: [path] });
  if (path !== undefined) await linkRest(dirname(path), made);
  return made;
}

/**
 * Writes a file as the user's with more logins in it, which are read from there although the user
 * has a credential store for them.
 *
 * @param originals the user's files, the one that is looked into first at the beginning
 */
async function writeCopy(
  path: string,
  kind: StoreKind,
  logins: readonly StoredLogin[],
  { originals }: { readonly originals: readonly (string | undefined)[] },
): Promise<void> {
  const [original, ...others] = originals;
  let copy = await mergeLogins(await textOf(original), [], original ?? path);
  for (const other of others) copy = withMoreLogins(copy, await textOf(other), other ?? path);
  copy = await mergeLogins(copy, logins, path);
  for (const { host } of logins) copy = pastStores[kind](copy, host);
  await Deno.writeTextFile(path, copy, { mode: 0o600, createNew: true });
}

/** Undefined for a file that is not there, or empty, as podman leaves one. */
async function textOf(path: string | undefined): Promise<string | undefined> {
  const text = path === undefined ? undefined : await readConfigText(path);
  return text === undefined || text.trim() === "" ? undefined : text;
}

/** Adds what another file has, and this one has not. */
function withMoreLogins(text: string, other: string | undefined, path: string): string {
  if (other === undefined) return text;
  const known = parseDockerConfig(text, path);
  const more = parseDockerConfig(other, path);
  const isKnown = (host: string) => known.credHelpers.has(host) || known.auths.get(host);
  let merged = text;
  for (const [host, auth] of more.auths) {
    if (auth !== undefined && !isKnown(host)) merged = setMember(merged, ["auths", host], { auth });
  }
  for (const [host, helper] of more.credHelpers) {
    if (!isKnown(host)) merged = setMember(merged, ["credHelpers", host], helper);
  }
  return merged;
}

/** How a file says that the login of a host is in itself, in whatever stores the others are. */
const pastStores: Readonly<Record<StoreKind, (text: string, host: string) => string>> = {
  // docker reads "" as the file (its GetCredentialsStore)
  docker: (text, host) => {
    const { credHelpers, credsStore } = parseDockerConfig(text, "");
    const hasStores = credsStore !== undefined || credHelpers.size > 0;
    return hasStores ? setMember(text, ["credHelpers", host], "") : text;
  },
  // podman would look for a helper without a name, and knows no credsStore
  podman: (text, host) => removeMember(text, ["credHelpers", host]),
  // helm takes "" for none and asks credsStore (oras-go, getHelperSuffix)
  helm: (text, host) => {
    const { auths, credHelpers, credsStore } = parseDockerConfig(text, "");
    let changed = removeMember(text, ["credHelpers", host]);
    if (credsStore === undefined) return changed;
    changed = removeMember(changed, ["credsStore"]);
    for (const [other, auth] of auths) {
      if (auth !== undefined || credHelpers.has(other)) continue;
      changed = setMember(changed, ["credHelpers", other], credsStore);
    }
    return changed;
  },
};
