/**
 * Role credentials of IAM Identity Center in the cache that ecrin shares with the AWS CLI: the real
 * CLI as a process, an AWS on loopback, and Debian's awscli, whose own code reads and writes the
 * entries.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { hasAwsCli, runAws, runAwsCli } from "./testing/aws_cli.ts";
import { type CliResult, runCli, startCli, type TempHome } from "./testing/cli.ts";
import {
  assertLoggedIn,
  inMinutes,
  past,
  sessionFile,
  type SessionHome,
  sessionHome,
} from "./testing/sso_home.ts";

const folder = ".aws/cli/cache";
/** SHA-1 of the role `deploy` of 222222222222 in the session `corp`. */
const entry = `${folder}/8419d20584aabf81fff671c9a3d69aefa7e7c025.json`;

const args = ["--account", "222222222222", "--region", "eu-west-1", "--tool", "file"].concat(
  ["--profile", "blog", "--verbose"],
);

async function login(aws: FakeAws, home: TempHome, more: string[] = []): Promise<CliResult> {
  const env = { ...aws.env(), USER: "ann" };
  const result = await runCli([...args, ...more], { env, home: home.path });
  // every secret of this AWS begins so
  assert(!result.stderr.includes("not-a-"), result.stderr);
  return result;
}

function start(aws: FakeAws): Promise<SessionHome> {
  return sessionHome(aws, { expiresAt: inMinutes(55) });
}

const asked = (aws: FakeAws): number => aws.requestsOf("sso", "GetRoleCredentials").length;

async function names(home: TempHome): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(home.at(folder)));
  return entries.map(({ name }) => `${folder}/${name}`);
}

Deno.test("a second login asks the portal nothing, also when the session has run out", async () => {
  await using aws = await startAws();
  await using home = await start(aws);
  const first = await login(aws, home);
  assertLoggedIn(first);
  assert.match(first.stderr, /^ecrin: identity: .*, cached in \//m);
  assert.deepEqual(await names(home), [entry]);
  if (Deno.build.os !== "windows") {
    assert.equal(((await Deno.stat(home.at(entry))).mode ?? 0) & 0o777, 0o600);
    assert.equal(((await Deno.stat(home.at(folder))).mode ?? 0) & 0o777, 0o700);
  }
  await home.writeToken({ ...home.token, expiresAt: past });
  const second = await login(aws, home);
  assertLoggedIn(second);
  assert.match(
    second.stderr,
    /^ecrin: identity: .*222222222222\/deploy.*, from the cache, until /m,
  );
  assert.equal(asked(aws), 1);
  const [one, two] = aws.requestsOf("ecr");
  assert.equal(one?.accessKeyId, two?.accessKeyId);
});

Deno.test("the role of a profile is that of --sso-session and --sso-role", async () => {
  await using aws = await startAws();
  await using home = await start(aws);
  assertLoggedIn(await login(aws, home));
  const without = args.filter((arg) => arg !== "--profile" && arg !== "blog");
  const { code, stderr } = await runCli(
    [...without, "--sso-session", "corp", "--sso-role", "deploy"],
    { env: aws.env(), home: home.path },
  );
  assert.equal(code, 0, stderr);
  assert.equal(asked(aws), 1);
});

Deno.test("--no-cache neither reads the cache nor writes it", async () => {
  await using aws = await startAws();
  await using home = await start(aws);
  assertLoggedIn(await login(aws, home, ["--no-cache"]));
  assert.equal(await home.exists(".aws/cli"), false);
  assertLoggedIn(await login(aws, home));
  const kept = await home.read(entry);
  assertLoggedIn(await login(aws, home, ["--no-cache"]));
  assert.equal(await home.read(entry), kept);
  assert.equal(asked(aws), 3);
});

const spoilt: [what: string, spoil: (text: string) => string][] = [
  ["cut off", (text) => text.slice(0, text.length / 2)],
  ["empty", () => ""],
  ["no entry", () => "[]"],
  [
    "about to run out",
    (text) => text.replace(/"Expiration":"[^"]+"/, `"Expiration":"${inMinutes(14)}"`),
  ],
  ["another account's", (text) => text.replace('"AccountId":"2', '"AccountId":"3')],
  ["another portal's", (text) => text.replace(/"Origin":"./, '"Origin":"x')],
];

for (const [what, spoil] of spoilt) {
  Deno.test(`an entry that is ${what} is replaced`, async () => {
    await using aws = await startAws();
    await using home = await start(aws);
    assertLoggedIn(await login(aws, home));
    await Deno.writeTextFile(home.at(entry), spoil(await home.read(entry)));
    assertLoggedIn(await login(aws, home));
    assert.equal(asked(aws), 2);
    assertLoggedIn(await login(aws, home));
    assert.equal(asked(aws), 2);
    assert.deepEqual(await names(home), [entry]);
  });
}

Deno.test("credentials that AWS takes no more say how to get others", async () => {
  await using aws = await startAws();
  await using home = await start(aws);
  assertLoggedIn(await login(aws, home));
  aws.fault({ kind: "expired", service: "ecr" });
  const { code, stderr } = await login(aws, home);
  assert.equal(code, 4, stderr);
  assert.match(stderr, /^ecrin: hint: add --no-cache for new credentials$/m);
});

Deno.test("ten runs at once leave one whole entry", async () => {
  await using aws = await startAws({ latency: 100 });
  await using home = await start(aws);
  const results = await Promise.all(Array.from({ length: 10 }, () => login(aws, home)));
  for (const result of results) assertLoggedIn(result);
  const before = asked(aws);
  assertLoggedIn(await login(aws, home));
  assert.equal(asked(aws), before);
  assert.deepEqual(await names(home), [entry]);
});

Deno.test("a run that is killed leaves a whole entry or none, and the next one clears up", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using aws = await startAws();
  await using home = await start(aws);
  await home.write(`${folder}/old.json`, "{}");
  for (const _ of Array(8).keys()) {
    await Deno.remove(home.at(entry)).catch(() => {});
    const env = { ...aws.env(), USER: "ann" };
    await using cli = await startCli(args, { env, home: home.path, stdin: "" });
    // as soon as something is in the folder, which may be the file that becomes the entry
    await cli.until(async () => (await names(home)).length > 1);
    cli.kill("SIGKILL");
    await cli.result();
    if (await home.exists(entry)) JSON.parse(await home.read(entry));
  }
  await Deno.remove(home.at(entry)).catch(() => {});
  await home.write(`${folder}/.${entry.slice(folder.length + 1)}.ecrin-1.tmp`, "{");
  assertLoggedIn(await login(aws, home));
  assert.deepEqual((await names(home)).sort(), [entry, `${folder}/old.json`]);
});

const withCli = { ignore: !hasAwsCli() };

Deno.test("the AWS CLI uses the role that ecrin cached", withCli, async () => {
  await using aws = await startAws();
  await using home = await start(aws);
  assertLoggedIn(await login(aws, home));
  await Deno.remove(home.at(sessionFile)); // only the cached role is left
  const cli = ["sts", "get-caller-identity", "--output", "json", "--profile", "blog"];
  const { Arn } = JSON.parse(
    await runAws([...cli, "--endpoint-url", aws.url, "--region", "eu-west-1"], { home: home.path }),
  );
  assert.match(Arn, /:assumed-role\/AWSReservedSSO_deploy_/);
  assert.equal(asked(aws), 1);
});

/** The steps of the AWS CLI for the profile, with the endpoint that its flag does not reach. */
const getRole = `
import os, sys
from awscli.botocore.session import Session
from awscli.botocore.credentials import JSONFileCache, SSOCredentialFetcher
session = Session()
def create(service, **keys):
    return session.create_client(service, region_name="us-west-2", endpoint_url=sys.argv[1], **keys)
SSOCredentialFetcher(
    "https://x.awsapps.com/start", "us-west-2", "deploy", "222222222222", create,
    token_loader=lambda url: {"accessToken": TOKEN},
    cache=JSONFileCache(os.path.expanduser("~/.aws/cli/cache")),
    sso_session_name="corp",
).fetch_credentials()
`;

Deno.test("ecrin uses the role that the AWS CLI cached", withCli, async () => {
  await using aws = await startAws();
  await using home = await start(aws);
  const steps = getRole.replace("TOKEN", JSON.stringify(home.token.accessToken));
  await runAwsCli(steps, { home: home.path, args: [aws.url] });
  assert.deepEqual(await names(home), [entry]);
  await Deno.remove(home.at(sessionFile)); // only the cached role is left
  const { code, stderr } = await login(aws, home);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /, from the cache, until /);
  assert.equal(asked(aws), 1);
});

Deno.test("the AWS CLI's logout removes what ecrin cached", withCli, async () => {
  await using aws = await startAws();
  await using home = await start(aws);
  assertLoggedIn(await login(aws, home));
  // without a region it asks nobody
  await home.writeToken({ ...home.token, region: "" });
  await runAws(["sso", "logout"], { home: home.path });
  assert.deepEqual(await names(home), []);
  assert.deepEqual(await home.names(), []);
});
