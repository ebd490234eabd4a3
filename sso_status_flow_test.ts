/** `ecrin sso status` as a process. */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { type CliResult, runCli, type TempHome, tempHome } from "./testing/cli.ts";
import { inMinutes, past, sessionFile, sessionFolder } from "./testing/sso_home.ts";
import { contents } from "./testing/temp_home.ts";

const config = `[profile blog]
sso_session = corp
sso_account_id = 222222222222
sso_role_name = deploy
[profile shop]
sso_session = corp
sso_account_id = 333333333333
sso_role_name = deploy
[profile through]
role_arn = arn:aws:iam::444444444444:role/admin
source_profile = shop
[profile old]
sso_start_url = https://old.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 222222222222
sso_role_name = deploy
[profile broken]
sso_session = gone
[profile keys]
aws_access_key_id = AKIATEST
aws_secret_access_key = not-a-secret
[sso-session corp]
sso_start_url = https://x.awsapps.com/start
sso_region = us-west-2
[sso-session spare]
sso_start_url = https://x.awsapps.com/start
sso_region = us-west-2
[sso-session half]
sso_region = us-west-2
`;

// the SHA-1 of "spare" and of "https://old.awsapps.com/start"
const spareFile = `${sessionFolder}/8715c95f52e20552633be9d68ca05aa648c40a9d.json`;
const oldFile = `${sessionFolder}/33d5ca4bf3b1a62edb96b47f7c203034a43ac435.json`;

interface Status {
  result: CliResult;
  // deno-lint-ignore no-explicit-any -- the fields are what is tested
  sessions: any[];
  error?: { code: string; hint: string };
}

/** Runs with every way to AWS closed, with and without `--json`; nothing is changed. */
async function status(home: TempHome, more: string[] = []): Promise<Status> {
  const before = await contents(home.path);
  const options = { home: home.path, env: { HTTPS_PROXY: "http://127.0.0.1:1" } };
  const result = await runCli(["sso", "status", ...more], options);
  const { code, stdout } = await runCli(["sso", "status", ...more, "--json"], options);
  assert.equal(code, result.code, result.stderr);
  for (const text of [result.stdout, result.stderr, stdout]) assert(!text.includes("not-a-"), text);
  assert.deepEqual(await contents(home.path), before);
  return { result, ...JSON.parse(stdout) };
}

function tokens(aws: FakeAws): (changes: Record<string, unknown>) => string {
  return (changes) => JSON.stringify({ ...aws.sso.signIn(), ...changes });
}

Deno.test("every session is listed: of the config in both forms, and of a token alone", async () => {
  await using aws = await startAws();
  const token = tokens(aws);
  const soon = inMinutes(55);
  await using home = await tempHome({
    ".aws/config": config,
    [sessionFile]: token({ expiresAt: soon }),
    [spareFile]: token({ expiresAt: past }),
    [oldFile]: token({ expiresAt: past, startUrl: "https://old.awsapps.com/start" }),
    [`${sessionFolder}/stray.json`]: token({
      startUrl: "https://z.awsapps.com/start",
      refreshToken: undefined,
      expiresAt: soon.replace("Z", "UTC"),
    }),
    [`${sessionFolder}/registration.json`]: `{"clientId":"x","clientSecret":"not-a-secret-x"}`,
    [`${sessionFolder}/garbage.json`]: "{",
    [`${sessionFolder}/.half.json.ecrin-1.tmp`]: token({}),
  });
  const { result, sessions } = await status(home);
  const { code, stdout, stderr } = result;
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  const lines = stdout.split("\n");
  assert.match(lines[0] ?? "", /^SESSION +STATE +EXPIRES +REGION +START URL$/);
  const rows = lines.slice(1, -1).map((line) => line.split(/ {2,}/));
  const [time, ago] = [/^\d\d:\d\d( tomorrow)?/, /^2024-01-01 \d\d:\d\d$|^2023-12-31 \d\d:\d\d$/];
  assert.match(rows[0]?.splice(2, 1)[0] ?? "", new RegExp(`${time.source}, then refreshed$`));
  assert.match(rows[1]?.splice(2, 1)[0] ?? "", ago);
  assert.match(rows[3]?.splice(2, 1)[0] ?? "", ago);
  assert.match(rows[4]?.splice(2, 1)[0] ?? "", new RegExp(`${time.source}$`));
  assert.deepEqual(rows, [
    ["corp", "signed in", "us-west-2", "https://x.awsapps.com/start"],
    ["spare", "expired, refreshed when used", "us-west-2", "https://x.awsapps.com/start"],
    ["half", "not signed in", "-", "us-west-2", "-"],
    ["profile old", "expired", "eu-west-1", "https://old.awsapps.com/start"],
    ["-", "signed in", "us-east-1", "https://z.awsapps.com/start"],
  ]);
  const [corp, ...others] = sessions;
  assert.deepEqual(corp, {
    session: "corp",
    startUrl: "https://x.awsapps.com/start",
    region: "us-west-2",
    profiles: ["blog", "shop"],
    state: "signed-in",
    expiresAt: soon.replace("Z", ".000Z"),
    refreshable: true,
  });
  assert.deepEqual(
    others.map(({ state, refreshable }) => [state, refreshable]),
    [["refreshable", true], ["not-signed-in", false], ["expired", false], ["signed-in", false]],
  );
});

type State = "signed-in" | "refreshable" | "expired" | "not-signed-in" | "unreadable";

const named: [what: string, file: string | Record<string, unknown> | undefined, State][] = [
  ["is valid", { expiresAt: inMinutes(5) }, "signed-in"],
  ["is valid and nothing refreshes", { expiresAt: inMinutes(5), refreshToken: "" }, "signed-in"],
  ["has run out", { expiresAt: past }, "refreshable"],
  ["has run out without a refresh token", { expiresAt: past, refreshToken: undefined }, "expired"],
  [
    "has run out with its registration",
    { expiresAt: past, registrationExpiresAt: past },
    "expired",
  ],
  ["is not there", undefined, "not-signed-in"],
  ["is empty", "", "unreadable"],
  ["is cut off", '{"accessToken": "not-a-tok', "unreadable"],
  ["is a list", "[]", "unreadable"],
  ["ends at no time", { expiresAt: "soon" }, "unreadable"],
];

const codes: Readonly<Record<State, string | undefined>> = {
  "signed-in": undefined,
  "refreshable": undefined,
  "expired": "sso-session-expired",
  "not-signed-in": "sso-not-signed-in",
  "unreadable": "sso-token-unreadable",
};

for (const [what, file, state] of named) {
  Deno.test(`a session whose token ${what} is ${state}`, async () => {
    await using aws = await startAws();
    const text = typeof file === "object" ? tokens(aws)(file) : file;
    await using home = await tempHome({
      ".aws/config": config,
      ...(text === undefined ? {} : { [sessionFile]: text }),
    });
    const exitCode = codes[state] === undefined ? 0 : 4;
    const ways: [more: string[], hint: string][] = [
      [["--sso-session", "corp"], "run: ecrin sso login --sso-session corp"],
      [["--profile", "blog"], "run: ecrin sso login --profile blog"],
      [["--profile", "through"], "run: ecrin sso login --profile shop"],
    ];
    for (const [more, hint] of ways) {
      const { result, sessions, error } = await status(home, more);
      assert.equal(result.code, exitCode, result.stderr);
      assert.deepEqual(sessions.map(({ session, state }) => [session, state]), [["corp", state]]);
      assert.match(result.stdout, /\ncorp /);
      assert.equal(error?.code, codes[state]);
      assert.equal(error?.hint, exitCode === 0 ? undefined : hint);
      if (exitCode !== 0) assert(result.stderr.endsWith(`ecrin: hint: ${hint}\n`), result.stderr);
    }
    assert.equal((await status(home)).result.code, 0);
  });
}

Deno.test("a token with no session in the config is found by the session's name", async () => {
  await using aws = await startAws();
  await using home = await tempHome({ [sessionFile]: tokens(aws)({ expiresAt: inMinutes(5) }) });
  const { result, sessions } = await status(home, ["--sso-session", "corp"]);
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(sessions.map(({ session }) => session), ["corp"]);
});

const mistakes: [args: string[], code: string][] = [
  [["--sso-session", "crop"], "sso-session-not-found"],
  [["--sso-session", "half"], "sso-settings-missing"],
  [["--profile", "bolg"], "profile-not-found"],
  [["--profile", "keys"], "profile-without-sso"],
  [["--profile", "broken"], "sso-session-not-found"],
  [["--profile", "blog", "--sso-session", "corp"], "two-sso-sessions"],
];

for (const [args, expected] of mistakes) {
  Deno.test(`${args.join(" ")} is ${expected}`, async () => {
    await using home = await tempHome({ ".aws/config": config });
    const { result, error } = await status(home, args);
    assert.equal(result.code, 2, result.stderr);
    assert.equal(result.stdout, "");
    assert.equal(error?.code, expected);
  });
}

Deno.test("where there is nothing, the way on is shown", async () => {
  const { code, stdout, stderr } = await runCli(["sso", "status"]);
  assert.equal(code, 0);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /^ecrin: there is no SSO session in .*config, and none is signed in\necrin: .* ecrin sso configure\n$/,
  );
});

Deno.test("what a file says does not reach the terminal as it is", async () => {
  await using aws = await startAws();
  const startUrl = "https://x/\x1b]0;title\x07\n\u202eeditor";
  const text = tokens(aws)({ startUrl, region: "\x1b[2J", expiresAt: inMinutes(5) });
  await using home = await tempHome({ [`${sessionFolder}/a.json`]: text });
  const { result: { stdout } } = await status(home);
  assert.equal(stdout.split("\n").length, 3);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
});
