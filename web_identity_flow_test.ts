/**
 * Web identities of CI jobs, as their platforms give them and STS takes them: the real CLI as a
 * process, an AWS on loopback that knows the tokens it gave out, and a registry.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { deploy, ecrin, type Env, issuer, trusting, usual } from "./testing/ci_job.ts";
import { runCli, tempHome } from "./testing/cli.ts";

const hop = "arn:aws:iam::111111111111:role/ci/hop";

const windows = Deno.build.os === "windows";

/** ARNs of the principals that asked ECR for tokens. */
function callers(aws: FakeAws): (string | undefined)[] {
  return aws.requestsOf("ecr").map(({ accessKeyId }) => aws.keys.get(accessKeyId ?? "")?.arn);
}

Deno.test("in GitHub Actions a job's own identity assumes the role that is named", async () => {
  await using aws = await startAws({ roles: [trusting] });
  const job = { ...aws.githubEnv(), GITHUB_REPOSITORY: "example/blog", GITHUB_RUN_ID: "42" };
  const { code, stdout, stderr } = await ecrin(aws, [...usual, "--json", "-v"], { env: job });
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).logins[0].identity, deploy);

  const [request, assumed, token, ...rest] = aws.requests;
  assert.deepEqual(rest, []);
  assert.deepEqual(request?.params, { "api-version": "2.0", audience: "sts.amazonaws.com" });
  assert.equal(
    request?.headers["authorization"],
    `bearer ${aws.githubEnv().ACTIONS_ID_TOKEN_REQUEST_TOKEN}`,
  );
  const { WebIdentityToken, ...params } = assumed?.params ?? {};
  assert.match(String(WebIdentityToken), /^eyJ/);
  assert.deepEqual(params, {
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: deploy,
    RoleSessionName: "gh-example-blog-42",
    DurationSeconds: "900",
  });
  assert.equal(assumed?.accessKeyId, undefined, "it is not signed");
  assert.equal(token?.operation, "GetAuthorizationToken");
  assert.deepEqual(callers(aws), [
    "arn:aws:sts::222222222222:assumed-role/deploy/gh-example-blog-42",
  ]);
  assert.match(stderr, /^ecrin: identity: the web identity of GitHub Actions$/m);
  assert.match(
    stderr,
    /^ecrin: assumed arn:aws:iam::222222222222:role\/deploy as gh-example-blog-42 in eu-west-1/m,
  );
});

/** Where a token is: variables with TOKEN for it, arguments, and what `--verbose` calls it. */
const places: readonly (readonly [name: string, args: string[], env: Env, called: string])[] = [
  [
    "CircleCI",
    [],
    { CIRCLECI: "true", CIRCLE_OIDC_TOKEN_V2: "TOKEN", CIRCLE_OIDC_TOKEN: "old" },
    "of CircleCI",
  ],
  ["CircleCI's older variable", [], { CIRCLE_OIDC_TOKEN: "TOKEN" }, "of CircleCI"],
  ["Bitbucket", ["--web-identity", "auto"], { BITBUCKET_STEP_OIDC_TOKEN: "TOKEN" }, "of Bitbucket"],
  [
    "GitLab",
    ["--web-identity", "env:AWS_TOKEN"],
    { GITLAB_CI: "true", AWS_TOKEN: "TOKEN\n" },
    "in AWS_TOKEN",
  ],
  ["a file", ["--web-identity", "file:~/a token"], {}, 'in "~/a token"'],
];
for (const [name, args, given, called] of places) {
  Deno.test(`the web identity of ${name} assumes the role`, async () => {
    await using aws = await startAws({ roles: [trusting] });
    const token = aws.webIdentities.issue();
    await using home = await tempHome({ "a token": `${token}\n` });
    const env = Object.fromEntries(
      Object.entries(given).map(([key, value]) => [key, value?.replace("TOKEN", token)]),
    );
    const { code, stderr } = await ecrin(aws, [...usual, "-v", ...args], { env, home });
    assert.equal(code, 0, stderr);
    assert.ok(stderr.includes(`ecrin: identity: the web identity ${called}\n`), stderr);
    assert.deepEqual(aws.requests.map(({ operation }) => operation), [
      "AssumeRoleWithWebIdentity",
      "GetAuthorizationToken",
    ]);
    assert.equal(aws.requests[0]?.params["WebIdentityToken"], token);
  });
}

Deno.test("Buildkite's agent is asked for the token of a job", { ignore: windows }, async (t) => {
  await using aws = await startAws({ roles: [trusting] });
  const token = aws.webIdentities.issue();
  await using home = await tempHome();
  const agent = (script: string) =>
    home.writeProgram("bin/buildkite-agent", `#!/bin/sh\n${script}`);
  const env = { BUILDKITE: "true", PATH: home.at("bin"), HOME: home.path };
  const run = () => ecrin(aws, usual, { env, home });

  await t.step("it prints one", async () => {
    await agent(`echo "$@" > "$HOME/asked"\necho "${token}"\n`);
    const { code, stderr } = await run();
    assert.equal(code, 0, stderr);
    assert.equal(
      await home.read("asked"),
      "oidc request-token --audience sts.amazonaws.com\n",
    );
    assert.equal(aws.requests[0]?.params["WebIdentityToken"], token);
  });
  await t.step("it fails", async () => {
    await agent(`echo first >&2\necho "fatal: no job for ${token}" >&2\nexit 3\n`);
    const { code, stderr } = await run();
    assert.equal(code, 4);
    assert.match(
      stderr,
      /buildkite-agent gave no web identity token \(exit code 3\): fatal: no job for \*\*\*/,
    );
    assert.match(stderr, /^ecrin: hint: run: buildkite-agent oidc request-token --audience sts/m);
  });
  await t.step("it prints something else", async () => {
    await agent("echo rubbish\n");
    const { code, stderr } = await run();
    assert.equal(code, 4);
    assert.match(stderr, /the output of buildkite-agent holds no web identity token/);
  });
  await t.step("it is not there", async () => {
    await Deno.remove(home.at("bin/buildkite-agent"));
    const { code, stderr } = await run();
    assert.equal(code, 4);
    assert.match(stderr, /buildkite-agent, which gives the job its .* token, is not on PATH/);
    assert.match(stderr, /^ecrin: hint: .*: --web-identity env:NAME$/m);
  });
});

Deno.test("one token serves the role in every account", async () => {
  await using aws = await startAws();
  const accounts = ["--account", "222222222222,333333333333", "--region", "eu-west-1"];
  const env = aws.githubEnv();
  const { code, stderr } = await ecrin(aws, [...accounts, "--role", "deploy"], { env });
  assert.equal(code, 0, stderr);
  assert.equal(aws.requestsOf("github").length, 1);
  assert.deepEqual(
    aws.requestsOf("sts").map(({ params }) => params["RoleArn"]),
    [deploy, "arn:aws:iam::333333333333:role/deploy"],
  );
});

Deno.test("further roles are a chain, which may say what a web identity cannot", async () => {
  await using aws = await startAws({
    roles: [
      { arn: hop, webIdentity: { issuer } },
      { arn: deploy, trusts: [hop], externalId: "partner", sourceIdentity: true },
    ],
  });
  const args = ["--account", "222222222222", "--region", "eu-west-1", "--session-name", "job"];
  const { code, stderr } = await ecrin(aws, [
    ...[...args, "--role", hop, "--role", "deploy", "--external-id", "partner"],
    ...["--source-identity", "ann", "--tag", "team=blog"],
  ], { env: aws.githubEnv() });
  assert.equal(code, 0, stderr);
  const [first, second, ...rest] = aws.requestsOf("sts");
  assert.deepEqual(rest, []);
  assert.deepEqual([first?.operation, second?.operation], [
    "AssumeRoleWithWebIdentity",
    "AssumeRole",
  ]);
  for (const name of ["ExternalId", "SourceIdentity", "Tags.member.1.Key"]) {
    assert.equal(first?.params[name], undefined);
    assert.notEqual(second?.params[name], undefined);
  }
  assert.equal(
    aws.keys.get(second?.accessKeyId ?? "")?.arn,
    "arn:aws:sts::111111111111:assumed-role/hop/job",
  );
  assert.deepEqual(callers(aws), ["arn:aws:sts::222222222222:assumed-role/deploy/job"]);
});

Deno.test("the only role may be assumed for 12 hours", async () => {
  await using aws = await startAws({ roles: [{ ...trusting, maxSessionSeconds: 43_200 }] });
  const args = [...usual, "--duration", "12h"];
  const { code, stderr } = await ecrin(aws, args, { env: aws.githubEnv() });
  assert.equal(code, 0, stderr);
  assert.equal(aws.requestsOf("sts")[0]?.params["DurationSeconds"], "43200");
});

Deno.test("keys in the environment come before a job's identity, --web-identity before them", async () => {
  await using aws = await startAws({ roles: [{ ...trusting, trusts: ["111111111111"] }] });
  const env = { ...aws.githubEnv(), ...aws.keys.env() };
  const byKeys = await ecrin(aws, [...usual, "-v"], { env });
  assert.equal(byKeys.code, 0, byKeys.stderr);
  assert.deepEqual(aws.requestsOf("github"), []);
  assert.match(byKeys.stderr, /ignored the web identity of GitHub Actions: it is for when nothing/);
  const asked = await ecrin(aws, [...usual, "-v", "--web-identity", "github"], { env });
  assert.equal(asked.code, 0, asked.stderr);
  assert.equal(aws.requestsOf("github").length, 1);
  assert.match(asked.stderr, /ignored the keys in the environment: --web-identity comes first/);
});

Deno.test("--dry-run asks nobody for a token", async () => {
  await using aws = await startAws();
  const args = [...usual, "--web-identity", "auto", "--dry-run", "--json"];
  const { code, stdout, stderr } = await ecrin(aws, args, { env: aws.githubEnv() });
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).logins[0].identity, deploy);
  assert.deepEqual(aws.requests, []);
});

Deno.test("docker is handed no token of the job", { ignore: windows }, async () => {
  await using aws = await startAws();
  await using home = await tempHome();
  await home.writeProgram("bin/docker", '#!/bin/sh\nread -r line\nset > "$HOME/seen"\n');
  const token = aws.webIdentities.issue();
  const { code, stderr } = await ecrin(aws, [...usual, "--tool", "docker"], {
    home,
    env: { CIRCLE_OIDC_TOKEN_V2: token, HOME: home.path, PATH: home.at("bin") },
  });
  assert.equal(code, 0, stderr);
  assert.ok(!(await home.read("seen")).includes(token));
});

Deno.test("a token in a variable of any name does not reach the tool", {
  ignore: windows, // the docker of this test is a shell script
}, async () => {
  await using aws = await startAws({ roles: [trusting] });
  await using home = await tempHome();
  await home.writeProgram("bin/docker", `#!/bin/sh\ncat > /dev/null\nenv > "$HOME/seen"\n`);
  const token = aws.webIdentities.issue({ issuer, subject: "repo:example/blog:x" });
  const args = [...usual, "--tool", "docker", "--web-identity", "env:JOB_TOKEN"];
  const path = `${home.at("bin")}:${Deno.env.get("PATH")}`;
  const env = { ...aws.env(), JOB_TOKEN: token, OTHER: "kept", PATH: path };
  const { code, stderr } = await runCli(args, { env, home: home.path });
  assert.equal(code, 0, stderr);
  const seen = await home.read("seen");
  assert.match(seen, /^OTHER=kept$/m);
  assert.doesNotMatch(seen, /JOB_TOKEN|eyJ/);
});
