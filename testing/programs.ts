/**
 * Which programs this machine has, and what a test does about those it has not.
 *
 * @module
 */

/** The programs of `names` that are not on PATH, or in the folders of `path`. */
export function missingPrograms(names: string[], path?: string): string[] {
  return names.filter((name) => findProgram(name, path) === undefined);
}

/** Where a program is, or undefined. */
export function findProgram(name: string, path = Deno.env.get("PATH") ?? ""): string | undefined {
  const windows = Deno.build.os === "windows";
  const folders = path.split(windows ? ";" : ":").filter(Boolean);
  const suffixes = windows ? [".exe", ".cmd", ".bat"] : [""];
  return folders
    .flatMap((folder) => suffixes.map((suffix) => `${folder}/${name}${suffix}`))
    .find(isProgram);
}

/**
 * Whether all programs of `names` are there. If not, prints one line `skipped: needs docker`, or
 * throws where ECRIN_TEST_REQUIRE_ALL is `1`, so that CI cannot skip a test unnoticed.
 *
 * ```ts
 * Deno.test({ name, ignore: !requirePrograms(["docker", "openssl"]), fn });
 * ```
 */
export function requirePrograms(names: string[], path?: string): boolean {
  const missing = missingPrograms(names, path);
  if (missing.length === 0) return true;
  const list = missing.join(", ");
  if (Deno.env.get("ECRIN_TEST_REQUIRE_ALL") === "1") {
    throw new Error(`missing ${list}, and ECRIN_TEST_REQUIRE_ALL is set`);
  }
  console.log(`skipped: needs ${list}`);
  return false;
}

function isProgram(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}
