/**
 * The file of an SSO session between those who share it: runs that are killed, programs that write it
 * at the same time, the SDK and the AWS CLI. The real CLI as a process, against an AWS on loopback.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { hasAwsCli, runAwsCli } from "./testing/aws_cli.ts";
import { keyFromSso } from "./testing/sdk.ts";
import {
  assertLoggedIn,
  inMinutes,
  loginUntilRefresh,
  loginWith,
  past,
  sessionFile,
  sessionFolder,
  type SessionHome,
  sessionHome,
} from "./testing/sso_home.ts";
import type { SsoCacheFile } from "./testing/sso_sessions.ts";

Deno.test("a run that is killed while it refreshes leaves the old file, and no lock", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws);
  aws.fault({ kind: "hang", service: "sso-oidc" });
  await using cli = await loginUntilRefresh(aws, home);
  cli.kill("SIGKILL");
  await cli.result();
  assert.equal(await home.read(sessionFile), JSON.stringify(home.token));
  if (Deno.build.os !== "windows") assert.deepEqual(await home.names(), [sessionFile]);
  aws.clearFaults();
  assertLoggedIn(await loginWith(aws, home));
});

Deno.test("what a killed run left beside the file is removed", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws);
  const name = sessionFile.slice(sessionFolder.length + 1);
  await home.write(`${sessionFolder}/.${name}.ecrin-0.tmp`, "{");
  assertLoggedIn(await loginWith(aws, home));
  assert.deepEqual(await home.names(), [sessionFile]);
});

/** What another program, which takes no lock, writes into the file after a refresh of its own. */
function refreshedElsewhere(aws: FakeAws, { token }: SessionHome): SsoCacheFile {
  const { accessToken, refreshToken = "" } = aws.sso.issue(token.clientId, ["sso:account:access"]);
  return { ...token, accessToken, refreshToken, expiresAt: inMinutes(60) };
}

Deno.test("the token of a program that was faster is used", async () => {
  await using aws = await startAws({ latency: 300 });
  await using home = await sessionHome(aws);
  aws.fault({ kind: "error", code: "InvalidGrantException", service: "sso-oidc" });
  const theirs = refreshedElsewhere(aws, home);
  await using cli = await loginUntilRefresh(aws, home);
  await home.writeToken(theirs);
  const result = await cli.result();
  assertLoggedIn(result);
  assert.match(result.stderr, /another program has refreshed the SSO token/);
  assert.deepEqual(await home.readToken(), theirs);
});

Deno.test("a session that was signed in to meanwhile is not overwritten", async () => {
  await using aws = await startAws({ latency: 300 });
  await using home = await sessionHome(aws);
  const theirs = refreshedElsewhere(aws, home);
  await using cli = await loginUntilRefresh(aws, home);
  await home.writeToken(theirs);
  const result = await cli.result();
  assertLoggedIn(result);
  assert.match(result.stderr, /for this run only: .* was changed meanwhile/);
  assert.deepEqual(await home.readToken(), theirs);
});

Deno.test("a session that was signed out of meanwhile stays so", async () => {
  await using aws = await startAws({ latency: 300 });
  await using home = await sessionHome(aws);
  await using cli = await loginUntilRefresh(aws, home);
  await Deno.remove(home.at(sessionFile));
  await cli.result();
  assert.deepEqual(await home.names(), []);
});

Deno.test("a token whose file cannot be written is good for the run", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws);
  const result = await loginWith(aws, home, {
    denoArgs: ["-A", `--deny-write=${home.at(".aws")}`],
  });
  assertLoggedIn(result);
  assert.match(
    result.stderr,
    /refreshed the SSO token, for this run only: .*\.json cannot be written \(\w+\)$/m,
  );
  assert.equal(await home.read(sessionFile), JSON.stringify(home.token));
});

Deno.test("the file may be a symlink", {
  ignore: Deno.build.os === "windows", // it asks for a privilege
}, async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws);
  const real = await home.write("synced/corp.json", JSON.stringify(home.token));
  await Deno.remove(home.at(sessionFile));
  await Deno.symlink(real, home.at(sessionFile));
  assertLoggedIn(await loginWith(aws, home));
  assert.equal(await Deno.readLink(home.at(sessionFile)), real);
  assert(JSON.parse(await home.read("synced/corp.json")).expiresAt > inMinutes(55));
});

Deno.test("a token that cannot be read says why", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws);
  const denoArgs = ["-A", `--deny-read=${home.at(".aws/sso")}`];
  const denied = await loginWith(aws, home, { denoArgs });
  assert.equal(denied.code, 2, denied.stderr);
  assert.match(
    denied.stderr,
    /may not read .*: Deno was started without[^]*hint: add --allow-read/,
  );
  await Deno.remove(home.at(sessionFile));
  await Deno.mkdir(home.at(sessionFile));
  const folder = await loginWith(aws, home);
  assert.equal(folder.code, 4, folder.stderr);
  assert.match(folder.stderr, /cannot read .*\.json \(EISDIR\)\n/);
});

Deno.test("the old form is not refreshed", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws);
  const { startUrl, ...token } = home.token;
  await home.write(
    ".aws/config",
    `[profile blog]\nsso_start_url = ${startUrl}\nsso_region = us-west-2\n` +
      "sso_account_id = 222222222222\nsso_role_name = deploy\n",
  );
  const legacy = `${sessionFolder}/3947de8b16688092197fa616c34e01335f21d256.json`;
  await home.write(legacy, JSON.stringify({ startUrl, ...token }));
  const { code, stderr } = await loginWith(aws, home);
  assert.equal(code, 4);
  assert.match(stderr, /^ecrin: error: the SSO session of profile "blog" has expired$/m);
  assert.deepEqual(aws.requests, []);
});

// the SDK and the AWS CLI

/** Lets the token in the file run out. */
async function expire(home: SessionHome): Promise<void> {
  await home.writeToken({ ...await home.readToken(), expiresAt: past });
}

Deno.test("ecrin and the SDK's fromSSO refresh one file in turns", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws);
  const sdk = () => keyFromSso(aws, home, "blog");
  const refreshes = (): number => aws.requestsOf("sso-oidc", "CreateToken").length;

  assertLoggedIn(await loginWith(aws, home));
  await sdk(); // with the token that ecrin wrote
  assert.equal(refreshes(), 1);
  await expire(home);
  await sdk(); // refreshes with the refresh token that ecrin wrote
  assert.equal(refreshes(), 2);
  assertLoggedIn(await loginWith(aws, home)); // with the token that the SDK wrote
  assert.equal(refreshes(), 2);
  await expire(home);
  assertLoggedIn(await loginWith(aws, home));
  assert.equal(refreshes(), 3);
});

/** The AWS CLI's own code for SSO tokens; its command has no way to name an endpoint for them. */
const awsCliToken = `
import sys
from awscli.botocore import UNSIGNED
from awscli.botocore.config import Config
from awscli.botocore.session import Session
from awscli.botocore.tokens import SSOTokenProvider

session = Session(profile="blog")
provider = SSOTokenProvider(session)
provider._client = session.create_client(
    "sso-oidc",
    region_name="us-west-2",
    endpoint_url=sys.argv[1],
    config=Config(signature_version=UNSIGNED),
)
print(provider.load_token().get_frozen_token().token)
`;

Deno.test("ecrin and the AWS CLI refresh one file in turns", { ignore: !hasAwsCli() }, async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws);
  const awsCli = (): Promise<string> =>
    runAwsCli(awsCliToken, { home: home.path, args: [aws.url] });
  const refreshes = (): number => aws.requestsOf("sso-oidc", "CreateToken").length;

  assertLoggedIn(await loginWith(aws, home));
  assert.equal(await awsCli(), (await home.readToken()).accessToken);
  assert.equal(refreshes(), 1);
  await expire(home);
  assert.equal(await awsCli(), (await home.readToken()).accessToken);
  assert.equal(refreshes(), 2);
  assertLoggedIn(await loginWith(aws, home));
  assert.equal(refreshes(), 2);
  await expire(home);
  assertLoggedIn(await loginWith(aws, home));
  assert.equal(refreshes(), 3);
});
