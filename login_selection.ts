/**
 * Which of the stored logins a command line of `ecrin status` or `ecrin logout` means. Pure.
 *
 * @module
 */

import { type TargetOptions, targetOptions, toolOptions } from "./cli.ts";
import type { CommandLine } from "./command_line.ts";
import type { EcrLogin, StoredLogins } from "./stored_logins.ts";
import { type StoreFile, storeFiles, type StoreSystem } from "./stores.ts";
import type { ToolName } from "./tools.ts";

/** What a command line names. */
export interface LoginSelection {
  /** What was named, each for itself; empty for everything there is. */
  readonly named: readonly NamedLogins[];
  /** Tools that were named; empty for all. */
  readonly tools: readonly ToolName[];
  /** The files to look at. */
  readonly files: readonly StoreFile[];
  /** What the user should know about the arguments although they were accepted. */
  readonly warnings: readonly string[];
}

/** One thing that was named. */
export interface NamedLogins {
  /** In the user's words: a host, `account 222222222222 in eu-west-1`. */
  readonly name: string;
  readonly has: (login: Pick<EcrLogin, "registry">) => boolean;
}

/**
 * Reads `--account`, `--region`, `--public`, `--tool` and the words of a command line. Unlike a
 * login, an account without a region means all regions, and a region alone all accounts.
 *
 * @throws {UserError} with exit code 2 for what names no registry
 */
export function loginSelection(line: CommandLine, system: StoreSystem): LoginSelection {
  const options = targetOptions(line);
  const tools = toolOptions(line);
  const files = storeFiles(system).filter((file) =>
    tools.length === 0 || tools.some((tool) => isOf(tool, file))
  );
  return { named: namedBy(options), tools, files, warnings: options.warnings };
}

function namedBy(
  { accounts, regions, registries, public: ofPublic }: TargetOptions,
): NamedLogins[] {
  const named: NamedLogins[] = registries.map(({ host }) => ({
    name: host,
    has: ({ registry }) => registry.host === host,
  }));
  for (const account of accounts) {
    for (const region of regions.length > 0 ? regions : [undefined]) {
      named.push({
        name: `account ${account}${region === undefined ? "" : ` in ${region}`}`,
        has: ({ registry }) =>
          registry.account === account && (region === undefined || registry.region === region),
      });
    }
  }
  if (ofPublic) named.push({ name: "public.ecr.aws", has: ({ registry }) => registry.public });
  if (named.length > 0) return named;
  return regions.map((region) => ({
    name: `region ${region}`,
    has: ({ registry }) => registry.region === region && !registry.public,
  }));
}

/** What a selection comes to. */
export interface SelectedLogins {
  readonly logins: readonly EcrLogin[];
  /** What was named and is not logged in, in the user's words: each, in each tool that was named. */
  readonly missing: readonly string[];
}

/** The logins that were named; with nothing named, all of them. */
export function selectLogins(
  { logins, leftToAmazon }: Pick<StoredLogins, "logins" | "leftToAmazon">,
  { named, tools }: LoginSelection,
): SelectedLogins {
  const wanted = named.length > 0 ? named : [{ name: "ECR", has: () => true }];
  const missing = wanted.flatMap(({ name, has }) =>
    (tools.length > 0 ? tools : [undefined]).filter((tool) =>
      !logins.some((login) => has(login) && isOf(tool, login.file)) &&
      !leftToAmazon.some((file) => isOf(tool, file))
    ).map((tool) => tool === undefined ? name : `${name} (${tool})`)
  );
  return { logins: logins.filter((login) => wanted.some(({ has }) => has(login))), missing };
}

/** Whether a tool, or any where none is named, keeps its logins in `file`. */
function isOf(tool: ToolName | undefined, { tools }: StoreFile): boolean {
  if (tool === undefined) return true;
  const name = tool === "file" ? "docker" : tool;
  return tools.some((candidate) => candidate === name);
}
