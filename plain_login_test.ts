/**
 * Tools whose file ecrin cannot know: they log in by themselves, one after the other.
 */

import assert from "node:assert/strict";
import { loginWithProgram } from "./docker.ts";
import { type InstalledTool, requireTool } from "./installed_tools.ts";
import { Secret } from "./secret.ts";
import { realSystem, type System } from "./system.ts";
import { type TempHome, tempHome } from "./testing/cli.ts";

const host = "222222222222.dkr.ecr.eu-west-1.amazonaws.com";

/** Notes what it is given; fails when another one runs. */
const lonely = `#!/bin/sh
cat >/dev/null
mkdir "$HOME/busy" || exit 1
echo "\${REGISTRY_AUTH_FILE:-nothing}" >>"$HOME/given"
sleep 0.05
rmdir "$HOME/busy"
`;

/** A user of cron's: not root, with none of the variables that lead to podman's file. */
function inCron(home: TempHome): System {
  const env = { HOME: home.path, PATH: `${home.at("bin")}:/usr/bin:/bin` };
  // nobody has this number, nor a folder in /run/user
  return { ...realSystem(), env, uid: () => 987654 };
}

async function logInToThree(tool: InstalledTool, system: System): Promise<void> {
  await Promise.all([1, 2, 3].map((number) =>
    loginWithProgram(tool, {
      host: `${number}.${host}`,
      password: new Secret("made up"),
      signal: new AbortController().signal,
      report: () => {},
    }, system)
  ));
}

for (const name of ["podman", "buildah"] as const) {
  Deno.test({
    name: `${name} without XDG_RUNTIME_DIR finds its file by itself, one login at a time`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      await using home = await tempHome();
      await home.writeProgram(`bin/${name}`, lonely);
      const system = inCron(home);
      await logInToThree(requireTool(name, system), system);
      assert.equal(await home.read("given"), "nothing\n".repeat(3));
      const names = await Array.fromAsync(Deno.readDir(home.path), ({ name }) => name);
      assert.deepEqual(names.sort(), ["bin", "given"]);
    },
  });
}
