/**
 * `ecrin env`, run like a person would: what it prints is used.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import {
  cliEnvironment,
  type CliResult,
  ecrinCommand,
  requirePrograms,
  runCli,
  type TempHome,
  tempHome,
} from "./testing/cli.ts";
import { userEnv } from "./testing/ecrin.ts";
import { inMinutes, sessionHome } from "./testing/sso_home.ts";

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

Deno.test("so do those of chains, and of profiles that say nothing else", async () => {
  await using aws = await startAws();
  await using home = await tempHome({
    ".aws/config": `[profile hour]
role_arn = ${role}
credential_source = Environment
[profile longer]
role_arn = ${role}
credential_source = Environment
duration_seconds = 7200
`,
  });
  const hop = "arn:aws:iam::111111111111:role/hop";
  for (const args of [["--role", hop, ...asRole], ["--profile", "hour"], ["--profile", "longer"]]) {
    const { code, stderr } = await runCli(["env", ...args], { env: userEnv(aws), home: home.path });
    assert.equal(code, 0, stderr);
  }
  const asked = aws.requestsOf("sts", "AssumeRole").map(({ params }) => params["DurationSeconds"]);
  assert.deepEqual(asked.map((seconds) => Number(seconds ?? 3600)), [3600, 3600, 3600, 7200]);
});

Deno.test("keys that last have no session, and none that was there before", async () => {
  await using aws = await start();
  const { stdout } = await env(aws, ["--format", "fish"], { AWS_SECURITY_TOKEN: "stale" });
  assert.equal(
    stdout,
    `set -gx AWS_ACCESS_KEY_ID '${aws.keys.user.accessKeyId}'
set -gx AWS_SECRET_ACCESS_KEY '${aws.keys.user.secretAccessKey}'
set -e AWS_SESSION_TOKEN
set -e AWS_CREDENTIAL_EXPIRATION
set -e AWS_SECURITY_TOKEN
set -e AWS_PROFILE
set -e AWS_DEFAULT_PROFILE
`,
  );
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

const withAwsCli = { ignore: !requirePrograms(["aws"]) };

/** What the AWS CLI says when it is asked who it is, in a shell after `before`. */
async function whoIsIt(
  aws: FakeAws,
  home: TempHome,
  { before = ":", args = [], env = {} }: {
    before?: string;
    args?: string[];
    env?: Record<string, string>;
  },
): Promise<string> {
  // Debian's knows no AWS_ENDPOINT_URL
  const script = `${before}; exec aws --endpoint-url "$AWS_ENDPOINT_URL" --output json ` +
    `sts get-caller-identity ${args.join(" ")}`;
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", ...ecrinCommand()],
    clearEnv: true,
    env: await cliEnvironment(home.path, { ...aws.env(), ...env }),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)).Arn;
}

/** A profile that has its credentials from ecrin. */
function throughEcrin(args: string[]): string {
  const command = [...ecrinCommand(), "env", "--format", "process", ...args]
    .map((word) => `"${word}"`).join(" ");
  return `[profile through]\ncredential_process = ${command}\nregion = eu-west-1\n`;
}

Deno.test("the AWS CLI takes ecrin for its credential_process", withAwsCli, async (t) => {
  const serial = "arn:aws:iam::111111111111:mfa/ann";
  await using aws = await startAws({
    mfa: { [serial]: ["123456"] },
    roles: [{ arn: role }, { arn: "arn:aws:iam::222222222222:role/admin", mfa: true }],
  });
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = aws.keys.env();
  const config = `[profile base]
aws_access_key_id = ${AWS_ACCESS_KEY_ID}
aws_secret_access_key = ${AWS_SECRET_ACCESS_KEY}
[profile admin]
role_arn = arn:aws:iam::222222222222:role/admin
source_profile = base
mfa_serial = ${serial}
mfa_process = echo 123456
`;
  const sources: readonly (readonly [what: string, args: string[], arn: RegExp])[] = [
    ["a role", ["--profile", "base", ...asRole], /:assumed-role\/deploy\//],
    ["a role with MFA", ["--profile", "admin"], /:assumed-role\/admin\//],
    ["an SSO role", ["--profile", "blog"], /:assumed-role\/AWSReservedSSO_deploy_/],
  ];
  await using home = await sessionHome(aws, { expiresAt: inMinutes(60) });
  const sso = await home.read(".aws/config");
  for (const [what, args, arn] of sources) {
    await t.step(what, async () => {
      await home.write(".aws/config", config + sso + throughEcrin(args));
      assert.match(await whoIsIt(aws, home, { args: ["--profile", "through"] }), arn);
    });
  }
});

Deno.test("the AWS CLI is the role in a shell that had other credentials", withAwsCli, async () => {
  await using aws = await start();
  await using home = await tempHome();
  const arn = await whoIsIt(aws, home, {
    before: `eval "$("$@" env ${asRole.join(" ")})"`,
    env: {
      ...aws.keys.env(),
      AWS_SECURITY_TOKEN: "stale",
      AWS_DEFAULT_PROFILE: "gone",
    },
  });
  assert.match(arn, /:assumed-role\/deploy\//);
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
