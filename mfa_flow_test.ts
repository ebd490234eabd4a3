/**
 * MFA codes from flags and commands, one code for a whole run, and role credentials that last. The
 * real CLI as a process, where nobody can be asked.
 */

import assert from "node:assert/strict";
import { type AwsOptions, type FakeAws, startAws } from "./testing/aws.ts";
import { type CliResult, runCli, type TempHome, tempHome } from "./testing/cli.ts";

const serial = "arn:aws:iam::111111111111:mfa/ann";
const admin = "arn:aws:iam::222222222222:role/admin";
const config = `[profile base]
aws_access_key_id = AKIATESTDEPLOY000001
aws_secret_access_key = not-a-secret-of-deploy
[profile admin]
role_arn = ${admin}
source_profile = base
mfa_serial = ${serial}
`;

const target = ["--account", "222222222222", "--region", "eu-west-1", "--tool", "file"];
const withProfile = [...target, "--profile", "admin"];
const withRole = [...target, "--role", "deploy", "--mfa-serial", serial];

const mfaRole = (name: string, account = "222222222222") => ({
  arn: `arn:aws:iam::${account}:role/${name}`,
  mfa: true,
});

function start(more: AwsOptions = {}): Promise<FakeAws> {
  return startAws({
    mfa: { [serial]: ["123456", "654321"] },
    roles: [mfaRole("admin"), mfaRole("deploy"), mfaRole("deploy", "333333333333")],
    ...more,
  });
}

interface Run {
  env?: Record<string, string>;
  more?: string;
}

/** Runs ecrin with the profiles, and the keys of the user too when there is no `--profile`. */
function ecrin(aws: FakeAws, home: TempHome, args: string[], run: Run = {}): Promise<CliResult> {
  const keys = args.includes("--profile") ? {} : aws.keys.env();
  const env = { ...aws.env(), ...keys, USER: "ann", CI: "true", ...run.env };
  return runCli(args, { env, home: home.path });
}

function homeWith(more = ""): Promise<TempHome> {
  return tempHome({ ".aws/config": config + more });
}

/** The operations that STS was asked for. */
function asked(aws: FakeAws): string[] {
  return aws.requestsOf("sts").map(({ operation }) => operation);
}

Deno.test("--mfa-code serves a profile's mfa_serial", async () => {
  await using aws = await start();
  await using home = await homeWith();
  const { code, stderr } = await ecrin(aws, home, [...withProfile, "--mfa-code", "123456", "-v"]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(asked(aws), ["GetSessionToken", "AssumeRole"]);
  assert.match(
    stderr,
    /^ecrin: assumed .*role\/admin as ann in eu-west-1 with an MFA code, until/m,
  );
});

Deno.test("one --mfa-code serves all accounts of a run", async () => {
  await using aws = await start();
  await using home = await homeWith();
  const args = [...withRole, "--account", "333333333333", "--mfa-code", "123456"];
  const { code, stderr } = await ecrin(aws, home, args);
  assert.equal(code, 0, stderr);
  assert.deepEqual(asked(aws), ["GetSessionToken", "AssumeRole", "AssumeRole"]);
});

Deno.test("one code serves all hops of a chain", async () => {
  await using aws = await start({
    roles: [mfaRole("admin"), mfaRole("far", "333333333333"), mfaRole("deploy")],
  });
  await using home = await homeWith(
    `[profile far]\nrole_arn = arn:aws:iam::333333333333:role/far\n` +
      `source_profile = admin\nmfa_serial = ${serial}\n`,
  );
  const args = [...target, "--profile", "far", "--role", "deploy", "--mfa-serial", serial];
  const { code, stderr } = await ecrin(aws, home, [...args, "--mfa-code", "123456"]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(asked(aws), ["GetSessionToken", "AssumeRole", "AssumeRole", "AssumeRole"]);
});

Deno.test("a session gets no other: the code goes with AssumeRole", async () => {
  await using aws = await start();
  await using home = await homeWith();
  const session = aws.keys.issue({
    account: "111111111111",
    arn: "arn:aws:iam::111111111111:user/ann",
    userId: "AIDATEST",
    expiresAt: Date.now() + 3600_000,
  });
  const { code, stderr } = await ecrin(aws, home, [...withRole, "--mfa-code", "123456"], {
    env: aws.keys.env(session),
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual(asked(aws), ["AssumeRole"]);
  const [{ params } = { params: {} as Record<string, unknown> }] = aws.requestsOf("sts");
  assert.deepEqual([params["SerialNumber"], params["TokenCode"]], [serial, "123456"]);
});

Deno.test("a wrong code is told apart from a denied role", async (t) => {
  const cases: [name: string, args: string[], aws: AwsOptions, error: RegExp][] = [
    ["a wrong code", ["--mfa-code", "999999"], {}, /the MFA code is wrong or was used before$/m],
    ["a denied role", ["--mfa-code", "123456"], { roles: [] }, /may not assume .*role\/admin$/m],
    ["no such device", ["--mfa-code", "123456"], { mfa: {} }, /has no such MFA device$/m],
  ];
  for (const [name, args, options, error] of cases) {
    await t.step(name, async () => {
      await using aws = await start(options);
      await using home = await homeWith();
      const { code, stdout, stderr } = await ecrin(aws, home, [...withProfile, ...args]);
      assert.deepEqual([code, stdout], [4, ""]);
      assert.match(stderr, error);
      assert.equal(await home.exists(".aws/cli"), false);
    });
  }
});

Deno.test("a code comes from --mfa-code, --mfa-command or mfa_process, in this order", async (t) => {
  const process = "mfa_process = echo process >> calls; echo 123456\n";
  const command = ["--mfa-command", "echo command >> calls; echo touch your key; echo 654321"];
  const cases: [name: string, args: string[], code: string, calls: string][] = [
    ["the flag", ["--mfa-code", "123456", ...command], "123456", ""],
    ["the command", command, "654321", "command\n"],
    ["the profile", [], "123456", "process\n"],
  ];
  for (const [name, args, expected, calls] of cases) {
    await t.step(name, async () => {
      await using aws = await start();
      await using home = await homeWith(process);
      const { code, stderr } = await ecrin(aws, home, [...withProfile, ...args]);
      assert.equal(code, 0, stderr);
      const [session] = aws.requestsOf("sts", "GetSessionToken");
      assert.equal(session?.params["TokenCode"], expected);
      assert.equal(await home.read("calls").catch(() => ""), calls);
    });
  }
});

Deno.test("a command is not run for credentials that AWS does not know", async () => {
  await using aws = await start();
  await using home = await homeWith();
  aws.keys.delete("AKIATESTDEPLOY000001");
  const { code, stderr } = await ecrin(aws, home, [
    ...[...withProfile, "--mfa-command", "echo called >> calls; echo 123456"],
  ]);
  assert.equal(code, 4);
  assert.match(stderr, /AWS does not know the access key of profile "base"$/m);
  assert.deepEqual(asked(aws), ["GetCallerIdentity"]);
  assert.equal(await home.exists("calls"), false);
});

const badCommands: [name: string, command: string, error: RegExp][] = [
  ["fails", "echo locked >&2; exit 3", /--mfa-command failed with exit code 3: locked$/m],
  ["is missing", "/nowhere/op", /--mfa-command failed with exit code 127: .*not found$/m],
  [
    "prints nothing",
    "true",
    /--mfa-command printed no MFA code: its last line is not six digits$/m,
  ],
  ["prints rubbish", "echo 12345", /--mfa-command printed no MFA code/m],
  [
    "fails with its secret on stderr",
    "echo otpauth-not-a-secret; echo debug: otpauth-not-a-secret >&2; exit 1",
    /failed with exit code 1: debug: \*\*\*$/m,
  ],
];

for (const [name, command, error] of badCommands) {
  Deno.test(`an MFA command is explained when it ${name}`, async () => {
    await using aws = await start();
    await using home = await homeWith();
    const { code, stderr } = await ecrin(aws, home, [
      ...[...withProfile, "--mfa-command", command, "-v"],
    ]);
    assert.equal(code, 4);
    assert.match(stderr, error);
    assert.match(stderr, /^ecrin: hint: run it by itself/m);
    assert.doesNotMatch(stderr, /otpauth/);
    assert.deepEqual(asked(aws), ["GetCallerIdentity"]);
  });
}

Deno.test("where nobody can be asked, nothing is asked of AWS either", async (t) => {
  const cases: [name: string, args: string[], env: Record<string, string>][] = [
    ["--no-input", ["--no-input"], { CI: "" }],
    ["CI", [], { CI: "true" }],
  ];
  for (const [name, more, env] of cases) {
    for (const args of [withProfile, withRole]) {
      await t.step(`${name} ${args.at(-2)}`, async () => {
        await using aws = await start();
        await using home = await homeWith();
        const { code, stdout, stderr } = await ecrin(aws, home, [...args, ...more], { env });
        assert.deepEqual([code, stdout], [4, ""]);
        assert.match(
          stderr,
          /^ecrin: error: .*MFA code.* to assume arn:aws:iam::222222222222:role\//,
        );
        assert.match(stderr, /^ecrin: hint: add: --mfa-code CODE/m);
        assert.deepEqual(aws.requests, []);
      });
    }
  }
});

Deno.test("a role with MFA is cached: the next run needs no code", async (t) => {
  for (const args of [withProfile, withRole]) {
    await t.step(`${args.at(-2)}`, async () => {
      await using aws = await start();
      await using home = await homeWith();
      const first = await ecrin(aws, home, [...args, "--mfa-code", "123456"]);
      assert.equal(first.code, 0, first.stderr);
      aws.requests.length = 0;
      const second = await ecrin(aws, home, [...args, "-v"]);
      assert.equal(second.code, 0, second.stderr);
      assert.deepEqual(asked(aws), []);
      assert.match(second.stderr, /^ecrin: took .* from the cache, until 20.*Z$/m);
      // and --no-cache neither reads nor writes
      const before = await cacheFiles(home);
      const third = await ecrin(aws, home, [...args, "--no-cache"]);
      assert.equal(third.code, 4);
      const fourth = await ecrin(aws, home, [...args, "--no-cache", "--mfa-code", "654321"]);
      assert.equal(fourth.code, 0, fourth.stderr);
      assert.deepEqual(await cacheFiles(home), before);
    });
  }
});

/** The content of each file in the cache. */
async function cacheFiles(home: TempHome): Promise<string[]> {
  const files: string[] = [];
  for await (const { name } of Deno.readDir(home.at(".aws/cli/cache"))) {
    files.push(await home.read(`.aws/cli/cache/${name}`));
  }
  return files;
}

Deno.test("a role without MFA is cached for a profile, not for --role", async () => {
  await using aws = await startAws();
  await using home = await homeWith(
    `[profile blog]\nrole_arn = arn:aws:iam::222222222222:role/blog\nsource_profile = base\n`,
  );
  for (let run = 0; run < 2; run++) {
    const { code, stderr } = await ecrin(aws, home, [
      ...[...target, "--profile", "blog", "--role", "deploy"],
    ]);
    assert.equal(code, 0, stderr);
  }
  assert.deepEqual(
    aws.requestsOf("sts").map(({ params }) => params["RoleArn"]),
    ["blog", "deploy", "deploy"].map((name) => `arn:aws:iam::222222222222:role/${name}`),
  );
  assert.equal((await cacheFiles(home)).length, 1);
});

Deno.test("the cache is another's: other keys get credentials of their own", async () => {
  await using aws = await start({ roles: [{ arn: admin }] });
  await using home = await homeWith();
  const code = (digits: string) => [...withProfile, "--mfa-code", digits];
  assert.equal((await ecrin(aws, home, code("123456"))).code, 0);
  const other = aws.keys.add();
  await home.write(
    ".aws/config",
    config.replace("AKIATESTDEPLOY000001", other.accessKeyId)
      .replace("not-a-secret-of-deploy", other.secretAccessKey),
  );
  const { code: exit, stderr } = await ecrin(aws, home, [...code("654321"), "-v"]);
  assert.equal(exit, 0, stderr);
  assert.match(stderr, /ignored the cached credentials of .*role\/admin: another identity's$/m);
  assert.equal(aws.requestsOf("sts").at(-1)?.operation, "AssumeRole");
});

Deno.test("a cache that cannot be written keeps nobody from logging in", async () => {
  await using aws = await start();
  await using home = await homeWith();
  await home.write(".aws/cli", "a file in the folder's place");
  const { code, stderr } = await ecrin(aws, home, [...withProfile, "--mfa-code", "123456", "-v"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^ecrin: did not cache the credentials of .*role\/admin: E[A-Z]+$/m);
});

Deno.test("a web identity has no MFA device", async () => {
  await using aws = await start();
  await using home = await homeWith();
  const { code, stderr } = await runCli([...withRole, "--web-identity", "github"], {
    env: { ...aws.env(), ...aws.githubEnv() },
    home: home.path,
  });
  assert.equal(code, 2, stderr);
  assert.match(stderr, /has no MFA device$/m);
});
