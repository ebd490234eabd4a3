/**
 * The question for an MFA code, on a real terminal (util-linux' `script` makes one).
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { type RunningCli, tempHome } from "./testing/cli.ts";
import { type OnTerminal, onTerminal, startOnTerminal } from "./testing/on_terminal.ts";

const serial = "arn:aws:iam::111111111111:mfa/ann";
const question = `ecrin: MFA code of ${serial} for profile "admin": `;
const args = ["--account", "222222222222", "--region", "eu-west-1", "--tool", "file"].concat(
  ["--profile", "admin", "--no-color"],
);

/** Starts a login that needs a code, on a terminal; what is written to it is typed there. */
async function startLogin(
  aws: FakeAws,
  { more = [], ...options }: OnTerminal & { more?: string[] } = {},
): Promise<RunningCli> {
  const home = await tempHome({
    ".aws/config": `[profile base]
aws_access_key_id = ${aws.keys.user.accessKeyId}
aws_secret_access_key = ${aws.keys.user.secretAccessKey}
[profile admin]
role_arn = arn:aws:iam::222222222222:role/admin
source_profile = base
mfa_serial = ${serial}
`,
  });
  const cli = await startOnTerminal([...args, ...more], {
    ...options,
    home: home.path,
    env: { ...aws.env(), USER: "ann" },
  });
  return {
    ...cli,
    async [Symbol.asyncDispose](): Promise<void> {
      await cli[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

function start(latency?: number): Promise<FakeAws> {
  return startAws({
    mfa: { [serial]: ["123456"] },
    roles: [{ arn: "arn:aws:iam::222222222222:role/admin", mfa: true }],
    ...(latency === undefined ? {} : { latency }),
  });
}

/** The lines on the screen, the last one without its end. */
function lines(output: string): string[] {
  return output.replaceAll("\r\n", "\n").split("\n");
}

function operations(aws: FakeAws): string[] {
  return aws.requestsOf("sts").map(({ operation }) => operation);
}

/** Waits for the question to be there for the nth time, with nothing after it. */
function asked(cli: RunningCli, times: number): Promise<string> {
  return cli.waitFor("stdout", new RegExp(`(?:MFA code of [^]*){${times}}for profile "admin": $`));
}

Deno.test({
  name: "the code is asked for on the terminal, once the source's credentials are known to work",
  ...onTerminal,
  fn: async () => {
    await using aws = await start();
    await using cli = await startLogin(aws);
    assert.deepEqual(lines(await asked(cli, 1)), [question]);
    assert.deepEqual(operations(aws), ["GetCallerIdentity"]);
    await cli.write("123456\n");
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, stdout);
    assert.equal(lines(stdout)[0], `${question}123456`);
    assert.match(lines(stdout)[1] ?? "", /^ecrin: logged in to /);
    assert.deepEqual(operations(aws), ["GetCallerIdentity", "GetSessionToken", "AssumeRole"]);
  },
});

Deno.test({
  name: "many accounts ask for one code, and nothing is drawn over the question",
  ...onTerminal,
  fn: async () => {
    const accounts = ["222222222222", "333333333333", "444444444444"];
    await using aws = await startAws({
      mfa: { [serial]: ["123456"] },
      roles: accounts.flatMap((account) => [
        { arn: `arn:aws:iam::${account}:role/admin`, mfa: true },
        { arn: `arn:aws:iam::${account}:role/deploy` },
      ]),
    });
    const more = ["--account", accounts.join(), "--role", "deploy", "--verbose"];
    await using cli = await startLogin(aws, { more });
    await asked(cli, 1);
    await cli.write("123456\n");
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, stdout);
    assert.equal(stdout.match(/MFA code of/g)?.length, 1, stdout);
    assert(stdout.replaceAll("\r", "").includes(`${question}123456\necrin: `), stdout);
    assert.equal(stdout.match(/^ecrin: logged in to /gm)?.length, 3);
  },
});

Deno.test({
  name: "a wrong code is asked for again",
  ...onTerminal,
  fn: async () => {
    await using aws = await start();
    await using cli = await startLogin(aws);
    await asked(cli, 1);
    await cli.write("12345\n");
    await asked(cli, 2);
    await cli.write("999999\n");
    await asked(cli, 3);
    await cli.write("123 456\n");
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, stdout);
    assert.deepEqual(lines(stdout).slice(0, 5), [
      `${question}12345`,
      "ecrin: an MFA code has six digits",
      `${question}999999`,
      "ecrin: the MFA code is wrong or was used before: wait for the next",
      `${question}123 456`,
    ]);
    assert.equal(operations(aws).filter((name) => name === "GetCallerIdentity").length, 1);
  },
});

Deno.test({
  name: "nobody is asked a fourth time",
  ...onTerminal,
  fn: async () => {
    await using aws = await start();
    await using cli = await startLogin(aws);
    for (const times of [1, 2, 3]) {
      await asked(cli, times);
      await cli.write("999999\n");
    }
    const { code, stdout } = await cli.result();
    assert.equal(code, 4);
    assert.match(
      stdout,
      /999999\r\necrin: error: the MFA code is wrong or was used before\r\necrin: hint: [^\r]*\r\n$/,
    );
    assert.deepEqual(aws.requestsOf("ecr"), []);
  },
});

Deno.test({
  name: "the terminal is asked although stdin and stderr are pipes, and stdout stays empty",
  ...onTerminal,
  fn: async () => {
    await using aws = await start();
    const shell = `echo 000000 | ECRIN 2>"$HOME/stderr" | sed "s/^/stdout: /"; cat "$HOME/stderr"`;
    await using cli = await startLogin(aws, { shell });
    await asked(cli, 1);
    await cli.write("123456\n");
    const { stdout } = await cli.result();
    assert.equal(lines(stdout)[0], `${question}123456`);
    assert.match(lines(stdout)[1] ?? "", /^ecrin: logged in to /);
    assert.doesNotMatch(stdout, /stdout:/);
  },
});

Deno.test({
  name: "stdin is asked where Deno may not open the terminal (-P)",
  ...onTerminal,
  fn: async () => {
    await using aws = await start();
    await using cli = await startLogin(aws, { denoArgs: ["-P"] });
    await asked(cli, 1);
    await cli.write("123456\n");
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, stdout);
  },
});

Deno.test({
  name: "progress does not run into the question",
  ...onTerminal,
  fn: async () => {
    await using aws = await start(600);
    await using cli = await startLogin(aws);
    await asked(cli, 1);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await cli.write("123456\n");
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, stdout);
    assert.equal(lines(stdout)[0], `${question}123456`);
  },
});

Deno.test({
  name: "the end of input and Ctrl-C end the question",
  ...onTerminal,
  fn: async (t) => {
    const ends: [name: string, typed: string, code: number, error: RegExp][] = [
      ["the end of input", "\x04", 4, /^ecrin: error: .* and none was typed$/m],
      ["Ctrl-C", "\x03", 130, /^ecrin: error: interrupted$/m],
    ];
    for (const [name, typed, expected, error] of ends) {
      await t.step(name, async () => {
        await using aws = await start();
        await using cli = await startLogin(aws);
        await asked(cli, 1);
        await cli.write(typed);
        const { code, stdout } = await cli.result();
        assert.equal(code, expected, stdout);
        assert.match(lines(stdout).join("\n"), error);
      });
    }
  },
});

Deno.test({
  name: "nobody is asked for credentials that do not work",
  ...onTerminal,
  fn: async () => {
    await using aws = await start();
    aws.keys.delete(aws.keys.user.accessKeyId);
    await using cli = await startLogin(aws);
    const { code, stdout } = await cli.result();
    assert.equal(code, 4);
    assert.doesNotMatch(stdout, /MFA code of/);
    assert.match(stdout, /AWS does not know the access key of profile "base"/);
  },
});

Deno.test({
  name: "--no-input asks nobody, on a terminal too",
  ...onTerminal,
  fn: async () => {
    await using aws = await start();
    await using cli = await startLogin(aws, { more: ["--no-input"] });
    const { code, stdout } = await cli.result();
    assert.equal(code, 4);
    assert.match(stdout, /^ecrin: error: profile "admin" needs an MFA code/);
    assert.deepEqual(aws.requests, []);
  },
});
