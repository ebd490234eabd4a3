/**
 * SSO sessions whose token has run out, or is refused though it looks valid: the token is refreshed
 * in the file that the AWS CLI and the SDKs share. The real CLI as a process, against an AWS on
 * loopback.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import type { Fault } from "./testing/faults.ts";
import {
  assertLoggedIn,
  inMinutes,
  loginWith,
  past,
  sessionFile,
  type SessionHome,
  sessionHome,
} from "./testing/sso_home.ts";
import type { SsoCacheFile } from "./testing/sso_sessions.ts";

const again = "ecrin: hint: run: ecrin sso login --profile blog\n";

const operations = (aws: FakeAws): string[] => aws.requests.map(({ operation }) => operation);

Deno.test("an expired session is refreshed, time and again, and its file stays the AWS CLI's", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws, { ofAnotherProgram: { kept: true } });
  const { token } = home;
  if (Deno.build.os !== "windows") await Deno.chmod(home.at(sessionFile), 0o644);
  let before = token;
  for (const round of [1, 2, 3]) {
    const result = await loginWith(aws, home);
    assertLoggedIn(result);
    assert.match(result.stderr, /refreshed the SSO token in .*\.json$/m);
    const after = await home.readToken();
    assert.deepEqual(Object.keys(after), Object.keys(token));
    const { accessToken, expiresAt, refreshToken } = after;
    assert.deepEqual(after, { ...token, accessToken, expiresAt, refreshToken });
    assert.match(expiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert(expiresAt > inMinutes(55));
    assert.equal(aws.sso.tokens.get(accessToken)?.refreshToken, refreshToken);
    assert.notEqual(refreshToken, before.refreshToken);
    assert.equal(aws.requestsOf("sso-oidc", "CreateToken").length, round);
    before = Object.assign(after, { expiresAt: past });
    await home.writeToken(before);
  }
  assert.deepEqual(await home.names(), [sessionFile]);
  if (Deno.build.os !== "windows") {
    const { mode } = await Deno.stat(home.at(sessionFile));
    assert.equal((mode ?? 0) & 0o777, 0o600);
  }
});

for (const [minutes, refreshes] of [[4, 1], [6, 0]] as const) {
  Deno.test(`a token with ${minutes} minutes left is ${refreshes ? "" : "not "}refreshed`, async () => {
    await using aws = await startAws();
    await using home = await sessionHome(aws, { expiresAt: inMinutes(minutes) });
    assertLoggedIn(await loginWith(aws, home));
    assert.equal(aws.requestsOf("sso-oidc").length, refreshes);
  });
}

Deno.test("ten runs that meet an expired session refresh it once", async () => {
  await using aws = await startAws({ latency: 100 });
  await using home = await sessionHome(aws);
  const results = await Promise.all(Array.from({ length: 10 }, () => loginWith(aws, home)));
  for (const result of results) assertLoggedIn(result);
  assert.equal(aws.requestsOf("sso-oidc", "CreateToken").length, 1);
  assert.equal(aws.requestsOf("sso", "GetRoleCredentials").length, 10);
  assert.deepEqual(await home.names(), [sessionFile]);
});

interface RefreshFailure {
  changes?: Partial<SsoCacheFile>;
  fault?: Omit<Fault, "service">;
  revoked?: boolean;
  env?: Record<string, string | undefined>;
  /** How often a refresh is asked for; default once. */
  requests?: number;
  code: number;
  stderr: RegExp | string;
}

const expired = `ecrin: error: the SSO session of profile "blog" has expired\n${again}`;

const failures: [name: string, failure: RefreshFailure][] = [
  ["its refresh token is revoked", { revoked: true, code: 4, stderr: expired }],
  ["the registration has run out", {
    changes: { registrationExpiresAt: past },
    requests: 0,
    code: 4,
    stderr: expired,
  }],
  ["AWS has forgotten the registration", {
    changes: { clientId: "not-a-client" },
    code: 4,
    stderr: expired,
  }],
  ["the connection breaks", {
    fault: { kind: "reset" },
    code: 5,
    stderr: /^ecrin: error: could not reach 127\.0\.0\.1:\d+: the connection was closed/m,
  }],
  ["AWS is out of order", {
    fault: { kind: "5xx" },
    code: 5,
    stderr: /^ecrin: error: AWS could not do CreateToken: 500 /m,
  }],
  ["AWS is asked too often", { fault: { kind: "throttle" }, code: 5, stderr: /^ecrin: error: /m }],
  ["a web page answers", {
    fault: { kind: "garbage" },
    code: 5,
    stderr: /^ecrin: error: the answer to CreateToken is not what AWS sends$/m,
  }],
  ["the answer is empty", {
    fault: { kind: "null-fields" },
    code: 5,
    stderr: /^ecrin: error: the answer to CreateToken holds no token$/m,
  }],
  ["its region is out of reach", {
    env: { AWS_ENDPOINT_URL: undefined, HTTPS_PROXY: "http://127.0.0.1:1" },
    requests: 0,
    code: 5,
    stderr: /^ecrin: error: could not reach oidc\.us-west-2\.amazonaws\.com: /m,
  }],
];

for (const [name, { changes, fault, revoked, env, requests = 1, code, stderr }] of failures) {
  Deno.test(`an expired session is explained, and its file untouched, when ${name}`, async () => {
    await using aws = await startAws();
    await using home = await sessionHome(aws, changes);
    const { token } = home;
    if (fault !== undefined) aws.fault({ ...fault, service: "sso-oidc" });
    if (revoked) aws.sso.revoke(token.accessToken);
    const result = await loginWith(aws, home, { env: { AWS_MAX_ATTEMPTS: "1", ...env } });
    assert.equal(result.code, code, result.stderr);
    if (typeof stderr === "string") assert(result.stderr.endsWith(stderr), result.stderr);
    else assert.match(result.stderr, stderr);
    assert.deepEqual(operations(aws), Array(requests).fill("CreateToken"));
    assert.equal(await home.read(sessionFile), JSON.stringify(token));
    assert.deepEqual(await home.names(), [sessionFile]);
  });
}

Deno.test("a token that is valid still is used when it cannot be refreshed", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws, { expiresAt: inMinutes(4) });
  aws.fault({ kind: "reset", service: "sso-oidc" });
  const result = await loginWith(aws, home, { env: { AWS_MAX_ATTEMPTS: "1" } });
  assertLoggedIn(result);
  assert.match(result.stderr, /could not refresh the SSO session of profile "blog": /);
});

// refused with 401

interface Refusal {
  /** Minutes that the token in the file has left. */
  left: number;
  fault?: Fault;
  revoked?: boolean;
  operations: string[];
  code: number;
  error: RegExp;
}

const [portal, oidc] = ["GetRoleCredentials", "CreateToken"];
const refused = /^ecrin: error: AWS refused the SSO session of profile "blog"$/m;
const refusedByPortal: Fault = { kind: "expired", service: "sso" };

const refusals: [name: string, refusal: Refusal][] = [
  ["it cannot be refreshed", {
    left: 55,
    revoked: true,
    operations: [portal, oidc],
    code: 4,
    error: refused,
  }],
  ["the refreshed one is refused too", {
    left: 55,
    fault: refusedByPortal,
    operations: [portal, oidc, portal],
    code: 4,
    error: refused,
  }],
  ["it could not be refreshed a moment ago", {
    left: 4,
    revoked: true,
    operations: [oidc, portal],
    code: 4,
    error: refused,
  }],
  ["it was refreshed just now", {
    left: -1,
    fault: refusedByPortal,
    operations: [oidc, portal],
    code: 4,
    error: refused,
  }],
  ["AWS is out of order at the refresh", {
    left: 55,
    fault: { kind: "5xx", service: "sso-oidc" },
    operations: [portal, oidc],
    code: 5,
    error: /^ecrin: error: AWS could not do CreateToken: 500 /m,
  }],
];

/** As {@linkcode sessionHome}, with a token that AWS takes no more. */
async function refusedSession(
  aws: FakeAws,
  left: number,
): Promise<SessionHome> {
  const home = await sessionHome(aws, { expiresAt: inMinutes(left) });
  const known = aws.sso.tokens.get(home.token.accessToken);
  assert(known !== undefined);
  known.expiresAt = 0;
  return home;
}

Deno.test("a token that looks valid and is refused is refreshed", async () => {
  await using aws = await startAws();
  await using home = await refusedSession(aws, 55);
  const { token } = home;
  assertLoggedIn(await loginWith(aws, home));
  assert.deepEqual(operations(aws), [portal, oidc, portal, "GetAuthorizationToken"]);
  assert.notEqual((await home.readToken()).accessToken, token.accessToken);
});

for (const [name, { left, fault, revoked, operations: expected, code, error }] of refusals) {
  Deno.test(`a token that is refused is explained when ${name}`, async () => {
    await using aws = await startAws();
    await using home = await refusedSession(aws, left);
    const { token } = home;
    if (fault !== undefined) aws.fault(fault);
    if (revoked) aws.sso.revoke(token.accessToken);
    const result = await loginWith(aws, home, { env: { AWS_MAX_ATTEMPTS: "1" } });
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, error);
    assert.deepEqual(operations(aws), expected);
  });
}

for (const expiresIn of [1e14, -5, 0, "abc"]) {
  Deno.test(`a refreshed token that lasts ${expiresIn} seconds is refused, and the file kept`, async () => {
    await using aws = await startAws();
    await using home = await sessionHome(aws, { expiresAt: past });
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => Response.json({ accessToken: "not-a-token", tokenType: "Bearer", expiresIn }),
    );
    const { code, stderr } = await loginWith(aws, home, {
      env: { AWS_ENDPOINT_URL_SSO_OIDC: `http://127.0.0.1:${server.addr.port}` },
    });
    assert.equal(code, 5, stderr);
    assert.deepEqual(await home.readToken(), home.token);
  });
}
