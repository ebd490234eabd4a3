/**
 * Several accounts, regions and tools in one run: who asks whom how often, and what becomes of the
 * others when one fails. The real CLI as a process, against an AWS on loopback.
 */

import assert from "node:assert/strict";
import { type AwsOptions, startAws } from "./testing/aws.ts";
import { runCli, type TempHome, tempHome } from "./testing/cli.ts";
import { ecrinAsUser, rolesAssumed, userEnv, withPrograms } from "./testing/ecrin.ts";

const deploy = "arn:aws:iam::222222222222:role/deploy";

/** A `docker` that writes down its arguments, a line a call, and its stdin. */
async function homeWithDocker(): Promise<TempHome> {
  const home = await tempHome();
  await home.writeProgram(
    "bin/docker",
    `#!/bin/sh\necho "$@" >> "$HOME/docker-args"\ncat >> "$HOME/docker-stdin"\n`,
  );
  return home;
}

Deno.test("what several accounts have in common of a chain is assumed once", async () => {
  const hop = "arn:aws:iam::111111111111:role/hop";
  await using aws = await startAws();
  const args = ["--account", "222222222222,333333333333", "--region", "eu-west-1"];
  const requests = await rolesAssumed(aws, [...args, "--role", hop, "--role", "deploy"]);
  const [first, ...others] = requests.map(({ params }) => params["RoleArn"]);
  assert.equal(first, hop);
  assert.deepEqual(others.sort(), [deploy, "arn:aws:iam::333333333333:role/deploy"]);
});

Deno.test("a bare role is that of each account, assumed once whatever the regions and tools", async () => {
  await using aws = await startAws({ proxyEndpoint: "aws" });
  await using home = await homeWithDocker();
  const { code, stderr } = await runCli(
    [
      ...[
        "--account",
        "222222222222,333333333333",
        "--account",
        "444444444444",
        "--role",
        "deploy",
      ],
      ...["--region", "eu-west-1", "--region", "us-east-1", "--tool", "docker"],
    ],
    { env: { ...userEnv(aws), ...withPrograms(home) }, home: home.path },
  );
  assert.equal(code, 0, stderr);
  const accounts = ["222222222222", "333333333333", "444444444444"];
  assert.deepEqual(
    aws.requestsOf("sts").map(({ params }) => params["RoleArn"]).sort(),
    accounts.map((account) => `arn:aws:iam::${account}:role/deploy`),
  );
  assert.deepEqual(
    aws.requestsOf("ecr").map(({ accessKeyId = "", region }) =>
      `${aws.keys.get(accessKeyId)?.account} ${region}`
    ).sort(),
    accounts.flatMap((account) => [`${account} eu-west-1`, `${account} us-east-1`]),
  );
  const hosts = accounts.flatMap((account) =>
    ["eu-west-1", "us-east-1"].map((region) => `${account}.dkr.ecr.${region}.amazonaws.com`)
  );
  const lines = hosts.map((host) => `login --username AWS --password-stdin ${host}`);
  assert.deepEqual((await home.read("docker-args")).trim().split("\n").sort(), lines.sort());
});

Deno.test("two tools share one role session and one token", async () => {
  await using aws = await startAws();
  await using home = await homeWithDocker();
  const { code, stderr } = await ecrinAsUser(aws, [
    "--account",
    "222222222222",
    "--role",
    "deploy",
    "--region",
    "eu-west-1",
    "--tool",
    "docker",
  ], {
    home,
    env: withPrograms(home),
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual(aws.requests.map(({ operation }) => operation), [
    "AssumeRole",
    "GetAuthorizationToken",
  ]);
  const [issued] = aws.passwords.all();
  assert.equal((await home.read("docker-stdin")).trim(), issued?.password);
  assert((await home.read(".docker/config.json")).includes(btoa(`AWS:${issued?.password}`)));
});

Deno.test("an account that lost its zeros gets them back, with a warning", async () => {
  await using aws = await startAws({ proxyEndpoint: "aws" });
  await using home = await homeWithDocker();
  const { code, stdout, stderr } = await runCli(
    ["--account", "123", "--role", "deploy", "--region", "eu-west-1", "--tool", "docker", "--json"],
    { env: { ...userEnv(aws), ...withPrograms(home) }, home: home.path },
  );
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^ecrin: warning: account 123 has fewer than 12 digits: using 000000000123$/m,
  );
  const arn = "arn:aws:iam::000000000123:role/deploy";
  assert.equal(aws.requestsOf("sts")[0]?.params["RoleArn"], arn);
  const host = "000000000123.dkr.ecr.eu-west-1.amazonaws.com";
  assert.equal(await home.read("docker-args"), `login --username AWS --password-stdin ${host}\n`);
  const [{ registry, account, identity }] = JSON.parse(stdout).logins;
  assert.deepEqual([registry, account, identity], [host, "000000000123", arn]);
});

/** An AWS where `deploy` may be assumed in every account but 333333333333. */
const oneMissing: AwsOptions = {
  roles: [{ arn: deploy }, { arn: "arn:aws:iam::444444444444:role/deploy" }],
};

Deno.test("an account that fails does not stop the others, and --json tells both", async () => {
  await using aws = await startAws(oneMissing);
  const accounts = ["222222222222", "333333333333", "444444444444"];
  const args = [
    "--role",
    "deploy",
    "--region",
    "eu-west-1",
    "--account",
    accounts.join(),
    "--json",
  ];
  const { code, stdout, stderr } = await ecrinAsUser(aws, args);
  assert.equal(code, 4);
  const { logins, ...others } = JSON.parse(stdout);
  assert.deepEqual(others, {});
  const planned = (account: string): Record<string, unknown> => ({
    account,
    region: "eu-west-1",
    public: false,
    tool: "file",
    identity: `arn:aws:iam::${account}:role/deploy`,
  });
  const expiresAt = (account: string): string =>
    new Date(aws.passwords.all().find((issued) => issued.account === account)?.expiresAt ?? 0)
      .toISOString();
  const done = (account: string): Record<string, unknown> => ({
    ...planned(account),
    registry: aws.registry.host,
    expiresAt: expiresAt(account),
    ok: true,
  });
  const message =
    "arn:aws:iam::111111111111:user/deploy may not assume arn:aws:iam::333333333333:role/deploy";
  const hint = "both must allow it: the caller's IAM policy and the role's trust policy";
  assert.deepEqual(logins, [
    done("222222222222"),
    {
      ...planned("333333333333"),
      registry: "333333333333.dkr.ecr.eu-west-1.amazonaws.com",
      expiresAt: null,
      ok: false,
      error: { code: "assume-role-denied", message, hint },
    },
    done("444444444444"),
  ]);
  const said = stderr.trim().split("\n");
  assert.equal(said.filter((line) => line.startsWith("ecrin: logged in to ")).length, 2);
  assert.equal(
    said.at(-1),
    "ecrin: 2 of 3 logged in, 1 failed: 333333333333.dkr.ecr.eu-west-1.amazonaws.com (file)",
  );
  assert.equal(said.length, 5);
  assert(stderr.includes(`ecrin: error: ${message}\necrin: hint: ${hint}\n`));
});

Deno.test("the exit code is that of the first account that failed", async () => {
  await using aws = await startAws(oneMissing);
  const args = (
    accounts: string,
  ): string[] => ["--role", "deploy", "--region", "eu-west-1", "--account", accounts];
  const env = { AWS_MAX_ATTEMPTS: "1" };

  aws.fault({ kind: "5xx", service: "sts", times: 1 });
  assert.equal((await ecrinAsUser(aws, args("222222222222,333333333333"), { env })).code, 5);

  aws.fault({ kind: "5xx", service: "ecr", times: 1 });
  assert.equal((await ecrinAsUser(aws, args("333333333333,222222222222"), { env })).code, 4);
});

Deno.test("a bare role is taken in the partition of each region", async () => {
  await using aws = await startAws();
  const args = ["--account", "222222222222", "--role", "deploy"];
  const requests = await rolesAssumed(aws, [...args, "--region", "eu-west-1,cn-north-1"]);
  const assumed = requests.map(({ region, params }) => `${region} ${params["RoleArn"]}`).sort();
  assert.deepEqual(assumed, [
    "cn-north-1 arn:aws-cn:iam::222222222222:role/deploy",
    `eu-west-1 ${deploy}`,
  ]);
  assert.deepEqual(
    aws.requestsOf("ecr").map(({ region, accessKeyId = "" }) =>
      `${region} ${aws.keys.get(accessKeyId)?.roleArn}`
    ).sort(),
    assumed,
  );
});

Deno.test("ECR Public is asked in us-east-1 with the same role session", async () => {
  await using aws = await startAws({ proxyEndpoint: "aws" });
  await using home = await homeWithDocker();
  const { code, stderr } = await runCli(
    [
      "--account",
      "222222222222",
      "--role",
      "deploy",
      "--region",
      "eu-west-1",
      "--public",
      "--tool",
      "docker",
    ],
    { env: { ...userEnv(aws), ...withPrograms(home) }, home: home.path },
  );
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    aws.requests.map(({ service, region }) => `${service} ${region}`).sort(),
    ["ecr eu-west-1", "ecr-public us-east-1", "sts eu-west-1"],
  );
  for (const { accessKeyId = "" } of aws.requests.filter(({ service }) => service !== "sts")) {
    assert.equal(aws.keys.get(accessKeyId)?.roleArn, deploy);
  }
  const hosts = (await home.read("docker-args")).match(/\S+$/gm)?.sort();
  assert.deepEqual(hosts, ["222222222222.dkr.ecr.eu-west-1.amazonaws.com", "public.ecr.aws"]);
});
