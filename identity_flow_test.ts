/**
 * Which identity a run has: the order of the sources, and what the machine itself offers. The real
 * CLI as a process, against an AWS on loopback.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { tempHome } from "./testing/cli.ts";
import { caller, ecrin, type Env } from "./testing/ecrin.ts";
import type { AwsKey } from "./testing/keys.ts";
import { keyProfile } from "./testing/profile_files.ts";

const target = ["--account", "111111111111", "--region", "eu-west-1"];

/** A new key of the user `name`. */
function user(aws: FakeAws, name: string): AwsKey {
  return aws.keys.add({ arn: `arn:aws:iam::111111111111:user/${name}` });
}

/** The key of a role session. */
function temporaryKey(aws: FakeAws): AwsKey {
  return aws.keys.issue({
    account: "111111111111",
    arn: "arn:aws:sts::111111111111:assumed-role/old/ann",
    userId: "AROATEST:ann",
    expiresAt: Date.now() + 3600_000,
  });
}

const web = "ignored AWS_WEB_IDENTITY_TOKEN_FILE: it is for when nothing else is there";
const container =
  "ignored AWS_CONTAINER_CREDENTIALS_FULL_URI: it is for when nothing else is there";
const byDefault = "ignored the default profile: it has no credentials";

/** Every source at once, strongest first; each step of the test takes the strongest away. */
const order: [source: string, without: string[], arn: string, says: string[]][] = [
  ["--profile", [], "arn:aws:iam::111111111111:user/asked", [
    'identity: profile "asked"',
    "ignored the keys in the environment: --profile comes first",
    "ignored AWS_PROFILE (named): --profile comes first",
    web,
    container,
  ]],
  ["the keys in the environment", ["--profile"], "arn:aws:iam::111111111111:user/environment", [
    "identity: the keys in the environment",
    "ignored AWS_PROFILE (named): the keys in the environment come first",
    web,
    container,
  ]],
  [
    "AWS_PROFILE",
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    "arn:aws:iam::111111111111:user/named",
    [
      'identity: profile "named"',
      "ignored AWS_DEFAULT_PROFILE (other): AWS_PROFILE comes first",
      web,
      container,
    ],
  ],
  ["AWS_DEFAULT_PROFILE", ["AWS_PROFILE"], "arn:aws:iam::111111111111:user/other", [
    'identity: profile "other"',
    web,
    container,
  ]],
  ["the default profile", ["AWS_DEFAULT_PROFILE"], "arn:aws:iam::111111111111:user/default", [
    'identity: profile "default"',
    web,
    container,
  ]],
  [
    "the web identity in the environment",
    ["keys of default"],
    "arn:aws:sts::111111111111:assumed-role/web/job-7",
    [
      "identity: arn:aws:iam::111111111111:role/web (web identity)",
      byDefault,
      container,
    ],
  ],
  [
    "the container's role",
    ["AWS_WEB_IDENTITY_TOKEN_FILE"],
    "arn:aws:sts::111111111111:assumed-role/task/i-0123456789abcdef0",
    ["identity: the container's role", byDefault],
  ],
  [
    "the instance's role",
    ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
    "arn:aws:sts::111111111111:assumed-role/machine/i-0123456789abcdef0",
    ["identity: the instance's role", byDefault],
  ],
];

Deno.test("the first source that is there is taken", async (t) => {
  const without = new Set<string>();
  for (const [source, taken, arn, says] of order) {
    for (const name of taken) without.add(name);
    await t.step(source, async () => {
      await using aws = await startAws({
        metadata: { instanceRole: "arn:aws:iam::111111111111:role/ec2/machine" },
      });
      const config = ["asked", "named", "other"].map((name) =>
        keyProfile(`profile ${name}`, user(aws, name))
      );
      const defaultUser = user(aws, "default");
      await using home = await tempHome({
        ".aws/config": config.join("\n"),
        ".aws/credentials": without.has("keys of default")
          ? "[default]\noutput = json\n"
          : keyProfile("default", defaultUser),
        "token": `${aws.webIdentities.issue()}\n`,
      });
      const env: Env = {
        ...aws.keys.env(user(aws, "environment")),
        AWS_PROFILE: "named",
        AWS_DEFAULT_PROFILE: "other",
        AWS_WEB_IDENTITY_TOKEN_FILE: home.at("token"),
        AWS_ROLE_ARN: "arn:aws:iam::111111111111:role/web",
        AWS_ROLE_SESSION_NAME: "job-7",
        ...aws.containerEnv(),
      };
      for (const name of without) delete env[name];
      const args = without.has("--profile") ? target : [...target, "--profile", "asked"];
      const { code, stderr } = await ecrin(aws, [...args, "--verbose"], { home, env });
      assert.equal(code, 0, stderr);
      assert.equal(caller(aws), arn);
      const said = stderr.replaceAll(/, until .*$/gm, "");
      for (const line of says) assert(said.includes(`ecrin: ${line}\n`), stderr);
      const ignored = says.filter((line) => line.startsWith("ignored ")).length;
      assert.equal(stderr.match(/^ecrin: ignored /gm)?.length ?? 0, ignored, stderr);
    });
  }
});

Deno.test("the instance gives the region too when nothing else does", async () => {
  await using aws = await startAws({
    metadata: { instanceRole: "arn:aws:iam::111111111111:role/machine", region: "sa-east-1" },
  });
  const { code, stderr } = await ecrin(aws, ["--account", "111111111111"]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(aws.requestsOf("ecr").map(({ region }) => region), ["sa-east-1"]);
});

Deno.test("the instance is not asked for its region when another identity is used", async () => {
  await using aws = await startAws({ metadata: { region: "sa-east-1" } });
  const { code, stderr } = await ecrin(aws, ["--account", "111111111111"], { env: aws.keys.env() });
  assert.equal(code, 2);
  assert.match(stderr, /^ecrin: error: no region/m);
  assert.deepEqual(aws.requests, []);
});

Deno.test("the old name of the session token is read too", async () => {
  await using aws = await startAws();
  const key = temporaryKey(aws);
  const { AWS_SESSION_TOKEN, ...keys } = aws.keys.env(key);
  const env = { ...keys, AWS_SECURITY_TOKEN: AWS_SESSION_TOKEN };
  const { code, stderr } = await ecrin(aws, target, { env });
  assert.equal(code, 0, stderr);
  assert.equal(caller(aws), key.arn);
});

Deno.test("a stale AWS_SECURITY_TOKEN beside long-lived keys does no harm", async () => {
  await using aws = await startAws();
  const env = { ...aws.keys.env(), AWS_SECURITY_TOKEN: "not-a-token" };
  const { code, stderr } = await ecrin(aws, target, { env });
  assert.equal(code, 0, stderr);
});

Deno.test("temporary keys without their session token are explained", async () => {
  await using aws = await startAws();
  const key = temporaryKey(aws);
  const env = { ...aws.keys.env(key), AWS_SESSION_TOKEN: undefined };
  const { code, stderr } = await ecrin(aws, target, { env });
  assert.equal(code, 4);
  assert.match(stderr, /^ecrin: error: AWS does not know the access key of the keys in the env/m);
  assert.match(stderr, /a temporary key needs its AWS_SESSION_TOKEN: set all three variables$/m);
});

Deno.test("no identity anywhere is exit 4 and a hint", async () => {
  await using aws = await startAws();
  const { code, stdout, stderr } = await ecrin(aws, target);
  assert.deepEqual([code, stdout], [4, ""]);
  assert.equal(
    stderr,
    "ecrin: error: no AWS credentials: none in the environment, in a profile, or from the machine\n" +
      "ecrin: hint: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, " +
      "name a profile: --profile NAME, or set up SSO: ecrin sso configure\n",
  );
  assert.deepEqual([...new Set(aws.requests.map(({ service }) => service))], ["imds"]);
});

Deno.test("the instance is left alone with AWS_EC2_METADATA_DISABLED", async () => {
  await using aws = await startAws({
    metadata: { instanceRole: "arn:aws:iam::111111111111:role/machine", region: "eu-west-1" },
  });
  const env = { AWS_EC2_METADATA_DISABLED: "true" };
  const { code, stderr } = await ecrin(aws, ["--account", "111111111111"], { env });
  assert.equal(code, 4);
  assert.match(stderr, /^ecrin: error: no AWS credentials/);
  assert.deepEqual(aws.requests, []);
});

Deno.test("a container without the right token is told what to check", async () => {
  await using aws = await startAws();
  const env = { ...aws.containerEnv(), AWS_CONTAINER_AUTHORIZATION_TOKEN: "not-the-token" };
  const { code, stderr } = await ecrin(aws, target, { env });
  assert.equal(code, 4);
  assert.match(stderr, /^ecrin: error: the container's credentials endpoint gave no credentials$/m);
  assert.match(stderr, /^ecrin: hint: check that the task or pod has a role/m);
  assert.equal(aws.requestsOf("imds").length, 0);
});

Deno.test("the container's token is read from the file of EKS", async () => {
  await using aws = await startAws();
  const { AWS_CONTAINER_AUTHORIZATION_TOKEN = "", ...env } = aws.containerEnv();
  await using home = await tempHome({ "token": AWS_CONTAINER_AUTHORIZATION_TOKEN });
  const file = { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: home.at("token") };
  const { code, stderr } = await ecrin(aws, target, { env: { ...env, ...file } });
  assert.equal(code, 0, stderr);
  assert.equal(caller(aws), "arn:aws:sts::111111111111:assumed-role/task/i-0123456789abcdef0");
});

Deno.test("a container that sets both variables of a kind gets no lines but ours", async () => {
  await using aws = await startAws();
  await using home = await tempHome({ "token": "not-the-token" });
  const file = { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: home.at("token") };
  const { stderr } = await ecrin(aws, target, { env: { ...aws.containerEnv(), ...file } });
  assert.match(stderr, /^(?:ecrin: .*\n)+$/);
});

Deno.test("an unreadable or refused web identity token is said so", async () => {
  await using aws = await startAws();
  const env = {
    AWS_WEB_IDENTITY_TOKEN_FILE: "/nowhere/token",
    AWS_ROLE_ARN: "arn:aws:iam::111111111111:role/web",
  };
  const missing = await ecrin(aws, target, { env });
  assert.equal(missing.code, 4);
  assert.match(missing.stderr, /error: cannot read the web identity token \/nowhere\/token$/m);
  assert.deepEqual(aws.requests, []);

  const token = aws.webIdentities.issue({ expiresAt: Date.now() - 60_000 });
  await using home = await tempHome({ "token": token });
  const args = [...target, "--verbose"];
  const refused = await ecrin(aws, args, {
    env: { ...env, AWS_WEB_IDENTITY_TOKEN_FILE: home.at("token") },
  });
  assert.equal(refused.code, 4);
  assert.match(
    refused.stderr,
    /AWS refused arn:aws:iam::111111111111:role\/web \(web identity\): the token has expired$/m,
  );
  assert(!refused.stderr.includes(token));
});

// The metadata service: outside EC2 its address swallows packets, so a hang is the usual answer.

/** In milliseconds: more than a second on a busy machine, and less than any limit but that second. */
const patience = 12_000;

Deno.test("a metadata service that hangs costs about a second, and is asked once", async () => {
  await using aws = await startAws();
  aws.fault({ kind: "hang", service: "imds" });
  const { code, stderr, milliseconds } = await ecrin(aws, target);
  assert.equal(code, 4);
  assert.match(stderr, /^ecrin: error: no AWS credentials/m);
  assert(milliseconds < patience, `${milliseconds} ms`);
  assert.equal(aws.requests.length, 1);
});

Deno.test("a metadata service that hangs when asked for the region costs about a second", async () => {
  await using aws = await startAws();
  aws.fault({ kind: "hang", service: "imds" });
  const { code, milliseconds } = await ecrin(aws, ["--account", "111111111111"]);
  assert.equal(code, 2);
  assert(milliseconds < patience, `${milliseconds} ms`);
  assert.equal(aws.requests.length, 1);
});

Deno.test("a metadata service that hangs half-way costs about a second", async () => {
  await using aws = await startAws({
    metadata: { instanceRole: "arn:aws:iam::111111111111:role/machine" },
  });
  aws.fault({ kind: "hang", service: "imds", operation: "GetMetadata" });
  const { code, milliseconds } = await ecrin(aws, target);
  assert.equal(code, 4);
  assert(milliseconds < patience, `${milliseconds} ms`);
  assert(aws.requests.length <= 2);
});
