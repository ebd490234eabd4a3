/**
 * Docker's config.json as it should not be: huge, a folder, a link to nowhere.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { assertRefused } from "./testing/bad_input.ts";
import { ecrinCommand, requirePrograms, runCli, tempHome } from "./testing/cli.ts";
import { succeeds } from "./testing/disks.ts";
import { needs } from "./testing/docker_config.ts";
import { userEnv } from "./testing/ecrin.ts";
import { auths, encoded, lastPassword } from "./testing/tool_stages.ts";

const path = ".docker/config.json";
const posix = Deno.build.os !== "windows";
const tools = ["docker", "file"] as const;
const installed = (tool: string): boolean => tool === "file" || requirePrograms([tool]);

for (const tool of tools) {
  const args = ["--region", "eu-west-1", "--tool", tool];

  Deno.test({
    name: `a config.json of 5 MB is merged into by ${tool}`,
    ignore: !installed(tool),
    fn: async () => {
      const names = Array.from({ length: 40_000 }, (_, index) => `registry-${index}.example`);
      const entry = { auth: btoa(`ann:${"x".repeat(60)}`) };
      const before = Object.fromEntries(names.map((name) => [name, entry]));
      const text = JSON.stringify({ auths: before, unknown: true }, null, 4);
      assert.ok(text.length > 5_000_000);
      await using aws = await startAws();
      await using home = await tempHome({ [path]: text });
      const { code, stderr } = await runCli(args, { home: home.path, env: userEnv(aws) });
      assert.equal(code, 0, stderr);
      const merged = { ...before, [aws.registry.host]: encoded(lastPassword(aws)) };
      const expected = JSON.stringify({ auths: merged, unknown: true }, null, 4);
      assert.ok(await home.read(path) === expected);
    },
  });

  Deno.test({
    name: `a folder in place of config.json is refused before ${tool} is started`,
    ignore: !installed(tool),
    fn: () =>
      assertRefused({
        args,
        files: { [`${path}/README`]: "" },
        exitCode: 3,
        code: "docker-config-not-a-file",
        message: /config\.json is not a file$/,
        hint: /^move it away/,
      }),
  });

  Deno.test({
    name:
      `a config.json that is a mount of its own is written in place by ${tool}, and that is said`,
    ignore: !installed(tool) || Deno.build.os !== "linux",
    fn: async () => {
      await using aws = await startAws();
      await using home = await tempHome({ [path]: '{"auths": {}}', "mounted": '{"auths": {}}' });
      const bound = await succeeds("mount", "--bind", home.at("mounted"), home.at(path));
      if (!needs("the right to mount", bound)) return;
      try {
        const env = userEnv(aws);
        const { code, stderr } = await runCli([...args, "--verbose"], { home: home.path, env });
        assert.equal(code, 0, stderr);
        assert.match(stderr, /^ecrin: wrote \S+config\.json in place: .*\(EBUSY\)$/m);
        const entries = { [aws.registry.host]: encoded(lastPassword(aws)) };
        assert.deepEqual(await auths(home, "mounted"), entries);
      } finally {
        await succeeds("umount", home.at(path));
      }
    },
  });

  Deno.test({
    name: `the file that config.json is a link to is made by ${tool}`,
    ignore: !installed(tool) || !posix,
    fn: async () => {
      await using aws = await startAws();
      await using home = await tempHome({ "dotfiles/README": "", ".docker/README": "" });
      await Deno.symlink("../dotfiles/docker.json", home.at(path));
      const { code, stderr } = await runCli(args, { home: home.path, env: userEnv(aws) });
      assert.equal(code, 0, stderr);
      assert.equal(await Deno.readLink(home.at(path)), "../dotfiles/docker.json");
      const entries = { [aws.registry.host]: encoded(lastPassword(aws)) };
      assert.deepEqual(await auths(home, "dotfiles/docker.json"), entries);
    },
  });
}

/** Takes from root that it may write anywhere. */
const unprivileged = Deno.uid() === 0
  ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
  : [];

Deno.test({
  name: "a folder that takes no new files is an error that says how to get it back",
  ignore: !posix || !requirePrograms(unprivileged.slice(0, 1)),
  fn: async () => {
    await using aws = await startAws();
    await using home = await tempHome({ ".docker/README": "" });
    await Deno.chmod(home.at(".docker"), 0o500);
    const [program = "", ...words] = [...unprivileged, ...ecrinCommand()];
    const { code, stderr } = await runCli(["--region", "eu-west-1", "--tool", "file"], {
      ...{ home: home.path, env: userEnv(aws), command: [program, ...words] },
    });
    await Deno.chmod(home.at(".docker"), 0o700);
    assert.equal(code, 3, stderr);
    assert.deepEqual(stderr.split("\n"), [
      `ecrin: error: cannot change ${home.at(path)}: permission denied`,
      `ecrin: hint: run: sudo chown -R "$(id -u)" ${home.at(".docker")}`,
      "",
    ]);
  },
});
