/**
 * Which region is asked: the order of the places that may say, and what is no region. By AWS's own
 * names, through a proxy that says which were asked for.
 */

import assert from "node:assert/strict";
import { assertFailed, assertLoggedIn } from "./testing/outcomes.ts";
import { keyLines } from "./testing/profile_files.ts";
import { account, api, realNames, region, registry, withOpenssl } from "./testing/real_names.ts";

/** Every row has what comes later in the order set to something else. */
const regionRows: [name: string, args: string[], env: Record<string, string>, profile: string][] = [
  ["the profile's", [], {}, "us-west-2"],
  ["AWS_DEFAULT_REGION before the profile's", [], { AWS_DEFAULT_REGION: "us-west-2" }, region],
  [
    "AWS_REGION before AWS_DEFAULT_REGION",
    [],
    { AWS_REGION: "us-west-2", AWS_DEFAULT_REGION: "eu-west-1" },
    region,
  ],
  ["--region before AWS_REGION", ["--region", "us-west-2"], { AWS_REGION: "eu-west-1" }, region],
];

for (const [name, args, env, profile] of regionRows) {
  Deno.test(`region: ${name}`, withOpenssl, async () => {
    await using stage = await realNames();
    await stage.home.write(".aws/config", `[default]\nregion = ${profile}\n`);
    assertLoggedIn(await stage.run(["--account", account, ...args], env), registry("us-west-2"));
    assert.deepEqual(stage.asked(), [api("us-west-2"), registry("us-west-2")]);
    assert.equal(stage.aws.requests[0]?.region, "us-west-2");
  });
}

Deno.test("region: the registry's own name before everything", withOpenssl, async () => {
  await using stage = await realNames();
  const env = { AWS_REGION: "us-west-2" };
  const result = await stage.run([`${registry("eu-west-1")}/app:1.2`, "--region", region], env);
  assertLoggedIn(result, registry("eu-west-1"));
  assert.deepEqual(stage.asked(), [api("eu-west-1"), registry("eu-west-1")]);
});

Deno.test("region: of the profile that is the identity", withOpenssl, async () => {
  await using stage = await realNames();
  const keys = keyLines(stage.aws.keys.user);
  await stage.home.write(
    ".aws/config",
    `[default]\nregion = eu-west-1\n[profile blog]\nregion = us-west-2\n${keys}`,
  );
  const result = await stage.run(["--account", account, "--profile", "blog"]);
  assertLoggedIn(result, registry("us-west-2"));
});

Deno.test(
  "region: the instance's, when that is the identity and nothing else says",
  withOpenssl,
  async () => {
    await using stage = await realNames({
      aws: {
        metadata: {
          instanceRole: "arn:aws:iam::222222222222:role/runner",
          region: "us-west-2",
        },
      },
    });
    const instance = {
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: stage.aws.metadataUrl,
    };
    assertLoggedIn(await stage.run([], instance), registry("us-west-2"));
    assert.deepEqual(stage.asked(), [api("us-west-2"), registry("us-west-2")]);
    const set = await stage.run(["--account", account], { ...instance, AWS_REGION: "eu-west-1" });
    assertLoggedIn(set, registry("eu-west-1"));
  },
);

Deno.test("region: none anywhere is an error before any request", withOpenssl, async () => {
  await using stage = await realNames();
  assertFailed(await stage.run(["--account", account]), 2, /no region.*\n.*--region REGION/);
  assert.deepEqual(stage.asked(), []);
});

for (const hostile of ["us-east-1.evil.com", "../x", "us-east-1\nx", "us-east-1/", "US-EAST-1"]) {
  Deno.test(
    `region: ${JSON.stringify(hostile)} is refused wherever it comes from`,
    withOpenssl,
    async () => {
      await using stage = await realNames();
      const { run, home } = stage;
      const args = ["--account", account];
      assertFailed(await run([...args, "--region", hostile]), 2, /not an AWS region/);
      assertFailed(await run(args, { AWS_REGION: hostile }), 2, /not an AWS region/);
      if (!hostile.includes("\n")) {
        await home.write(".aws/config", `[default]\nregion = ${hostile}\n`);
        assertFailed(await run(args), 2, /not an AWS region/);
      }
      assert.deepEqual(stage.asked(), []);
    },
  );
}
