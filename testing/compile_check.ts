/**
 * Checks what `deno task compile` builds: every module that ecrin loads, however late, is in the
 * binary; the permissions are those of deno.json, with no prompt for more; the version is there.
 *
 * ```sh
 * deno run -A testing/compile_check.ts
 * ```
 *
 * Deno downloads the runtime part of a binary. Where it cannot, deno itself stands in for it: the
 * binary then does not run, but holds the same files and settings.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { importedPackages, localModules, readModuleGraph } from "./module_graph.ts";
import { tempHome } from "./temp_home.ts";

/** The part of deno.json in use. */
interface Manifest {
  readonly version: string;
  readonly tasks: { readonly compile: string };
  readonly compile: { readonly permissions: Readonly<Record<string, true | readonly string[]>> };
}

/** Permissions as a binary holds them: `null` is none, an empty list is all. */
type Permissions = Readonly<Record<string, readonly string[] | boolean | null>>;

const root = new URL("../", import.meta.url);

/** Output and end of `deno compile`. */
interface Compiled {
  readonly success: boolean;
  readonly text: string;
}

/** Runs the task with another output and, unless it is undefined, a runtime that is at hand. */
async function compile(task: string, output: string, runtime?: string): Promise<Compiled> {
  const [program, ...args] = task.split(" ");
  assert.equal(program, "deno", `the task compile does not start with deno: ${task}`);
  const place = args.indexOf("--output") + 1;
  assert.ok(place > 0, `the task compile has no --output: ${task}`);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: args.with(place, output),
    cwd: fileURLToPath(root),
    env: { NO_COLOR: "1", ...(runtime === undefined ? {} : { DENORT_BIN: runtime }) },
  }).output();
  const decoder = new TextDecoder();
  return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Paths in the tree that `deno compile` prints; a folder that is in whole ends in `/*`. */
export function embeddedFiles(output: string): string[] {
  const folders: string[] = [];
  return output.split("\n").flatMap((line) => {
    const [, indent, name] = line.match(/^((?:│ | {2})*)[├└]─[─┬] (.+) \([^()]*\)$/) ?? [];
    if (indent === undefined || name === undefined) return [];
    const depth = indent.length / 2;
    folders.splice(depth, Infinity, name);
    return [folders.join("/")];
  });
}

/** The last `"permissions":{…}` of the binary: its settings stand after all of Deno's own text. */
export function embeddedPermissions(binary: Buffer): Permissions {
  const start = binary.lastIndexOf('"permissions":{"allow_');
  assert.ok(start >= 0, "the binary holds no permissions");
  const text = binary.subarray(start, start + 16_384).toString();
  return JSON.parse(text.slice(text.indexOf("{"), text.indexOf("}") + 1));
}

/** What a binary holds for the permissions of deno.json's `compile`, but for `import`. */
export function expectedPermissions(granted: Manifest["compile"]["permissions"]): Permissions {
  const kinds = ["env", "ffi", "net", "read", "run", "sys", "write"];
  if (granted["all"] === true) {
    return { ...Object.fromEntries(kinds.map((kind) => [`allow_${kind}`, []])), prompt: false };
  }
  const unknown = Object.keys(granted).filter((kind) => !kinds.includes(kind));
  assert.deepEqual(unknown, [], "permissions in deno.json that this check does not know");
  const allowed = kinds.map((kind) => {
    const list = granted[kind];
    return [`allow_${kind}`, list === true ? [] : list ?? null];
  });
  return { ...Object.fromEntries(allowed), prompt: false };
}

if (import.meta.main) {
  const manifestText = await Deno.readTextFile(new URL("deno.json", root));
  const manifest: Manifest = JSON.parse(manifestText);
  await using temporary = await tempHome();
  const output = temporary.at(Deno.build.os === "windows" ? "ecrin.exe" : "ecrin");

  let compiled = await compile(manifest.tasks.compile, output);
  const runs = compiled.success && Deno.env.get("DENORT_BIN") === undefined;
  if (!compiled.success) {
    compiled = await compile(manifest.tasks.compile, output, Deno.execPath());
  }
  assert.ok(compiled.success, `deno compile failed:\n${compiled.text}`);
  console.log(`compiled with ${runs ? "Deno's runtime" : "deno in place of its runtime"}`);

  const graph = await readModuleGraph("main.ts");
  const files = embeddedFiles(compiled.text);
  const modules = localModules(graph).map((url) => decodeURIComponent(url.slice(root.href.length)));
  assert.ok(modules.includes("deno.json"), "main.ts does not import deno.json for the version");
  assert.deepEqual(modules.filter((path) => !files.includes(path)), [], "modules not embedded");
  console.log(`all ${modules.length} modules are embedded`);

  // deno compile cannot see an import() of a name that is not written out, nor can deno info
  for (const path of modules.filter((path) => path.endsWith(".ts"))) {
    const hidden = (await Deno.readTextFile(new URL(path, root))).match(/\bimport\((?!\s*["'])/);
    assert.equal(hidden, null, `${path} has an import() of a name that is not written out`);
  }
  const packages = [...importedPackages(graph)];
  assert.ok(packages.length > 0, "no npm package is imported");
  const missing = packages.filter((name) => !files.some((path) => path.includes(`/${name}/`)));
  assert.deepEqual(missing, [], "npm packages not embedded");
  console.log(`all ${packages.length} npm packages are embedded: ${packages.join(", ")}`);

  const binary = Buffer.from(await Deno.readFile(output));
  const expected = expectedPermissions(manifest.compile.permissions);
  const found = embeddedPermissions(binary);
  // that for imports has a default, and nothing remote is imported
  const other = Object.keys(found).filter((name) =>
    !(name in expected) && name !== "allow_import" && found[name] !== null
  );
  assert.deepEqual(other, [], "other permissions embedded");
  const same = Object.fromEntries(Object.keys(expected).map((name) => [name, found[name]]));
  assert.deepEqual(same, expected, "permissions embedded");
  console.log(`the permissions are those of deno.json, without prompts: ${summary(expected)}`);

  assert.ok(binary.includes(manifestText), "deno.json is not embedded as it is");
  if (runs) {
    const { stdout } = await new Deno.Command(output, { args: ["--version"] }).output();
    assert.equal(new TextDecoder().decode(stdout), `ecrin ${manifest.version}\n`);
  }
  console.log(`the version is ${manifest.version}${runs ? "" : " (the binary was not run)"}`);
}

function summary(permissions: Permissions): string {
  return Object.entries(permissions).flatMap(([name, list]) =>
    Array.isArray(list) ? [[name.slice("allow_".length), ...list].join(" ")] : []
  ).join(", ");
}
