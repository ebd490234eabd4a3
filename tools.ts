/**
 * The container tools: what they are called, how each logs in, how to get one. Data and look-ups
 * only; docker.ts runs them.
 *
 * @module
 */

import { quote, usageError } from "./errors.ts";
import { nearest } from "./nearest.ts";
import type { System } from "./system.ts";

/** A program that logs in to registries by itself. */
export interface Tool {
  readonly name: Exclude<ToolName, "file">;
  /** Arguments that make it read the password from stdin and log in to `host`. */
  readonly loginArgs: (host: string) => readonly string[];
  /** How to get it, by `Deno.build.os`. */
  readonly install: {
    readonly darwin?: string;
    readonly linux?: string;
    readonly windows?: string;
    readonly other: string;
  };
}

/** `docker login` and the tools that copied its command line. */
const dockerLogin = (host: string): string[] => [
  "login",
  "--username",
  "AWS",
  "--password-stdin",
  host,
];

/** The programs. */
export const tools: readonly Tool[] = [
  {
    name: "docker",
    loginArgs: dockerLogin,
    install: {
      darwin: "brew install --cask docker",
      windows: "winget install Docker.DockerDesktop",
      linux: "https://docs.docker.com/engine/install",
      other: "https://docs.docker.com/get-docker",
    },
  },
  {
    name: "podman",
    loginArgs: dockerLogin,
    install: {
      darwin: "brew install podman",
      windows: "winget install RedHat.Podman",
      linux: "apt-get install podman, or dnf install podman",
      other: "https://podman.io/docs/installation",
    },
  },
  {
    name: "buildah",
    loginArgs: dockerLogin,
    install: {
      linux: "apt-get install buildah, or dnf install buildah",
      other: "https://github.com/containers/buildah/blob/main/install.md",
    },
  },
  {
    name: "skopeo",
    loginArgs: dockerLogin,
    install: {
      darwin: "brew install skopeo",
      linux: "apt-get install skopeo, or dnf install skopeo",
      other: "https://github.com/containers/skopeo/blob/main/install.md",
    },
  },
  {
    name: "nerdctl",
    loginArgs: dockerLogin,
    install: { other: "https://github.com/containerd/nerdctl#install" },
  },
  {
    name: "finch",
    loginArgs: dockerLogin,
    install: {
      darwin: "brew install --cask finch",
      other: "https://runfinch.com/docs/getting-started/installation",
    },
  },
  {
    name: "helm",
    loginArgs: (host) => ["registry", ...dockerLogin(host)],
    install: {
      darwin: "brew install helm",
      windows: "winget install Helm.Helm",
      other: "https://helm.sh/docs/intro/install",
    },
  },
  {
    name: "oras",
    loginArgs: dockerLogin,
    install: { darwin: "brew install oras", other: "https://oras.land/docs/installation" },
  },
];

/** A tool that `--tool` accepts: a program, or `file` for docker's config.json without a program. */
export type ToolName = typeof toolNames[number];

/** Every value of `--tool`. */
export const toolNames = [
  "docker",
  "podman",
  "buildah",
  "skopeo",
  "nerdctl",
  "finch",
  "helm",
  "oras",
  "file",
] as const;

/** The tools that run containers, in the order in which the default looks for them. */
const defaultTools = ["docker", "podman", "nerdctl", "finch"] as const;

/**
 * Checks the value of `--tool`.
 *
 * @throws {UserError} when there is no such tool
 */
export function parseTool(text: string): ToolName {
  const name = toolNames.find((tool) => tool === text);
  if (name !== undefined) return name;
  const match = nearest(text, toolNames);
  throw usageError(
    "unknown-tool",
    `unknown tool ${quote(text)}`,
    match === undefined ? `known tools: ${toolNames.join(", ")}` : `did you mean: --tool ${match}?`,
  );
}

/** What {@linkcode findProgram} needs to know of the system. */
export type ProgramSearch = Pick<System, "env" | "isFile" | "os">;

/**
 * The path of the program `name` on PATH, or `undefined`. Written out because dax, which can look
 * too, is not loaded for `--dry-run`.
 */
export function findProgram(
  name: string,
  { env, isFile, os }: ProgramSearch,
): string | undefined {
  const windows = os === "windows";
  const endings = windows ? (env.PATHEXT ?? ".EXE;.CMD;.BAT").split(";") : [""];
  // not the folder one is in, which anybody may have filled: an empty or relative entry
  const folders = (env.PATH ?? env.Path ?? "").split(windows ? ";" : ":").filter((path) =>
    windows ? /^(?:[a-z]:|\\\\)/i.test(path) : path.startsWith("/")
  );
  const slash = windows ? "\\" : "/";
  return folders
    .flatMap((folder) => endings.map((ending) => `${folder}${slash}${name}${ending}`))
    .find(isFile);
}

/** The tools to log in: those asked for, else the first one installed, else `file`. */
export function chooseTools(
  asked: readonly ToolName[],
  search: ProgramSearch,
): readonly ToolName[] {
  if (asked.length > 0) return asked;
  const installed = defaultTools.find((name) => findProgram(name, search) !== undefined);
  return [installed ?? "file"];
}

/** How to get a program on an operating system (as of `Deno.build.os`). */
export function installHint(name: Tool["name"], os: string): string {
  const install: Readonly<Record<string, string | undefined>> | undefined = tools.find((tool) =>
    tool.name === name
  )?.install;
  return `install it: ${install?.[os] ?? install?.other}`;
}
