/**
 * `--role`, `--account` and what goes with them, as STS and ECR see it: the real CLI as a process,
 * an AWS on loopback that verifies each signature, and a registry that verifies the password.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { tempHome } from "./testing/cli.ts";
import { ecrinAsUser, rolesAssumed, signer } from "./testing/ecrin.ts";

const deploy = "arn:aws:iam::222222222222:role/deploy";

/** A role, an account and a region, as most tests name them. */
const usual = ["--account", "222222222222", "--role", "deploy", "--region", "ap-northeast-1"];

Deno.test("a role is assumed for 15 minutes, and its session gets the token of the region", async () => {
  await using aws = await startAws();
  await using home = await tempHome();
  const { code, stdout, stderr } = await ecrinAsUser(aws, usual, { home, env: { USER: "ann" } });
  assert.deepEqual([code, stdout], [0, ""]);
  assert.match(
    stderr,
    new RegExp(`^ecrin: logged in to ${aws.registry.host} \\(file, until .*\\)\n$`),
  );

  const [assumeRole, token, ...rest] = aws.requests;
  assert.deepEqual(rest, []);
  assert.deepEqual(assumeRole?.params, {
    Action: "AssumeRole",
    Version: "2011-06-15",
    RoleArn: deploy,
    RoleSessionName: "ann",
    DurationSeconds: "900",
  });
  assert.equal(assumeRole?.region, "ap-northeast-1");
  assert.equal(assumeRole?.accessKeyId, aws.keys.user.accessKeyId);
  assert.equal(token?.operation, "GetAuthorizationToken");
  assert.equal(token?.region, "ap-northeast-1");
  assert.equal(signer(aws, token), "arn:aws:sts::222222222222:assumed-role/deploy/ann");

  const stored = JSON.parse(await home.read(".docker/config.json"));
  const issued = aws.passwords.all();
  assert.equal(issued.length, 1);
  assert.equal(atob(stored.auths[aws.registry.host].auth), `AWS:${issued[0]?.password}`);
  assert.deepEqual(aws.registry.requests.map(({ user, status }) => [user, status]), [["AWS", 200]]);
});

Deno.test("without a role the first identity itself gets the token", async () => {
  await using aws = await startAws();
  const { code, stderr } = await ecrinAsUser(aws, [
    "--account",
    "111111111111",
    "--region",
    "eu-west-1",
  ]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(aws.requests.map(({ operation }) => operation), ["GetAuthorizationToken"]);
  assert.equal(aws.requests[0]?.accessKeyId, aws.keys.user.accessKeyId);
  assert.equal(aws.requests[0]?.region, "eu-west-1");
});

const github = { GITHUB_ACTIONS: "true", GITHUB_RUN_ID: "9876543210", USER: "runner" };

const sessionNames: [name: string, env: Record<string, string>, args: string[], is: string][] = [
  ["the user's", { USER: "ann" }, [], "ann"],
  ["the user's in valid characters", { USER: "CORP\\ann smith" }, [], "CORP-ann-smith"],
  ["ecrin where nobody is known", {}, [], "ecrin"],
  [
    "the GitHub job's",
    { ...github, GITHUB_REPOSITORY: "example/blog" },
    [],
    "gh-example-blog-9876543210",
  ],
  [
    "the GitHub job's, cut to 64 characters",
    { ...github, GITHUB_REPOSITORY: `example/${"b".repeat(100)}` },
    [],
    `gh-example-${"b".repeat(42)}-9876543210`,
  ],
  [
    "the GitLab job's",
    { GITLAB_CI: "true", CI_PROJECT_PATH: "group/sub group/app", CI_JOB_ID: "77", USER: "root" },
    [],
    "gitlab-group-sub-group-app-77",
  ],
  [
    "the one given, whatever the job",
    { ...github, GITHUB_REPOSITORY: "example/blog" },
    ["--session-name", "release-42"],
    "release-42",
  ],
];

for (const [name, env, args, is] of sessionNames) {
  Deno.test(`the role session is named: ${name}`, async () => {
    await using aws = await startAws();
    const [request] = await rolesAssumed(aws, [...usual, ...args], env);
    assert.equal(request?.params["RoleSessionName"], is);
    assert(is.length <= 64);
  });
}

Deno.test("--duration is how long the role session lasts", async () => {
  await using aws = await startAws();
  const [request] = await rolesAssumed(aws, [...usual, "--duration", "1h30m"]);
  assert.equal(request?.params["DurationSeconds"], "5400");
});

Deno.test("a role that asks for an external ID is assumed with it and not without", async () => {
  await using aws = await startAws({ roles: [{ arn: deploy, externalId: "partner:42" }] });
  const without = await ecrinAsUser(aws, usual);
  assert.equal(without.code, 4);
  assert.match(without.stderr, /error: arn:aws:iam::111111111111:user\/deploy may not assume arn:/);
  assert.match(without.stderr, /^ecrin: hint: both must allow it: /m);
  aws.requests.length = 0;
  const [request] = await rolesAssumed(aws, [...usual, "--external-id", "partner:42"]);
  assert.equal(request?.params["ExternalId"], "partner:42");
});

Deno.test("--source-identity and every --tag reach STS", async () => {
  await using aws = await startAws({ roles: [{ arn: deploy, sourceIdentity: true }] });
  const described = [
    "--source-identity",
    "ann@example.com",
    "--tag",
    "team=blog",
    "--tag",
    "why=a=b c",
  ];
  const [request] = await rolesAssumed(aws, [...usual, ...described, "--tag", "empty="]);
  assert.equal(request?.params["SourceIdentity"], "ann@example.com");
  const session = aws.keys.get(aws.requestsOf("ecr")[0]?.accessKeyId ?? "");
  assert.deepEqual(session?.tags, { team: "blog", why: "a=b c", empty: "" });
});

Deno.test("a role that may not be tagged is refused with what to allow", async () => {
  await using aws = await startAws({ roles: [{ arn: deploy, tagSession: false }] });
  const { code, stderr } = await ecrinAsUser(aws, [...usual, "--tag", "team=blog"]);
  assert.equal(code, 4);
  assert.match(stderr, /may not use sts:TagSession on arn:aws:iam::222222222222:role\/deploy$/m);
  assert.match(
    stderr,
    /^ecrin: hint: allow sts:TagSession in its IAM policy and in the role's trust/m,
  );
});

const roleForms: [name: string, role: string, region: string, arn: string][] = [
  ["a path", "ci/team/deploy", "eu-west-1", "arn:aws:iam::222222222222:role/ci/team/deploy"],
  ["a slash in front", "/deploy", "eu-west-1", deploy],
  [
    "an ARN of its own account",
    "arn:aws:iam::333333333333:role/ci/hop",
    "eu-west-1",
    "arn:aws:iam::333333333333:role/ci/hop",
  ],
  ["a name in China", "deploy", "cn-north-1", "arn:aws-cn:iam::222222222222:role/deploy"],
  ["a name in GovCloud", "deploy", "us-gov-west-1", "arn:aws-us-gov:iam::222222222222:role/deploy"],
];

for (const [name, role, region, arn] of roleForms) {
  Deno.test(`the role is given by ${name}`, async () => {
    await using aws = await startAws({ roles: [{ arn }] });
    const args = ["--account", "222222222222", "--region", region, "--role", role];
    const [request] = await rolesAssumed(aws, args);
    assert.equal(request?.params["RoleArn"], arn);
    // China and GovCloud have an STS of their own
    assert.equal(request?.region, region);
  });
}

Deno.test("a role of the common partition is asked of its own STS for a registry in China", async () => {
  await using aws = await startAws();
  const args = ["--account", "222222222222", "--region", "cn-north-1", "--role", deploy];
  const [request] = await rolesAssumed(aws, args);
  assert.equal(request?.region, "us-east-1");
  assert.equal(aws.requestsOf("ecr")[0]?.region, "cn-north-1");
});

Deno.test("several roles are a chain, each assumed by the one before it", async () => {
  const [hop, middle] = [
    "arn:aws:iam::111111111111:role/hop",
    "arn:aws:iam::333333333333:role/ci/middle",
  ];
  await using aws = await startAws({
    roles: [
      { arn: hop, trusts: ["arn:aws:iam::111111111111:user/deploy"] },
      { arn: middle, trusts: [hop] },
      { arn: deploy, trusts: [middle], externalId: "partner", sourceIdentity: true },
    ],
  });
  const described = ["--session-name", "chain", "--external-id", "partner", "--tag", "team=blog"];
  const requests = await rolesAssumed(aws, [
    ...["--account", "222222222222", "--region", "eu-west-1", "--role", hop, "--role", middle],
    ...["--role", "deploy", "--source-identity", "ann", "--duration", "1h", ...described],
  ]);
  assert.deepEqual(
    requests.map((request) => [signer(aws, request), request.params["RoleArn"]]),
    [
      ["arn:aws:iam::111111111111:user/deploy", hop],
      ["arn:aws:sts::111111111111:assumed-role/hop/chain", middle],
      ["arn:aws:sts::333333333333:assumed-role/middle/chain", deploy],
    ],
  );
  const [token] = aws.requestsOf("ecr");
  assert.equal(signer(aws, token), "arn:aws:sts::222222222222:assumed-role/deploy/chain");
  const given = (name: string): unknown[] => requests.map(({ params }) => params[name]);
  assert.deepEqual(given("DurationSeconds"), ["3600", "3600", "3600"]);
  assert.deepEqual(given("ExternalId"), [undefined, undefined, "partner"]);
  assert.deepEqual(given("Tags.member.1.Key"), [undefined, undefined, "team"]);
  // it lasts through the chain, and AWS refuses another
  assert.deepEqual(given("SourceIdentity"), ["ann", undefined, undefined]);
  assert.equal(aws.keys.get(token?.accessKeyId ?? "")?.sourceIdentity, "ann");
});

Deno.test("a chain that breaks says who may not assume what, and goes no further", async () => {
  const hop = "arn:aws:iam::111111111111:role/hop";
  await using aws = await startAws({
    roles: [{ arn: hop }, { arn: deploy, trusts: ["999999999999"] }],
  });
  const args = ["--account", "222222222222", "--region", "eu-west-1", "--session-name", "chain"];
  const { code, stderr } = await ecrinAsUser(aws, [
    ...args,
    "--role",
    hop,
    "--role",
    "deploy",
    "--role",
    "last",
  ]);
  assert.equal(code, 4);
  assert.match(
    stderr,
    /error: arn:aws:sts::111111111111:assumed-role\/hop\/chain may not assume arn:aws:iam::222222222222:role\/deploy$/m,
  );
  assert.equal(aws.requests.length, 2);
});
