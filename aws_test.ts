import assert from "node:assert/strict";
import { decodeAuthorizationToken, privateToken, publicToken } from "./aws.ts";
import { parseAwsConfig } from "./aws_config.ts";
import { type ClientSettings, clientSettings } from "./clients.ts";
import type { Identity } from "./role_hops.ts";
import { UserError } from "./errors.ts";
import { openHttp } from "./http.ts";
import { awsSettings } from "./settings.ts";
import { type FakeAws, startAws } from "./testing/aws.ts";

const asked = { region: "eu-west-1", variant: {} };

/** Clients that talk to the fake AWS. */
function clientsOf(aws: Pick<FakeAws, "env">): ClientSettings {
  const empty = { text: "", path: "" };
  const settings = awsSettings(
    aws.env(),
    parseAwsConfig({ config: empty, credentials: empty }),
    "",
  );
  const http = openHttp({
    signal: new AbortController().signal,
    readTextFile: Deno.readTextFile,
    maxAttempts: "1",
  });
  return clientSettings(settings, http, { version: "0" });
}

/** The fake AWS's user. */
function userOf({ keys: { user } }: FakeAws): Identity {
  const { accessKeyId, secretAccessKey } = user;
  const source = { kind: "environment", profile: undefined, name: user.arn } as const;
  return {
    name: user.arn,
    renew: undefined,
    credentials: { accessKeyId, secretAccessKey },
    story: { source: { ...source, expiresAt: undefined }, roles: [] },
  };
}

function failsWith(code: string): (error: unknown) => boolean {
  return (error) => {
    assert(error instanceof UserError, String(error));
    assert.equal(error.code, code);
    return true;
  };
}

const encoded = (text: string | Uint8Array) =>
  btoa(typeof text === "string" ? text : String.fromCharCode(...text));

Deno.test("the password is all that follows the first colon", async () => {
  const password = await decodeAuthorizationToken(encoded("AWS:pass:with:colons=="));
  assert.equal(password.reveal(), "pass:with:colons==");
});

Deno.test("a password of 2,714 characters is whole", async () => {
  const long = "x".repeat(2714);
  assert.equal((await decodeAuthorizationToken(encoded(`AWS:${long}`))).reveal(), long);
});

for (
  const [what, token] of [
    ["no base64", "AWS:password"],
    ["base64 with a stray character", `${encoded("AWS:password")}!`],
    ["base64 cut short", encoded("AWS:password").slice(0, -1)],
    ["base64url", encoded(new Uint8Array([65, 87, 83, 58, 251, 255])).replace("/", "_")],
    ["no UTF-8", encoded(new Uint8Array([65, 87, 83, 58, 0xff, 0xfe]))],
    ["no colon", encoded("AWSpassword")],
    ["another user", encoded("root:password")],
    ["no user", encoded(":password")],
    ["no password", encoded("AWS:")],
    ["a line break in the password", encoded("AWS:one\ntwo")],
    ["a carriage return at its end", encoded("AWS:one\r")],
    ["nothing", ""],
  ] as const
) {
  Deno.test(`a token with ${what} is refused`, async () => {
    await assert.rejects(decodeAuthorizationToken(token), failsWith("unreadable-token"));
  });
}

Deno.test("a private token is asked for in its region and has password, end and registry", async () => {
  await using aws = await startAws({ password: "the-password", proxyEndpoint: "aws" });
  const token = await privateToken(userOf(aws), clientsOf(aws), asked);
  assert.equal(token.password.reveal(), "the-password");
  assert.equal(token.proxyEndpoint, "https://111111111111.dkr.ecr.eu-west-1.amazonaws.com");
  const hours = ((token.expiresAt?.getTime() ?? 0) - Date.now()) / 3_600_000;
  assert.ok(hours > 11.9 && hours <= 12, String(hours));
  assert.deepEqual(aws.requests.map(({ region }) => region), ["eu-west-1"]);
});

Deno.test("a public token is asked for in us-east-1", async () => {
  await using aws = await startAws({ password: "the-password" });
  const token = await publicToken(userOf(aws), clientsOf(aws));
  assert.equal(token.password.reveal(), "the-password");
  assert.equal(token.proxyEndpoint, undefined);
  assert.deepEqual(aws.requests.map(({ region }) => region), ["us-east-1"]);
});

for (
  const [kind, code] of [
    ["empty-list", "unreadable-token"],
    ["null-fields", "unreadable-token"],
    ["garbage", "unreadable-answer"],
    ["5xx", "aws-unavailable"],
    ["throttle", "throttled"],
    ["reset", "network-closed"],
    ["access-denied", "get-authorization-token-denied"],
    ["expired", "expired-credentials"],
    ["clock-skew", "clock-skew"],
  ] as const
) {
  Deno.test(`when ECR answers with ${kind} the error is ${code}`, async () => {
    await using aws = await startAws();
    aws.fault({ service: "ecr", kind });
    await assert.rejects(privateToken(userOf(aws), clientsOf(aws), asked), failsWith(code));
  });
}

Deno.test("keys with a wrong secret are told as such", async () => {
  await using aws = await startAws();
  const user = userOf(aws);
  const wrong = {
    ...user,
    credentials: { ...user.credentials, secretAccessKey: "not-the-secret" },
  };
  await assert.rejects(privateToken(wrong, clientsOf(aws), asked), failsWith("wrong-secret-key"));
});

Deno.test("a temporary key without its session token is told as such", async () => {
  await using aws = await startAws();
  const user = userOf(aws);
  const key = aws.keys.issue({
    account: "111111111111",
    arn: "arn:aws:sts::111111111111:assumed-role/a/b",
    userId: "AROA:b",
    expiresAt: Date.now() + 60_000,
  });
  const { accessKeyId, secretAccessKey } = key;
  const partial = { ...user, credentials: { accessKeyId, secretAccessKey } };
  await assert.rejects(
    privateToken(partial, clientsOf(aws), asked),
    failsWith("unknown-access-key"),
  );
});

for (
  const [what, status, body] of [
    ["a message that is a number", 400, { __type: "x", message: 5 }],
    ["a message that is an object", 400, { __type: "x", message: { a: 1 } }],
    ["nothing that is known", 400, { a: 1 }],
    ["a registry that is a number", 200, {
      authorizationData: [{ authorizationToken: encoded("AWS:pw"), proxyEndpoint: 5 }],
    }],
  ] as const
) {
  Deno.test(`an answer with ${what} is no bug`, async () => {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => Response.json(body, { status }),
    );
    await using aws = await startAws();
    const url = `http://127.0.0.1:${server.addr.port}`;
    const asking = privateToken(
      userOf(aws),
      clientsOf({ env: () => ({ AWS_ENDPOINT_URL: url }) }),
      asked,
    );
    if (status === 200) assert.equal((await asking).proxyEndpoint, undefined);
    else await assert.rejects(asking, UserError);
  });
}
