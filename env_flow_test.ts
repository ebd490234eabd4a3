/**
 * `ecrin env` and `ecrin password`, run like a person would: what they print is used.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import {
  cliEnvironment,
  type CliResult,
  ecrinCommand,
  requirePrograms,
  runCli,
  tempHome,
} from "./testing/cli.ts";
import { userEnv } from "./testing/ecrin.ts";

const role = "arn:aws:iam::222222222222:role/deploy";
const asRole = ["--role", "deploy", "--account", "222222222222", "--region", "eu-west-1"];

function start(): Promise<FakeAws> {
  return startAws({ roles: [{ arn: role }] });
}

function env(aws: FakeAws, args: string[], more: Record<string, string> = {}): Promise<CliResult> {
  return runCli(["env", ...args], { env: { ...userEnv(aws), ...more } });
}

/** Asserts that keys are those of a session of the role. */
function assertIsRole(aws: FakeAws, accessKeyId: string | undefined): void {
  assert.match(aws.keys.get(accessKeyId ?? "")?.arn ?? "", /assumed-role\/deploy\//);
}

Deno.test("a shell that evaluates the output is the role, and nothing contradicts it", async () => {
  await using aws = await start();
  await using home = await tempHome();
  const script = `eval "$("$@")"; env`;
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", ...ecrinCommand(), "env", ...asRole],
    clearEnv: true,
    env: await cliEnvironment(home.path, {
      ...userEnv(aws),
      AWS_DEFAULT_PROFILE: "other",
    }),
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  assert.equal(code, 0);
  const variables = new Map(
    new TextDecoder().decode(stdout).trim().split("\n").map((line) =>
      [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const
    ),
  );
  assertIsRole(aws, variables.get("AWS_ACCESS_KEY_ID"));
  assert.equal(variables.get("AWS_REGION"), "eu-west-1");
  assert.equal(variables.get("AWS_DEFAULT_REGION"), "eu-west-1");
  assert.match(variables.get("AWS_CREDENTIAL_EXPIRATION") ?? "", /^\d{4}-\d\d-\d\dT[\d:]{8}Z$/);
  assert.equal(variables.has("AWS_DEFAULT_PROFILE"), false);
});

Deno.test("the credentials of a role last an hour, or as long as is asked", async () => {
  await using aws = await start();
  assert.equal((await env(aws, asRole)).code, 0);
  assert.equal((await env(aws, [...asRole, "--duration", "30m"])).code, 0);
  const asked = aws.requestsOf("sts", "AssumeRole").map(({ params }) => params["DurationSeconds"]);
  assert.deepEqual(asked.map((seconds) => Number(seconds ?? 3600)), [3600, 1800]);
});

Deno.test("json has the variables, process the document of a credential_process", async () => {
  await using aws = await start();
  const json = await env(aws, [...asRole, "--format", "json"]);
  assertIsRole(aws, JSON.parse(json.stdout).AWS_ACCESS_KEY_ID);
  const short = await env(aws, [...asRole, "--json"]);
  assert.deepEqual(Object.keys(JSON.parse(short.stdout)), Object.keys(JSON.parse(json.stdout)));
  const { stdout } = await env(aws, [...asRole, "--format", "process"]);
  const { Version, AccessKeyId, Expiration, ...rest } = JSON.parse(stdout);
  assert.equal(Version, 1);
  assertIsRole(aws, AccessKeyId);
  assert.ok(new Date(Expiration) > new Date());
  assert.deepEqual(Object.keys(rest), ["SecretAccessKey", "SessionToken"]);
});

Deno.test("nothing but the data is on stdout, and no secret on stderr", async () => {
  await using aws = await start();
  const { stdout, stderr } = await env(aws, [...asRole, "--verbose"]);
  for (const name of ["AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"]) {
    assert.match(stdout, new RegExp(`^unset ${name}$`, "m"));
  }
  assert.match(stdout, /^(?:(?:export \w+='[^']*'|unset \w+)\n)+$/);
  assert.ok(!stderr.includes("not-a-"), stderr);
});

Deno.test("a failure prints nothing to evaluate", async () => {
  await using aws = await startAws({ roles: [] });
  for (const args of [asRole, ["--profile", "gone"], ["--format", "x"], ["extra"]]) {
    const { code, stdout, stderr } = await env(aws, args);
    assert.notEqual(code, 0);
    assert.equal(stdout, "");
    assert.match(stderr, /^ecrin: error: /);
  }
});

Deno.test("--unset asks nothing of AWS and needs no identity", async () => {
  const sh = await runCli(["env", "--unset"], { env: {} });
  assert.equal(sh.code, 0, sh.stderr);
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"]) {
    assert.match(sh.stdout, new RegExp(`^unset ${name}$`, "m"));
  }
  const fish = await runCli(["env", "--unset", "--format", "fish"], { env: {} });
  assert.match(fish.stdout, /^set -e AWS_SECRET_ACCESS_KEY$/m);
  const process = await runCli(["env", "--unset", "--format", "process"], { env: {} });
  assert.deepEqual([process.code, process.stdout], [2, ""]);
});

Deno.test("in GitHub Actions values are masked first, and go to the steps that follow", async () => {
  await using aws = await start();
  await using home = await tempHome({ "env": "BEFORE=1\n" });
  const job = { GITHUB_ACTIONS: "true", GITHUB_ENV: home.at("env"), AWS_PROFILE: "x" };
  const { code, stdout, stderr } = await env(aws, [...asRole, "--format", "github"], job);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "");
  const text = await home.read("env");
  assert.match(text, /^BEFORE=1\n/);
  const values = new Map(
    [...text.matchAll(/^(\w+)<<(\S+)\n(.*)\n\2$/gm)].map(([, name, , value]) => [name, value]),
  );
  assertIsRole(aws, values.get("AWS_ACCESS_KEY_ID"));
  const secrets = [values.get("AWS_SECRET_ACCESS_KEY"), values.get("AWS_SESSION_TOKEN")];
  for (const secret of secrets) assert.ok(stderr.includes(`::add-mask::${secret}\n`));
  assert.match(stderr, /warning: AWS_PROFILE is set in this job/);
  const outside = await env(aws, [...asRole, "--format", "github"]);
  assert.deepEqual([outside.code, outside.stdout], [2, ""]);
});

Deno.test({
  name: "the AWS CLI takes ecrin for its credential_process",
  ignore: !requirePrograms(["aws"]),
}, async () => {
  await using aws = await start();
  const command = [...ecrinCommand(), "env", "--format", "process", "--profile", "base", ...asRole]
    .map((word) => `"${word}"`).join(" ");
  await using home = await tempHome({
    ".aws/config": `[profile base]
aws_access_key_id = ${aws.keys.env().AWS_ACCESS_KEY_ID}
aws_secret_access_key = ${aws.keys.env().AWS_SECRET_ACCESS_KEY}
[profile through]
credential_process = ${command}
region = eu-west-1
`,
  });
  const { code, stdout, stderr } = await new Deno.Command("aws", {
    args: ["sts", "get-caller-identity", "--profile", "through", "--output", "json"],
    clearEnv: true,
    env: await cliEnvironment(home.path, aws.env()),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.match(JSON.parse(new TextDecoder().decode(stdout)).Arn, /assumed-role\/deploy\//);
});

Deno.test("a credential_process that runs ecrin for its own profile is told so, not run for ever", async () => {
  await using aws = await start();
  const command = ecrinCommand().map((word) => `"${word}"`).join(" ");
  await using home = await tempHome({
    ".aws/config": `[profile loop]\ncredential_process = ${command} env --format process\n`,
  });
  const { code, stdout, stderr } = await runCli(["env"], {
    home: home.path,
    env: { ...aws.env(), AWS_PROFILE: "loop" },
  });
  assert.equal(stdout, "");
  assert.equal(code, 4);
  assert.match(stderr, /error: the credential_process of profile "loop" failed.*OTHER/);
});

Deno.test("the password of a registry is alone on stdout, and in JSON with what belongs to it", async () => {
  await using aws = await start();
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
  await using aws = await start();
  const { stdout, stderr } = await runCli(["password", "--region", "eu-west-1"], {
    env: { ...userEnv(aws), GITHUB_ACTIONS: "true" },
  });
  assert.equal(stderr, `::add-mask::${stdout}`);
});
