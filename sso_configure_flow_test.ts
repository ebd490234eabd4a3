/**
 * `ecrin sso configure` without questions: the real CLI as a process, against a portal on loopback.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
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
  const alone = await configure(aws, home, ["--role-name", "deploy"]);
  assert.equal(alone.code, 2);
  assert.match(alone.stderr, /--role-name needs --all\n.*hint: .*for one profile: --sso-role NAME/);
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

Deno.test("a token that looks valid and is refused is refreshed, and the lists are asked for again", async () => {
  await using aws = await startAws();
  await using home = await signedIn(aws);
  aws.fault({ kind: "expired", service: "sso", operation: "ListAccounts", times: 1 });
  const { code, stderr } = await configure(aws, home, ["--all", "--role-name", "deploy"]);
  assert.equal(code, 0, stderr);
  assert.equal(await home.read(".aws/config"), config + blog);
  assert.equal(aws.requestsOf("sso-oidc", "CreateToken").length, 1);
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
