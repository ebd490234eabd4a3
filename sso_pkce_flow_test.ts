/** Signing in with PKCE: the browser is the test, AWS is on loopback. */

import assert from "node:assert/strict";
import type { UserError } from "./errors.ts";
import { registrationPath } from "./sso_registration.ts";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { requirePrograms, tempHome } from "./testing/cli.ts";
import { type SignInRun, startSignIn } from "./testing/sso_browser.ts";
import { inMinutes } from "./testing/sso_home.ts";

const isPosix = Deno.build.os !== "windows";

/** Where AWS sends the browser that agreed. */
async function agreed(page: string): Promise<URL> {
  const answer = await fetch(page, { redirect: "manual" });
  await answer.body?.cancel();
  assert.equal(answer.status, 302);
  return new URL(answer.headers.get("location") ?? "");
}

async function get(url: string | URL): Promise<{ status: number; text: string; headers: Headers }> {
  const answer = await fetch(url, { redirect: "manual" });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

/** The begin of the answer to a request that `fetch` would not make. */
async function raw(port: number, path: string, host: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
  const answer = new Uint8Array(1024);
  const length = await connection.read(answer) ?? 0;
  return new TextDecoder().decode(answer.subarray(0, length));
}

async function failure(signIn: SignInRun): Promise<UserError> {
  const error = await signIn.result.then(() => assert.fail("signed in"), (error) => error);
  assert.equal(error.name, "UserError", error.stack);
  return error;
}

async function assertClosed(page: string): Promise<void> {
  const uri = new URL(page).searchParams.get("redirect_uri") ?? "";
  const { port } = new URL(uri);
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: Number(port) }), {
    name: "ConnectionRefused",
  });
}

const operations = (aws: FakeAws): string[] =>
  aws.requestsOf("sso-oidc").map(({ operation }) => operation);

Deno.test("a person who agrees in the browser gets a token that AWS knows", async () => {
  await using aws = await startAws();
  await using signIn = await startSignIn(aws);
  const page = new URL(await signIn.page());
  assert.equal(page.origin, aws.url);
  assert.equal(page.pathname, "/authorize");
  const query = Object.fromEntries(page.searchParams);
  assert.deepEqual(Object.keys(query), [
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "code_challenge_method",
    "scopes",
    "code_challenge",
  ]);
  assert.equal(query.scopes, "sso:account:access");
  assert.match(query.redirect_uri ?? "", /^http:\/\/127\.0\.0\.1:\d+\/oauth\/callback$/);
  assert.match(query.code_challenge ?? "", /^[\w-]{43}$/);

  const landed = await get(await agreed(page.href));
  assert.equal(landed.status, 200);
  assert.match(landed.text, /You are signed in/);
  const { token, registration } = await signIn.result;
  assert.equal(aws.sso.tokens.get(token.accessToken)?.refreshToken, token.refreshToken);
  assert(aws.sso.clients.has(registration.clientId));
  await assertClosed(page.href);
  // no secret is said, and every secret of this AWS begins so; the client's ID is none
  assert(!signIn.said().replaceAll(/client_id=[^&]*/g, "").includes("not-a-"), signIn.said());
  const params = aws.requestsOf("sso-oidc", "RegisterClient")[0]?.params;
  assert.deepEqual(params?.redirectUris, ["http://127.0.0.1/oauth/callback"]);
  assert.equal(params.issuerUrl, "https://x.awsapps.com/start");
});

Deno.test("the scopes of a session are asked for, with spaces between them", async () => {
  await using aws = await startAws();
  const scopes = ["sso:account:access", "codewhisperer:completions"];
  await using signIn = await startSignIn(aws, { session: { scopes } });
  const page = await signIn.page();
  assert.match(page, /&scopes=sso%3Aaccount%3Aaccess%20codewhisperer%3Acompletions&/);
  await get(await agreed(page));
  await signIn.result;
});

Deno.test("the registration is kept as the AWS CLI keeps it, and used again", async () => {
  await using aws = await startAws();
  await using home = await tempHome();
  for (const _ of [1, 2]) {
    await using signIn = await startSignIn(aws, { home });
    await get(await agreed(await signIn.page()));
    await signIn.result;
  }
  assert.equal(aws.requestsOf("sso-oidc", "RegisterClient").length, 1);
  const path = await registrationPath({ HOME: home.path, USERPROFILE: home.path }, {
    profile: undefined,
    session: "corp",
    startUrl: "https://x.awsapps.com/start",
    ssoRegion: "us-east-1",
  });
  const kept = JSON.parse(await Deno.readTextFile(path));
  const [client] = aws.sso.clients.values();
  assert.deepEqual(kept, {
    clientId: client?.clientId,
    clientSecret: client?.clientSecret,
    expiresAt: new Date(client?.expiresAt ?? 0).toISOString().replace(/\.\d+/, ""),
    scopes: ["sso:account:access"],
    grantTypes: ["authorization_code", "refresh_token"],
  });
  if (isPosix) assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
});

for (
  const [name, change] of [
    ["about to run out", { expiresAt: inMinutes(14) }],
    ["of a device code", { grantTypes: undefined }],
    ["without a secret", { clientSecret: "" }],
  ] as const
) {
  Deno.test(`a registration ${name} is replaced by a new one`, async () => {
    await using aws = await startAws();
    await using home = await tempHome();
    const kept = {
      clientId: "an-old-client",
      clientSecret: "not-a-client-secret",
      expiresAt: inMinutes(1000),
      grantTypes: ["authorization_code", "refresh_token"],
      ...change,
    };
    await Deno.mkdir(home.at(".aws/sso/cache"), { recursive: true });
    const path = await registrationPath({ HOME: home.path, USERPROFILE: home.path }, {
      profile: undefined,
      session: "corp",
      startUrl: "https://x.awsapps.com/start",
      ssoRegion: "us-east-1",
    });
    await Deno.writeTextFile(path, JSON.stringify(kept), { mode: 0o644 });
    await using signIn = await startSignIn(aws, { home });
    assert.doesNotMatch(await signIn.page(), /an-old-client/);
    await get(await agreed(await signIn.page()));
    await signIn.result;
    assert.notEqual(JSON.parse(await Deno.readTextFile(path)).clientId, "an-old-client");
    if (isPosix) assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  });
}

Deno.test("a client that AWS has forgotten is registered anew, and the same tab goes on", async () => {
  await using aws = await startAws();
  await using signIn = await startSignIn(aws);
  const callback = await agreed(await signIn.page());
  aws.sso.clients.clear();
  const answer = await fetch(callback); // by way of the new page, and back again
  assert.match(await answer.text(), /You are signed in/);
  await signIn.result;
  assert.deepEqual(operations(aws), [
    "RegisterClient",
    "Authorize",
    "CreateToken",
    "RegisterClient",
    "Authorize",
    "CreateToken",
  ]);
});

Deno.test("a client that AWS forgets twice is the end of it", async () => {
  await using aws = await startAws();
  aws.fault({
    kind: "error",
    service: "sso-oidc",
    operation: "CreateToken",
    code: "InvalidClientException",
    message: "Invalid client provided",
    status: 401,
  });
  await using signIn = await startSignIn(aws);
  const page = await signIn.page();
  const landed = await fetch(await agreed(page));
  assert.equal(landed.status, 400);
  assert.match(await landed.text(), /Sign-in failed/);
  assert.equal((await failure(signIn)).exitCode, 4);
  assert.equal(aws.requestsOf("sso-oidc", "CreateToken").length, 2);
  await assertClosed(page);
});

Deno.test("a denied authorization is said in the browser and in the terminal", async () => {
  await using aws = await startAws();
  aws.sso.deny = true;
  await using signIn = await startSignIn(aws);
  const page = await signIn.page();
  const landed = await get(await agreed(page));
  assert.equal(landed.status, 400);
  assert.match(landed.text, /Sign-in denied/);
  const error = await failure(signIn);
  assert.equal(error.code, "sso-sign-in-denied");
  assert.equal(error.exitCode, 4);
  assert.equal(error.hint, "run: ecrin sso login --sso-session corp");
  assert.equal(aws.requestsOf("sso-oidc", "CreateToken").length, 0);
  await assertClosed(page);
});

Deno.test("an error that AWS sends back is quoted", async () => {
  await using aws = await startAws();
  await using signIn = await startSignIn(aws);
  const page = new URL(await signIn.page());
  const back = new URL(page.searchParams.get("redirect_uri") ?? "");
  back.searchParams.set("error", "server_error\x1b[2J");
  back.searchParams.set("error_description", "<script>alert(1)</script>");
  back.searchParams.set("state", page.searchParams.get("state") ?? "");
  assert.doesNotMatch((await get(back)).text, /alert/);
  const { message } = await failure(signIn);
  assert.match(message, /"server_error\\u001b\[2J" \("<script>/);
});

Deno.test("what else comes to the port is answered, and the sign-in goes on", async () => {
  await using aws = await startAws();
  await using signIn = await startSignIn(aws);
  const page = await signIn.page();
  const callback = await agreed(page);
  const with_ = (changes: Record<string, string | null>): URL => {
    const url = new URL(callback);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
    return url;
  };
  const state = callback.searchParams.get("state") ?? "";
  for (
    const [url, status] of [
      [new URL("/favicon.ico", callback), 404],
      [new URL("/", callback), 404],
      [new URL("/oauth/callback/../callback2?code=1", callback), 404],
      [new URL("/oauth/callback", callback), 400],
      [with_({ code: null }), 400],
      [with_({ code: "" }), 400],
      [with_({ state: null }), 400],
      [with_({ state: "" }), 400],
      [with_({ state: `${state}x` }), 400],
      [with_({ state: `${state.startsWith("x") ? "y" : "x"}${state.slice(1)}` }), 400],
      [with_({ state: "false", error: "access_denied" }), 400],
      [new URL(`${callback}&state=${state}`), 400],
    ] as const
  ) {
    const { status: got, text } = await get(url);
    assert.equal(got, status, url.href);
    assert(!text.includes(callback.searchParams.get("code") ?? "-"));
  }
  for (const method of ["POST", "HEAD", "OPTIONS"]) {
    const answer = await fetch(callback, { method });
    await answer.body?.cancel();
    assert.equal(answer.status, 405, method);
  }
  // garbage, and a browser that opens a connection in advance and says nothing on it
  const port = Number(callback.port);
  for (const host of ["a b", "[::", "x:99999"]) {
    assert.match(await raw(port, `${callback.pathname}${callback.search}`, host), /^HTTP\S+ 400 /);
  }
  // what other pages have a browser load, as they try all ports
  const probe = new URL("/oauth/callback?error=access_denied", callback);
  for (const kind of ["image", "empty", "iframe", "script"]) {
    const answer = await fetch(probe, { headers: { "sec-fetch-dest": kind } });
    await answer.body?.cancel();
    assert.equal(answer.status, 403, kind);
  }
  using idle = await Deno.connect({ hostname: "127.0.0.1", port });
  using garbage = await Deno.connect({ hostname: "127.0.0.1", port });
  await garbage.write(new TextEncoder().encode("\x16\x03\x01 what is this\r\n\r\n"));
  await garbage.read(new Uint8Array(1024));

  assert.equal((await get(callback)).status, 200);
  await signIn.result;
  assert.equal(aws.requestsOf("sso-oidc", "CreateToken").length, 1);
  await assertClosed(page);
  assert(idle.remoteAddr);
});

Deno.test("a second callback does not use the code again", async () => {
  await using aws = await startAws({ latency: 100 });
  await using signIn = await startSignIn(aws);
  const callback = await agreed(await signIn.page());
  const answers = await Promise.all([get(callback), get(callback), get(callback)]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400, 400]);
  await signIn.result;
  assert.equal(aws.requestsOf("sso-oidc", "CreateToken").length, 1);
});

Deno.test("a port that is taken is named, before anything else is done", async () => {
  await using aws = await startAws();
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr;
  await using signIn = await startSignIn(aws, { port });
  const error = await failure(signIn);
  assert.equal(error.code, "port-unusable");
  assert.equal(error.exitCode, 2);
  assert.equal(error.message, `port ${port} of 127.0.0.1 is taken`);
  assert.equal(aws.requests.length, 0);
});

Deno.test("a portal that AWS does not know is told apart", async () => {
  await using aws = await startAws();
  const startUrl = "https://typo.awsapps.com/start";
  await using signIn = await startSignIn(aws, { session: { startUrl } });
  const error = await failure(signIn);
  assert.equal(error.message, `AWS knows no portal ${startUrl} in us-east-1`);
  assert.equal(error.exitCode, 2);
});

Deno.test("an interrupt ends the wait, and the port is free again", async () => {
  await using aws = await startAws();
  await using signIn = await startSignIn(aws);
  const page = await signIn.page();
  signIn.abort(new Error("interrupted"));
  await assert.rejects(signIn.result, /interrupted/);
  await assertClosed(page);
});

Deno.test("a cache folder that cannot be written does not stop the sign-in", async () => {
  await using aws = await startAws();
  await using home = await tempHome({ ".aws/sso": "a file" });
  await using signIn = await startSignIn(aws, { home });
  await get(await agreed(await signIn.page()));
  await signIn.result;
  assert.match(signIn.said(), /the registration is for this run only: .* cannot be written/);
});

const browserTests = { ignore: !isPosix || !requirePrograms(["sh"]) };

Deno.test("the browser is opened after the port is, and gets no secret", browserTests, async () => {
  await using aws = await startAws();
  await using home = await tempHome();
  const script = `#!/bin/sh\nenv > ${home.at("env")}\necho "$@" > ${home.at("args")}.new\n` +
    `mv ${home.at("args")}.new ${home.at("args")}\n`;
  const BROWSER = `${await home.writeProgram("a browser", script)}`;
  await using signIn = await startSignIn(aws, {
    home,
    openBrowser: true,
    env: { BROWSER, PATH: Deno.env.get("PATH") ?? "", AWS_SECRET_ACCESS_KEY: "not-a-secret-key" },
  });
  const page = await signIn.page();
  while (!await home.exists("args")) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(await home.read("args"), `${page}\n`);
  assert.doesNotMatch(await home.read("env"), /not-a-secret-key/);
  assert.match(await home.read("env"), /^AWS_ENDPOINT_URL=/m);
  await get(await agreed(page));
  await signIn.result;
});

for (
  const [name, BROWSER, said] of [
    ["is not there", "/no/such/browser", /could not open the page with \/no\/such\/browser: /],
    ["fails", "false", /could not open the page with false: it ended with exit code 1/],
  ] as const
) {
  Deno.test(
    `a browser that ${name} is said, and the page is there to be opened`,
    browserTests,
    async () => {
      await using aws = await startAws();
      const env = { BROWSER, PATH: Deno.env.get("PATH") ?? "" };
      await using signIn = await startSignIn(aws, { openBrowser: true, env });
      const page = await signIn.page();
      while (!/no browser could be opened/.test(signIn.said())) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.match(signIn.said(), said);
      await get(await agreed(page));
      await signIn.result;
    },
  );
}
