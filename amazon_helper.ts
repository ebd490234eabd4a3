/**
 * Registries that Amazon's credential helper, `ecr-login`, serves: it gets a password whenever a tool
 * asks for one and stores none, so that nothing needs logging in there.
 *
 * @module
 */

import { amazonsHelper, credentialStoreFor } from "./docker_config.ts";
import { readDockerConfig } from "./docker_config_file.ts";
import { storeOf, type StoreSystem } from "./stores.ts";
import type { ToolName } from "./tools.ts";

/**
 * What tells, of a host, whether the helper serves it in `tool`, by the settings that are in the
 * tool's file now.
 *
 * @throws {UserError} when the file cannot be read
 */
export async function amazonHelperOf(
  tool: ToolName,
  system: StoreSystem,
): Promise<(host: string) => boolean> {
  const store = storeOf(tool, system);
  const config = store && await readDockerConfig(store.path);
  if (config === undefined) return () => false;
  const family = tool === "podman" || tool === "buildah" || tool === "skopeo";
  // those know no credsStore
  const known = family ? { ...config, credsStore: undefined } : config;
  return (host) => credentialStoreFor(known, host) === amazonsHelper;
}

/** The line about such a registry. */
export function amazonHelperNote(host: string, tool: ToolName): string {
  return `nothing needs logging in for ${host} (${
    tool === "file" ? "docker" : tool
  }): Amazon's helper ${amazonsHelper} serves it`;
}
