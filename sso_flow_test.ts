/**
 * Profiles whose session is signed in already: IAM Identity Center (SSO) and `aws login`, in the
 * files that the AWS CLI writes. The real CLI as a process, against an AWS on loopback.
 */

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { type AwsOptions, type FakeAws, startAws } from "./testing/aws.ts";
import { ann, logInAsBlog, principalOf, temporaryKey } from "./testing/blog.ts";
import { requirePrograms, tempHome } from "./testing/cli.ts";
import type { AwsKey } from "./testing/keys.ts";
import { oldSsoFile, oldSsoProfile, ssoProfile, ssoSessionFile } from "./testing/profile_files.ts";
import { makeCertificate } from "./testing/tls.ts";

const inSession = ssoProfile({ ssoRegion: "us-west-2" });

/** Whom the SSO session makes of its user. */
const signedIn =
  "arn:aws:sts::222222222222:assumed-role/AWSReservedSSO_deploy_0123456789/person@example.com";

const forms = [
  ["an sso-session", inSession, ssoSessionFile],
  ["the old form", oldSsoProfile({ ssoRegion: "us-west-2" }), oldSsoFile],
] as const;

for (const [form, config, file] of forms) {
  Deno.test(`a signed-in SSO session gives its role: ${form}`, async () => {
    await using aws = await startAws();
    const token = aws.sso.signIn();
    await using home = await tempHome({ ".aws/config": config, [file]: JSON.stringify(token) });
    const result = await logInAsBlog(aws, home, { args: ["--verbose"] });
    assert.equal(principalOf(aws, result), signedIn);
    assert.deepEqual(
      aws.requests.map(({ operation }) => operation),
      ["GetRoleCredentials", "GetAuthorizationToken"],
    );
    assert.deepEqual(aws.requests[0]?.params, {
      account_id: "222222222222",
      role_name: "deploy",
    });
    assert(!result.stderr.includes(token.accessToken));
    // the session stays the AWS CLI's
    assert.deepEqual(JSON.parse(await home.read(file)), token);
  });
}

Deno.test("a role is assumed with the role of an SSO session", async () => {
  await using aws = await startAws();
  const source = ssoProfile({ name: "corp" });
  await using home = await tempHome({
    ".aws/config": `${source}[profile blog]\nsource_profile = corp\n` +
      "role_arn = arn:aws:iam::222222222222:role/blog\n",
    [ssoSessionFile]: JSON.stringify(aws.sso.signIn()),
  });
  assert.equal(principalOf(aws, await logInAsBlog(aws, home)), ann);
  const [assumeRole] = aws.requestsOf("sts");
  assert.equal(aws.keys.get(assumeRole?.accessKeyId ?? "")?.arn, signedIn);
});

interface SsoFailure {
  options?: AwsOptions;
  /** The cache file; default a good one. */
  file?: (aws: FakeAws) => string | undefined;
  /** How many requests are made. */
  requests: number;
  error: RegExp;
  hint?: RegExp;
}

/** A token that has run out and that nothing refreshes. */
function expiredToken(aws: FakeAws, expiresAt: string): string {
  return JSON.stringify({ ...aws.sso.signIn(), expiresAt, refreshToken: undefined });
}

const again = /^ecrin: hint: run: ecrin sso login --profile blog$/m;

const ssoFailures: [name: string, failure: SsoFailure][] = [
  ["nobody is signed in", {
    file: () => undefined,
    requests: 0,
    error: /the SSO session of profile "blog" is not signed in$/m,
  }],
  ["the session has expired", {
    file: (aws) => expiredToken(aws, "2024-01-01T00:00:00Z"),
    requests: 0,
    error: /the SSO session of profile "blog" has expired$/m,
  }],
  ["the session has expired, in the time format of old AWS CLIs", {
    file: (aws) => expiredToken(aws, "2024-01-01T00:00:00UTC"),
    requests: 0,
    error: /the SSO session of profile "blog" has expired$/m,
  }],
  ["the file is cut off", {
    file: (aws) => JSON.stringify(aws.sso.signIn()).slice(0, 100),
    requests: 0,
    error: /the SSO token in .*ee0bfd2552fbd840c02cc48b6e823320543c450f\.json is malformed$/m,
  }],
  ["the file is empty", { file: () => "", requests: 0, error: /is malformed$/m }],
  ["the file holds something else", { file: () => "null", requests: 0, error: /is malformed$/m }],
  ["AWS refuses the session", {
    file: (aws) => {
      const token = aws.sso.signIn();
      aws.sso.revoke(token.accessToken);
      return JSON.stringify(token);
    },
    // it is refreshed in vain
    requests: 2,
    error: /AWS refused the SSO session of profile "blog"$/m,
  }],
  ["the role is not assigned", {
    options: { sso: { accounts: [] } },
    requests: 1,
    error: /the role deploy of account 222222222222 is not assigned to you in SSO$/m,
    hint: /^ecrin: hint: check sso_account_id and sso_role_name, or ask whoever assigns access$/m,
  }],
];

for (const [name, { options, file, requests, error, hint = again }] of ssoFailures) {
  Deno.test(`a profile of SSO is explained when ${name}`, async () => {
    await using aws = await startAws(options);
    const text = file === undefined ? JSON.stringify(aws.sso.signIn()) : file(aws);
    await using home = await tempHome({
      ".aws/config": inSession,
      ...(text === undefined ? {} : { [ssoSessionFile]: text }),
    });
    const { code, stdout, stderr } = await logInAsBlog(aws, home, { args: ["--verbose"] });
    assert.deepEqual([code, stdout], [4, ""]);
    assert.match(stderr, error);
    assert.match(stderr, hint);
    assert.equal(aws.requests.length, requests);
    assert(!stderr.includes("not-a-"), stderr);
    assert.equal(await home.exists(".docker"), false);
  });
}

// aws login: its cache is read by the SDK

const loginSession = "arn:aws:iam::222222222222:user/ann";
const loginProfile = `[profile blog]\nlogin_session = ${loginSession}\nregion = eu-west-1\n`;

/** The cache file of a session, as `LoginCredentialsFetcher` of the SDK reads it. */
function loginFile(): string {
  const name = createHash("sha256").update(loginSession).digest("hex");
  return `.aws/login/cache/${name}.json`;
}

function loginToken({ accessKeyId, secretAccessKey, sessionToken }: AwsKey): string {
  return JSON.stringify({
    accessToken: {
      accessKeyId,
      secretAccessKey,
      sessionToken,
      accountId: "222222222222",
      expiresAt: new Date(Date.now() + 900_000).toISOString(),
    },
    tokenType: "aws_sigv4",
    clientId: "arn:aws:signin:::devtools/same-device",
    refreshToken: "not-a-refresh-token",
    idToken: "not-an-id-token",
    dpopKey: "not-a-key",
  });
}

Deno.test("the session of aws login gives its credentials", async () => {
  await using aws = await startAws();
  await using home = await tempHome({
    ".aws/config": loginProfile,
    [loginFile()]: loginToken(temporaryKey(aws)),
  });
  assert.equal(principalOf(aws, await logInAsBlog(aws, home)), ann);
});

Deno.test("the session of aws login is found in a profile whose name has spaces and quotes", async () => {
  await using aws = await startAws();
  const name = 'my "own" blog';
  await using home = await tempHome({
    ".aws/config": loginProfile.replace("profile blog", `profile '${name}'`),
    [loginFile()]: loginToken(temporaryKey(aws)),
    "tmp/.keep": "",
  });
  const result = await logInAsBlog(aws, home, {
    args: ["--profile", name],
    env: { TMPDIR: home.at("tmp") },
  });
  assert.equal(principalOf(aws, result), ann);
  // nothing is left behind
  assert.deepEqual((await Array.fromAsync(Deno.readDir(home.at("tmp")))).map((e) => e.name), [
    ".keep",
  ]);

  await Deno.remove(home.at(loginFile()));
  const { code, stderr } = await logInAsBlog(aws, home, { args: ["--profile", name] });
  assert.equal(code, 4);
  assert.equal(
    stderr,
    'ecrin: error: the login session of profile "my \\"own\\" blog" is not signed in\n' +
      `ecrin: hint: run: aws login --profile '${name}'\n`,
  );
});

for (
  const [name, text] of [["missing", undefined], ["malformed", "{"], ["incomplete", "{}"]] as const
) {
  Deno.test(`a session of aws login that is ${name} is explained`, async () => {
    await using aws = await startAws();
    await using home = await tempHome({
      ".aws/config": loginProfile,
      ...(text === undefined ? {} : { [loginFile()]: text }),
    });
    const { code, stderr } = await logInAsBlog(aws, home);
    assert.equal(code, 4);
    assert.equal(
      stderr,
      'ecrin: error: the login session of profile "blog" is not signed in\n' +
        "ecrin: hint: run: aws login --profile blog\n",
    );
    assert.deepEqual(aws.requests, []);
  });
}

const renewal = {
  name: "a session of aws login that runs out is renewed over the user's own network settings",
  ignore: !requirePrograms(["openssl"]),
};

Deno.test(renewal, async () => {
  await using certificate = await makeCertificate();
  await using aws = await startAws({ tls: certificate });
  const { privateKey: dpopKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "sec1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const token = JSON.parse(loginToken(temporaryKey(aws)));
  token.accessToken.expiresAt = new Date(Date.now() - 60_000).toISOString();
  await using home = await tempHome({
    ".aws/config": loginProfile,
    [loginFile()]: JSON.stringify({ ...token, dpopKey }),
  });
  const { code, stderr } = await logInAsBlog(aws, home, {
    args: ["--verbose"],
    env: { AWS_CA_BUNDLE: certificate.caFile },
  });
  // it got through TLS; this AWS has no such operation
  assert.deepEqual(aws.requests.map(({ operation }) => operation), ["POST /v1/token"]);
  assert.equal(code, 4);
  assert.match(
    stderr,
    /^ecrin: error: the login session of profile "blog" could not be renewed: Failed to refresh/m,
  );
  assert.match(stderr, /^ecrin: hint: run: aws login --profile blog$/m);
  assert(!stderr.includes(token.accessToken.secretAccessKey));
  assert(!stderr.includes(token.refreshToken));
});
