/**
 * Where a login goes by AWS's own names, and the settings for files and colours. A proxy on loopback
 * leads the names to the test AWS and says which were asked for.
 */

import assert from "node:assert/strict";
import { runCli } from "./testing/cli.ts";
import { assertLoggedIn } from "./testing/outcomes.ts";
import {
  account,
  api,
  login,
  publicApi,
  realNames,
  region,
  registry,
  storedHosts,
  sts,
  withOpenssl,
} from "./testing/real_names.ts";

Deno.test("a login asks for AWS's own hosts and no other", withOpenssl, async () => {
  await using stage = await realNames();
  const { aws, run, asked, home } = stage;
  const result = await run(["--account", account, "--role", "deploy", "--region", region]);
  assertLoggedIn(result, registry());
  assert.deepEqual(asked(), [sts(), api(), registry()]);
  assert.deepEqual(aws.requests.map(({ host }) => host), [sts(), api()]);
  assert.deepEqual(aws.requests.map((request) => request.region), [region, region]);
  assert.deepEqual(aws.registry.requests, [
    { method: "GET", host: registry(), path: "/v2/", user: "AWS", status: 200 },
  ]);
  assert.deepEqual(await storedHosts(home), [registry()]);
});

Deno.test(
  "ECR Public is asked in us-east-1 whatever the region is, private in its own",
  withOpenssl,
  async () => {
    await using stage = await realNames();
    const { aws, run, asked, home } = stage;
    const args = ["--account", account, "--region", region, "--public"];
    assertLoggedIn(await run(args, { AWS_REGION: "eu-west-1" }), registry(), "public.ecr.aws");
    assert.deepEqual(asked().sort(), [api(), registry(), publicApi, "public.ecr.aws"].sort());
    assert.deepEqual(aws.requestsOf("ecr-public").map(({ region }) => region), ["us-east-1"]);
    assert.deepEqual(await storedHosts(home), [registry(), "public.ecr.aws"]);
  },
);

Deno.test("ECR Public needs no region at all", withOpenssl, async () => {
  await using stage = await realNames();
  assertLoggedIn(await stage.run(["--public"]), "public.ecr.aws");
  assert.deepEqual(stage.asked(), [publicApi, "public.ecr.aws"]);
});

Deno.test("files: AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE", withOpenssl, async () => {
  await using stage = await realNames({
    files: { ".aws/config": "not a config file", ".aws/credentials": "nor this" },
  });
  const { home, run, aws } = stage;
  const { accessKeyId, secretAccessKey } = aws.keys.add();
  const env = {
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_CONFIG_FILE: await home.write("a/config", "[profile blog]\nregion = us-west-2\n"),
    AWS_SHARED_CREDENTIALS_FILE: await home.write(
      "b/credentials",
      `[blog]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`,
    ),
    AWS_PROFILE: "blog",
  };
  assertLoggedIn(await run(["--account", account], env), registry("us-west-2"));
  assert.deepEqual(aws.requests.map((request) => request.accessKeyId), [accessKeyId]);
  assert.equal((await run(["--account", account], { ...env, AWS_CONFIG_FILE: undefined })).code, 2);
});

Deno.test("files: DOCKER_CONFIG", withOpenssl, async () => {
  await using stage = await realNames();
  const { home, run } = stage;
  assertLoggedIn(await run(login, { DOCKER_CONFIG: home.at("of/docker") }), registry());
  assert.deepEqual(await storedHosts(home, "of/docker/config.json"), [registry()]);
  assert.equal(await home.exists(".docker"), false);
  const { mode } = await Deno.stat(home.at("of/docker/config.json"));
  assert.equal((mode ?? 0) & 0o777, 0o600);
});

Deno.test("NO_COLOR keeps colours out where FORCE_COLOR asks for them", withOpenssl, async () => {
  const colored = await runCli(["--account", account], { env: { FORCE_COLOR: "1" } });
  // deno-lint-ignore no-control-regex
  assert.match(colored.stderr, /\x1b\[31;1merror\x1b\[0m: no region/);
  for (const [args, env] of [[[], { NO_COLOR: "1" }], [["--no-color"], {}]] as const) {
    const plain = await runCli(["--account", account, ...args], {
      env: { FORCE_COLOR: "1", ...env },
    });
    assert.match(plain.stderr, /^ecrin: error: no region/);
    assert(!plain.stderr.includes("\x1b"));
  }
});
