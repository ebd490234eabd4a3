/**
 * `ecrin whoami` and the same story in `--verbose`, for every kind of source. The real CLI as a
 * process, against an AWS on loopback.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type AwsOptions, type FakeAws, startAws } from "./testing/aws.ts";
import { ann, temporaryKey } from "./testing/blog.ts";
import { type CliResult, runCli, type TempHome, tempHome } from "./testing/cli.ts";
import type { Env } from "./testing/ecrin.ts";
import type { AwsKey } from "./testing/keys.ts";
import { keyProfile, ssoProfile, ssoSessionFile } from "./testing/profile_files.ts";

const region = ["--region", "eu-west-1"];
const user = "arn:aws:iam::111111111111:user/deploy";

/** Runs ecrin without credentials but those in `env` and `home`; no secret is ever printed. */
async function ecrin(
  aws: FakeAws,
  args: string[],
  { home, env = {} }: { home?: TempHome; env?: Env } = {},
): Promise<CliResult> {
  const result = await runCli(args, {
    env: { ...aws.env(), USER: "ann", ...env },
    ...(home === undefined ? {} : { home: home.path }),
  });
  for (const secret of ["not-a-", "eyJ", aws.keys.user.secretAccessKey]) {
    assert.ok(!`${result.stdout}${result.stderr}`.includes(secret), `${secret} was shown`);
  }
  return result;
}

/** What stands before a run. */
interface Given {
  files?: Record<string, string>;
  env?: Env;
}

interface Kind {
  options?: AwsOptions;
  given: (aws: FakeAws, key: AwsKey) => Given;
  args: string[];
  /** ARN of the principal. */
  identity: string;
  source: Record<string, unknown>;
  /** Lines of `--verbose`, with `END` for each time. */
  story: string[];
}

const loginSession = "arn:aws:iam::222222222222:user/ann";
const loginFile = `.aws/login/cache/${
  createHash("sha256").update(loginSession).digest("hex")
}.json`;

function printedBy(key: AwsKey): string {
  return JSON.stringify({
    Version: 1,
    AccessKeyId: key.accessKeyId,
    SecretAccessKey: key.secretAccessKey,
    SessionToken: key.sessionToken,
    Expiration: new Date(key.expiresAt ?? 0).toISOString(),
  });
}

const role = ["--role", "arn:aws:iam::222222222222:role/deploy"];
const deployed = "arn:aws:sts::222222222222:assumed-role/deploy/ann";
const assumed = "assumed arn:aws:iam::222222222222:role/deploy as ann in eu-west-1, END";

const kinds: Record<string, Kind> = {
  "keys in the environment": {
    given: (aws) => ({ env: aws.keys.env() }),
    args: [],
    identity: user,
    source: { kind: "environment", profile: null, name: "the keys in the environment" },
    story: ["identity: the keys in the environment"],
  },
  "a profile with keys": {
    given: (aws) => ({ files: { ".aws/credentials": keyProfile("blog", aws.keys.user) } }),
    args: ["--profile", "blog"],
    identity: user,
    source: { kind: "static", profile: "blog", name: 'profile "blog"' },
    story: ['identity: profile "blog"'],
  },
  "a credential process": {
    given: (_aws, key) => ({
      files: {
        ".aws/config": `[profile "my blog"]\ncredential_process = cat keys.json\n`,
        "keys.json": printedBy(key),
      },
    }),
    args: ["--profile", "my blog"],
    identity: ann,
    source: {
      kind: "process",
      profile: "my blog",
      name: 'the credential_process of profile "my blog"',
    },
    story: ['identity: the credential_process of profile "my blog", END'],
  },
  "an SSO session": {
    given: (aws) => ({
      files: { ".aws/config": ssoProfile(), [ssoSessionFile]: JSON.stringify(aws.sso.signIn()) },
    }),
    args: ["--profile", "blog"],
    identity:
      "arn:aws:sts::222222222222:assumed-role/AWSReservedSSO_deploy_0123456789/person@example.com",
    source: {
      kind: "sso",
      profile: "blog",
      name: 'the SSO session of profile "blog" (222222222222/deploy)',
    },
    story: [
      'identity: the SSO session of profile "blog" (222222222222/deploy), END, ' +
      "cached in CACHE/8419d20584aabf81fff671c9a3d69aefa7e7c025.json",
    ],
  },
  "a session of aws login": {
    given: (_aws, { accessKeyId, secretAccessKey, sessionToken }) => ({
      files: {
        ".aws/config": `[profile blog]\nlogin_session = ${loginSession}\n`,
        [loginFile]: JSON.stringify({
          accessToken: {
            ...{ accessKeyId, secretAccessKey, sessionToken, accountId: "222222222222" },
            expiresAt: new Date(Date.now() + 900_000).toISOString(),
          },
          ...{ clientId: "device", refreshToken: "not-a-token", dpopKey: "not-a-key" },
        }),
      },
    }),
    args: ["--profile", "blog"],
    identity: ann,
    source: { kind: "login", profile: "blog", name: 'the login session of profile "blog"' },
    story: ['identity: the login session of profile "blog", END'],
  },
  "the web identity of a CI job": {
    given: (aws) => ({ env: { ...aws.githubEnv(), GITHUB_RUN_ID: "42" } }),
    args: role,
    identity: "arn:aws:sts::222222222222:assumed-role/deploy/gh-42",
    source: { kind: "web-token", profile: null, name: "the web identity of GitHub Actions" },
    story: [
      "identity: the web identity of GitHub Actions",
      assumed.replace("ann", "gh-42"),
    ],
  },
  "a web identity in a file": {
    given: (aws) => ({
      files: { token: aws.webIdentities.issue() },
      env: { AWS_WEB_IDENTITY_TOKEN_FILE: "~/token", AWS_ROLE_ARN: role[1] },
    }),
    args: [],
    identity: deployed,
    source: {
      kind: "web-identity",
      profile: null,
      name: "arn:aws:iam::222222222222:role/deploy (web identity)",
    },
    story: ["identity: arn:aws:iam::222222222222:role/deploy (web identity), END"],
  },
  "the container's role": {
    given: (aws) => ({ env: aws.containerEnv() }),
    args: role,
    identity: deployed,
    source: { kind: "container", profile: null, name: "the container's role" },
    story: ["identity: the container's role, END", assumed],
  },
  "the instance's role": {
    options: {
      metadata: { instanceRole: "arn:aws:iam::111111111111:role/machine", region: "eu-west-1" },
    },
    given: () => ({}),
    args: [],
    identity: "arn:aws:sts::111111111111:assumed-role/machine/i-0123456789abcdef0",
    source: { kind: "instance", profile: null, name: "the instance's role" },
    story: ["identity: the instance's role, END"],
  },
};

for (const [name, { options, given, args, identity, source, story }] of Object.entries(kinds)) {
  Deno.test(`whoami tells ${name}`, async () => {
    await using aws = await startAws(options);
    const { files, env = {} } = given(aws, temporaryKey(aws));
    await using home = await tempHome(files);
    const where = name.startsWith("the instance") ? [] : region;
    const { code, stdout, stderr } = await ecrin(
      aws,
      ["whoami", "--json", "--verbose", ...where, ...args],
      { home, env },
    );
    assert.equal(code, 0, stderr);
    assert.equal(
      stderr.replaceAll(/until \d{4}-\d\d-\d\dT[\d:]{8}Z/g, "END")
        .replaceAll(`${home.path}/.aws/cli/cache/`, "CACHE/"),
      story.map((line) => `ecrin: ${line}\n`).join(""),
    );
    const { expiresAt, source: { expiresAt: _, cached, ...told }, ...answer } = JSON.parse(stdout);
    assert.equal(answer.identity, identity);
    assert.equal(answer.account, identity.split(":")[4]);
    assert.equal(answer.userId, aws.keys.get(aws.requests.at(-1)?.accessKeyId ?? "")?.userId);
    assert.equal(answer.partition, "aws");
    assert.equal(answer.region, "eu-west-1");
    assert.deepEqual(answer.ignored, []);
    assert.deepEqual(told, source);
    assert.equal(cached, false);
    assert.equal(answer.hops.length, args === role ? 1 : 0);
    assert.equal(expiresAt === null, identity === user);
    assert.deepEqual(aws.requests.at(-1)?.operation, "GetCallerIdentity");
    assert.equal(aws.requestsOf("ecr").length, 0);
  });
}

// a chain with MFA, and what is left of it in the cache

const serial = "arn:aws:iam::111111111111:mfa/ann";
const chain = `[profile base]
aws_access_key_id = AKIATESTDEPLOY000001
aws_secret_access_key = not-a-secret-of-deploy
[profile hub]
role_arn = arn:aws:iam::222222222222:role/hub
source_profile = base
mfa_serial = ${serial}
[profile far]
role_arn = arn:aws:iam::333333333333:role/far
source_profile = hub
region = eu-west-1
`;
const atFar = "arn:aws:sts::333333333333:assumed-role/far/ann";

Deno.test("whoami tells each hop of a chain, and what was cached the next time", async () => {
  await using aws = await startAws({ mfa: { [serial]: ["123456"] } });
  await using home = await tempHome({ ".aws/config": chain });
  const args = ["whoami", "--json", "--profile", "far"];
  const first = await ecrin(aws, [...args, "--mfa-code", "123456", "-v"], { home });
  assert.equal(first.code, 0, first.stderr);
  const answer = JSON.parse(first.stdout);
  assert.equal(answer.identity, atFar);
  const [hub, far] = answer.hops;
  assert.deepEqual({ ...hub, expiresAt: 0 }, {
    roleArn: "arn:aws:iam::222222222222:role/hub",
    sessionName: "ann",
    mfa: true,
    cached: false,
    skipped: false,
    expiresAt: 0,
  });
  assert.deepEqual({ ...far, expiresAt: 0 }, {
    ...{ ...hub, mfa: false, expiresAt: 0 },
    roleArn: "arn:aws:iam::333333333333:role/far",
  });
  assert.equal(far.expiresAt, answer.expiresAt);
  assert.deepEqual(told(first), [
    'identity: profile "base"',
    "assumed arn:aws:iam::222222222222:role/hub as ann in eu-west-1 with an MFA code",
    "assumed arn:aws:iam::333333333333:role/far as ann in eu-west-1",
  ]);

  aws.requests.length = 0;
  const second = await ecrin(aws, [...args, "-v"], { home });
  assert.equal(second.code, 0, second.stderr);
  assert.deepEqual(aws.requests.map(({ operation }) => operation), ["GetCallerIdentity"]);
  const again = JSON.parse(second.stdout);
  assert.equal(again.identity, atFar);
  assert.deepEqual(
    again.hops.map(({ sessionName, cached, skipped }: Record<string, unknown>) => ({
      ...{ sessionName, cached, skipped },
    })),
    [
      { sessionName: null, cached: false, skipped: true },
      { sessionName: "ann", cached: true, skipped: false },
    ],
  );
  assert.equal(again.hops[1].expiresAt, answer.expiresAt);
  assert.deepEqual(told(second), [
    'identity: profile "base"',
    "did not need arn:aws:iam::222222222222:role/hub: a later role is cached",
    "took arn:aws:iam::333333333333:role/far from the cache",
  ]);
});

/** The lines of `--verbose` about the identity, without their ends. */
function told({ stderr }: CliResult): string[] {
  return [...stderr.matchAll(/^ecrin: ((?:identity|assumed|took|did not need)\b.*)$/gm)]
    .map(([, line = ""]) => line.replace(/, until 20[\dT:-]+Z(?:, cached in \/.*\.json)?$/, ""));
}

Deno.test("whoami without --json is aligned lines on stdout, and nothing on stderr", async () => {
  await using aws = await startAws();
  const env = { ...aws.keys.env(), AWS_PROFILE: "other", TZ: "UTC" };
  const args = ["whoami", "--account", "222222222222", "--role", "deploy", ...region];
  const { code, stdout, stderr } = await ecrin(aws, args, { env });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  const end = String.raw`until \d\d:\d\d(?: tomorrow)?`;
  const expected = [
    `identity  ${deployed}`,
    "account   222222222222",
    "user id   AROATEST222222222222:ann",
    "region    eu-west-1",
    "source    the keys in the environment",
    `role      arn:aws:iam::222222222222:role/deploy as ann, ${end}`,
    `valid     ${end}`,
    String.raw`ignored   AWS_PROFILE \(other\): the keys in the environment come first`,
  ];
  assert.match(stdout, new RegExp(`^${expected.join("\n")}\n$`));
});

Deno.test("whoami -q still prints the answer; keys without an end are told so", async () => {
  await using aws = await startAws();
  const { code, stdout, stderr } = await ecrin(aws, ["whoami", "-q"], { env: aws.keys.env() });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^region {4}none$/m);
  assert.match(stdout, /^valid {5}as long as the keys$/m);
  assert.equal(aws.requests[0]?.region, "us-east-1");
});

Deno.test("whoami takes the SSO role of --account", async () => {
  await using aws = await startAws();
  await using home = await tempHome({
    ".aws/config": ssoProfile(),
    [ssoSessionFile]: JSON.stringify(aws.sso.signIn()),
  });
  const args = ["whoami", "--json", "--sso-session", "corp", "--sso-role", "ReadOnly"];
  const { code, stdout, stderr } = await ecrin(aws, [...args, "--account", "222222222222"], {
    home,
  });
  assert.equal(code, 0, stderr);
  assert.match(JSON.parse(stdout).identity, /AWSReservedSSO_ReadOnly_/);
  const without = await ecrin(aws, args, { home });
  assert.equal(without.code, 2);
  assert.equal(JSON.parse(without.stdout).error.code, "account-needed");
});

Deno.test("whoami fails as a login does", async (t) => {
  const role = ["--account", "222222222222", "--role", "deploy"];
  const failures: [name: string, args: string[], env: Env, code: number, says: RegExp][] = [
    ["nobody", [], {}, 4, /^ecrin: error: no AWS credentials/],
    ["a wrong key", [], { AWS_ACCESS_KEY_ID: "AKIATESTOTHER" }, 4, /does not know the access key/],
    ["a role that is denied", role, {}, 4, /role\/deploy/],
    ["two accounts", ["--account", "1,2"], {}, 2, /about one identity/],
    ["two regions", ["--region", "eu-west-1,us-east-1"], {}, 2, /about one identity/],
    ["a registry", ["222222222222"], {}, 2, /does not expect "222222222222"/],
    ["a role without an account", ["--role", "deploy"], {}, 2, /no account says where it is/],
  ];
  for (const [name, args, more, exitCode, says] of failures) {
    await t.step(name, async () => {
      await using aws = await startAws({ roles: [] });
      const env = name === "nobody" ? {} : { ...aws.keys.env(), ...more };
      const { code, stdout, stderr } = await ecrin(aws, ["whoami", ...args], { env });
      assert.deepEqual([code, stdout], [exitCode, ""], stderr);
      assert.match(stderr, says);
      assert.match(stderr, /^ecrin: hint: /m);
    });
  }
  await t.step("GetCallerIdentity that is no answer", async () => {
    await using aws = await startAws();
    aws.fault({ kind: "garbage", service: "sts" });
    const { code, stderr } = await ecrin(aws, ["whoami"], { env: aws.keys.env() });
    assert.equal(code, 5, stderr);
    assert.match(stderr, /^ecrin: error: .*GetCallerIdentity/);
  });
  await t.step("an expired SSO session", async () => {
    await using aws = await startAws();
    const token = {
      ...aws.sso.signIn(),
      expiresAt: "2024-01-01T00:00:00Z",
      refreshToken: undefined,
    };
    await using home = await tempHome({
      ".aws/config": ssoProfile(),
      [ssoSessionFile]: JSON.stringify(token),
    });
    const args = ["--profile", "blog", "--no-input"];
    const { code, stderr } = await ecrin(aws, ["whoami", ...args], { home });
    assert.equal(code, 4);
    assert.equal(
      stderr,
      'ecrin: error: the SSO session of profile "blog" has expired\n' +
        "ecrin: hint: run: ecrin sso login --profile blog\n",
    );
  });
});

Deno.test("a code that nobody wants is warned about", async () => {
  await using aws = await startAws();
  const env = aws.keys.env();
  for (const flag of ["--mfa-code=123456", "--mfa-command=false"]) {
    const { code, stderr } = await ecrin(aws, ["whoami", flag], { env });
    assert.equal(code, 0);
    const name = flag.split("=")[0];
    assert.equal(
      stderr,
      `ecrin: warning: ${name} is not used: no role here names an MFA device ` +
        "(--mfa-serial, mfa_serial)\n",
    );
  }
});
