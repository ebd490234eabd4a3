/**
 * The questions of `ecrin sso configure`, on a real terminal.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { type RunningCli, type TempHome, tempHome } from "./testing/cli.ts";
import { onTerminal, startOnTerminal } from "./testing/on_terminal.ts";
import { ssoSessionFile } from "./testing/profile_files.ts";
import { session } from "./testing/sso_configure.ts";
import { openPage } from "./testing/sso_person.ts";

/** Starts it on a screen of 24 lines of 80 characters. */
async function start(
  aws: FakeAws,
  home: TempHome,
  args: string[] = [],
  shell = "ECRIN",
): Promise<RunningCli> {
  return await startOnTerminal(["sso", "configure", "--no-color", ...args], {
    home: home.path,
    env: { ...aws.env(), SSH_TTY: "/dev/pts/9" },
    shell: `stty rows 24 cols 80; ${shell}`,
  });
}

/** What is on the screen, without the colours and the moves of the cursor. */
function plain(screen: string): string {
  // deno-lint-ignore no-control-regex
  return screen.replaceAll(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replaceAll("\r", "");
}

/** Waits for each question in turn and types its answer. */
async function answer(
  cli: RunningCli,
  answers: [question: RegExp, typed: string][],
): Promise<void> {
  let seen = 0;
  for (const [question, typed] of answers) {
    await cli.until(async () => {
      const screen = await cli.waitFor("stdout", "");
      return question.test(plain(screen.slice(seen)));
    });
    seen = (await cli.waitFor("stdout", "")).length;
    await cli.write(typed);
  }
}

const down = "\x1b[B";

Deno.test({
  name: "a new session is asked for, signed in to, and a profile made of what is chosen",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws({
      sso: {
        accounts: [
          { accountId: "111111111111", accountName: "audit", emailAddress: "", roles: ["Look"] },
          {
            accountId: "222222222222",
            accountName: "blog",
            emailAddress: "blog@example.com",
            roles: ["deploy", "ReadOnly"],
          },
        ],
      },
    });
    await using home = await tempHome({ ".aws/config": "# mine\n" });
    await using cli = await start(aws, home, ["--device-code"]);
    await answer(cli, [
      [/name of the SSO session.*: $/, "co]rp\n"],
      [/"co\]rp" cannot be the name[^]*name of the SSO session.*: $/, "corp\n"],
      [/start URL.*: $/, "x.awsapps.com\n"],
      [/is not the start URL[^]*start URL.*: $/, "https://x.awsapps.com/start\n"],
      [/region of the portal: $/, "us-east1\n"],
      [/did you mean us-east-1\?[^]*region of the portal: $/, "us-east-1\n"],
    ]);
    await openPage(cli, "stdout");
    await answer(cli, [
      [/> audit \(111111111111\)/, down],
      [/> blog \(222222222222, blog@example.com\)/, "\r"],
      [/account: blog .*[^]*> ReadOnly/, down],
      [/> deploy/, "\r"],
      [/name of the profile \[deploy-222222222222\]: $/, "\n"],
      [/region of the profile .*: $/, "eu-west-1\n"],
      [/\+ \[profile deploy-222222222222\][^]*\? \(y\/n\) $/, "y\n"],
    ]);
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, plain(stdout));
    assert.match(plain(stdout), /^ecrin: to use it, run: ecrin --profile deploy-222222222222$/m);
    assert.equal(
      await home.read(".aws/config"),
      `# mine\n\n${session}\n[profile deploy-222222222222]\nsso_session = corp\n` +
        "sso_account_id = 222222222222\nsso_role_name = deploy\nregion = eu-west-1\n",
    );
  },
});

async function signedIn(aws: FakeAws): Promise<TempHome> {
  const token = JSON.stringify(aws.sso.signIn());
  return await tempHome({ [ssoSessionFile]: token, ".aws/config": session });
}

Deno.test({
  name: "a session of the file is chosen; whatever there is one of is not asked for; no is no",
  ...onTerminal,
  fn: async () => {
    const account = { accountId: "222222222222", accountName: "blog", emailAddress: "" };
    await using aws = await startAws({ sso: { accounts: [{ ...account, roles: ["deploy"] }] } });
    await using home = await signedIn(aws);
    await using cli = await start(aws, home);
    await answer(cli, [
      [/> corp \(https:\/\/x\.awsapps\.com\/start\)[^]*\(a new one\)/, "\r"],
      [
        /SSO session: corp \(https:[^]*account: blog \(222222222222\), the only one[^]*role: deploy, the only one[^]*: $/,
        "b l\n",
      ],
      [/region of the profile.*: $/, "\n"],
      [/\+ \[profile 'b l'\][^]*\? \(y\/n\) $/, "\n"],
    ]);
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, plain(stdout));
    assert.match(plain(stdout), /^ecrin: nothing was changed$/m);
    assert.equal(await home.read(".aws/config"), session);
  },
});

Deno.test({
  name: "300 accounts are searched, and seen in pages that fit the screen, whatever their names",
  ...onTerminal,
  fn: async () => {
    const accounts = Array.from({ length: 300 }, (_, index) => ({
      accountId: String(100_000_000_000 + index),
      accountName: index === 7
        ? "evil\x1b[2J\x1b]0;title\x07\necrin: all is well\u202e"
        : `account ${index} of a company with a name that is longer than a line of the screen`,
      emailAddress: `${index}@example.com`,
      roles: ["deploy"],
    }));
    await using aws = await startAws({ sso: { accounts } });
    await using home = await signedIn(aws);
    await using cli = await start(aws, home, ["--sso-session", "corp", "--dry-run"]);
    await answer(cli, [
      [/type a part of one of the 300.*: $/, "\n"],
      [/> account 0 [^]*\(more: 1 to 20 of 300 are here\)[^]*\(search again\)/, "\x1b[A"],
      [/> \(search again\)/, "\x1b[A"],
      [/> \(more: 1 to 20 of 300 are here\)/, "\r"],
      [/> account 116 [^]*\(more: 21 to 40 of 300 are here\)/, "\x1b[A"],
      [/> \(search again\)/, "\r"],
      [/type a part of one of the 300.*: $/, "no such thing\n"],
      [/there is none like that[^]*: $/, "100000000007 EVIL\n"],
      [/> evil ecrin: all is well \(100000000007, 7@example\.com\)/, "\r"],
      [/name of the profile \[deploy-100000000007\]: $/, "evil\n"],
      [/region of the profile.*: $/, "\n"],
    ]);
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, plain(stdout));
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(stdout, /\x1b\]|\x1b\[2J|\x07|\u202e/);
    assert.match(plain(stdout), /ecrin: account: evil ecrin: all is well \(/);
    assert.doesNotMatch(plain(stdout), /^ecrin: all is well/m);
    // every page fits, or dax would scroll its first lines away
    for (const line of plain(stdout).split("\n")) {
      const [row = ""] = line.split("ecrin: ");
      assert(row.length <= 80, row);
    }
    assert.equal(await home.read(".aws/config"), session);
  },
});

Deno.test({
  name: "the terminal is asked although stdin is a pipe, and stdout has the result alone",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    await using home = await signedIn(aws);
    const args = ["--sso-session", "corp", "--account", "222222222222", "--json"];
    await using cli = await start(aws, home, args, `echo junk | ECRIN >"$HOME/stdout"`);
    await answer(cli, [
      [/> ReadOnly/, down],
      [/> deploy/, "\r"],
      [/name of the profile .*: $/, "blog\n"],
      [/region of the profile.*: $/, "\n"],
      [/\? \(y\/n\) $/, "y\n"],
    ]);
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, plain(stdout));
    const { profiles, changed } = JSON.parse(await home.read("stdout"));
    assert.deepEqual([profiles[0].profile, profiles[0].role, changed], ["blog", "deploy", true]);
  },
});

const ends: [name: string, args: string[], question: RegExp, typed: string, code: number][] = [
  ["Ctrl-C in a list", [], /> corp /, "\x03", 130],
  ["Ctrl-C at a line", ["--sso-session", "new"], /start URL.*: $/, "\x03", 130],
  ["the end of input", ["--sso-session", "new"], /start URL.*: $/, "\x04", 2],
];

for (const [name, args, question, typed, expected] of ends) {
  Deno.test({
    name: `${name} ends it, and the terminal is as before`,
    ...onTerminal,
    fn: async () => {
      await using aws = await startAws();
      await using home = await signedIn(aws);
      const shell = `ECRIN; code=$?; stty -a | grep -ow -- -icanon && exit 1; exit $code`;
      await using cli = await start(aws, home, args, shell);
      await answer(cli, [[question, typed]]);
      const { code, stdout } = await cli.result();
      assert.equal(code, expected, plain(stdout));
      assert.equal(await home.read(".aws/config"), session);
    },
  });
}

Deno.test({
  name: "--no-input asks nobody, nor does a job of CI",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    await using home = await signedIn(aws);
    for (const [args, shell] of [[["--no-input"], "ECRIN"], [[], "CI=true ECRIN"]] as const) {
      await using cli = await start(aws, home, [...args], shell);
      const { code, stdout } = await cli.result();
      assert.equal(code, 2, stdout);
      assert.match(stdout, /^ecrin: error: the account is not given\r$/m);
    }
  },
});

Deno.test({
  name: "a profile of SSO may be made another role by who sees the change, one of keys may not",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    await using home = await signedIn(aws);
    const profile = "[profile blog]\nsso_session = corp\nsso_account_id = 222222222222\n";
    await home.write(
      ".aws/config",
      `${session}${profile}sso_role_name = ReadOnly # no comment\nregion = r\n` +
        "[profile keys]\naws_access_key_id = AKIATEST\naws_secret_access_key = not-a-secret\n",
    );
    const role = ["--sso-session", "corp", "--account", "222222222222", "--sso-role", "deploy"];
    await using cli = await start(aws, home, role);
    await answer(cli, [
      [/name of the profile .*: $/, "keys\n"],
      [/there is a profile "keys" already[^]*name of the profile .*: $/, "blog\n"],
      [/region of the profile .* \[r\]: $/, "eu-west-1\n"],
      [
        /- sso_role_name = ReadOnly # no comment\n.*\+ sso_role_name = deploy\n[^]*\(y\/n\) $/,
        "y\n",
      ],
    ]);
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, plain(stdout));
    assert.match(
      await home.read(".aws/config"),
      /\[profile blog\]\n.*\n.*\nsso_role_name = deploy\nregion = eu-west-1\n\[profile keys\]/,
    );
  },
});

const meanwhile: [name: string, written: string, code: number][] = [
  ["another section is kept", "[profile other]\nregion = eu-west-1\n", 0],
  ["the profile itself ends it", "[profile blog]\nregion = eu-west-1\n", 2],
];

for (const [name, written, expected] of meanwhile) {
  Deno.test({
    name: `what others write while the change is shown: ${name}`,
    ...onTerminal,
    fn: async () => {
      await using aws = await startAws();
      await using home = await signedIn(aws);
      const role = ["--sso-session", "corp", "--account", "222222222222", "--sso-role", "deploy"];
      await using cli = await start(aws, home, [
        ...role,
        "--profile",
        "blog",
        "--region",
        "eu-west-2",
      ]);
      await cli.waitFor("stdout", "(y/n) ");
      await home.write(".aws/config", session + written);
      await cli.write("y\n");
      const { code, stdout } = await cli.result();
      assert.equal(code, expected, plain(stdout));
      const text = await home.read(".aws/config");
      assert(text.startsWith(session + written));
      assert.equal(text.includes("sso_role_name"), expected === 0);
      if (expected === 2) assert.match(plain(stdout), /another program has changed profile "blog"/);
    },
  });
}
