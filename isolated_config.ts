/**
 * A container tool's file of logins for one login alone: the user's settings and none of the user's
 * logins. What the tool writes there is taken over into the user's file, under ecrin's lock; the tools
 * take none, and of several that write one file at once most lose what they wrote.
 *
 * @module
 */

import { dirname, join, resolve } from "node:path";
import {
  credentialStoreFor,
  type DockerConfig,
  type LoginChange,
  parseDockerConfig,
} from "./docker_config.ts";
import { readConfigText } from "./docker_config_file.ts";
import { isolatedFolder, isolatedPrefix } from "./isolated_folder.ts";
import type { Secret } from "./secret.ts";
import type { System } from "./system.ts";
import { findProgram, type ToolName } from "./tools.ts";

/** The file of one login. Disposing removes it. */
export interface IsolatedConfig extends AsyncDisposable {
  /** What makes the tool use it. */
  readonly env: Readonly<Record<string, string>>;
  /** The credential helper that the login goes to, if any. */
  readonly helper: string | undefined;
  /** What a tool says, with the user's file in place of this one. */
  readonly inUsersWords: (said: string) => string;
  /** What the tool has changed there, for the user's file. */
  readonly changes: (password: Secret) => Promise<readonly LoginChange[]>;
}

/** The variables by which the tools find their files: a file's, or docker's for its folder. */
type ConfigVariable = "DOCKER_CONFIG" | "HELM_REGISTRY_CONFIG" | "REGISTRY_AUTH_FILE";

const variables: Partial<Record<ToolName, ConfigVariable>> = {
  podman: "REGISTRY_AUTH_FILE",
  buildah: "REGISTRY_AUTH_FILE",
  skopeo: "REGISTRY_AUTH_FILE",
  helm: "HELM_REGISTRY_CONFIG",
};

/**
 * Makes the file for a login of `tool` to `host`.
 *
 * @param path the user's file, which need not be there
 * @throws {UserError} when that cannot be read
 */
export async function isolateConfig(
  tool: ToolName,
  path: string,
  host: string,
  system: Pick<System, "env" | "os" | "isFile">,
): Promise<IsolatedConfig> {
  const text = await readConfigText(path);
  const before = withoutLogins(text ?? "{}", path, host);
  await using made = new AsyncDisposableStack();
  const folder = made.use(await isolatedFolder({ fallback: dirname(path) }));
  const file = join(folder.path, "config.json");
  const variable = variables[tool] ?? "DOCKER_CONFIG";
  await Promise.all([
    Deno.writeTextFile(file, before, { mode: 0o600 }),
    variable === "DOCKER_CONFIG" ? linkRest(dirname(path), folder.path) : undefined,
  ]);
  const kept = made.move();
  const config = parseDockerConfig(before, file);
  return {
    env: { [variable]: variable === "DOCKER_CONFIG" ? folder.path : file },
    // podman's family knows no credsStore, and looks for none
    helper: variable === "REGISTRY_AUTH_FILE"
      ? config.credHelpers.get(host) || undefined
      : credentialStoreFor(config, host) ?? (isBlank(config) ? platformStore(system) : undefined),
    inUsersWords: (said) => said.replaceAll(file, path).replaceAll(folder.path, dirname(path)),
    changes: async (password) => {
      const after = parseDockerConfig(await Deno.readTextFile(file), file);
      const found = config.credsStore === undefined ? after.credsStore : undefined;
      const changes: LoginChange[] = [];
      for (const [host, auth] of after.auths) {
        if (auth !== undefined) changes.push({ host, username: "AWS", password });
        else if (!config.auths.has(host)) changes.push({ host, action: "in-store", store: found });
      }
      return changes;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/**
 * The user's settings without the logins. docker picks a store of the platform's for who has neither
 * a login nor a store: where there are logins an empty one stands for them.
 */
function withoutLogins(text: string, path: string, host: string): string {
  const config = parseDockerConfig(text, path);
  const rest = Object.entries(JSON.parse(text) as Record<string, unknown>)
    .filter(([key]) => key.toLowerCase() !== "auths");
  const auths = isBlank({ ...config, auths: new Map() }) && !isBlank(config) ? { [host]: {} } : {};
  return JSON.stringify({ ...Object.fromEntries(rest), auths });
}

/** Whether docker would pick a store by itself: ContainsAuth of cli/config/configfile. */
function isBlank({ auths, credHelpers, credsStore }: DockerConfig): boolean {
  return auths.size === 0 && credHelpers.size === 0 && credsStore === undefined;
}

/** The store that docker picks: cli/config/credentials, default_store and its platforms. */
function platformStore(
  system: Pick<System, "env" | "os" | "isFile">,
): string | undefined {
  const find = (name: string) => findProgram(name, system);
  const name = system.os === "windows"
    ? "wincred"
    : system.os === "darwin"
    ? "osxkeychain"
    : find("pass") === undefined
    ? "secretservice"
    : "pass";
  return find(`docker-credential-${name}`) && name;
}

/** Links what is beside docker's config.json, contexts and plugins for instance, as far as it goes. */
export async function linkRest(from: string, to: string): Promise<void> {
  try {
    const links: Promise<void>[] = [];
    for await (const { name, isDirectory } of Deno.readDir(from)) {
      // nor what a program makes beside the file to replace it with
      if (/^\.?config\.json/i.test(name) || name.startsWith(isolatedPrefix)) continue;
      const type = isDirectory ? "junction" : "file";
      const target = resolve(from, name);
      // links to files are not for everyone on Windows
      links.push(Deno.symlink(target, join(to, name), { type }).catch(() => {}));
    }
    await Promise.all(links);
  } catch {
    // there is no such folder yet, or it cannot be listed
  }
}
