/**
 * The imports of a program, as `deno info --json` lists them.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** An import of a module by another one. */
export interface Import {
  /** URL, or `npm:` or `node:` specifier. */
  readonly to: string;
  /** Whether it is an `import()`, done when the program comes to it. */
  readonly lazy: boolean;
}

/** What a program can load. Imports of types are left out: they load nothing. */
export interface ModuleGraph {
  /** URL of the module that the program starts with. */
  readonly root: string;
  /** The imports of each module, by its URL. */
  readonly imports: ReadonlyMap<string, readonly Import[]>;
}

/** The part of `deno info --json` in use. */
interface Info {
  readonly roots: readonly string[];
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      /** Absent when only types are imported. */
      readonly code?: { readonly specifier: string };
      readonly isDynamic?: boolean;
    }[];
  }[];
}

/** Reads the graph of the repository's `script`. Nothing is downloaded. */
export async function readModuleGraph(script: string): Promise<ModuleGraph> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", script],
    cwd: fileURLToPath(new URL("..", import.meta.url)),
  }).output();
  if (!success) throw new Error(`deno info failed: ${new TextDecoder().decode(stderr)}`);
  const { roots: [root = ""], modules }: Info = JSON.parse(new TextDecoder().decode(stdout));
  const imports = modules.map(({ specifier, dependencies = [] }) =>
    [
      specifier,
      dependencies.flatMap(({ code, isDynamic = false }): Import[] =>
        code === undefined ? [] : [{ to: code.specifier, lazy: isDynamic }]
      ),
    ] as const
  );
  return { root, imports: new Map(imports) };
}

/** URLs of the modules that are loaded as soon as `from` is, itself included. */
export function staticallyLoaded({ imports }: ModuleGraph, from: string): ReadonlySet<string> {
  const found = new Set([from]);
  // a set that grows is walked to its end
  for (const module of found) {
    for (const { to, lazy } of imports.get(module) ?? []) if (!lazy) found.add(to);
  }
  return found;
}

/** URLs of the program's own modules, however they are loaded. */
export function localModules({ imports }: ModuleGraph): readonly string[] {
  return [...imports.keys()].filter((url) => url.startsWith("file:"));
}

/** Names of the npm packages that the program imports. */
export function importedPackages({ imports }: ModuleGraph): ReadonlySet<string> {
  const names = [...imports.values()].flat().map(({ to }) => packageName(to));
  return new Set(names.filter((name) => name !== undefined));
}

/** `@scope/name` of `npm:/@scope/name@1.2.3/file.js`; `undefined` for what is not of npm. */
export function packageName(specifier: string): string | undefined {
  return specifier.match(/^npm:\/?((?:@[^/@]+\/)?[^/@]+)/)?.[1];
}
