/**
 * What a run leaves on disk: nothing in the folder for temporary files, and no secret anywhere.
 *
 * ```ts
 * await using home = await homeWithTmp();
 * await runCli(args, { home: home.path, env: { ...userEnv(aws), TMPDIR: home.at("tmp") } });
 * assert.deepEqual(await leftBehind(aws, home), []);
 * ```
 *
 * @module
 */

import type { FakeAws } from "./aws.ts";
import { leaks, secretsOf } from "./leaks.ts";
import { type TempHome, tempHome } from "./temp_home.ts";

/** A home whose folder for temporary files, `tmp`, is its own, so that what is left there is seen. */
export async function homeWithTmp(files: Record<string, string> = {}): Promise<TempHome> {
  const home = await tempHome(files);
  await Deno.mkdir(home.at("tmp"));
  return home;
}

/**
 * Whatever is in `tmp`, and every file of the home that holds a secret of the run: a password of a
 * registry, alone or as a login, or the keys of a role.
 */
export async function leftBehind(aws: FakeAws, home: TempHome): Promise<string[]> {
  const secrets = secretsOf(aws);
  const found: string[] = [];
  const search = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
      const path = `${folder}/${name}`;
      if (folder === home.at("tmp")) found.push(path);
      if (isDirectory) await search(path);
      if (!isFile) continue;
      if (leaks(await Deno.readTextFile(path), secrets).length > 0) found.push(path);
    }
  };
  await search(home.path);
  return found;
}
