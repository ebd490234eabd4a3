/**
 * Registry logins for one program and its children: in their environment, and in a folder that is
 * gone afterwards. The user's own files are read and never written.
 *
 * @module
 */

import { dirname, join } from "node:path";
import type { Env } from "./aws_config.ts";
import { mergeLogins, parseDockerConfig, type StoredLogin } from "./docker_config.ts";
import { withoutSecrets } from "./docker.ts";
import { linkRest } from "./isolated_config.ts";
import { setMember } from "./json_edit.ts";
import { runProgram } from "./process.ts";
import { storePathOf } from "./stores.ts";
import type { System } from "./system.ts";
import { findProgram } from "./tools.ts";

/** What {@linkcode loginEnvironment} works with. */
export interface LoginEnvironmentContext {
  readonly system: System;
  readonly signal: AbortSignal;
  /** A folder that only the user can read. */
  readonly folder: string;
}

/**
 * Variables that make docker, podman, buildah, skopeo and helm find `logins` besides the user's own:
 * for docker DOCKER_AUTH_CONFIG where it understands that, else a DOCKER_CONFIG with all that the
 * user's folder has.
 *
 * @throws {UserError} when a file of the user's is malformed
 */
export async function loginEnvironment(
  logins: readonly StoredLogin[],
  context: LoginEnvironmentContext,
): Promise<Record<string, string>> {
  if (logins.length === 0) return {};
  const { system, folder } = context;
  const podman = join(folder, "auth.json");
  await writeCopy(podman, storePathOf("podman", system), logins);
  const helm = join(folder, "helm.json");
  await writeCopy(helm, storePathOf("helm", system), logins);
  return {
    ...await understandsAuthConfig(context)
      ? { DOCKER_AUTH_CONFIG: await authConfig(system.env, logins) }
      : { DOCKER_CONFIG: await dockerFolder(logins, context) },
    REGISTRY_AUTH_FILE: podman,
    HELM_REGISTRY_CONFIG: helm,
  };
}

/** The first version of docker's command line that reads DOCKER_AUTH_CONFIG (docker/cli #6171). */
const authConfigSince = [28, 3] as const;

/** Whether there is a docker, and it reads its logins from the environment. */
async function understandsAuthConfig(
  { system, signal }: LoginEnvironmentContext,
): Promise<boolean> {
  const path = findProgram("docker", { ...system, windows: system.os === "windows" });
  if (path === undefined) return false;
  const env = withoutSecrets(system.env);
  const { code, stdout } = await runProgram([path, "--version"], { env, signal });
  const [, major, minor] = /\b(\d+)\.(\d+)\.\d+/.exec(stdout) ?? [];
  if (code !== 0 || major === undefined) return false;
  const [sinceMajor, sinceMinor] = authConfigSince;
  return Number(major) > sinceMajor ||
    (Number(major) === sinceMajor && Number(minor) >= sinceMinor);
}

/** The value of DOCKER_AUTH_CONFIG, with the logins that it has already. */
async function authConfig(env: Env, logins: readonly StoredLogin[]): Promise<string> {
  const name = "DOCKER_AUTH_CONFIG";
  const merged = await mergeLogins(env[name] || '{"auths":{}}', logins, name);
  return JSON.stringify(JSON.parse(merged));
}

/** A folder for DOCKER_CONFIG: links to all that the user's has, and a config.json of its own. */
async function dockerFolder(
  logins: readonly StoredLogin[],
  { system, folder }: LoginEnvironmentContext,
): Promise<string> {
  const made = join(folder, "docker");
  await Deno.mkdir(made, { mode: 0o700 });
  const path = storePathOf("docker", system);
  await writeCopy(join(made, "config.json"), path, logins, { past: "stores" });
  if (path !== undefined) await linkRest(dirname(path), made);
  return made;
}

/**
 * Writes a file as the user's with more logins in it.
 *
 * @param past `"stores"`: the new ones are read from the file although a credential store is set
 */
async function writeCopy(
  path: string,
  original: string | undefined,
  logins: readonly StoredLogin[],
  { past }: { past?: "stores" } = {},
): Promise<void> {
  const text = original === undefined ? undefined : await readText(original);
  let copy = await mergeLogins(text, logins, original ?? path);
  const { credHelpers, credsStore } = parseDockerConfig(copy, path);
  if (past === "stores" && (credsStore !== undefined || credHelpers.size > 0)) {
    // docker reads "" as the file (its GetCredentialsStore)
    for (const { host } of logins) copy = setMember(copy, ["credHelpers", host], "");
  }
  await Deno.writeTextFile(path, copy, { mode: 0o600, createNew: true });
}

/** Undefined for a file that is not there, or empty, as podman leaves one. */
async function readText(path: string): Promise<string | undefined> {
  try {
    const text = await Deno.readTextFile(path);
    return text.trim() === "" ? undefined : text;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
