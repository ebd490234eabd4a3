/**
 * A temporary folder that stands in for a person's home, and helpers to fill it.
 *
 * @module
 */

/** A home folder; disposing removes it. */
export interface TempHome extends AsyncDisposable {
  /** Absolute, with symlinks resolved. */
  path: string;
  /** The absolute path of a relative one. */
  at: (relative: string) => string;
  /** Writes a file and the folders above it; returns its absolute path. */
  write: (relative: string, text: string, mode?: number) => Promise<string>;
  /** Writes an executable file; returns its absolute path. */
  writeProgram: (relative: string, text: string) => Promise<string>;
  read: (relative: string) => Promise<string>;
  exists: (relative: string) => Promise<boolean>;
}

/** Makes a temporary home with `files` (text by relative path) in it. */
export async function tempHome(files: Record<string, string> = {}): Promise<TempHome> {
  // macOS names its temporary folder by a symlink, and tools print the real path
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "ecrin-home-" }));
  const at = (relative: string): string => `${path}/${relative}`;
  const write = async (relative: string, text: string, mode = 0o600): Promise<string> => {
    const file = at(relative);
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(file, text);
    if (Deno.build.os !== "windows") await Deno.chmod(file, mode);
    return file;
  };
  for (const [relative, text] of Object.entries(files)) await write(relative, text);
  return {
    path,
    at,
    write,
    writeProgram: (relative, text) => write(relative, text, 0o755),
    read: (relative) => Deno.readTextFile(at(relative)),
    exists: async (relative) => {
      try {
        await Deno.lstat(at(relative));
        return true;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return false;
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Every file and folder below `folder` with its content: what a run may not change. */
export async function contents(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    found[path] = isFile ? await Deno.readTextFile(path) : "";
    if (isDirectory) Object.assign(found, await contents(path));
  }
  return found;
}
