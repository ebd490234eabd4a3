/**
 * Where container tools keep their logins: docker's config.json, the auth.json of podman and its
 * family, helm's. Which file it is hangs on the environment and the operating system; what is in it,
 * and whether a credential store stands behind it, is for docker_config.ts to read.
 *
 * ```ts
 * storeOf("podman", system)?.path; // "/run/user/1000/containers/auth.json"
 * ```
 *
 * @module
 */

import { dirname, join } from "node:path";
import { usageError } from "./errors.ts";
import type { System } from "./system.ts";
import type { ToolName } from "./tools.ts";

/** A program that keeps logins. */
export type StoreTool =
  | "docker"
  | "nerdctl"
  | "finch"
  | "oras"
  | "podman"
  | "buildah"
  | "skopeo"
  | "helm";

/** Whose rules hold for a file: podman's family, for one, knows no `credsStore`. */
export type StoreKind = "docker" | "podman" | "helm";

/** A file of logins, and who uses it. */
export interface StoreFile {
  readonly kind: StoreKind;
  readonly path: string;
  readonly tools: readonly StoreTool[];
}

/** What of the system decides where the files are. */
export type StoreSystem = Pick<System, "env" | "os" | "uid">;

/** A path, and the tools of one kind that keep their logins there. */
type Place = Pick<StoreFile, "tools"> & { readonly path: string | undefined };

/**
 * The files of all kinds, each path once: a file that two kinds share, as podman uses docker's where
 * DOCKER_CONFIG is set, is docker's, with the tools of both. Left out is what has no place: docker's
 * and helm's for a user without a home folder, say. None of them need exist.
 */
export function storeFiles(system: StoreSystem): StoreFile[] {
  const places: readonly (readonly [StoreKind, readonly Place[]])[] = [
    ["docker", [{ path: dockerPath(system), tools: ["docker", "nerdctl", "finch", "oras"] }]],
    ["podman", podmanPlaces(system)],
    ["helm", [{ path: helmPath(system), tools: ["helm"] }]],
  ];
  const files = new Map<string, StoreFile>();
  for (const [kind, ofKind] of places) {
    for (const { path, tools } of ofKind) {
      if (path === undefined) continue;
      const known = files.get(path);
      if (known === undefined) files.set(path, { kind, path, tools });
      else files.set(path, { ...known, tools: [...known.tools, ...tools] });
    }
  }
  return [...files.values()];
}

/** The file in which `tool` keeps its logins; `--tool file` writes docker's. */
export function storeOf(tool: ToolName | StoreTool, system: StoreSystem): StoreFile | undefined {
  const name = tool === "file" ? "docker" : tool;
  return storeFiles(system).find(({ tools }) => tools.some((candidate) => candidate === name));
}

/** The path of {@linkcode storeOf}. */
export function storePathOf(
  tool: ToolName | StoreTool,
  system: StoreSystem,
): string | undefined {
  return storeOf(tool, system)?.path;
}

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

function dockerPath(system: StoreSystem): string | undefined {
  const known = system.env.DOCKER_CONFIG || homeOf(system);
  return known ? dockerConfigPath(system.env) : undefined;
}

/**
 * pkg/docker/config of containers/image and pkg/auth of containers/common: with DOCKER_CONFIG set,
 * podman, buildah and skopeo keep their logins in docker's file.
 */
function podmanPlaces(system: StoreSystem): Place[] {
  const { env, os } = system;
  const tools: readonly StoreTool[] = ["podman", "buildah", "skopeo"];
  if (env.REGISTRY_AUTH_FILE) return [{ path: env.REGISTRY_AUTH_FILE, tools }];
  if (env.DOCKER_CONFIG) return [{ path: dockerConfigPath(env), tools }];
  const file = join("containers", "auth.json");
  if (os === "darwin" || os === "windows") {
    const home = homeOf(system);
    return [{ path: home && join(home, ".config", file), tools }];
  }
  if (env.XDG_RUNTIME_DIR) return [{ path: join(env.XDG_RUNTIME_DIR, file), tools }];
  const uid = system.uid();
  if (uid === undefined) return [];
  const shared = join(sharedRuntime, String(uid), "auth.json");
  const found = foundRuntime(system);
  if (found === undefined) return [{ path: shared, tools }];
  // buildah makes a folder whose name hangs on its version
  return [{ path: join(found, file), tools: ["podman"] }, { path: shared, tools: ["skopeo"] }];
}

/**
 * The folder that podman, for who is not root and has no XDG_RUNTIME_DIR (as in cron), takes in place
 * of that if it is there and the user's; else one whose name hangs on its version (GetRuntimeDir of
 * pkg/util). Undefined where it has no need to look for it.
 */
export function foundRuntime({ env, os, uid }: StoreSystem): string | undefined {
  const named = env.REGISTRY_AUTH_FILE || env.DOCKER_CONFIG || env.XDG_RUNTIME_DIR;
  const user = uid();
  if (named || os === "darwin" || os === "windows" || !user) return undefined;
  return join("/run/user", String(user));
}

/**
 * Where podman, buildah and skopeo look for a login that their own file has not, in this order
 * (getAuthFilePaths of containers/image): nowhere when the environment names that file.
 */
export function podmanAlsoReads(system: StoreSystem): string[] {
  const { env } = system;
  const home = homeOf(system);
  if (env.REGISTRY_AUTH_FILE || env.DOCKER_CONFIG || home === undefined) return [];
  const config = env.XDG_CONFIG_HOME || join(home, ".config");
  const [own, docker] = [join(config, "containers", "auth.json"), dockerConfigPath(env)];
  return [own, docker].filter((path) => path !== storePathOf("podman", system));
}

/** A folder that root makes, maybe for itself alone: then nobody else has logins there. */
export const sharedRuntime = "/run/containers";

/** pkg/cli and pkg/helmpath of helm 3. */
function helmPath(system: StoreSystem): string | undefined {
  const { env, os } = system;
  if (env.HELM_REGISTRY_CONFIG) return env.HELM_REGISTRY_CONFIG;
  const file = join("registry", "config.json");
  if (env.HELM_CONFIG_HOME) return join(env.HELM_CONFIG_HOME, file);
  const home = homeOf(system);
  const config = env.XDG_CONFIG_HOME ||
    (os === "windows"
      ? env.APPDATA
      : home && (os === "darwin" ? join(home, "Library", "Preferences") : join(home, ".config")));
  return config ? join(config, "helm", file) : undefined;
}

function homeOf({ env, os }: StoreSystem): string | undefined {
  return (os === "windows" ? env.USERPROFILE : env.HOME) || undefined;
}

/** The path as people write it: `~` for the home folder. */
export function shortPath(path: string, system: StoreSystem): string {
  const home = homeOf(system);
  if (home === undefined || dirname(home) === home) return path;
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}
