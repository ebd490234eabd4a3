import { fromTemporaryCredentials, fromWebToken } from "@aws-sdk/credential-providers";
import assert from "node:assert/strict";
import { type AwsOptions, type FakeAws, startAws } from "./aws.ts";
import type { AwsKey } from "./keys.ts";
import { signRequest } from "./sigv4.ts";

const deploy = "arn:aws:iam::222222222222:role/deploy";
const second = "arn:aws:iam::333333333333:role/path/second";
const serial = "arn:aws:iam::111111111111:mfa/phone";
const user = "arn:aws:iam::111111111111:user/deploy";

/** Fields of STS's XML answer by element name, and the status. */
interface Answer {
  status: number;
  text: string;
  field: (name: string) => string;
}

/** Sends an STS request; signed by `key` unless that is null. */
async function ask(
  aws: FakeAws,
  params: Record<string, string>,
  key: AwsKey | null = aws.keys.user,
): Promise<Answer> {
  const form = new URLSearchParams({ Version: "2011-06-15", ...params }).toString();
  const body = new TextEncoder().encode(form);
  const headers = new Headers({ "content-type": "application/x-www-form-urlencoded" });
  const request = { method: "POST", url: `${aws.url}/`, headers, body };
  const scope = { service: "sts", region: "us-east-1", now: Date.now() + aws.clockOffset };
  if (key !== null) signRequest(request, key, scope);
  const response = await fetch(request.url, request);
  const text = await response.text();
  return {
    status: response.status,
    text,
    field: (name) => text.match(new RegExp(`<${name}>([^<]*)</${name}>`))?.[1] ?? "",
  };
}

/** Assumes a role and gives the key of the session. */
async function assume(
  aws: FakeAws,
  params: Record<string, string>,
  key?: AwsKey,
): Promise<AwsKey> {
  const all = { Action: "AssumeRole", RoleArn: deploy, RoleSessionName: "test", ...params };
  const answer = await ask(aws, all, key);
  const session = aws.keys.get(answer.field("AccessKeyId"));
  assert(session !== undefined, answer.text);
  assert.equal(answer.field("SecretAccessKey"), session.secretAccessKey);
  assert.equal(answer.field("SessionToken"), session.sessionToken);
  return session;
}

Deno.test("the SDK assumes a chain of roles, each signed by the one before", async () => {
  await using aws = await startAws({
    roles: [
      { arn: deploy, trusts: ["111111111111"] },
      { arn: second, trusts: [deploy] },
    ],
  });
  const clientConfig = { endpoint: aws.url, region: "eu-west-1" };
  const first = fromTemporaryCredentials({
    masterCredentials: aws.keys.user,
    params: { RoleArn: deploy, RoleSessionName: "one" },
    clientConfig,
  });
  const credentials = await fromTemporaryCredentials({
    masterCredentials: first,
    params: { RoleArn: second, RoleSessionName: "two", Tags: [{ Key: "team", Value: "a&b" }] },
    clientConfig,
  })();
  const session = aws.keys.get(credentials.accessKeyId);
  assert.equal(session?.arn, "arn:aws:sts::333333333333:assumed-role/second/two");
  assert.deepEqual(session?.tags, { team: "a&b" });
  assert.equal(credentials.secretAccessKey, session?.secretAccessKey);
  assert.equal(
    credentials.expiration?.getTime(),
    Math.floor((session?.expiresAt ?? 0) / 1000) * 1000,
  );
  const [, hop] = aws.requestsOf("sts", "AssumeRole");
  assert.match(hop?.accessKeyId ?? "", /^ASIATEST/);
});

Deno.test("the caller is told who they are", async () => {
  await using aws = await startAws();
  const session = await assume(aws, {});
  for (const [key, arn] of [[aws.keys.user, user], [session, session.arn]] as const) {
    const answer = await ask(aws, { Action: "GetCallerIdentity" }, key);
    assert.equal(answer.field("Arn"), arn);
    assert.equal(answer.field("Account"), key.account);
    assert.equal(answer.field("UserId"), key.userId);
  }
});

Deno.test("a session with a one-time code may assume a role that wants one, once a code", async () => {
  await using aws = await startAws({
    roles: [{ arn: deploy, mfa: true }],
    mfa: { [serial]: ["111111", "222222"] },
  });
  const params = { SerialNumber: serial, TokenCode: "111111" };
  assert.equal((await assume(aws, params)).mfa, true);
  const again = await ask(aws, {
    Action: "AssumeRole",
    RoleArn: deploy,
    RoleSessionName: "test",
    ...params,
  });
  assert.equal(again.status, 403);
  assert.match(again.field("Message"), /invalid MFA one time pass code/);

  const got = await ask(aws, { Action: "GetSessionToken", ...params, TokenCode: "222222" });
  const session = aws.keys.get(got.field("AccessKeyId"));
  assert.equal(session?.arn, user);
  assert.equal((await assume(aws, {}, session)).mfa, true);
});

Deno.test("a source identity stays with the chain", async () => {
  await using aws = await startAws();
  const session = await assume(aws, { SourceIdentity: "ann" });
  const next = await assume(aws, { RoleArn: second }, session);
  assert.equal(next.sourceIdentity, "ann");
  const other = { Action: "AssumeRole", RoleArn: second, RoleSessionName: "test" };
  const refused = await ask(aws, { ...other, SourceIdentity: "bob" }, session);
  assert.match(refused.field("Message"), /not authorized to perform: sts:SetSourceIdentity/);
});

interface Refusal {
  name: string;
  options?: AwsOptions;
  params?: Record<string, string>;
  chained?: boolean;
  denied?: string[];
  status?: number;
  code: string;
  message: RegExp | string;
}

const notAuthorized =
  `User: ${user} is not authorized to perform: sts:AssumeRole on resource: ${deploy}`;
const mfa = { [serial]: ["111111"] };

const refusals: Refusal[] = [
  {
    name: "a role that is not there",
    options: { roles: [] },
    status: 403,
    code: "AccessDenied",
    message: notAuthorized,
  },
  {
    name: "a role that trusts somebody else",
    options: { roles: [{ arn: deploy, trusts: ["444444444444", "arn:aws:iam::1:user/x"] }] },
    status: 403,
    code: "AccessDenied",
    message: notAuthorized,
  },
  {
    name: "a caller whose policy does not allow it",
    denied: ["sts:AssumeRole"],
    status: 403,
    code: "AccessDenied",
    message: notAuthorized.replace("user/deploy", "user/user-2"),
  },
  {
    name: "a missing external id",
    options: { roles: [{ arn: deploy, externalId: "shared" }] },
    status: 403,
    code: "AccessDenied",
    message: notAuthorized,
  },
  {
    name: "a wrong external id",
    options: { roles: [{ arn: deploy, externalId: "shared" }] },
    params: { ExternalId: "other" },
    status: 403,
    code: "AccessDenied",
    message: notAuthorized,
  },
  {
    name: "a missing one-time code",
    options: { roles: [{ arn: deploy, mfa: true }], mfa },
    status: 403,
    code: "AccessDenied",
    message: notAuthorized,
  },
  {
    name: "a wrong one-time code",
    options: { mfa },
    params: { SerialNumber: serial, TokenCode: "999999" },
    status: 403,
    code: "AccessDenied",
    message: "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
  },
  {
    name: "a device without a code",
    options: { mfa },
    params: { SerialNumber: serial },
    status: 403,
    code: "AccessDenied",
    message: /must provide both MFA serial number and one time pass code/,
  },
  {
    name: "an unknown device",
    params: { SerialNumber: serial, TokenCode: "111111" },
    status: 403,
    code: "AccessDenied",
    message: /unable to validate MFA code/,
  },
  {
    name: "a missing source identity",
    options: { roles: [{ arn: deploy, sourceIdentity: true }] },
    status: 403,
    code: "AccessDenied",
    message: notAuthorized,
  },
  {
    name: "tags that the role does not take",
    options: { roles: [{ arn: deploy, tagSession: false }] },
    params: { "Tags.member.1.Key": "a", "Tags.member.1.Value": "b" },
    status: 403,
    code: "AccessDenied",
    message: /not authorized to perform: sts:TagSession/,
  },
  {
    name: "no role ARN",
    params: { RoleArn: "deploy" },
    code: "ValidationError",
    message: "deploy is invalid",
  },
  {
    name: "a session name with a space",
    params: { RoleSessionName: "a b" },
    code: "ValidationError",
    message: /Value 'a b' at 'roleSessionName' .* regular expression pattern/,
  },
  {
    name: "a session name that is too short",
    params: { RoleSessionName: "a" },
    code: "ValidationError",
    message: /greater than or equal to 2$/,
  },
  {
    name: "a session name that is too long",
    params: { RoleSessionName: "a".repeat(65) },
    code: "ValidationError",
    message: /less than or equal to 64$/,
  },
  {
    name: "a source identity with a space",
    params: { SourceIdentity: "a b" },
    code: "ValidationError",
    message: /at 'sourceIdentity'/,
  },
  {
    name: "a session that is too short",
    params: { DurationSeconds: "899" },
    code: "ValidationError",
    message: /Value '899' at 'durationSeconds' .* greater than or equal to 900$/,
  },
  {
    name: "a session that is too long",
    params: { DurationSeconds: "43201" },
    code: "ValidationError",
    message: /less than or equal to 43200$/,
  },
  {
    name: "a session longer than the role allows",
    options: { roles: [{ arn: deploy }] },
    params: { DurationSeconds: "3601" },
    code: "ValidationError",
    message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
  },
  {
    name: "a chained session of more than an hour",
    chained: true,
    params: { DurationSeconds: "3601" },
    code: "ValidationError",
    message: /exceeds the 1 hour session limit for roles assumed by role chaining/,
  },
  {
    name: "an operation that there is not",
    params: { Action: "Nothing" },
    code: "InvalidAction",
    message: /Could not find operation Nothing/,
  },
  {
    name: "a session token for a session",
    chained: true,
    params: { Action: "GetSessionToken" },
    status: 403,
    code: "AccessDenied",
    message: "Cannot call GetSessionToken with session credentials",
  },
];

for (const refusal of refusals) {
  Deno.test(`STS refuses ${refusal.name}`, async () => {
    const { options, params, chained, denied = [], status = 400, code, message } = refusal;
    await using aws = await startAws(options);
    const source = denied.length > 0 ? aws.keys.add({ denied }) : aws.keys.user;
    const key = chained ? await assume(aws, {}) : source;
    const all = { Action: "AssumeRole", RoleArn: deploy, RoleSessionName: "test", ...params };
    const answer = await ask(aws, all, key);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, /^<ErrorResponse xmlns=".*"><Error><Type>Sender<\/Type>/);
    assert.equal(answer.field("Code"), code);
    if (typeof message === "string") assert.equal(answer.field("Message"), message);
    else assert.match(answer.field("Message"), message);
    assert.equal(aws.requests.at(-1)?.code, code);
  });
}

Deno.test("a session that ran out is refused", async () => {
  await using aws = await startAws();
  const session = await assume(aws, { DurationSeconds: "900" });
  aws.clockOffset = 901_000;
  const answer = await ask(aws, { Action: "GetCallerIdentity" }, session);
  assert.equal(answer.field("Code"), "ExpiredToken");
});

Deno.test("a web identity gets a role session without a signature", async () => {
  await using aws = await startAws({
    roles: [{
      arn: deploy,
      webIdentity: {
        issuer: "https://token.actions.githubusercontent.com",
        subject: "repo:example/blog:*",
      },
    }],
  });
  const credentials = await fromWebToken({
    roleArn: deploy,
    roleSessionName: "ci",
    webIdentityToken: aws.webIdentities.issue(),
    clientConfig: { endpoint: aws.url, region: "us-east-1" },
  })();
  const session = aws.keys.get(credentials.accessKeyId);
  assert.equal(session?.arn, "arn:aws:sts::222222222222:assumed-role/deploy/ci");
  assert.equal(aws.requests[0]?.accessKeyId, undefined);
});

const webRefusals: [
  name: string,
  token: (aws: FakeAws) => string,
  code: string,
  message: RegExp,
][] = [
  ["no JWT", () => "not-a-token", "InvalidIdentityToken", /not a valid JWT/],
  [
    "an unknown issuer's token",
    (aws) => {
      const [header, payload] = aws.webIdentities.issue().split(".");
      return `${header}.${payload}.forged`;
    },
    "InvalidIdentityToken",
    /^No OpenIDConnect provider found in your account for https:/,
  ],
  [
    "an expired token",
    (aws) => aws.webIdentities.issue({ expiresAt: Date.now() - 1000 }),
    "ExpiredTokenException",
    /^Token expired: current date\/time \d+ must be before/,
  ],
  [
    "another audience",
    (aws) => aws.webIdentities.issue({ audience: "other" }),
    "InvalidIdentityToken",
    /^Incorrect token audience$/,
  ],
  [
    "another subject",
    (aws) => aws.webIdentities.issue({ subject: "repo:other/blog:ref:refs/heads/main" }),
    "AccessDenied",
    /^Not authorized to perform sts:AssumeRoleWithWebIdentity$/,
  ],
  [
    "another issuer",
    (aws) => aws.webIdentities.issue({ issuer: "https://gitlab.com" }),
    "AccessDenied",
    /^Not authorized to perform sts:AssumeRoleWithWebIdentity$/,
  ],
];

for (const [name, token, code, message] of webRefusals) {
  Deno.test(`STS refuses a web identity: ${name}`, async () => {
    const issuer = "https://token.actions.githubusercontent.com";
    await using aws = await startAws({
      roles: [{ arn: deploy, webIdentity: { issuer, subject: "repo:example/*" } }],
    });
    const answer = await ask(aws, {
      Action: "AssumeRoleWithWebIdentity",
      RoleArn: deploy,
      RoleSessionName: "ci",
      WebIdentityToken: token(aws),
    }, null);
    assert.equal(answer.field("Code"), code);
    assert.match(answer.field("Message"), message);
  });
}
