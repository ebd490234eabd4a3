/**
 * One cache for two programs: role credentials that ecrin got serve the AWS CLI, and the reverse.
 * Debian's awscli, whose own code reads and writes the entries.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { hasAwsCli, runAws, runAwsCli } from "./testing/aws_cli.ts";
import { runCli, type TempHome, tempHome } from "./testing/cli.ts";

const serial = "arn:aws:iam::111111111111:mfa/ann";
const admin = "arn:aws:iam::222222222222:role/admin";
const config = `[profile base]
aws_access_key_id = AKIATESTDEPLOY000001
aws_secret_access_key = not-a-secret-of-deploy
[profile admin]
role_arn = ${admin}
source_profile = base
mfa_serial = ${serial}
duration_seconds = 1800
`;

const withCli = { ignore: !hasAwsCli() };

const args = ["--account", "222222222222", "--region", "eu-west-1", "--tool", "file"].concat(
  ["--profile", "admin", "--verbose"],
);

function start(): Promise<FakeAws> {
  return startAws({
    mfa: { [serial]: ["123456"] },
    roles: [{ arn: admin, mfa: true }],
  });
}

/** Logs in where nobody can be asked for a code. */
async function login(aws: FakeAws, home: TempHome, more: string[] = []): Promise<string> {
  const { code, stderr } = await runCli([...args, ...more], {
    env: { ...aws.env(), USER: "ann", CI: "true" },
    home: home.path,
  });
  assert.equal(code, 0, stderr);
  return stderr;
}

Deno.test({
  name: "a code typed for ecrin serves the AWS CLI",
  ...withCli,
  fn: async () => {
    await using aws = await start();
    await using home = await tempHome({ ".aws/config": config });
    await login(aws, home, ["--mfa-code", "123456"]);
    const cli = ["sts", "get-caller-identity", "--output", "json", "--profile", "admin"];
    const where = ["--endpoint-url", aws.url, "--region", "eu-west-1"];
    const { Arn } = JSON.parse(await runAws([...cli, ...where], { home: home.path }));
    assert.equal(Arn, "arn:aws:sts::222222222222:assumed-role/admin/ann");
    assert.equal(aws.requestsOf("sts", "AssumeRole").length, 1);
  },
});

/** The steps of the AWS CLI for the profile, with the endpoint that its flag does not reach. */
const assumeRole = `
import os, sys
from awscli.botocore.session import Session
from awscli.botocore.credentials import AssumeRoleCredentialFetcher, Credentials, JSONFileCache
session = Session(profile="base")
def create(service, **keys):
    return session.create_client(service, region_name="eu-west-1", endpoint_url=sys.argv[1], **keys)
AssumeRoleCredentialFetcher(
    create, session.get_credentials(), sys.argv[2],
    extra_args={"SerialNumber": sys.argv[3], "DurationSeconds": 1800},
    mfa_prompter=lambda prompt: "123456",
    cache=JSONFileCache(os.path.expanduser("~/.aws/cli/cache")),
).fetch_credentials()
`;

Deno.test({
  name: "a code typed for the AWS CLI serves ecrin",
  ...withCli,
  fn: async () => {
    await using aws = await start();
    await using home = await tempHome({ ".aws/config": config });
    await runAwsCli(assumeRole, { home: home.path, args: [aws.url, admin, serial] });
    const stderr = await login(aws, home);
    assert.match(stderr, /took arn:aws:iam::222222222222:role\/admin from the cache, until/);
    assert.equal(aws.requestsOf("sts").length, 1);
    const [token] = aws.requestsOf("ecr");
    const { arn } = aws.keys.get(token?.accessKeyId ?? "") ?? {};
    assert.match(arn ?? "", /:assumed-role\/admin\/botocore-session-\d+$/);
  },
});
