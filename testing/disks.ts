/**
 * Small disks of their own, to fill and to write-protect. They need Linux and the right to mount.
 *
 * @module
 */

/**
 * Mounts a tmpfs with `options` (of mount(8)) on a folder, until it is disposed. Returns undefined,
 * with a line that says so, without the right to.
 */
export async function mountDisk(
  folder: string,
  options: string,
): Promise<AsyncDisposable | undefined> {
  const mounted = Deno.build.os === "linux" &&
    await succeeds("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder);
  if (!mounted) {
    console.log("skipped: needs the right to mount a tmpfs");
    return undefined;
  }
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      await succeeds("umount", "--lazy", folder);
    },
  };
}

/** Whether a program is there and exits with 0. */
export async function succeeds(program: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stdin: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
