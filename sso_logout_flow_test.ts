/** `ecrin sso logout` as a process, against an AWS on loopback. */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { type CliResult, runCli, type TempHome, tempHome } from "./testing/cli.ts";
import type { Fault } from "./testing/faults.ts";
import {
  inMinutes,
  loginUntilRefresh,
  past,
  sessionFile,
  sessionFolder,
  sessionHome,
} from "./testing/sso_home.ts";
import { contents } from "./testing/temp_home.ts";

const config = `[profile blog]
sso_session = corp
sso_account_id = 222222222222
sso_role_name = deploy
[profile shop]
sso_session = spare
sso_account_id = 222222222222
sso_role_name = deploy
[profile old]
sso_start_url = https://old.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 222222222222
sso_role_name = deploy
[sso-session corp]
sso_start_url = https://x.awsapps.com/start
sso_region = us-west-2
[sso-session spare]
sso_start_url = https://x.awsapps.com/start
sso_region = us-west-2
`;

// the SHA-1 of "spare" and of "https://old.awsapps.com/start"
const spareFile = `${sessionFolder}/8715c95f52e20552633be9d68ca05aa648c40a9d.json`;
const oldFile = `${sessionFolder}/33d5ca4bf3b1a62edb96b47f7c203034a43ac435.json`;
const strayFile = `${sessionFolder}/stray.json`;
const registration = `${sessionFolder}/registration.json`;
const garbage = `${sessionFolder}/garbage.json`;
const otherPrograms = `${sessionFolder}/kiro-auth-token.json`;
const assumed = `.aws/cli/cache/${"b".repeat(40)}.json`;

interface Ended {
  session: string | null;
  removed: boolean;
  revoked: boolean;
  error?: { code: string };
}

interface Logout extends CliResult {
  sessions: Ended[];
  cachedRoles: number;
}

async function logout(
  aws: FakeAws,
  home: TempHome,
  more: string[] = [],
  extra: Record<string, string | undefined> = {},
): Promise<Logout> {
  const env = { ...aws.env(), AWS_MAX_ATTEMPTS: "1", ...extra };
  const result = await runCli(["sso", "logout", "--json", ...more], { env, home: home.path });
  // every secret of this AWS begins so
  for (const text of [result.stdout, result.stderr]) assert(!text.includes("not-a-"), text);
  return { ...result, ...JSON.parse(result.stdout) };
}

/** Asserts that nothing is left to refresh; an access token that was refreshed just runs out. */
function assertEnded(aws: FakeAws): void {
  const tokens = [...aws.sso.tokens.values()];
  assert.deepEqual(tokens.filter(({ refreshToken }) => refreshToken !== undefined), []);
}

/** The paths of the files in a home, relative to it. */
async function files(home: TempHome): Promise<string[]> {
  const paths: string[] = [];
  for (const path of Object.keys(await contents(home.path))) {
    if ((await Deno.lstat(path)).isFile) paths.push(path.slice(home.path.length + 1));
  }
  return paths.sort();
}

/** A home in which everything is signed in that can be, and roles of three sessions are cached. */
async function fullHome(aws: FakeAws): Promise<TempHome> {
  const token = (changes: Record<string, unknown> = {}) =>
    JSON.stringify({ ...aws.sso.signIn(), ...changes });
  const home = await tempHome({
    ".aws/config": config,
    [sessionFile]: token(),
    [spareFile]: token(),
    [oldFile]: token({ startUrl: "https://old.awsapps.com/start", refreshToken: undefined }),
    [strayFile]: token({ startUrl: "https://z.awsapps.com/start" }),
    [registration]: '{"clientId": "x", "clientSecret": "y", "expiresAt": "2999-01-01T00:00:00Z"}',
    [garbage]: "{",
    [otherPrograms]: '{"accessToken": "not-a-token-x", "expiresAt": "2999-01-01T00:00:00Z"}',
    [`${sessionFolder}/.${sessionFile.split("/").at(-1)}.ecrin-1.tmp`]: token(),
    [assumed]: '{"Credentials": {}, "AssumedRoleUser": {}}',
  });
  const args = ["--account", "222222222222", "--region", "eu-west-1", "--tool", "file"];
  for (const profile of ["blog", "shop", "old"]) {
    const { code, stderr } = await runCli([...args, "--profile", profile], {
      env: aws.env(),
      home: home.path,
    });
    assert.equal(code, 0, stderr);
  }
  await Deno.remove(home.at(".docker"), { recursive: true });
  return home;
}

Deno.test("one session is ended, with its roles, and nothing else", async () => {
  await using aws = await startAws();
  await using home = await fullHome(aws);
  const before = await files(home);
  const { accessToken } = JSON.parse(await home.read(sessionFile));
  const { code, stderr, sessions, cachedRoles } = await logout(aws, home, ["--profile", "blog"]);
  assert.equal(code, 0, stderr);
  assert.equal(
    stderr,
    'ecrin: signed out of the SSO session of profile "blog"\n' +
      "ecrin: removed the cached credentials of 1 SSO role\n",
  );
  assert.deepEqual(sessions, [{
    session: "corp",
    startUrl: "https://x.awsapps.com/start",
    region: "us-west-2",
    profiles: ["blog"],
    removed: true,
    revoked: true,
  }]);
  assert.equal(cachedRoles, 1);
  assert(!aws.sso.tokens.has(accessToken));
  assert.equal(aws.requestsOf("sso", "Logout").length, 1);
  const after = await files(home);
  const removed = before.filter((path) => !after.includes(path));
  assert.deepEqual(
    removed.map((path) => path.replace(/\/[0-9a-f]{40}/, "/KEY")).sort(),
    [
      ".aws/cli/cache/KEY.json",
      ".aws/sso/cache/.ee0bfd2552fbd840c02cc48b6e823320543c450f.json.ecrin-1.tmp",
      ".aws/sso/cache/KEY.json",
    ],
  );
  assert(removed.includes(sessionFile));
  // the others' roles are still there for them
  const requests = aws.requestsOf("sso").length;
  const args = ["--account", "222222222222", "--region", "eu-west-1", "--tool", "file"];
  for (const profile of ["shop", "old"]) {
    const { code } = await runCli([...args, "--profile", profile], {
      env: aws.env(),
      home: home.path,
    });
    assert.equal(code, 0);
  }
  assert.equal(aws.requestsOf("sso").length, requests);
});

Deno.test("without a name all are ended; what is no token stays", async () => {
  await using aws = await startAws();
  await using home = await fullHome(aws);
  const { code, stderr, sessions, cachedRoles } = await logout(aws, home);
  assert.equal(code, 0, stderr);
  assert.deepEqual(sessions.map(({ session }) => session), ["corp", "spare", null, null]);
  assert(sessions.every(({ removed, revoked }) => removed && revoked));
  assert.equal(cachedRoles, 3);
  assert.match(stderr, /^ecrin: signed out of the SSO session of profile "old"$/m);
  assert.match(stderr, /^ecrin: signed out of the SSO session https:\/\/z\.awsapps\.com\/start$/m);
  assert.match(stderr, /^ecrin: removed the cached credentials of 3 SSO roles$/m);
  const kept = [assumed, ".aws/config", garbage, otherPrograms, registration];
  assert.deepEqual(await files(home), kept.sort());
  assert.equal(aws.requestsOf("sso", "Logout").length, 4);
  const again = await logout(aws, home);
  assert.equal(again.code, 0);
  assert.equal(again.stderr, "ecrin: no SSO session is signed in\n");
  assert.deepEqual(again.sessions, []);
});

interface Case {
  changes?: Record<string, unknown>;
  revoked?: boolean;
  fault?: Fault;
  env?: Record<string, string | undefined>;
  operations: string[];
  code: number;
  stderr: RegExp;
  isRevoked: boolean;
}

const signedOut = /^ecrin: signed out of the SSO session corp\n$/;
const ended = /^ecrin: signed out of the SSO session corp, which had ended already\n$/;
const left = (why: string): RegExp =>
  new RegExp(
    `^ecrin: warning: removed the token of the SSO session corp, but could not end it at AWS: ${why}`,
  );

const cases: [what: string, expected: Case][] = [
  ["whose access token has run out is refreshed to be ended", {
    changes: { expiresAt: past },
    operations: ["CreateToken", "Logout"],
    code: 0,
    stderr: signedOut,
    isRevoked: true,
  }],
  ["that has run out is only removed", {
    changes: { expiresAt: past, refreshToken: undefined },
    operations: [],
    code: 0,
    stderr: ended,
    isRevoked: true,
  }],
  ["that AWS has ended is removed", {
    revoked: true,
    operations: ["Logout"],
    code: 0,
    stderr: ended,
    isRevoked: true,
  }],
  ["that AWS has ended is removed, also when it is refreshed for that", {
    revoked: true,
    changes: { expiresAt: past },
    operations: ["CreateToken"],
    code: 0,
    stderr: ended,
    isRevoked: true,
  }],
  ["is removed although the connection breaks", {
    fault: { kind: "reset" },
    operations: ["Logout"],
    code: 5,
    stderr: left("could not reach 127\\.0\\.0\\.1:\\d+: "),
    isRevoked: false,
  }],
  ["is removed although AWS is out of order", {
    fault: { kind: "5xx" },
    operations: ["Logout"],
    code: 5,
    stderr: left("AWS could not do Logout: 500 "),
    isRevoked: false,
  }],
  ["is removed although AWS is asked too often", {
    fault: { kind: "throttle" },
    operations: ["Logout"],
    code: 5,
    stderr: left(""),
    isRevoked: false,
  }],
  ["is removed although a proxy refuses", {
    env: { AWS_ENDPOINT_URL: undefined, HTTPS_PROXY: "http://127.0.0.1:1" },
    operations: [],
    code: 5,
    stderr: left("could not reach portal\\.sso\\.us-west-2\\.amazonaws\\.com: "),
    changes: { region: "" },
    isRevoked: false,
  }],
  ["is removed although its region is none", {
    changes: { region: "evil.example/" },
    operations: [],
    code: 2,
    stderr: left('"evil.example/" is not an AWS region'),
    isRevoked: false,
  }],
];

for (const [what, { changes = {}, revoked, fault, env, operations, ...expected }] of cases) {
  Deno.test(`a session ${what}`, async () => {
    await using aws = await startAws();
    await using home = await sessionHome(aws, { expiresAt: inMinutes(30), ...changes });
    if (revoked) aws.sso.revoke(home.token.accessToken);
    if (fault !== undefined) aws.fault(fault);
    const { code, stderr, sessions } = await logout(aws, home, [], env);
    assert.equal(code, expected.code, stderr);
    assert.match(stderr, expected.stderr);
    assert.deepEqual(aws.requests.map(({ operation }) => operation), operations);
    assert.deepEqual(sessions.map(({ revoked }) => revoked), [expected.isRevoked]);
    assert.deepEqual(await home.names(), []);
    if (operations.includes("Logout") && code === 0) assertEnded(aws);
  });
}

for (const text of ["", "{", '{"accessToken": "not-a-tok', "[]", '{"accessToken": 7}']) {
  Deno.test(`a token's file that holds ${JSON.stringify(text)} is removed with its session`, async () => {
    await using aws = await startAws();
    await using home = await sessionHome(aws);
    await Deno.writeTextFile(home.at(sessionFile), text);
    const { code, stderr, sessions } = await logout(aws, home, ["--sso-session", "corp"]);
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /^ecrin: warning: removed the unreadable token of the SSO session corp, so AWS was not told/,
    );
    assert.deepEqual(sessions.map(({ removed, revoked }) => [removed, revoked]), [[true, false]]);
    assert.deepEqual(await home.names(), []);
  });
}

Deno.test("a session that is not signed in is no error, and one that is not there is", async () => {
  await using aws = await startAws();
  await using home = await tempHome({ ".aws/config": config });
  const { code, stderr, sessions } = await logout(aws, home, ["--sso-session", "corp"]);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "ecrin: the SSO session corp is not signed in\n");
  assert.deepEqual(sessions, []);
  assert.equal((await logout(aws, home, ["--sso-session", "crop"])).code, 2);
  assert.deepEqual(aws.requests, []);
  assert.deepEqual(await files(home), [".aws/config"]);
});

Deno.test("a file that cannot be removed is said, and its session ended all the same", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws);
  await Deno.remove(home.at(sessionFile));
  await home.write(`${sessionFile}/in-the-way`, "");
  const { code, stderr, sessions } = await logout(aws, home);
  assert.equal(code, 4, stderr);
  assert.match(stderr, /^ecrin: error: cannot remove .*\.json: \w+\necrin: hint: /m);
  assert.equal(sessions[0]?.error?.code, "sso-token-not-removed");
});

Deno.test("a token behind a symlink is removed, not only the link", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws, { expiresAt: inMinutes(30) });
  await Deno.rename(home.at(sessionFile), home.at("token.json"));
  await Deno.symlink(home.at("token.json"), home.at(sessionFile));
  const { code, stderr } = await logout(aws, home);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await files(home), [".aws/config"]);
  assertEnded(aws);
});

Deno.test("a token that is being refreshed is ended as what it becomes", async () => {
  await using aws = await startAws({ latency: 300 });
  await using home = await sessionHome(aws);
  await using login = await loginUntilRefresh(aws, home);
  const { code, stderr } = await logout(aws, home);
  assert.equal(code, 0, stderr);
  await login.result();
  assertEnded(aws);
  assert.deepEqual(await home.names(), []);
});

for (const command of ["login", "logout", "status"]) {
  Deno.test(`sso ${command} refuses a word, which is not to mean every session`, async () => {
    await using aws = await startAws();
    await using home = await sessionHome(aws, { expiresAt: inMinutes(60) });
    const before = await home.read(sessionFile);
    const { code, stdout, stderr } = await runCli(["sso", command, "corp", "--json"], {
      env: aws.env(),
      home: home.path,
    });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /does not expect "corp"\n.*--sso-session NAME/);
    assert.equal(JSON.parse(stdout).error.code, "unexpected-argument");
    assert.equal(await home.read(sessionFile), before);
    assert.deepEqual(aws.requests, []);
  });
}
