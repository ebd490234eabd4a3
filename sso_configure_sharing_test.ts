/**
 * Profiles that `ecrin sso configure` wrote, as the AWS CLI and the SDK read them, and what the AWS
 * CLI and others do to the file at the same time.
 */

import assert from "node:assert/strict";
import { changeAwsConfigFile, readAwsConfigFile } from "./aws_config_file.ts";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { hasAwsCli, runAwsCli } from "./testing/aws_cli.ts";
import { runCli, startCli, type TempHome, tempHome } from "./testing/cli.ts";
import { ssoSessionFile } from "./testing/profile_files.ts";
import { keyFromSso } from "./testing/sdk.ts";

const url = ["--start-url", "https://x.awsapps.com/start", "--sso-region", "us-east-1"];

async function signedIn(aws: FakeAws): Promise<TempHome> {
  return await tempHome({ [ssoSessionFile]: JSON.stringify(aws.sso.signIn()) });
}

async function configure(aws: FakeAws, home: TempHome, args: string[]): Promise<string> {
  const { code, stderr } = await runCli(["sso", "configure", "--sso-session", "corp", ...args], {
    home: home.path,
    env: aws.env(),
  });
  assert.equal(code, 0, stderr);
  return stderr;
}

function profile(name: string): string[] {
  return ["--profile", name, "--account", "222222222222", "--sso-role", "deploy", ...url];
}

Deno.test("the SDK's fromSSO takes a profile that ecrin wrote", async () => {
  await using aws = await startAws();
  await using home = await signedIn(aws);
  await configure(aws, home, [...url, "--all", "--prefix", "corp-"]);
  const { arn } = await keyFromSso(aws, home, "corp-blog-deploy");
  assert.match(arn, /:assumed-role\/AWSReservedSSO_deploy_/);
});

const withAwsCli = { ignore: !hasAwsCli() };

/** A command of the AWS CLI itself. */
const cliMain = `
import sys
from awscli.clidriver import main
sys.exit(main())
`;

/**
 * For each profile, what `aws configure get` says of its account, and the access key that the AWS CLI
 * gets for it: its commands cannot name the endpoint.
 */
const cliProfiles = `
import sys
from awscli.botocore.credentials import SSOProvider, JSONFileCache
from awscli.botocore.session import Session
from awscli.botocore.tokens import SSOTokenProvider
from awscli.clidriver import create_clidriver
from awscli.customizations.sso.utils import SSO_TOKEN_DIR

url, *names = sys.argv[1:]
for name in names:
    create_clidriver().main(["configure", "get", "sso_account_id", "--profile", name])
    session = Session(profile=name)
    def create(service, **keys):
        return session.create_client(service, endpoint_url=url, **keys)
    print(SSOProvider(
        load_config=lambda: session.full_config,
        client_creator=create,
        profile_name=name,
        cache={},
        token_cache=JSONFileCache(SSO_TOKEN_DIR),
        token_provider=SSOTokenProvider(session),
    ).load().get_frozen_credentials().access_key)
`;

const names = ["blog", "my blog", "ann's", `"quoted"`, "back\\slash", "a'b c", "Büro", "default"];

Deno.test({
  name: "the AWS CLI takes profiles that ecrin wrote, whatever their names",
  ...withAwsCli,
  fn: async () => {
    await using aws = await startAws();
    await using home = await signedIn(aws);
    for (const name of names) {
      await configure(aws, home, [...profile(name), "--region", "eu-west-1"]);
    }
    const cli = (script: string, args: string[]) => runAwsCli(script, { home: home.path, args });
    const listed = (await cli(cliMain, ["configure", "list-profiles"])).split("\n");
    assert.deepEqual(listed.toSorted(), names.toSorted());
    const said = (await cli(cliProfiles, [aws.url, ...names])).split("\n");
    assert.equal(said.length, 2 * names.length);
    for (const [index, name] of names.entries()) {
      const [account, key = ""] = said.slice(2 * index);
      assert.equal(account, "222222222222", name);
      assert.match(aws.keys.get(key)?.arn ?? "", /:assumed-role\/AWSReservedSSO_deploy_/, name);
    }
  },
});

Deno.test({
  name: "the AWS CLI changes the sections that ecrin wrote, and ecrin those of the AWS CLI",
  ...withAwsCli,
  fn: async () => {
    await using aws = await startAws();
    await using home = await signedIn(aws);
    const set = (name: string, key: string, value: string) =>
      runAwsCli(cliMain, {
        home: home.path,
        args: ["configure", "set", key, value, "--profile", name],
      });
    for (const name of ["blog", "my blog"]) {
      await configure(aws, home, profile(name));
      await set(name, "region", "eu-west-1");
      await set(name, "output", "json");
    }
    await set("their own", "region", "eu-west-1");
    await configure(aws, home, profile("their own"));
    const text = await home.read(".aws/config");
    const role = "sso_session = corp\nsso_account_id = 222222222222\nsso_role_name = deploy\n";
    const settings = "region = eu-west-1\noutput = json\n";
    assert.equal(
      text.slice(text.indexOf("[profile")).replace(/\n+/g, "\n"),
      `[profile blog]\n${role}${settings}[profile 'my blog']\n${role}${settings}` +
        `[profile 'their own']\nregion = eu-west-1\n${role}`,
    );
  },
});

Deno.test("parallel runs keep each other's profiles, and those of a program without a lock", async () => {
  await using aws = await startAws();
  await using home = await signedIn(aws);
  const path = await home.write(".aws/config", "# mine\n[default]\nregion = us-east-1\n");
  const numbers = Array.from({ length: 6 }, (_, index) => index);
  await Promise.all(numbers.map((number) => configure(aws, home, profile(`p${number}`))));
  const text = await home.read(".aws/config");
  assert(text.startsWith("# mine\n[default]\nregion = us-east-1\n"));
  assert.equal(text.match(/^\[sso-session corp\]$/gm)?.length, 1);
  assert.deepEqual(
    text.match(/^\[profile .*$/gm)?.toSorted(),
    numbers.map((number) => `[profile p${number}]`),
  );
  // what somebody writes between the look at the file and its replacement
  const before = await readAwsConfigFile(path);
  let asked = 0;
  await changeAwsConfigFile(path, {
    before,
    change: (text) => {
      if (asked++ === 0) Deno.writeTextFileSync(path, `${before}[profile other]\n`);
      return text.includes("[profile ours]") ? text : `${text}[profile ours]\n`;
    },
    signal: new AbortController().signal,
    report: () => {},
  });
  assert.equal(await home.read(".aws/config"), `${before}[profile other]\n[profile ours]\n`);
});

for (const left of ["", "[defa"]) {
  Deno.test(`a file that a program is writing anew, of which there is ${JSON.stringify(left)}, is not taken for the whole`, async () => {
    await using home = await tempHome({ ".aws/config": "[default]\nregion = r\n" });
    const path = home.at(".aws/config");
    const before = await readAwsConfigFile(path);
    await Deno.writeTextFile(path, left);
    const changed = changeAwsConfigFile(path, {
      before,
      change: (text) => `${text}# ours\n`,
      signal: new AbortController().signal,
      report: () => {},
    });
    await assert.rejects(changed, { code: "aws-config-busy", exitCode: 2 });
    assert.equal(await home.read(".aws/config"), left);
  });
}

Deno.test({
  name: "a symlink and the mode of the file stay",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using aws = await startAws();
    await using home = await signedIn(aws);
    await home.write("dotfiles/config", "[default]\nregion = us-east-1\n", 0o640);
    await Deno.symlink("../dotfiles/config", home.at(".aws/config"));
    await configure(aws, home, profile("blog"));
    assert.equal(await Deno.readLink(home.at(".aws/config")), "../dotfiles/config");
    const { mode } = await Deno.stat(home.at("dotfiles/config"));
    assert.equal((mode ?? 0) & 0o777, 0o640);
    assert.match(await home.read("dotfiles/config"), /^\[profile blog\]$/m);
  },
});

Deno.test({
  name: "a run that is killed leaves the file whole",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const account = (index: number) => ({
      ...{ accountId: String(100_000_000_000 + index), accountName: `account ${index}` },
      ...{ emailAddress: "", roles: ["a", "b", "c"] },
    });
    const accounts = Array.from({ length: 100 }, (_, index) => account(index));
    await using aws = await startAws({ sso: { accounts } });
    const before = "[default]\nregion = us-east-1\n";
    const isStarted = (home: TempHome) => {
      const names = Array.from(Deno.readDirSync(home.at(".aws")), ({ name }) => name);
      return names.some((name) => name.endsWith(".tmp")) ||
        Deno.readTextFileSync(home.at(".aws/config")) !== before;
    };
    for (let run = 0; run < 6; run++) {
      await using home = await signedIn(aws);
      await home.write(".aws/config", before);
      const args = ["sso", "configure", "--all", "--sso-session", "corp", ...url];
      await using cli = await startCli(args, { home: home.path, env: aws.env(), stdin: "" });
      await cli.waitFor("stderr", /the change of/);
      // at once, or when the first sign of writing is there
      while (run % 2 === 1 && !isStarted(home)) await new Promise((resolve) => setTimeout(resolve));
      cli.kill("SIGKILL");
      await cli.result();
      const text = await home.read(".aws/config");
      if (text !== before) assert.equal(text.match(/^sso_role_name = [abc]$/gm)?.length, 300);
      // and the next one does it, and leaves nothing else behind
      await configure(aws, home, [...url, "--all"]);
      const entries = await Array.fromAsync(Deno.readDir(home.at(".aws")));
      assert.deepEqual(entries.map(({ name }) => name).toSorted(), ["config", "sso"]);
    }
  },
});

const unwritable: [name: string, prepare: (home: TempHome) => Promise<unknown>, error: RegExp][] = [
  ["a folder", (home) => Deno.mkdir(home.at(".aws/config")), /it is a folder|is not a file/],
  [
    "not in UTF-8",
    (home) => Deno.writeFile(home.at(".aws/config"), new Uint8Array([91, 255])),
    /UTF-8/,
  ],
  ["a symlink to itself", (home) => Deno.symlink("config", home.at(".aws/config")), /in a circle/],
];

for (const [name, prepare, error] of unwritable) {
  Deno.test(`a config file that is ${name} is explained`, {
    ignore: Deno.build.os === "windows",
  }, async () => {
    await using home = await tempHome({ ".aws/x": "" });
    await prepare(home);
    const args = ["sso", "configure", "--sso-session", "corp", ...profile("blog")];
    const { code, stderr } = await runCli(args, { home: home.path });
    assert.equal(code, 2, stderr);
    assert.match(stderr, error);
    assert.match(stderr, /^ecrin: hint: /m);
  });
}

Deno.test("a config file that Deno may not write says which permission is missing", async () => {
  await using aws = await startAws();
  await using home = await signedIn(aws);
  await home.write(".aws/config", "# mine\n");
  const args = ["sso", "configure", "--sso-session", "corp", ...profile("blog")];
  const { code, stderr } = await runCli(args, {
    home: home.path,
    env: aws.env(),
    denoArgs: ["-A", `--deny-write=${home.at(".aws")}`],
  });
  assert.equal(code, 2, stderr);
  assert.match(
    stderr,
    /may not change .*config: Deno was started without[^]*hint: add .*--allow-write/,
  );
  assert.equal(await home.read(".aws/config"), "# mine\n");
});
