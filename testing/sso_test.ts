import {
  GetRoleCredentialsCommand,
  ListAccountRolesCommand,
  ListAccountsCommand,
  LogoutCommand,
  SSOClient,
} from "@aws-sdk/client-sso";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type FakeAws, startAws } from "./aws.ts";
import { signRequest } from "./sigv4.ts";

/** Calls `use` with a client of the portal. */
async function portal<Result>(
  aws: FakeAws,
  use: (client: SSOClient) => Promise<Result>,
): Promise<Result> {
  const client = new SSOClient({ endpoint: aws.url, region: "us-east-1", maxAttempts: 1 });
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}

Deno.test("the portal lists accounts and roles, page by page", async () => {
  const account = (id: number): { accountId: string; accountName: string } => ({
    accountId: String(id).repeat(12),
    accountName: `account ${id}`,
  });
  const accounts = [2, 3, 4].map((id) => ({
    ...account(id),
    emailAddress: `a${id}@example.com`,
    roles: ["deploy", "ReadOnly"],
  }));
  await using aws = await startAws({ sso: { accounts } });
  const { accessToken } = aws.sso.signIn();
  await portal(aws, async (client) => {
    const first = await client.send(new ListAccountsCommand({ accessToken, maxResults: 2 }));
    const { nextToken } = first;
    const second = await client.send(new ListAccountsCommand({ accessToken, nextToken }));
    const found = [...first.accountList ?? [], ...second.accountList ?? []];
    assert.deepEqual(found.map(({ accountName }) => accountName), [
      "account 2",
      "account 3",
      "account 4",
    ]);
    assert.equal(second.nextToken ?? null, null);
    const accountId = "333333333333";
    const roles = await client.send(new ListAccountRolesCommand({ accessToken, accountId }));
    assert.deepEqual(roles.roleList?.map(({ roleName }) => roleName), ["deploy", "ReadOnly"]);
  });
});

Deno.test("role credentials of the portal sign requests", async () => {
  await using aws = await startAws();
  const { accessToken } = aws.sso.signIn();
  const { roleCredentials } = await portal(aws, (client) =>
    client.send(
      new GetRoleCredentialsCommand({ accessToken, accountId: "222222222222", roleName: "deploy" }),
    ));
  const key = aws.keys.get(roleCredentials?.accessKeyId ?? "");
  assert(key !== undefined);
  assert.equal(key.secretAccessKey, roleCredentials?.secretAccessKey);
  assert.equal(roleCredentials?.expiration, key.expiresAt);
  const body = new TextEncoder().encode("Action=GetCallerIdentity");
  const request = { method: "POST", url: `${aws.url}/`, headers: new Headers(), body };
  signRequest(request, key, { service: "sts", region: "us-east-1", now: Date.now() });
  const response = await fetch(request.url, request);
  assert.match(await response.text(), /assumed-role\/AWSReservedSSO_deploy_/);
});

Deno.test("the portal refuses what is not assigned, and who is not signed in", async () => {
  await using aws = await startAws();
  const { accessToken } = aws.sso.signIn();
  const ask = (accessToken: string, accountId: string, roleName: string): Promise<unknown> =>
    portal(
      aws,
      (client) => client.send(new GetRoleCredentialsCommand({ accessToken, accountId, roleName })),
    );
  const forbidden = { name: "ForbiddenException", message: "No access" };
  const unauthorized = { name: "UnauthorizedException", message: /^Session token not found/ };
  await assert.rejects(ask(accessToken, "999999999999", "deploy"), forbidden);
  await assert.rejects(ask(accessToken, "222222222222", "Admin"), forbidden);
  await assert.rejects(ask("other", "222222222222", "deploy"), unauthorized);
  assert.deepEqual(aws.requests.map(({ status }) => status), [403, 403, 401]);

  aws.clockOffset = 3600_000;
  await assert.rejects(ask(accessToken, "222222222222", "deploy"), unauthorized);
  aws.clockOffset = 0;
  await ask(accessToken, "222222222222", "deploy");
  await portal(aws, (client) => client.send(new LogoutCommand({ accessToken })));
  await assert.rejects(ask(accessToken, "222222222222", "deploy"), unauthorized);
});

Deno.test("faults of the portal have its own shapes", async () => {
  await using aws = await startAws();
  const { accessToken } = aws.sso.signIn();
  const list = (): Promise<unknown> =>
    portal(
      aws,
      async (client) => (await client.send(new ListAccountsCommand({ accessToken }))).accountList,
    );
  for (
    const [kind, name] of [
      ["throttle", "TooManyRequestsException"],
      ["5xx", "InternalServerException"],
      ["expired", "UnauthorizedException"],
      ["access-denied", "ForbiddenException"],
    ] as const
  ) {
    aws.fault({ kind, times: 1 });
    await assert.rejects(list(), { name });
  }
  aws.fault({ kind: "empty-list", times: 1 });
  assert.deepEqual(await list(), []);
});

/** An answer of the OIDC service. */
interface Answer {
  status: number;
  error?: string;
  errorType: string | null;
  // deno-lint-ignore no-explicit-any -- fields of all answers
  body: any;
}

async function oidc(
  aws: FakeAws,
  path: string,
  params: Record<string, unknown>,
): Promise<Answer> {
  const response = await fetch(`${aws.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(params),
  });
  const body = await response.json();
  const errorType = response.headers.get("x-amzn-errortype");
  return { status: response.status, error: body.error, errorType, body };
}

const startUrl = "https://x.awsapps.com/start";
const scopes = ["sso:account:access"];
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

async function deviceClient(aws: FakeAws): Promise<{ clientId: string; clientSecret: string }> {
  const params = { clientName: "test", clientType: "public", scopes };
  const { clientId, clientSecret } = (await oidc(aws, "/client/register", params)).body;
  return { clientId, clientSecret };
}

Deno.test("a device sign-in waits for the person, and its refresh token rotates", async () => {
  await using aws = await startAws();
  const client = await deviceClient(aws);
  const device = (await oidc(aws, "/device_authorization", { ...client, startUrl })).body;
  assert.match(device.userCode, /^[A-Z]{4}-[A-Z]{4}$/);
  assert.equal(device.interval, 1);
  const poll = (): Promise<Answer> =>
    oidc(aws, "/token", { ...client, grantType: deviceGrant, deviceCode: device.deviceCode });
  const waiting = await poll();
  assert.equal(waiting.status, 400);
  assert.equal(waiting.error, "authorization_pending");
  assert.equal(waiting.errorType, "AuthorizationPendingException");
  aws.fault({ kind: "error", code: "SlowDownException", operation: "CreateToken", times: 1 });
  assert.equal((await poll()).error, "slow_down");

  const page = await fetch(device.verificationUriComplete);
  assert.match(await page.text(), /approved/);
  const { body: token } = await poll();
  assert.equal(token.expiresIn, 3600);
  assert.equal((await poll()).error, "invalid_grant");

  const refresh = (refreshToken: string): Promise<Answer> =>
    oidc(aws, "/token", { ...client, grantType: "refresh_token", refreshToken });
  const { body: next } = await refresh(token.refreshToken);
  assert.notEqual(next.accessToken, token.accessToken);
  assert.equal((await refresh(token.refreshToken)).error, "invalid_grant");
  assert.equal((await refresh(next.refreshToken)).status, 200);
});

Deno.test("a device sign-in can be refused by the person, and runs out", async () => {
  await using aws = await startAws();
  const client = await deviceClient(aws);
  const start = async (): Promise<{ deviceCode: string; userCode: string }> =>
    (await oidc(aws, "/device_authorization", { ...client, startUrl })).body;
  const poll = async (deviceCode: string): Promise<string | undefined> =>
    (await oidc(aws, "/token", { ...client, grantType: deviceGrant, deviceCode })).error;
  const first = await start();
  aws.sso.deny = true;
  aws.sso.approve(first.userCode);
  assert.equal(await poll(first.deviceCode), "access_denied");
  const late = await start();
  aws.clockOffset = 600_000;
  assert.equal(await poll(late.deviceCode), "expired_token");
});

Deno.test("a registration runs out, and a wrong one is refused", async () => {
  await using aws = await startAws({ sso: { autoApprove: true } });
  const client = await deviceClient(aws);
  const start = (params: Record<string, string>): Promise<Answer> =>
    oidc(aws, "/device_authorization", { ...client, startUrl, ...params });
  assert.equal((await start({})).status, 200);
  assert.equal((await start({ clientSecret: "other" })).error, "invalid_client");
  assert.equal((await start({ startUrl: "https://y.awsapps.com/start" })).error, "invalid_request");
  aws.clockOffset = 91 * 24 * 3600_000;
  const late = await start({});
  assert.equal(late.status, 401);
  assert.equal(late.error, "invalid_client");
});

Deno.test("a sign-in with PKCE comes back with a code that is good once", async () => {
  await using aws = await startAws();
  const registered = await oidc(aws, "/client/register", {
    clientName: "test",
    clientType: "public",
    grantTypes: ["authorization_code", "refresh_token"],
    redirectUris: ["http://127.0.0.1/oauth/callback"],
    issuerUrl: startUrl,
    scopes,
  });
  const { clientId, clientSecret } = registered.body;
  const redirectUri = "http://127.0.0.1:43210/oauth/callback";
  const codeVerifier = "v".repeat(64);
  const page = (changes: Record<string, string> = {}): Promise<Response> => {
    const query = new URLSearchParams({
      response_type: "code",
      client_id: clientId,
      redirect_uri: redirectUri,
      state: "the-state",
      code_challenge_method: "S256",
      code_challenge: createHash("sha256").update(codeVerifier).digest("base64url"),
      scopes: scopes.join(" "),
      ...changes,
    });
    return fetch(`${aws.url}/authorize?${query}`, { redirect: "manual" });
  };
  const open = async (changes?: Record<string, string>): Promise<[number, URLSearchParams]> => {
    const response = await page(changes);
    await response.body?.cancel();
    const location = response.headers.get("location");
    if (location !== null) assert(location.startsWith(`${redirectUri}?`));
    return [response.status, new URL(location ?? "http://none/").searchParams];
  };
  const redeem = (code: string | null, changes = {}): Promise<Answer> =>
    oidc(aws, "/token", {
      clientId,
      clientSecret,
      grantType: "authorization_code",
      code,
      codeVerifier,
      redirectUri,
      ...changes,
    });

  const [status, query] = await open();
  assert.equal(status, 302);
  assert.equal(query.get("state"), "the-state");
  const code = query.get("code");
  assert.equal((await redeem(code, { codeVerifier: "other" })).error, "invalid_grant");
  assert.equal((await redeem(code, { redirectUri: "http://127.0.0.1:1/" })).error, "invalid_grant");
  const token = await redeem(code);
  assert.equal(token.status, 200);
  assert(aws.sso.tokens.has(token.body.accessToken));
  assert.equal((await redeem(code)).error, "invalid_grant");
  assert.equal((await redeem(code, { grantType: deviceGrant })).error, "unauthorized_client");
  assert.equal((await redeem(code, { grantType: "other" })).error, "unsupported_grant_type");

  assert.equal((await open({ client_id: "other" }))[0], 400);
  assert.equal((await open({ redirect_uri: "https://evil.example/" }))[0], 400);
  assert.equal((await open({ code_challenge_method: "plain" }))[0], 400);
  aws.sso.deny = true;
  assert.equal((await open())[1].get("error"), "access_denied");
});

const badRegistrations: [changes: Record<string, unknown>, error: string][] = [
  [{ clientType: "confidential" }, "invalid_client_metadata"],
  [{ redirectUris: ["https://example.com/"] }, "invalid_redirect_uri"],
  [{ issuerUrl: "https://y.awsapps.com/start" }, "invalid_request"],
];
for (const [changes, error] of badRegistrations) {
  Deno.test(`a registration with ${JSON.stringify(changes)} is ${error}`, async () => {
    await using aws = await startAws();
    const answer = await oidc(aws, "/client/register", {
      clientName: "test",
      clientType: "public",
      grantTypes: ["authorization_code"],
      redirectUris: ["http://127.0.0.1/oauth/callback"],
      issuerUrl: startUrl,
      ...changes,
    });
    assert.equal(answer.error, error);
  });
}
