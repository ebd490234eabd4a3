/**
 * `ecrin sso configure` that writes nothing: a value that is missing or wrong, or an AWS that refuses.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { tempHome } from "./testing/cli.ts";
import {
  account,
  blog,
  config,
  configure,
  session,
  signedIn,
  single,
} from "./testing/sso_configure.ts";

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
  ["a word", ["blog"], config, "unexpected-argument"],
  ["--prefix without --all", ["--prefix", "x"], config, "flags-contradict"],
  ["--profile with --all", ["--all", "--profile", "x"], config, "flags-contradict"],
  ["two accounts", ["--account", "222222222222,333333333333"], config, "one-only"],
  ["two regions", ["--region", "eu-west-1,eu-west-2"], config, "one-only"],
  ["a name with a bracket", [...single, "--profile", "a]b"], config, "bad-section-name"],
  ["a session with a line break", [...single, "--sso-session", "a\nb"], "", "bad-section-name"],
  ["a prefix with a space", ["--all", "--prefix", "a b"], config, "bad-prefix"],
  ["a role with a slash", [...single, "--sso-role", "a/b"], config, "bad-sso-role"],
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
