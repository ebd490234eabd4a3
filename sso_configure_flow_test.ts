/**
 * `ecrin sso configure` without questions: the real CLI as a process, against a portal on loopback.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { type CliOptions, type CliResult, runCli, type TempHome, tempHome } from "./testing/cli.ts";
import { ssoSessionFile } from "./testing/profile_files.ts";
import type { SsoAccount } from "./testing/sso_sessions.ts";

const session = `[sso-session corp]
sso_start_url = https://x.awsapps.com/start
sso_region = us-east-1
sso_registration_scopes = sso:account:access
`;

/** `~/.aws/config` of somebody who has a session and cares for their file. */
const config = `# mine\n[default]\nregion = us-east-1 \n\n${session}`;

/** A home that is signed in to `corp`. */
async function signedIn(aws: FakeAws, text: string | undefined = config): Promise<TempHome> {
  return await tempHome({
    [ssoSessionFile]: JSON.stringify(aws.sso.signIn()),
    ...(text === "" ? {} : { ".aws/config": text }),
  });
}

function configure(
  aws: FakeAws,
  home: TempHome,
  args: string[],
  options: CliOptions = {},
): Promise<CliResult> {
  const env = { ...aws.env(), ...options.env };
  return runCli(["sso", "configure", ...args], { ...options, home: home.path, env });
}

function account(accountId: string, accountName: string, roles: string[]): SsoAccount {
  return { accountId, accountName, emailAddress: `${accountId}@example.com`, roles };
}

const single = ["--account", "222222222222", "--sso-role", "deploy", "--profile", "blog"];
const blog = `
[profile blog]
sso_session = corp
sso_account_id = 222222222222
sso_role_name = deploy
`;

Deno.test("with every value in flags a profile is written, and the change shown", async () => {
  await using aws = await startAws();
  await using home = await signedIn(aws);
  const args = [...single, "--sso-session", "corp", "--region", "eu-west-1"];
  const { code, stdout, stderr } = await configure(aws, home, args);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "");
  assert.deepEqual(stderr.split("\n"), [
    `ecrin: the change of ${home.at(".aws/config")}:`,
    "ecrin: + [profile blog]",
    "ecrin: + sso_session = corp",
    "ecrin: + sso_account_id = 222222222222",
    "ecrin: + sso_role_name = deploy",
    "ecrin: + region = eu-west-1",
    `ecrin: wrote profile "blog" to ${home.at(".aws/config")}`,
    "ecrin: to use it, run: ecrin --profile blog",
    "",
  ]);
  assert.equal(await home.read(".aws/config"), `${config}${blog}region = eu-west-1\n`);
  // nothing has to be known of AWS
  assert.deepEqual(aws.requests, []);
  const again = await configure(aws, home, args);
  assert.equal(again.stderr, `ecrin: nothing to change in ${home.at(".aws/config")}\n`);
});

Deno.test("a first profile makes the file and its session, readable by its owner only", async () => {
  await using aws = await startAws();
  await using home = await tempHome();
  const url = ["--start-url", "https://x.awsapps.com/start", "--sso-region", "us-east-1"];
  const { code, stdout, stderr } = await configure(
    aws,
    home,
    [...single, "--sso-session", "corp", ...url, "--json"],
  );
  assert.equal(code, 0, stderr);
  assert.equal(await home.read(".aws/config"), `${session}${blog}`);
  assert.deepEqual(JSON.parse(stdout), {
    config: home.at(".aws/config"),
    session: { session: "corp", startUrl: "https://x.awsapps.com/start", region: "us-east-1" },
    profiles: [
      { profile: "blog", account: "222222222222", role: "deploy", region: null, changed: true },
    ],
    changed: true,
  });
  if (Deno.build.os !== "windows") {
    const modeOf = async (path: string) => (await Deno.stat(home.at(path))).mode ?? 0;
    assert.equal((await modeOf(".aws/config")) & 0o777, 0o600);
    assert.equal((await modeOf(".aws")) & 0o777, 0o700);
  }
  assert.equal(await home.exists(".aws/credentials"), false);
});

Deno.test("AWS_CONFIG_FILE says where, and a session is found by its start URL", async () => {
  await using aws = await startAws();
  await using home = await tempHome({ "elsewhere/config": session });
  const env = { AWS_CONFIG_FILE: "~/elsewhere/config" };
  const url = ["--start-url", "https://x.awsapps.com/start"];
  const { code, stderr } = await configure(aws, home, [...single, ...url], { env });
  assert.equal(code, 0, stderr);
  assert.equal(await home.read("elsewhere/config"), session + blog);
  assert.equal(await home.exists(".aws"), false);
});

Deno.test("--dry-run shows the change and writes nothing", async () => {
  await using aws = await startAws();
  await using home = await signedIn(aws);
  for (const args of [single, ["--all"]]) {
    const { code, stdout, stderr } = await configure(aws, home, [...args, "--dry-run", "--json"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^ecrin: \+ sso_role_name = deploy$/m);
    assert.equal(JSON.parse(stdout).dryRun, true);
    assert.equal(await home.read(".aws/config"), config);
  }
});

Deno.test("--all writes a profile for every account and role, once", async () => {
  await using aws = await startAws({
    sso: {
      accounts: [
        account("222222222222", "blog", ["deploy", "ReadOnly"]),
        account("333333333333", "Büro (Nord)", ["deploy"]),
        account("444444444444", "blog", ["deploy"]),
      ],
    },
  });
  await using home = await signedIn(aws);
  const args = ["--all", "--prefix", "corp-", "--region", "eu-west-1"];
  const { code, stdout, stderr } = await configure(aws, home, [...args, "--json"]);
  assert.equal(code, 0, stderr);
  const { profiles } = JSON.parse(stdout);
  assert.deepEqual(
    profiles.map(({ profile, account, role }: Record<string, string>) => [profile, account, role]),
    [
      ["corp-Buro-Nord-deploy", "333333333333", "deploy"],
      ["corp-blog-ReadOnly", "222222222222", "ReadOnly"],
      ["corp-blog-222222222222-deploy", "222222222222", "deploy"],
      ["corp-blog-444444444444-deploy", "444444444444", "deploy"],
    ],
  );
  const text = await home.read(".aws/config");
  assert(text.startsWith(config));
  assert.equal(text.match(/^\[profile /gm)?.length, 4);
  assert.equal(text.match(/^region = eu-west-1$/gm)?.length, 4);

  const again = await configure(aws, home, args);
  assert.equal(again.stderr, `ecrin: nothing to change in ${home.at(".aws/config")}\n`);
  // a region that somebody chose is theirs
  const theirs = text.replace("region = eu-west-1", "region = ap-east-1");
  await home.write(".aws/config", theirs);
  assert.match((await configure(aws, home, args)).stderr, /nothing to change/);
  assert.equal(await home.read(".aws/config"), theirs);
});

Deno.test("--role-name leaves the role out of the names, and accounts without it alone", async () => {
  await using aws = await startAws({
    sso: {
      accounts: [
        account("222222222222", "blog", ["deploy", "ReadOnly"]),
        account("333333333333", "shop", ["ReadOnly"]),
        account("444444444444", "wiki", ["deploy"]),
      ],
    },
  });
  await using home = await signedIn(aws);
  const accounts = ["--account", "222222222222,333333333333"];
  const args = ["--all", "--role-name", "deploy", ...accounts];
  const { code, stderr } = await configure(aws, home, args);
  assert.equal(code, 0, stderr);
  assert.equal(await home.read(".aws/config"), config + blog);
});

Deno.test("300 accounts are listed page by page, some of them twice, as the portal throttles", async () => {
  const accounts = Array.from({ length: 300 }, (_, index) => {
    const roles = index === 0
      ? Array.from({ length: 150 }, (_, role) => `role-${role}`)
      : ["deploy"];
    return account(String(100_000_000_000 + index), `account ${index}`, roles);
  });
  await using aws = await startAws({ sso: { accounts } });
  await using home = await signedIn(aws);
  aws.fault({ kind: "throttle", service: "sso", operation: "ListAccounts", times: 2 });
  aws.fault({ kind: "throttle", service: "sso", operation: "ListAccountRoles", times: 3 });
  const { code, stdout, stderr } = await configure(aws, home, ["--all", "--json"]);
  assert.equal(code, 0, stderr);
  const { profiles } = JSON.parse(stdout);
  assert.equal(profiles.length, 449);
  assert.equal(new Set(profiles.map(({ profile }: { profile: string }) => profile)).size, 449);
  assert.equal((await home.read(".aws/config")).match(/^\[profile /gm)?.length, 449);
  assert.equal(aws.requestsOf("sso", "ListAccounts").length, 3 + 2);
  assert.equal(aws.requestsOf("sso", "ListAccountRoles").length, 301 + 3);
  // so much is shown by its headers
  assert.match(stderr, /, \d+ lines in these sections:$/m);
  assert.doesNotMatch(stderr, /sso_account_id/);
});

Deno.test("an account that is refused, or has no role, is warned of, and the others go on", async () => {
  await using aws = await startAws({
    sso: {
      accounts: [
        account("222222222222", "a", ["deploy"]),
        account("333333333333", "b", []),
        account("444444444444", "c", ["deploy"]),
      ],
    },
  });
  await using home = await signedIn(aws);
  aws.fault({ kind: "access-denied", service: "sso", operation: "ListAccountRoles", times: 1 });
  const { code, stdout, stderr } = await configure(aws, home, ["--all", "--json"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^ecrin: warning: no access to [ac] \(.*\): it gets no profile$/m);
  assert.match(stderr, /^ecrin: warning: no role in b \(333333333333, .*\): it gets no profile$/m);
  assert.equal(JSON.parse(stdout).profiles.length, 1);
});

Deno.test("names of accounts harm neither the terminal nor the file", async () => {
  const evil = [
    "x\n[profile default]\naws_access_key_id = evil",
    "\x1b[2J\x1b]0;title\x07red",
    "\u202egnirts",
    "]\r\n[default",
    "a".repeat(5000),
    "# ; = : ' \" \\ $(id) `id`",
  ];
  const accounts = evil.map((name, index) => account(`22222222222${index}`, name, ["deploy"]));
  await using aws = await startAws({ sso: { accounts } });
  await using home = await signedIn(aws);
  const { code, stderr } = await configure(aws, home, ["--all"]);
  assert.equal(code, 0, stderr);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
  for (const line of stderr.trimEnd().split("\n")) assert.match(line, /^ecrin: /);
  const text = (await home.read(".aws/config")).slice(config.length);
  const headers = text.match(/^.*\[.*$/gm) ?? [];
  assert.equal(headers.length, evil.length);
  for (const header of headers) assert.match(header, /^\[profile [\w.-]+\]$/);
  assert.doesNotMatch(text, /^aws_access_key_id/m);
});

const missing: [note: string, flag: string, args: string[], text?: string][] = [
  ["no session", "sso-session", single, ""],
  ["two sessions", "sso-session", single, config.replace("corp", "a") + session],
  ["a new session", "start-url", [...single, "--sso-session", "new"]],
  ["its URL alone", "sso-region", [
    ...single,
    "--sso-session",
    "new",
    "--start-url",
    "https://y.awsapps.com/start",
  ]],
  ["a role alone", "account", ["--sso-role", "deploy", "--profile", "blog"]],
  ["an account alone", "sso-role", ["--account", "222222222222", "--profile", "blog"]],
  ["both", "profile", ["--account", "222222222222", "--sso-role", "deploy"]],
];

for (const [note, flag, args, text] of missing) {
  Deno.test(`without a terminal --${flag} is asked for by name: ${note}`, async () => {
    await using aws = await startAws();
    await using home = await signedIn(aws, text);
    const { code, stdout, stderr } = await configure(aws, home, [...args, "--json"]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, new RegExp(`^ecrin: hint: add: --${flag} [A-Z]+; or run`, "m"));
    assert.equal(JSON.parse(stdout).error.code, "flag-needed");
    assert.deepEqual(aws.requests, []);
  });
}

const refusals: [name: string, args: string[], text: string, code: string][] = [
  ["a word", ["blog"], config, "unexpected-word"],
  ["--prefix without --all", ["--prefix", "x"], config, "flags-contradict"],
  ["--profile with --all", ["--all", "--profile", "x"], config, "flags-contradict"],
  ["two accounts", ["--account", "222222222222,333333333333"], config, "one-only"],
  ["two regions", ["--region", "eu-west-1,eu-west-2"], config, "one-only"],
  ["a name with a bracket", [...single, "--profile", "a]b"], config, "bad-section-name"],
  ["a session with a line break", [...single, "--sso-session", "a\nb"], "", "bad-section-name"],
  ["a prefix with a space", ["--all", "--prefix", "a b"], config, "bad-prefix"],
  ["a role with a slash", [...single, "--sso-role", "a/b"], config, "bad-role"],
  [
    "another start URL of a session",
    [...single, "--sso-session", "corp", "--start-url", "https://y.awsapps.com/start"],
    config,
    "sso-session-exists",
  ],
  [
    "a profile that is another role",
    single,
    config + blog.replace("deploy", "x"),
    "profile-exists",
  ],
  [
    "a profile that assumes a role",
    single,
    `${config}[profile blog]\nrole_arn = arn:aws:iam::222222222222:role/x\n`,
    "profile-exists",
  ],
  ["a malformed file", single, `${config}rubbish\n[`, "aws-config-malformed"],
  ["a file with a section twice", single, session + session, "aws-config-duplicate"],
];

for (const [name, args, text, expected] of refusals) {
  Deno.test(`nothing is written for ${name}`, async () => {
    await using aws = await startAws();
    await using home = await tempHome({ ".aws/config": text });
    const { code, stdout, stderr } = await configure(aws, home, [...args, "--json"]);
    assert.equal(code, 2, stderr);
    assert.equal(JSON.parse(stdout).error.code, expected, stderr);
    assert.equal(await home.read(".aws/config"), text);
    assert.deepEqual(aws.requests, []);
  });
}

Deno.test("a profile of keys in the credentials file is not taken over", async () => {
  await using aws = await startAws();
  const credentials =
    "[blog]\naws_access_key_id = AKIATEST\naws_secret_access_key = not-a-secret\n";
  await using home = await tempHome({ ".aws/config": config, ".aws/credentials": credentials });
  const { code, stderr } = await configure(aws, home, single);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /^ecrin: hint: choose another name: --profile NAME$/m);
  assert.equal(await home.read(".aws/credentials"), credentials);
  assert.equal(await home.read(".aws/config"), config);
});

Deno.test("whoever is not signed in is told how, also to a session that is not in the file", async () => {
  await using aws = await startAws();
  await using home = await tempHome({ ".aws/config": config });
  const known = await configure(aws, home, ["--all"]);
  assert.equal(known.code, 4, known.stderr);
  assert.match(known.stderr, /^ecrin: hint: run: ecrin sso login --sso-session corp$/m);
  const url = ["--start-url", "https://y.awsapps.com/start", "--sso-region", "eu-west-1"];
  const unknown = await configure(aws, home, ["--all", "--sso-session", "new", ...url]);
  assert.equal(unknown.code, 4, unknown.stderr);
  assert.match(
    unknown.stderr,
    /^ecrin: hint: run: ecrin sso login --sso-session new --start-url https:\/\/y\.awsapps\.com\/start --sso-region eu-west-1$/m,
  );
});

const answers: [
  name: string,
  fault: Parameters<FakeAws["fault"]>[0],
  code: number,
  error: RegExp,
][] = [
  ["a web page", { kind: "garbage", service: "sso" }, 5, /the answer to ListAccounts is not what/],
  ["nothing at all", { kind: "null-fields", service: "sso" }, 5, /answer to ListAccounts is not/],
  ["no text for the next page", { kind: "empty-list", service: "sso" }, 5, /ListAccounts is not/],
  [
    "null for the roles",
    { kind: "null-fields", service: "sso", operation: "ListAccountRoles" },
    5,
    /the answer to ListAccountRoles is not what AWS sends/,
  ],
];

for (const [name, fault, expected, error] of answers) {
  Deno.test(`a portal that answers ${name} is explained`, async () => {
    await using aws = await startAws();
    await using home = await signedIn(aws);
    aws.fault(fault);
    const { code, stderr } = await configure(aws, home, ["--all"]);
    assert.equal(code, expected, stderr);
    assert.match(stderr, error);
    assert.equal(await home.read(".aws/config"), config);
  });
}

for (const [name, roles] of [["no account", undefined], ["no role", []]] as const) {
  Deno.test(`somebody who has ${name} is told so`, async () => {
    const accounts = roles === undefined ? [] : [account("222222222222", "a", [...roles])];
    await using aws = await startAws({ sso: { accounts } });
    await using home = await signedIn(aws);
    const { code, stderr } = await configure(aws, home, ["--all"]);
    assert.equal(code, 4, stderr);
    assert.match(stderr, /^ecrin: error: no role is assigned to you in SSO$/m);
    assert.equal(await home.read(".aws/config"), config);
  });
}

Deno.test("a token that looks valid and is refused is refreshed, and the lists are asked for again", async () => {
  await using aws = await startAws();
  await using home = await signedIn(aws);
  aws.fault({ kind: "expired", service: "sso", operation: "ListAccounts", times: 1 });
  const { code, stderr } = await configure(aws, home, ["--all", "--role-name", "deploy"]);
  assert.equal(code, 0, stderr);
  assert.equal(await home.read(".aws/config"), config + blog);
  assert.equal(aws.requestsOf("sso-oidc", "CreateToken").length, 1);
});

Deno.test("an access that ends while the roles are listed writes nothing", async () => {
  await using aws = await startAws();
  await using home = await signedIn(aws);
  aws.fault({ kind: "expired", service: "sso", operation: "ListAccountRoles" });
  const { code, stderr } = await configure(aws, home, ["--all"]);
  assert.equal(code, 4, stderr);
  assert.match(stderr, /^ecrin: error: AWS refused the SSO session corp$/m);
  assert.match(stderr, /^ecrin: hint: run: ecrin sso login --sso-session corp$/m);
  assert.equal(await home.read(".aws/config"), config);
});

Deno.test("profiles that are somebody else keep their names and settings", async () => {
  await using aws = await startAws();
  const theirs =
    "[profile blog-deploy]\nregion = eu-west-1\n[profile blog-ReadOnly]\nrole_arn = x\n";
  await using home = await signedIn(aws, config + theirs);
  const { code, stderr } = await configure(aws, home, ["--all"]);
  assert.equal(code, 0, stderr);
  const text = await home.read(".aws/config");
  assert(text.startsWith(config + theirs));
  assert.deepEqual(text.slice((config + theirs).length).match(/^\[.*$/gm), [
    "[profile blog-222222222222-ReadOnly]",
    "[profile blog-222222222222-deploy]",
  ]);
});
