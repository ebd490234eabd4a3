/**
 * `ecrin env` and `ecrin exec` with a person at the terminal: questions, warnings and shells.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { requirePrograms, type RunningCli, type TempHome } from "./testing/cli.ts";
import { homeWithTmp, leftBehind } from "./testing/left_behind.ts";
import { onTerminal, startOnTerminal } from "./testing/on_terminal.ts";

const serial = "arn:aws:iam::111111111111:mfa/ann";
const admin = ["--profile", "admin", "--no-color"];

interface Stage extends AsyncDisposable {
  aws: FakeAws;
  home: TempHome;
  cli: RunningCli;
}

/** Runs ecrin for a profile that wants a code, on a terminal. */
async function start(
  args: string[],
  shell: string,
  env: Record<string, string> = {},
): Promise<Stage> {
  await using made = new AsyncDisposableStack();
  const aws = made.use(
    await startAws({
      mfa: { [serial]: ["123456"] },
      roles: [{ arn: "arn:aws:iam::222222222222:role/admin", mfa: true }],
    }),
  );
  const { accessKeyId, secretAccessKey } = aws.keys.user;
  const home = made.use(
    await homeWithTmp({
      ".aws/config": `[profile base]
aws_access_key_id = ${accessKeyId}
aws_secret_access_key = ${secretAccessKey}
[profile admin]
role_arn = arn:aws:iam::222222222222:role/admin
source_profile = base
mfa_serial = ${serial}
region = eu-west-1
`,
    }),
  );
  const cli = made.use(
    await startOnTerminal(args, {
      home: home.path,
      env: { ...aws.env(), TMPDIR: home.at("tmp"), ...env },
      shell,
    }),
  );
  const kept = made.move();
  return { aws, home, cli, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const inShells: readonly (readonly [program: string, shell: string])[] = [
  ["sh", `sh -c 'eval "$("$@" </dev/null)"; echo "key $AWS_ACCESS_KEY_ID"' sh ECRIN`],
  ["bash", `bash -c 'eval "$("$@")"; echo "key $AWS_ACCESS_KEY_ID"' bash ECRIN`],
  ["zsh", `zsh -fc 'eval "$("$@")"; echo "key $AWS_ACCESS_KEY_ID"' zsh ECRIN`],
  ["fish", `fish -Nc '$argv | source; echo "key $AWS_ACCESS_KEY_ID"' ECRIN`],
];
for (const [program, shell] of inShells) {
  Deno.test({
    name: `${program} takes up credentials for which a code is typed meanwhile`,
    ignore: onTerminal.ignore || !requirePrograms([program]),
    fn: async () => {
      await using stage = await start(["env", ...admin], shell, { SHELL: `/bin/${program}` });
      const { cli, aws } = stage;
      await cli.waitFor("stdout", /MFA code of .* for profile "admin": $/);
      await cli.write("123456\n");
      const { stdout } = await cli.result();
      const key = /^key (\w+)\r$/m.exec(stdout)?.[1] ?? assert.fail(stdout);
      assert.match(aws.keys.get(key)?.arn ?? "", /assumed-role\/admin\//);
      assert.doesNotMatch(stdout, /warning|not-a-/);
    },
  });
}

Deno.test({
  name: "Ctrl-C at the question leaves nothing behind",
  ...onTerminal,
  fn: async (t) => {
    for (const args of [["env", ...admin], ["exec", ...admin, "--", "touch", "ran"]]) {
      await t.step(args[0] ?? "", async () => {
        await using stage = await start(args, "trap : INT; ECRIN >out; echo ended $?");
        const { cli, aws, home } = stage;
        await cli.waitFor("stdout", "MFA code of");
        await cli.write("\x03");
        assert.match((await cli.result()).stdout, /error: interrupted\r\nended 130\r/);
        assert.equal(await home.read("out"), "");
        assert.equal(await home.exists("ran"), false);
        assert.equal(await home.exists(".aws/cli"), false);
        assert.deepEqual(await leftBehindElsewhere(aws, home), []);
      });
    }
  },
});

/** Besides the user's own keys, where the user has them. */
async function leftBehindElsewhere(aws: FakeAws, home: TempHome): Promise<string[]> {
  const found = await leftBehind(aws, home);
  return found.filter((path) => path !== home.at(".aws/config"));
}

Deno.test({
  name: "who sees the credentials on the terminal is told how to use them there",
  ...onTerminal,
  fn: async (t) => {
    const cases: readonly (readonly [shell: string, usage: string, line: RegExp])[] = [
      ["/bin/bash", 'eval "$(ecrin env …)"', /^export AWS_ACCESS_KEY_ID='/m],
      ["/usr/bin/fish", "ecrin env … | source", /^set -gx AWS_ACCESS_KEY_ID '/m],
      [
        "/usr/bin/pwsh",
        "ecrin env … | Out-String | Invoke-Expression",
        /^\$env:AWS_ACCESS_KEY_ID = '/m,
      ],
    ];
    for (const [shell, usage, line] of cases) {
      await t.step(shell, async () => {
        await using stage = await start(
          ["env", "--profile", "base", "--no-color"],
          `SHELL=${shell} ECRIN 2>"$HOME/stderr"; SHELL=${shell} ECRIN`,
        );
        const { stdout } = await stage.cli.result();
        assert.match(stdout, line);
        const warning = `ecrin: warning: these are secrets; to use them: ${usage}`;
        assert.equal(stdout.split("\r\n").filter((line) => line === warning).length, 1, stdout);
        assert.equal(await stage.home.read("stderr"), `${warning}\n`);
      });
    }
  },
});
