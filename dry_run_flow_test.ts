/** `--dry-run`: the plan, without a request and without a program started. */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { runCli } from "./testing/cli.ts";
import { contents, tempHome } from "./testing/temp_home.ts";

const account = "222222222222";
const role = `arn:aws:iam::${account}:role/deploy`;
const args = ["--account", account, "--role", "deploy", "--region", "eu-west-1", "--public"];

const planned = {
  region: "eu-west-1",
  public: false,
  account,
  tool: "file",
  identity: role,
  expiresAt: null,
  ok: true,
};

Deno.test("a dry run prints the plan as JSON, and asks and writes nothing", async () => {
  await using aws = await startAws();
  await using home = await tempHome();
  const env = { ...aws.env(), ...aws.keys.env() };
  const before = await contents(home.path);
  const { code, stdout, stderr } = await runCli(
    [...args, "--tool", "file", "--dry-run", "--json", "-q"],
    { env, home: home.path },
  );
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  const registry = `${account}.dkr.ecr.eu-west-1.amazonaws.com`;
  assert.deepEqual(JSON.parse(stdout), {
    logins: [
      { ...planned, registry },
      { ...planned, registry: "public.ecr.aws", account: null, region: "us-east-1", public: true },
    ],
    dryRun: true,
  });
  assert.deepEqual(aws.requests, []);
  assert.deepEqual(await contents(home.path), before);
});

Deno.test("a dry run says what it would do, a line each", async () => {
  await using aws = await startAws();
  const env = { ...aws.env(), ...aws.keys.env() };
  const { stdout, stderr } = await runCli([...args, "--tool", "file", "--dry-run"], { env });
  assert.equal(stdout, "");
  assert.equal(
    stderr,
    `ecrin: would log in to ${account}.dkr.ecr.eu-west-1.amazonaws.com (file, as ${role})\n` +
      `ecrin: would log in to public.ecr.aws (file, as ${role})\n`,
  );
});

Deno.test("a login has no dryRun in its JSON", async () => {
  await using aws = await startAws();
  const env = { ...aws.env(), ...aws.keys.env() };
  const { stdout } = await runCli(["--region", "eu-west-1", "--tool", "file", "--json"], { env });
  assert.deepEqual(Object.keys(JSON.parse(stdout)), ["logins"]);
});
