/**
 * `ecrin password`, in pipes as people use it.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { cliEnvironment, ecrinCommand, requirePrograms, runCli } from "./testing/cli.ts";
import { available } from "./testing/docker_registry.ts";
import { userEnv } from "./testing/ecrin.ts";
import { realRegistry, type ToolStage } from "./testing/tool_stages.ts";

Deno.test("the password of a registry is alone on stdout, and in JSON with what belongs to it", async () => {
  await using aws = await startAws();
  const host = "222222222222.dkr.ecr.eu-west-1.amazonaws.com";
  const run = (...args: string[]) => runCli(["password", ...args], { env: userEnv(aws) });
  const plain = await run(host);
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(plain.stdout, /^[\x21-\x7e]+\n$/);
  assert.equal(plain.stderr, "");
  const json = JSON.parse((await run(host, "--json")).stdout);
  assert.deepEqual(Object.keys(json), ["username", "password", "registry", "expiresAt"]);
  // the registry that the test's ECR names
  assert.match(`${json.username} ${json.registry}`, /^AWS 127\.0\.0\.1:\d+$/);
  const open = await run("--public", "--json");
  assert.equal(JSON.parse(open.stdout).registry, "public.ecr.aws");
  assert.notEqual(JSON.parse(open.stdout).password, json.password);
  const two = await run(host, "--public");
  assert.deepEqual([two.code, two.stdout], [2, ""]);
});

Deno.test("in GitHub Actions the password is masked before it is printed", async () => {
  await using aws = await startAws();
  const { stdout, stderr } = await runCli(["password", "--region", "eu-west-1"], {
    env: { ...userEnv(aws), GITHUB_ACTIONS: "true" },
  });
  const encoded = btoa(`AWS:${stdout.trim()}`);
  assert.equal(stderr, `::add-mask::${stdout}::add-mask::${encoded}\n`);
});

/** What a shell made of a command line in which `ecrin` prints the password. */
async function pipe(
  stage: ToolStage,
  command: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const words = [...ecrinCommand(), "password", "--region", "eu-west-1"];
  const script = `set -o pipefail; ${command.replaceAll("ECRIN", '"$@"')}`;
  const { DENO_DIR = "" } = await cliEnvironment(stage.home.path);
  return await stage.program(["bash", "-c", script, "bash", ...words], { DENO_DIR });
}

Deno.test({
  name: "tools log in with the password that they read from a pipe",
  ignore: available().length > 0 || !requirePrograms(["bash", "docker", "podman", "skopeo"]),
  fn: async (t) => {
    await using stage = await realRegistry();
    const { host } = stage.registry;
    const logins = [
      `docker login --username AWS --password-stdin ${host}`,
      `podman login --tls-verify=false --authfile a.json -u AWS --password-stdin ${host}`,
      `skopeo login --tls-verify=false --authfile b.json -u AWS --password-stdin ${host}`,
    ];
    for (const login of logins) {
      await t.step(login.split(" ", 1).join(), async () => {
        const command = `cd "$HOME"; ECRIN | ${login}`;
        const { code, stdout, stderr } = await pipe(stage, command);
        assert.equal(code, 0, stderr);
        assert.match(stdout, /Login Succeeded/);
      });
    }
  },
});

Deno.test({
  name: "a reader that takes a part, or nothing, is no bug of ecrin's",
  ignore: Deno.build.os !== "linux" || !requirePrograms(["bash", "docker-registry", "htpasswd"]),
  fn: async (t) => {
    await using stage = await realRegistry();
    const commands: readonly (readonly [command: string, code: number, stdout: string, RegExp])[] =
      [
        ["ECRIN | head -c 10", 0, "not-a-secr", /^$/],
        ["ECRIN | true", 0, "", /^$/],
        ["ECRIN >&-", 0, "", /^$/],
        [
          "ECRIN >/dev/full",
          2,
          "",
          /^ecrin: error: cannot write to stdout: .*\necrin: hint: .*\n$/,
        ],
        ["ECRIN --json >/dev/full", 2, "", /^ecrin: error: .*\necrin: hint: .*\n$/],
      ];
    for (const [command, ...expected] of commands) {
      await t.step(command, async () => {
        const [code, stdout, stderr] = expected;
        const result = await pipe(stage, command);
        assert.deepEqual([result.code, result.stdout], [code, stdout], result.stderr);
        assert.match(result.stderr, stderr);
      });
    }
  },
});
