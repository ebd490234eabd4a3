/**
 * What a web identity is refused for, by its platform, by AWS and before either is asked: the real
 * CLI as a process, and an AWS on loopback that knows the tokens it gave out.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { ecrin, type Env, trusting, usual } from "./testing/ci_job.ts";
import { tempHome } from "./testing/cli.ts";
import type { Fault } from "./testing/faults.ts";
import type { NewToken } from "./testing/web_identity.ts";

const passing: readonly (readonly [name: string, fault: Fault])[] = [
  ["answers 500 twice", { kind: "5xx", service: "github", times: 2 }],
  ["closes the connection", { kind: "reset", service: "github", times: 1 }],
  ["is overrun", { kind: "error", service: "github", status: 429, times: 1 }],
];
for (const [name, fault] of passing) {
  Deno.test(`a token endpoint that ${name} is asked again`, async () => {
    await using aws = await startAws({ roles: [trusting] });
    aws.fault(fault);
    const { code, stderr } = await ecrin(aws, [...usual, "-v"], { env: aws.githubEnv() });
    assert.equal(code, 0, stderr);
    assert.equal(
      stderr.match(/ for the web identity of GitHub Actions: trying again in /g)?.length,
      fault.times,
      stderr,
    );
    assert.equal(aws.requestsOf("github").length, (fault.times ?? 0) + 1);
  });
}

const lasting: readonly (readonly [
  name: string,
  fault: Fault,
  code: number,
  error: RegExp,
  tries: number,
])[] = [
  [
    "answers 500 for good",
    { kind: "5xx", service: "github" },
    5,
    /the token endpoint answered 500 when asked for the web identity of GitHub Actions \(4 tries\)/,
    4,
  ],
  [
    "refuses the job",
    { kind: "error", service: "github", status: 401 },
    4,
    /the token endpoint answered 401/,
    1,
  ],
  [
    "redirects elsewhere",
    { kind: "error", service: "github", status: 302 },
    5,
    /the token endpoint answered 302/,
    1,
  ],
  ["is a captive portal", { kind: "garbage", service: "github" }, 5, /answered without a token/, 1],
  ["gives nothing", { kind: "null-fields", service: "github" }, 5, /answered without a token/, 1],
];
for (const [name, fault, exitCode, error, tries] of lasting) {
  Deno.test(`a token endpoint that ${name} is an error with a hint`, async () => {
    await using aws = await startAws();
    aws.fault(fault);
    const env = { ...aws.githubEnv(), AWS_MAX_ATTEMPTS: "4" };
    const { code, stderr } = await ecrin(aws, usual, { env });
    assert.equal(code, exitCode, stderr);
    assert.match(stderr, error);
    assert.match(stderr, /^ecrin: hint: /m);
    assert.equal(aws.requests.length, tries);
  });
}

Deno.test("a token endpoint that cannot be reached is named", async () => {
  await using aws = await startAws();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const host = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  const url = `http://${host}/github/token`;
  const env = { ...aws.githubEnv(), ACTIONS_ID_TOKEN_REQUEST_URL: url };
  const { code, stderr } = await ecrin(aws, usual, { env });
  assert.equal(code, 5);
  assert.ok(stderr.includes(`could not reach ${host}: the connection was refused`), stderr);
});

Deno.test("--timeout ends the wait for a token", async () => {
  await using aws = await startAws();
  aws.fault({ kind: "hang", service: "github" });
  const { code, stderr } = await ecrin(aws, [...usual, "--timeout", "2s"], {
    env: aws.githubEnv(),
  });
  assert.equal(code, 124, stderr);
});

/** What AWS says of a token, and how that is told. */
const refusals: readonly (readonly [name: string, token: NewToken, error: RegExp, hint: RegExp])[] =
  [
    [
      "another audience",
      { audience: "https://github.com/example" },
      /AWS refused the web identity in AWS_TOKEN: the token is for another audience/,
      /sts\.amazonaws\.com/,
    ],
    [
      "another repository",
      { subject: "repo:evil/blog:ref:refs/heads/main" },
      /the web identity in AWS_TOKEN may not assume arn:aws:iam::222222222222:role\/deploy/,
      /trust policy .* subject \(sub: repository, branch\) and audience \(aud\)/,
    ],
    [
      "an hour ago",
      { expiresAt: Date.now() - 3_600_000 },
      /AWS refused the web identity in AWS_TOKEN: the token has expired/,
      /get a new one right before/,
    ],
  ];
for (const [name, given, error, hint] of refusals) {
  Deno.test(`a token of ${name} is refused with what to do`, async () => {
    await using aws = await startAws({ roles: [trusting] });
    const env = { AWS_TOKEN: aws.webIdentities.issue(given) };
    const args = [...usual, "-v", "--web-identity", "env:AWS_TOKEN"];
    const { code, stderr } = await ecrin(aws, args, { env });
    assert.equal(code, 4);
    assert.match(stderr, error);
    assert.match(stderr.match(/^ecrin: hint: .*$/m)?.[0] ?? "", hint);
  });
}

Deno.test("a token of an issuer that the account does not know is refused with the command", async () => {
  await using aws = await startAws();
  const AWS_TOKEN = aws.webIdentities.issue().replace(/\.[^.]*$/, ".forged");
  const args = [...usual, "--web-identity", "env:AWS_TOKEN"];
  const { code, stderr } = await ecrin(aws, args, { env: { AWS_TOKEN } });
  assert.equal(code, 4);
  assert.match(stderr, /the role's account has no OIDC provider https:\/\/token\.actions\./);
  assert.match(stderr, /run: aws iam create-open-id-connect-provider --url https:\/\/token\./);
});

Deno.test("a token that AWS repeats is not passed on", async () => {
  await using aws = await startAws();
  const token = aws.webIdentities.issue();
  aws.fault({ kind: "error", service: "sts", code: "Odd", message: `odd token: ${token}` });
  for (const said of [["-v"], ["--json"]]) {
    const args = [...usual, ...said, "--web-identity", "env:AWS_TOKEN"];
    const { code, stdout, stderr } = await ecrin(aws, args, { env: { AWS_TOKEN: token } });
    assert.equal(code, 4, stderr);
    assert.match(stdout + stderr, /odd token: \*\*\*/);
  }
});

/** What is wrong before AWS is asked for anything. */
const mistakes: readonly (readonly [
  name: string,
  args: string[],
  env: Env,
  code: number,
  says: RegExp,
])[] = [
  ["no role", ["--region", "eu-west-1", "--web-identity", "auto"], {}, 2, /hint: add: --role NAME/],
  ["no platform", [...usual, "--web-identity", "auto"], {}, 4, /no CI job that ecrin knows one of/],
  ["a variable that is not set", [...usual, "--web-identity", "env:X"], {}, 4, /variable X is not/],
  ["a variable with no token", [...usual, "--web-identity", "env:X"], { X: "x" }, 4, /X holds no/],
  ["no file", [...usual, "--web-identity", "file:~/gone"], {}, 4, /cannot read the .*\/gone"/],
  [
    "an empty file",
    [...usual, "--web-identity", "file:~/empty"],
    {},
    4,
    /empty" is not set or emp/,
  ],
  ["a file of keys", [...usual, "--web-identity", "file:~/keys"], {}, 4, /keys" holds no web/],
  [
    "a first role with an external ID",
    [...usual, "--web-identity", "env:JWT", "--external-id", "partner"],
    { JWT: "eyJ.e30.x" },
    2,
    /--external-id is not for a role that is assumed with a web identity/,
  ],
  [
    "a chain of 2 hours",
    [...usual, "--role", "last", "--web-identity", "env:JWT", "--duration", "2h"],
    { JWT: "eyJ.e30.x" },
    2,
    /can last 1h at most/,
  ],
  [
    "a token endpoint without TLS",
    usual,
    {
      ACTIONS_ID_TOKEN_REQUEST_URL: "http://198.51.100.7/token",
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "not-a-bearer",
    },
    2,
    /ACTIONS_ID_TOKEN_REQUEST_URL is no https URL/,
  ],
];
for (const [name, args, env, exitCode, says] of mistakes) {
  Deno.test(`${name}: exit ${exitCode}, and nothing is asked of AWS`, async () => {
    await using aws = await startAws();
    await using home = await tempHome({ "empty": " \n", "keys": "AKIATEST\n" });
    const { code, stdout, stderr } = await ecrin(aws, args, { env, home });
    assert.equal(code, exitCode, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, says);
    assert.match(stderr, /^ecrin: hint: /m);
    assert.deepEqual(aws.requests, []);
  });
}

Deno.test("a GitHub job that may not have an identity is told which permission it lacks", async (t) => {
  const lacks =
    'ecrin: error: the job lacks "permissions: id-token: write", so it has no web identity to ' +
    "assume a role with\n" +
    "ecrin: hint: add to the job: permissions: {id-token: write, contents: read}\n";
  const env = { GITHUB_ACTIONS: "true" };
  await t.step("when nothing else is there", async () => {
    await using aws = await startAws();
    const { code, stderr } = await ecrin(aws, usual, { env });
    assert.deepEqual([code, stderr], [4, lacks]);
  });
  await t.step("when its identity was asked for", async () => {
    await using aws = await startAws();
    const { code, stderr } = await ecrin(aws, [...usual, "--web-identity", "auto"], { env });
    assert.deepEqual([code, stderr, aws.requests], [4, lacks, []]);
  });
  await t.step("not when its machine has a role", async () => {
    await using aws = await startAws({
      metadata: { instanceRole: "arn:aws:iam::111111111111:role/runner" },
    });
    const { code, stderr } = await ecrin(aws, usual, { env });
    assert.equal(code, 0, stderr);
  });
});
