/**
 * The real docker and podman, logged in to registries on loopback.
 */

import assert from "node:assert/strict";
import type { FakeAws } from "./testing/aws.ts";
import type { IssuedPassword } from "./testing/passwords.ts";
import { requirePrograms } from "./testing/cli.ts";
import { assertFailed, assertLoggedIn } from "./testing/outcomes.ts";
import { login, registry } from "./testing/real_names.ts";
import { auths, encoded, lastPassword, realRegistry, realTools } from "./testing/tool_stages.ts";

const hasDocker = requirePrograms(["docker", "openssl"]);
const hasPodman = requirePrograms(["podman", "openssl"]);
const hasDockerRegistry = requirePrograms(["docker", "docker-registry", "htpasswd"]);

/** Arguments that name several tools. */
function withTools(...names: string[]): string[] {
  return names.flatMap((name) => ["--tool", name]);
}

Deno.test({
  name: "docker is logged in to a private registry with a role",
  ignore: !hasDocker,
  fn: async () => {
    await using stage = await realTools();
    const { aws, home, run } = stage;
    assertLoggedIn(await run([...login, "--role", "deploy"]), [registry(), "docker"]);
    assert.deepEqual(await auths(home), { [registry()]: encoded(lastPassword(aws)) });
    const statuses = aws.registry.requests.map(({ user, status }) => [user, status]);
    assert.deepEqual(statuses.at(-1), ["AWS", 200]);
  },
});

/** The two passwords of a run: they are asked for at once, and come in any order. */
function privateFirst(aws: FakeAws): IssuedPassword[] {
  return aws.passwords.all().toSorted((a, b) => Number(a.public) - Number(b.public));
}

Deno.test({
  name: "docker is logged in to a private registry and to ECR Public in one run",
  ignore: !hasDocker,
  fn: async () => {
    await using stage = await realTools();
    const { aws, home, run } = stage;
    const result = await run([...login, "--public", "--role", "deploy"]);
    assertLoggedIn(result, [registry(), "docker"], ["public.ecr.aws", "docker"]);
    const [one, other] = privateFirst(aws);
    assert.deepEqual(await auths(home), {
      [registry()]: encoded(one?.password ?? ""),
      "public.ecr.aws": encoded(other?.password ?? ""),
    });
    // one role session is good for both
    assert.equal(aws.requestsOf("sts").length, 1);
  },
});

Deno.test({
  name: "podman is logged in, in its own file",
  ignore: !hasPodman,
  fn: async () => {
    await using stage = await realTools();
    const { aws, home, run, program } = stage;
    const args = [...login, "--public", "--tool", "podman"];
    assertLoggedIn(await run(args), [registry(), "podman"], ["public.ecr.aws", "podman"]);
    const [one, other] = privateFirst(aws);
    assert.deepEqual(await auths(home, "auth.json"), {
      [registry()]: encoded(one?.password ?? ""),
      "public.ecr.aws": encoded(other?.password ?? ""),
    });
    assert.equal(await home.exists(".docker"), false);
    const said = await program(["podman", "login", "--get-login", registry()]);
    assert.deepEqual([said.code, said.stdout], [0, "AWS\n"]);
  },
});

Deno.test({
  name: "two tools and the file share one token",
  ignore: !hasDocker || !hasPodman,
  fn: async () => {
    await using stage = await realTools();
    const { aws, home, run } = stage;
    const result = await run([...login, ...withTools("podman", "docker", "file")]);
    assertLoggedIn(
      result,
      [registry(), "podman"],
      [registry(), "docker"],
      [registry(), "file"],
    );
    assert.equal(aws.requestsOf("ecr", "GetAuthorizationToken").length, 1);
    const entry = { [registry()]: encoded(lastPassword(aws)) };
    assert.deepEqual([await auths(home), await auths(home, "auth.json")], [entry, entry]);
  },
});

Deno.test({
  name: "what the tool file writes is what docker uses",
  ignore: !hasDockerRegistry,
  fn: async () => {
    await using stage = await realRegistry();
    const { home, run, program, registry: real } = stage;
    // it asks the registry for an image that is not there
    const inspect = ["docker", "manifest", "inspect", "--insecure", `${real.host}/app:1`];
    assert.match((await program(inspect)).stderr, /no basic auth credentials/);
    assertLoggedIn(await run([...login, "--tool", "file"]), [real.host, "file"]);
    assert.match((await program(inspect)).stderr, /no such manifest/);
    const moved = { DOCKER_CONFIG: home.at("elsewhere") };
    assert.match((await program(inspect, moved)).stderr, /no basic auth credentials/);
    assertLoggedIn(await run([...login, "--tool", "file"], moved), [real.host, "file"]);
    assert.match((await program(inspect, moved)).stderr, /no such manifest/);
  },
});

Deno.test({
  name: "docker's own entry, for a registry of loopback, is what docker uses",
  ignore: !hasDockerRegistry,
  fn: async () => {
    await using stage = await realRegistry();
    const { run, program, registry: real } = stage;
    assertLoggedIn(await run([...login, "--role", "deploy"]), [real.host, "docker"]);
    const inspect = ["docker", "manifest", "inspect", "--insecure", `${real.host}/app:1`];
    assert.match((await program(inspect)).stderr, /no such manifest/);
  },
});

for (const tool of ["docker", "file"]) {
  Deno.test({
    name: `a registry that refuses the password fails ${tool}, and nothing is stored`,
    ignore: !hasDockerRegistry,
    fn: async () => {
      await using stage = await realRegistry({ password: "not-a-secret-but-wrong" });
      const { home, run } = stage;
      const result = await run([...login, "--tool", tool]);
      assertFailed(result, 3, /127\.0\.0\.1:\d+ refused the password/);
      const path = ".docker/config.json";
      assert.equal(await home.exists(path) && (await home.read(path)).includes('auth"'), false);
    },
  });
}
