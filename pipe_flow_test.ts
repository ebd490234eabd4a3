/**
 * Readers of ecrin's output that go away, as `head` does.
 */

import assert from "node:assert/strict";
import { ecrinCommand, requirePrograms, runCli, type TempHome, tempHome } from "./testing/cli.ts";

const onUnix = Deno.build.os === "linux";

/** How a run of a shell command that has `ecrin` in it ended. */
async function shell(
  command: string,
  home: TempHome,
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  await home.write(
    "run.ts",
    `const [command, ...ecrin] = Deno.args;
    const quoted = ecrin.map((word) => "'" + word + "'").join(" ");
    const { code } = await new Deno.Command("bash", {
      args: ["-c", "set -o pipefail; ecrin() { " + quoted + ' "$@"; }; ' + command],
    }).output().then((output) => {
      Deno.stdout.writeSync(output.stdout);
      Deno.stderr.writeSync(output.stderr);
      return output;
    });
    Deno.exit(code);`,
  );
  return await runCli([command, ...ecrinCommand()], {
    home: home.path,
    env,
    script: home.at("run.ts"),
  });
}

Deno.test({
  name: "a reader that goes away is no error",
  ignore: !onUnix || !requirePrograms(["bash"]),
  fn: async (t) => {
    await using home = await tempHome();
    const commands = {
      "ecrin --help | head -1": /^ecrin \d/,
      "ecrin --help | true": /^$/,
      "ecrin --account 1 --region us-east-1 --tool file --dry-run --json | true": /^$/,
    };
    for (const [command, expected] of Object.entries(commands)) {
      await t.step(command, async () => {
        const { code, stdout, stderr } = await shell(command, home, { AWS_ACCESS_KEY_ID: "" });
        assert.match(stdout, expected);
        assert.doesNotMatch(stderr, /bug|Broken|EPIPE/);
        if (!command.includes("dry-run")) assert.deepEqual([code, stderr], [0, ""]);
      });
    }
  },
});

Deno.test({
  name: "a stderr that nobody reads does not change the exit code",
  ignore: !onUnix || !requirePrograms(["bash"]),
  fn: async () => {
    await using home = await tempHome();
    const command = "ecrin --no-such-flag 2> >(true)";
    assert.equal((await shell(command, home)).code, 2);
    assert.equal((await shell("ecrin --no-such-flag 2>&-", home)).code, 2);
    assert.equal((await shell("ecrin --no-such-flag --json >&-", home)).code, 2);
  },
});
