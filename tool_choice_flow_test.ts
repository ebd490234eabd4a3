/**
 * Which tool is started, and what it is given: scripts in the place of container tools keep it.
 */

import assert from "node:assert/strict";
import { assertFailed, assertLoggedIn } from "./testing/outcomes.ts";
import { login, registry } from "./testing/real_names.ts";
import { auths, encoded, lastPassword, record, stubs } from "./testing/tool_stages.ts";
import { tools } from "./tools.ts";

const posix = Deno.build.os !== "windows";

/** `docker login` and those that copied it. */
const loginArgv = ["login", "--username", "AWS", "--password-stdin", registry()];

for (const tool of ["docker", "podman", "nerdctl", "finch"]) {
  Deno.test({
    name: `${tool} gets the password on stdin, the host as an argument, and no key of AWS`,
    ignore: !posix,
    fn: async () => {
      await using stage = await stubs({ [tool]: record });
      const { aws, home, run } = stage;
      const result = await run([...login, "--role", "deploy", "--tool", tool], {
        AWS_SESSION_TOKEN: undefined,
        DOCKER_HOST: "unix:///nowhere",
      });
      assertLoggedIn(result, [registry(), tool]);
      const argv = (await home.read("argv")).trim().split("\n");
      assert.deepEqual(argv, [home.at(`bin/${tool}`), ...loginArgv]);
      const password = lastPassword(aws);
      assert.equal(await home.read("stdin"), password);
      const env = await home.read("env");
      assert.match(env, /^DOCKER_HOST=unix:\/\/\/nowhere$/m);
      assert.doesNotMatch(env, /^AWS_SECRET_ACCESS_KEY=/m);
      for (const secret of [password, aws.keys.user.secretAccessKey]) assert(!env.includes(secret));
    },
  });
}

/** What is installed, and the tool that is then the default. */
const defaults: [installed: string[], tool: string][] = [
  [["podman", "nerdctl", "finch", "docker"], "docker"],
  [["finch", "nerdctl", "podman"], "podman"],
  [["finch", "nerdctl"], "nerdctl"],
  [["finch"], "finch"],
];

for (const [installed, tool] of defaults) {
  Deno.test({
    name: `with ${installed.join(", ")} installed the default is ${tool}`,
    ignore: !posix,
    fn: async () => {
      await using stage = await stubs(Object.fromEntries(installed.map((name) => [name, record])));
      assertLoggedIn(await stage.run(login), [registry(), tool]);
      const [program] = (await stage.home.read("argv")).split("\n");
      assert.equal(program, stage.home.at(`bin/${tool}`));
    },
  });
}

Deno.test("with no container tool installed the default is the file", async () => {
  await using stage = await stubs({}, { proxyEndpoint: "registry" });
  const { aws, home, run } = stage;
  assertLoggedIn(await run(login), [aws.registry.host, "file"]);
  assert.deepEqual(await auths(home), { [aws.registry.host]: encoded(lastPassword(aws)) });
});

Deno.test({
  name: "a folder of that name is no installed tool, and one that cannot be started is no bug",
  ignore: !posix,
  fn: async () => {
    await using stage = await stubs({ podman: record });
    const { home, run } = stage;
    await Deno.mkdir(home.at("bin/docker"));
    assertLoggedIn(await run(login), [registry(), "podman"]);
    await Deno.remove(home.at("bin/docker"));
    const cannot = /docker login failed with exit code 12[67]: cannot be started: \S/;
    await home.write("bin/docker", "#!/bin/sh\n", 0o644);
    assertFailed(await run(login), 3, cannot);
    await home.write("bin/docker", "#!/nowhere/sh\n", 0o755);
    assertFailed(await run(login), 3, cannot);
  },
});

for (const { name: tool } of tools) {
  Deno.test(`${tool} asked for and not installed is an error before any request`, async () => {
    await using stage = await stubs({});
    const result = await stage.run([...login, "--tool", tool, "--role", "deploy"]);
    assertFailed(result, 3, new RegExp(`${tool} is not installed\n.*install it: \\S.*--tool file`));
    assert.deepEqual(stage.aws.requests, []);
  });
}
