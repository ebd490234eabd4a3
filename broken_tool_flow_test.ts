/**
 * Tools that fail, registries that refuse them, and disks that take nothing: each is said in two
 * lines, and no login is left half-written.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { requirePrograms, runCli, tempHome } from "./testing/cli.ts";
import { mountDisk } from "./testing/disks.ts";
import { userEnv, withPrograms } from "./testing/ecrin.ts";
import { twoLines } from "./testing/outcomes.ts";
import { contents } from "./testing/temp_home.ts";

/** Programs that fail in docker's place, and what is said of it. */
const failing: Record<string, [script: string, code: string, message: RegExp, exitCode?: number]> =
  {
    "fails": [
      "echo some reason >&2; exit 7",
      "tool-failed",
      /^docker login failed with exit code 7: some reason$/,
    ],
    "fails without a word": [
      "exit 1",
      "tool-failed",
      /^docker login failed with exit code 1: it said nothing$/,
    ],
    "is killed": ["kill -9 $$", "tool-failed", /^docker login .*(killed|137)/],
    "says what a terminal would obey": [
      String.raw`printf 'bad\033[31m\033]0;x\007 \033[2J\n' >&2; exit 1`,
      "tool-failed",
      /^docker login failed with exit code 1: bad/,
    ],
    "says that the password is wrong": [
      'echo "Error response from daemon: login attempt to https://x/v2/ failed with status: 401 Unauthorized" >&2; exit 1',
      "registry-refused",
      /^127\.0\.0\.1:\d+ refused the password$/,
    ],
    "cannot reach the registry": [
      'echo "Error: Get https://x/v2/: dial tcp: lookup x: no such host" >&2; exit 1',
      "registry-unreachable",
      /^docker could not reach 127/,
      5,
    ],
    "is no program": ["", "tool-failed", /^docker/],
  };

for (const [name, [script, code, expected, exitCode]] of Object.entries(failing)) {
  Deno.test(`a docker that ${name} is reported and nothing is written`, async () => {
    await using aws = await startAws();
    await using home = await tempHome();
    await home.writeProgram(
      "bin/docker",
      script === "" ? "\x7fELFnonsense" : `#!/bin/sh\ncat > /dev/null\n${script}\n`,
    );
    const env = { ...userEnv(aws), ...withPrograms(home) };
    const before = await contents(home.path);
    const result = await runCli(["--region", "eu-west-1"], { env, home: home.path });
    assert.equal(result.code, exitCode ?? 3, result.stderr);
    assert.equal(result.stdout, "");
    const [message] = twoLines(result);
    assert.match(message, expected);
    const json = await runCli(["--region", "eu-west-1", "--json"], { env, home: home.path });
    assert.equal(JSON.parse(json.stdout).logins[0].error.code, code);
    assert.deepEqual(await contents(home.path), before);
  });
}

for (const tool of ["docker", "podman", "file"] as const) {
  Deno.test({
    name: `a registry that refuses the password of ${tool} is reported and nothing is written`,
    ignore: tool !== "file" && !requirePrograms([tool]),
    fn: async () => {
      await using aws = await startAws();
      aws.registry.fault("refuse");
      // podman wants plain HTTP to be said
      await using home = await tempHome({
        ".config/containers/registries.conf":
          `[[registry]]\nlocation = "${aws.registry.host}"\ninsecure = true\n`,
      });
      const env = { ...userEnv(aws), REGISTRY_AUTH_FILE: home.at("auth.json") };
      const before = await contents(home.path);
      const args = ["--region", "eu-west-1", "--tool", tool];
      const result = await runCli(args, { env, home: home.path });
      assert.equal(result.code, 3, result.stderr);
      assert.equal(result.stdout, "");
      const [message, hint] = twoLines(result);
      assert.equal(message, `${aws.registry.host} refused the password`);
      assert.match(hint, /belong together/);
      for (const path of Object.keys(await contents(home.path))) {
        assert(path in before || /auth\.json$|\/\.(docker|local|cache|config)\b/.test(path), path);
      }
      assert.doesNotMatch(JSON.stringify(await contents(home.path)), /"auth":/);
    },
  });
}

/** What a folder for config.json cannot do, and how. */
const disks: Record<string, { options: string; fill: boolean; said: RegExp }> = {
  "read-only home": { options: "ro,size=1m", fill: false, said: /read-only/ },
  "full disk": { options: "size=64k,nr_inodes=20", fill: true, said: /no space left/ },
};

for (const [name, { options, fill, said }] of Object.entries(disks)) {
  for (const tool of ["docker", "file"] as const) {
    Deno.test({
      name: `a ${name} keeps ${tool} from storing the login, and is said`,
      ignore: tool === "docker" && !requirePrograms(["docker"]),
      fn: async () => {
        await using aws = await startAws();
        await using home = await tempHome();
        const folder = home.at("disk");
        await Deno.mkdir(folder);
        await using disk = await mountDisk(folder, options);
        if (disk === undefined) return;
        if (fill) {
          await Deno.mkdir(`${folder}/.docker`);
          await Deno.writeTextFile(`${folder}/.docker/config.json`, '{"auths":{"quay.io":{}}}');
          await Deno.writeFile(`${folder}/rest`, new Uint8Array(1024 * 1024)).catch(() => {});
        }
        const before = await contents(folder);
        const env = userEnv(aws);
        const args = ["--region", "eu-west-1", "--tool", tool];
        const result = await runCli(args, { env, home: folder });
        assert.equal(result.code, 3, result.stderr);
        assert.equal(result.stdout, "");
        const [message] = twoLines(result);
        assert.match(message, said);
        const after = await contents(folder);
        if (tool === "file") assert.deepEqual(after, before);
        const path = `${folder}/.docker/config.json`;
        assert.equal(after[path], before[path]);
      },
    });
  }
}
