/**
 * `--sso-session` and `--sso-role`: roles of IAM Identity Center without a profile. The real CLI as a
 * process, against an AWS on loopback.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { type CliResult, runCli, type TempHome, tempHome } from "./testing/cli.ts";
import { ecrin, signer } from "./testing/ecrin.ts";
import { keyProfile, ssoSessionFile } from "./testing/profile_files.ts";

const session = "[sso-session corp]\nsso_start_url = https://x.awsapps.com/start\n" +
  "sso_region = us-west-2\n";

const flags = ["--sso-session", "corp", "--sso-role", "deploy"];
const region = ["--region", "eu-west-1"];

const accounts = ["222222222222", "333333333333"].map((accountId) => ({
  accountId,
  accountName: "app",
  emailAddress: "app@example.com",
  roles: ["deploy"],
}));

/** A home with a signed-in session and no profile, unless `config` adds one. */
function signedInHome(aws: FakeAws, config = ""): Promise<TempHome> {
  return tempHome({
    ".aws/config": `${session}${config}`,
    [ssoSessionFile]: JSON.stringify(aws.sso.signIn()),
  });
}

/** ARN of the session of an SSO role. */
function assigned(account: string): string {
  return `arn:aws:sts::${account}:assumed-role/AWSReservedSSO_deploy_0123456789/person@example.com`;
}

/** A real registry's, so that the hosts are those that were asked for. */
const registryUrl = "https://222222222222.dkr.ecr.eu-west-1.amazonaws.com";

/** Who asked a service, in the order of the alphabet. */
function signers(aws: FakeAws, service: "ecr"): (string | undefined)[] {
  return aws.requestsOf(service).map((request) => signer(aws, request)).sort();
}

/** The docker of these tests is a shell script. */
const shell = { ignore: Deno.build.os === "windows" };

/** A signed-in home with a `docker` that keeps the password of each host. */
async function dockerHome(aws: FakeAws): Promise<TempHome> {
  const home = await signedInHome(aws);
  const script = '#!/bin/sh\nfor host; do :; done\ncat > "$HOME/password of $host"\n';
  await home.writeProgram("bin/docker", script);
  return home;
}

function withDocker(aws: FakeAws, home: TempHome, args: string[]): Promise<CliResult> {
  const env = { ...aws.env(), PATH: `${home.at("bin")}:/usr/bin:/bin` };
  return runCli([...flags, ...args, "--tool", "docker"], { env, home: home.path });
}

/** The account whose credentials fetched the password, by the host that docker got it for. */
async function dockerLogins(aws: FakeAws, home: TempHome): Promise<Record<string, string>> {
  const names = (await Array.fromAsync(Deno.readDir(home.path))).map(({ name }) => name);
  const logins: Record<string, string> = {};
  for (const name of names.filter((name) => name.startsWith("password of ")).sort()) {
    const password = (await home.read(name)).trim();
    logins[name.slice("password of ".length)] = aws.passwords.get(password)?.account ?? "nobody";
    await Deno.remove(home.at(name));
  }
  return logins;
}

Deno.test("an SSO role needs no profile", async () => {
  await using aws = await startAws();
  await using home = await signedInHome(aws);
  const args = [...flags, ...region, "--account", "222222222222", "--json"];
  const { code, stdout, stderr } = await ecrin(aws, args, { home });
  assert.equal(code, 0, stderr);
  assert.deepEqual(aws.requestsOf("ecr").map((request) => signer(aws, request)), [
    assigned("222222222222"),
  ]);
  const [login] = JSON.parse(stdout).logins;
  assert.equal(login.identity, "the SSO session corp (222222222222/deploy)");
});

Deno.test(
  "each registry gets the password that its own account's SSO role fetched",
  shell,
  async () => {
    await using aws = await startAws({ sso: { accounts }, registryUrl });
    await using home = await dockerHome(aws);
    const more = [...region, "--account", "222222222222,333333333333"];
    const { code, stderr } = await withDocker(aws, home, more);
    assert.equal(code, 0, stderr);
    const logins = await dockerLogins(aws, home);
    assert.deepEqual(logins, {
      "222222222222.dkr.ecr.eu-west-1.amazonaws.com": "222222222222",
      "333333333333.dkr.ecr.eu-west-1.amazonaws.com": "333333333333",
    });
    assert.deepEqual(signers(aws, "ecr"), [assigned("222222222222"), assigned("333333333333")]);
    assert.equal(aws.requestsOf("sso").length, 2);

    // and again with what the first run has cached
    aws.requests.length = 0;
    const again = await withDocker(aws, home, more);
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(await dockerLogins(aws, home), logins);
    assert.deepEqual(signers(aws, "ecr"), [assigned("222222222222"), assigned("333333333333")]);
  },
);

Deno.test(
  "a registry's name gives the account of the SSO role, for ECR Public too",
  shell,
  async () => {
    await using aws = await startAws({ sso: { accounts }, registryUrl });
    await using home = await dockerHome(aws);
    const registry = "333333333333.dkr.ecr.eu-west-1.amazonaws.com";
    const { code, stderr } = await withDocker(aws, home, [`${registry}/app:1`, "--public"]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await dockerLogins(aws, home), {
      [registry]: "333333333333",
      "public.ecr.aws": "333333333333",
    });
    assert.equal(aws.requestsOf("sso").length, 1);
  },
);

Deno.test("further roles are assumed with the SSO role of each account", async () => {
  await using aws = await startAws({ sso: { accounts } });
  await using home = await signedInHome(aws);
  const args = [...flags, ...region, "--account", "222222222222,333333333333", "--role", "push"];
  const { code, stderr } = await ecrin(aws, args, { home, env: { USER: "ann" } });
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    aws.requestsOf("sts").map((request) => [request.params.RoleArn, signer(aws, request)]).sort(),
    accounts.map(({ accountId }) => [`arn:aws:iam::${accountId}:role/push`, assigned(accountId)]),
  );
  assert.deepEqual(
    signers(aws, "ecr"),
    accounts.map(({ accountId }) => `arn:aws:sts::${accountId}:assumed-role/push/ann`),
  );
});

Deno.test("an SSO role that is named beats keys and profiles, which are said to be ignored", async () => {
  await using aws = await startAws();
  await using home = await signedInHome(
    aws,
    keyProfile("profile other", aws.keys.add({})) + "region = sa-east-1\n",
  );
  const env = { ...aws.keys.env(), AWS_PROFILE: "other" };
  const args = [...flags, "--account", "222222222222", "--verbose"];
  const { code, stderr } = await ecrin(aws, args, { home, env });
  assert.equal(code, 0, stderr);
  const [token] = aws.requestsOf("ecr");
  assert.equal(signer(aws, token), assigned("222222222222"));
  // the settings of the profile hold, as with the other flags
  assert.equal(token?.region, "sa-east-1");
  assert.deepEqual(stderr.match(/^ecrin: ignored .*$/gm), [
    "ecrin: ignored the keys in the environment: --sso-session comes first",
    "ecrin: ignored AWS_PROFILE (other): --sso-session comes first",
  ]);
});

Deno.test("a dry run names the SSO role of each account and asks nothing", async () => {
  await using aws = await startAws();
  await using home = await tempHome({ ".aws/config": session });
  const args = [...flags, ...region, "--account", "222222222222,333333333333", "--dry-run"];
  const { code, stderr } = await ecrin(aws, args, { home });
  assert.equal(code, 0, stderr);
  assert.equal(
    stderr,
    accounts.map(({ accountId }) =>
      `ecrin: would log in to ${accountId}.dkr.ecr.eu-west-1.amazonaws.com ` +
      `(file, as the SSO session corp (${accountId}/deploy))\n`
    ).join(""),
  );
  assert.deepEqual(aws.requests, []);
});

Deno.test("a session whose name has spaces and quotes is found", async () => {
  await using aws = await startAws();
  // the SHA-1 of `my "big" corp`
  const name = 'my "big" corp';
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(name));
  await using home = await tempHome({
    ".aws/config": session.replace("corp", `'${name}'`),
    [`.aws/sso/cache/${new Uint8Array(digest).toHex()}.json`]: JSON.stringify(aws.sso.signIn()),
  });
  const args = ["--sso-session", name, "--sso-role", "deploy", "--account", "222222222222"];
  const { code, stderr } = await ecrin(aws, [...args, ...region], { home });
  assert.equal(code, 0, stderr);
});

const refused: [name: string, args: string[], code: number, says: RegExp, hint: RegExp][] = [
  [
    "no account",
    [...flags, "--public"],
    2,
    /the SSO role deploy is given by its name/,
    /--account/,
  ],
  ["the caller's own registry", [...flags, ...region], 2, /no account says where/, /--account/],
  [
    "a session that is not there",
    ["--sso-session", "crop", "--sso-role", "deploy", "--account", "222222222222", ...region],
    2,
    /there is no \[sso-session crop\] in /,
    /sessions there: "corp"/,
  ],
  [
    "a role that is no name",
    ["--sso-session", "corp", "--sso-role", "a/b", "--account", "222222222222", ...region],
    2,
    /"a\/b" cannot name an SSO role/,
    /permission set/,
  ],
  [
    "a role that is not assigned",
    ["--sso-session", "corp", "--sso-role", "Admin", "--account", "222222222222", ...region],
    4,
    /the role Admin of account 222222222222 is not assigned to you in SSO$/m,
    /check --account and --sso-role/,
  ],
];

for (const [name, args, exitCode, says, hint] of refused) {
  Deno.test(`an SSO role is refused: ${name}`, async () => {
    await using aws = await startAws();
    await using home = await signedInHome(aws);
    const { code, stderr } = await ecrin(aws, args, { home });
    assert.equal(code, exitCode, stderr);
    const [error = "", second = ""] = stderr.split("\n");
    assert.match(error, says);
    assert.match(second, hint);
    assert.equal(aws.requestsOf("ecr").length, 0);
  });
}

Deno.test("without a session the hint signs in to it by its name", async () => {
  await using aws = await startAws();
  await using home = await tempHome({ ".aws/config": session });
  const args = [...flags, ...region, "--account", "222222222222"];
  const { code, stderr } = await ecrin(aws, args, { home });
  assert.equal(code, 4);
  assert.equal(
    stderr,
    "ecrin: error: the SSO session corp is not signed in\n" +
      "ecrin: hint: run: ecrin sso login --sso-session corp\n",
  );
});
