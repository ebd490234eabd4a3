/**
 * The ways in which a run of `ecrin exec` ends, none of which leaves a secret on disk.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { runCli, startCli } from "./testing/cli.ts";
import { userEnv, withPrograms } from "./testing/ecrin.ts";
import { homeWithTmp, leftBehind } from "./testing/left_behind.ts";

const region = ["--region", "eu-west-1"];
const onUnix = { ignore: Deno.build.os === "windows" };
const role = "arn:aws:iam::222222222222:role/deploy";

/** Ways in which a run ends, by the script that the command is, and what is done to it. */
const endings: readonly (readonly [
  name: string,
  script: string,
  signal: Deno.Signal | undefined,
  code: number,
])[] = [
  ["done", "exit 0", undefined, 0],
  ["failed", "exit 3", undefined, 3],
  ["killed", "kill -9 $$", undefined, 137],
  ["crashing", "kill -SEGV $$", undefined, 139],
  ["asked to end", "trap 'echo got it; exit 5' TERM; while :; do sleep 0.05; done", "SIGTERM", 5],
  ["interrupted", "trap 'echo got it; exit 6' INT; while :; do sleep 0.05; done", "SIGINT", 6],
  ["told to quit", "trap 'echo got it; exit 7' QUIT; while :; do sleep 0.05; done", "SIGQUIT", 7],
  ["hung up on", "trap 'echo got it; exit 8' HUP; while :; do sleep 0.05; done", "SIGHUP", 8],
  ["told something", "trap 'echo got it; exit 9' USR1; while :; do sleep 0.05; done", "SIGUSR1", 9],
];
for (const [name, script, signal, code] of endings) {
  Deno.test(`nothing is left of a command that was ${name}`, onUnix, async () => {
    await using aws = await startAws();
    // what a store is asked to keep would be on disk as well
    await using home = await homeWithTmp({ ".docker/config.json": '{"credsStore":"test"}' });
    await home.writeProgram("bin/docker-credential-test", '#!/bin/sh\ncat >"$HOME/stored"\n');
    await using cli = await startCli(
      [
        "exec",
        "--role",
        role,
        ...region,
        "--",
        "sh",
        "-c",
        script.replace(/;(?= while)/, "; echo ready;"),
      ],
      {
        env: { ...userEnv(aws), ...withPrograms(home), TMPDIR: home.at("tmp") },
        home: home.path,
      },
    );
    if (signal !== undefined) {
      await cli.waitFor("stdout", "ready");
      cli.kill(signal);
    }
    const result = await cli.result();
    assert.equal(result.code, code, result.stderr);
    if (signal !== undefined) assert.match(result.stdout, /got it/);
    assert.equal(aws.passwords.all().length, 1);
    assert.deepEqual(await leftBehind(aws, home), []);
    assert.equal(await home.exists("stored"), false);
  });
}

Deno.test("what a killed run left behind is removed by the next", onUnix, async () => {
  await using aws = await startAws();
  await using home = await homeWithTmp({ ".docker/contexts/kept": "kept" });
  const options = { env: { ...userEnv(aws), TMPDIR: home.at("tmp") }, home: home.path };
  await using cli = await startCli(
    ["exec", ...region, "--", "sh", "-c", "echo $$; exec cat"],
    options,
  );
  const pid = Number(await cli.waitFor("stdout", "\n"));
  const files = (await leftBehind(aws, home)).map((path) => path.replace(/.*\//, ""));
  for (const name of ["auth.json", "config.json", "helm.json"]) assert(files.includes(name), name);
  cli.kill("SIGKILL");
  Deno.kill(pid, "SIGKILL");
  await cli.result();
  const next = await runCli(["exec", ...region, "--", "true"], options);
  assert.equal(next.code, 0, next.stderr);
  assert.deepEqual(await leftBehind(aws, home), []);
  assert.equal(await home.read(".docker/contexts/kept"), "kept");
});

Deno.test("nothing is left when the logins are half written", onUnix, async () => {
  await using aws = await startAws();
  await using home = await homeWithTmp({ ".docker/config.json": '{"auths":' });
  const { code, stdout, stderr } = await runCli(["exec", ...region, "--", "echo", "ran"], {
    home: home.path,
    // podman's file and helm's come before docker's
    env: { ...userEnv(aws), TMPDIR: home.at("tmp"), REGISTRY_AUTH_FILE: home.at("auth.json") },
  });
  assert.deepEqual([code, stdout], [3, ""]);
  assert.match(stderr, /malformed: .*\.docker\/config\.json:1:10/);
  assert.deepEqual(await leftBehind(aws, home), []);
});

Deno.test("nothing is left of a run that is interrupted before the command", onUnix, async () => {
  await using aws = await startAws();
  await using home = await homeWithTmp();
  // ecrin asks docker for its version when podman's file is written
  await home.writeProgram("bin/docker", "#!/bin/sh\necho $$ >$HOME/pid; exec sleep 60\n");
  await using cli = await startCli(["exec", ...region, "--", "docker", "pull", "x"], {
    home: home.path,
    env: { ...userEnv(aws), ...withPrograms(home), TMPDIR: home.at("tmp") },
  });
  await cli.until(() => home.exists("pid"));
  assert.notDeepEqual(await leftBehind(aws, home), []);
  cli.kill("SIGINT");
  const { code, stderr } = await cli.result();
  assert.equal(code, 130);
  assert.match(stderr, /^ecrin: error: interrupted$/m);
  assert.deepEqual(await leftBehind(aws, home), []);
});

Deno.test({
  name: "without a folder for the logins the command is not run",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using aws = await startAws();
    // nobody can write there
    const env = { ...userEnv(aws), TMPDIR: "/proc", HOME: "/proc" };
    const { code, stdout, stderr } = await runCli(["exec", ...region, "--", "echo", "ran"], {
      env,
    });
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, /^ecrin: error: cannot write the logins .*\necrin: hint: set TMPDIR to /);
  },
});
