/**
 * What a profile can be, as far as ECR sees it: keys, roles on roles, programs and web
 * identities. The real CLI as a process, against an AWS on loopback.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { ann, logInAsBlog, principalOf, temporaryKey } from "./testing/blog.ts";
import { tempHome } from "./testing/cli.ts";
import type { Env } from "./testing/ecrin.ts";
import type { AwsKey } from "./testing/keys.ts";
import { keyProfile } from "./testing/profile_files.ts";

Deno.test("a profile has keys in either file, with a session token or without", async () => {
  for (const [file, header] of [["config", "profile blog"], ["credentials", "blog"]] as const) {
    await using aws = await startAws();
    await using home = await tempHome({
      [`.aws/${file}`]: keyProfile(header, aws.keys.user),
    });
    assert.equal(principalOf(aws, await logInAsBlog(aws, home)), aws.keys.user.arn);

    aws.requests.length = 0;
    await home.write(`.aws/${file}`, keyProfile(header, temporaryKey(aws)));
    assert.equal(principalOf(aws, await logInAsBlog(aws, home)), ann);
  }
});

Deno.test("the files may be elsewhere", async () => {
  await using aws = await startAws();
  await using home = await tempHome();
  await home.write(
    "my config",
    "[profile blog]\nsource_profile = base\n" +
      "role_arn = arn:aws:iam::222222222222:role/blog\n",
  );
  await home.write("keys", keyProfile("base", aws.keys.user));
  const env = { AWS_CONFIG_FILE: "~/my config", AWS_SHARED_CREDENTIALS_FILE: "$HOME/keys" };
  assert.equal(principalOf(aws, await logInAsBlog(aws, home, { env })), ann);
});

Deno.test("a profile's role is assumed through all its source profiles, as each says", async () => {
  const role = (name: string): string => `arn:aws:iam::222222222222:role/${name}`;
  await using aws = await startAws({
    roles: [
      {
        arn: role("first"),
        trusts: ["arn:aws:iam::111111111111:user/deploy"],
        externalId: "corp:1",
      },
      { arn: role("ci/second"), trusts: [role("first")] },
      { arn: role("blog"), trusts: [role("ci/second")] },
      { arn: role("deploy"), trusts: [role("blog")], externalId: "partner" },
    ],
  });
  await using home = await tempHome({
    ".aws/config": `[profile blog]
role_arn = ${role("blog")}
source_profile = second
region = sa-east-1
[profile second]
role_arn = ${role("ci/second")}
source_profile = first
role_session_name = build
duration_seconds = 1800
[profile first]
role_arn = ${role("first")}
source_profile = base
external_id = corp:1
source_identity = ann
`,
    ".aws/credentials": keyProfile("base", aws.keys.user),
  });
  const args = ["--role", "deploy", "--external-id", "partner", "--session-name", "release"];
  const arn = "arn:aws:sts::222222222222:assumed-role/deploy/release";
  assert.equal(principalOf(aws, await logInAsBlog(aws, home, { args })), arn);
  const hops = aws.requestsOf("sts").map(({ accessKeyId = "", region, params }) => ({
    by: aws.keys.get(accessKeyId)?.arn.split(":").at(-1),
    role: params["RoleArn"],
    name: params["RoleSessionName"],
    seconds: params["DurationSeconds"],
    externalId: params["ExternalId"],
    region,
  }));
  assert.deepEqual(hops, [
    {
      by: "user/deploy",
      role: role("first"),
      name: "ann",
      seconds: undefined,
      externalId: "corp:1",
      region: "eu-west-1",
    },
    {
      by: "assumed-role/first/ann",
      role: role("ci/second"),
      name: "build",
      seconds: "1800",
      externalId: undefined,
      region: "eu-west-1",
    },
    {
      by: "assumed-role/second/build",
      role: role("blog"),
      name: "ann",
      seconds: undefined,
      externalId: undefined,
      region: "sa-east-1",
    },
    {
      by: "assumed-role/blog/ann",
      role: role("deploy"),
      name: "release",
      seconds: "900",
      externalId: "partner",
      region: "eu-west-1",
    },
  ]);
});

Deno.test("a profile's role starts from its credential_source", async (t) => {
  const sources: [name: string, env: (aws: FakeAws) => Env, by: string][] = [
    ["Environment", (aws) => aws.keys.env(), "arn:aws:iam::111111111111:user/deploy"],
    [
      "EcsContainer",
      (aws) => aws.containerEnv(),
      "arn:aws:sts::111111111111:assumed-role/task/i-0123456789abcdef0",
    ],
    [
      "Ec2InstanceMetadata",
      () => ({}),
      "arn:aws:sts::111111111111:assumed-role/machine/i-0123456789abcdef0",
    ],
  ];
  for (const [name, env, by] of sources) {
    await t.step(name, async () => {
      await using aws = await startAws({
        metadata: { instanceRole: "arn:aws:iam::111111111111:role/machine" },
      });
      await using home = await tempHome({
        ".aws/config": `[profile blog]\nrole_arn = arn:aws:iam::222222222222:role/blog\n` +
          `credential_source = ${name}\n`,
      });
      assert.equal(principalOf(aws, await logInAsBlog(aws, home, { env: env(aws) })), ann);
      const [assumeRole] = aws.requestsOf("sts");
      assert.equal(aws.keys.get(assumeRole?.accessKeyId ?? "")?.arn, by);
    });
  }
});

Deno.test("a profile's web identity token is read from its file", async () => {
  await using aws = await startAws();
  await using home = await tempHome();
  const token = aws.webIdentities.issue();
  const path = await home.write("token", `${token}\n`);
  const web = "role_arn = arn:aws:iam::222222222222:role/blog\nrole_session_name = ann\n";
  await home.write(".aws/config", `[profile blog]\n${web}web_identity_token_file = ${path}\n`);
  const result = await logInAsBlog(aws, home, { args: ["--verbose"] });
  assert.equal(principalOf(aws, result), ann);
  assert.equal(aws.requestsOf("sts")[0]?.operation, "AssumeRoleWithWebIdentity");
  assert(!result.stderr.includes(token));
});

/** What a credential_process prints. */
function printed({ accessKeyId, secretAccessKey, sessionToken }: AwsKey, more = {}): string {
  return JSON.stringify({
    Version: 1,
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: new Date(Date.now() + 3600_000).toISOString(),
    ...more,
  });
}

Deno.test("a credential_process is run as the shell would, once for all accounts", async () => {
  await using aws = await startAws();
  await using home = await tempHome();
  await home.write("printed", printed(temporaryKey(aws)));
  const program = await home.writeProgram(
    "bin/my keys",
    `#!/bin/sh\necho "$#:$1:$2" >> "$HOME/calls"\necho "touch your key" >&2\ncat "$HOME/printed"\n`,
  );
  const command = `"${program}" --for 'the blog' | cat`;
  await home.write(".aws/config", `[profile blog]\ncredential_process = ${command}\n`);
  const { code, stderr } = await logInAsBlog(aws, home, {
    args: ["--account", "333333333333", "--role", "deploy"],
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    aws.requestsOf("sts").map(({ accessKeyId = "" }) => aws.keys.get(accessKeyId)?.arn),
    [ann, ann],
  );
  assert.equal(await home.read("calls"), "2:--for:the blog\n");
});

const badPrograms: [name: string, script: (key: AwsKey) => string, error: RegExp][] = [
  [
    "fails",
    () => `echo "first" >&2; echo "no session" >&2; exit 3`,
    /failed with exit code 3: no session$/m,
  ],
  ["is missing", () => "/nowhere/keys", /failed with exit code 127: .*not found$/m],
  ["prints nothing", () => "true", /did not print JSON$/m],
  ["prints rubbish", () => "echo '<html>'", /did not print JSON$/m],
  ["prints null", () => "echo null", /did not print credentials of Version 1$/m],
  ["prints another version", (key) => `echo '${printed(key, { Version: 2 })}'`, /of Version 1$/m],
  [
    "prints no secret",
    (key) => `echo '${printed(key, { SecretAccessKey: undefined })}'`,
    /printed no AccessKeyId and SecretAccessKey$/m,
  ],
  [
    "prints credentials that have expired",
    (key) => `echo '${printed(key, { Expiration: "2001-01-01T00:00:00Z" })}'`,
    /printed credentials that have expired$/m,
  ],
  [
    "fails with its secrets on stderr",
    (key) => `echo '${printed(key)}'; echo "debug: ${key.secretAccessKey}" >&2; exit 1`,
    /failed with exit code 1: debug: \*\*\*$/m,
  ],
];

for (const [name, script, error] of badPrograms) {
  Deno.test(`a credential_process is explained when it ${name}`, async () => {
    await using aws = await startAws();
    const key = temporaryKey(aws);
    await using home = await tempHome();
    const program = await home.writeProgram("keys", `#!/bin/sh\n${script(key)}\n`);
    await home.write(".aws/config", `[profile blog]\ncredential_process = ${program}\n`);
    const { code, stdout, stderr } = await logInAsBlog(aws, home, { args: ["--verbose"] });
    assert.deepEqual([code, stdout], [4, ""]);
    assert.match(stderr, /^ecrin: error: the credential_process of profile "blog" /m);
    assert.match(stderr, error);
    const hint =
      "run the command that this prints: aws configure get credential_process --profile blog";
    assert(stderr.includes(`ecrin: hint: ${hint}\n`), stderr);
    assert(!stderr.includes(key.secretAccessKey));
    assert(!stderr.includes(key.sessionToken ?? "none"));
    assert.deepEqual(aws.requests, []);
  });
}
