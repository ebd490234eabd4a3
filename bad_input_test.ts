/**
 * Bad input: each kind is refused with the right exit code and two lines that say what was bad and
 * what to do, before anything is asked of AWS, and nothing is written.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { type CliResult, requirePrograms, runCli, type TempHome, tempHome } from "./testing/cli.ts";

const base = ["--region", "eu-west-1", "--tool", "file"];

/** A command line, environment and files, and how they are refused. */
interface Row {
  args: string[];
  /** Over an environment with keys; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  files?: Record<string, string>;
  /** Default 2. */
  exitCode?: number;
  /** As in `--json`. */
  code: string;
  /** What the message says, so that one knows which value is meant. */
  mentions: string | RegExp;
  hint: RegExp;
  /** Whether it is found out when the first login needs it: then it is the error of that login. */
  ofLogin?: boolean;
}

/** Every file and folder below `folder` with its content: what a run may not change. */
async function contents(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    found[path] = isFile ? await Deno.readTextFile(path) : "";
    if (isDirectory) Object.assign(found, await contents(path));
  }
  return found;
}

/** The message and the hint of a run that printed these and nothing else. */
function twoLines({ stderr }: CliResult): [message: string, hint: string] {
  const match = /^ecrin: error: ([^\n]+)\necrin: hint: ([^\n]+)\n$/.exec(stderr);
  assert(match !== null, `not an error and a hint:\n${stderr.slice(0, 2000)}`);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/, "control characters");
  assert(stderr.length < 1000, `${stderr.length} characters`);
  const [, message = "", hint = ""] = match;
  assert.doesNotMatch(message, /[.]$|undefined|null|\[object/);
  return [message, hint];
}

async function refuses(row: Row): Promise<void> {
  await using aws = await startAws();
  const run = async (json: boolean): Promise<void> => {
    await using home = await tempHome(row.files);
    const before = await contents(home.path);
    const env = { ...aws.env(), ...aws.keys.env(), ...row.env };
    const args = json ? ["--json", ...row.args] : row.args;
    const result = await runCli(args, { home: home.path, env });
    assert.equal(result.code, row.exitCode ?? 2, result.stderr.slice(0, 2000));
    const [message, hint] = twoLines(result);
    if (typeof row.mentions === "string") assert(message.includes(row.mentions), message);
    else assert.match(message, row.mentions);
    assert.match(hint, row.hint);
    if (json) {
      const error = { code: row.code, message, hint };
      const { logins, ...rest } = JSON.parse(result.stdout);
      assert.deepEqual(rest, row.ofLogin ? {} : { error });
      assert.deepEqual(
        logins.map((login: { error: unknown }) => login.error),
        row.ofLogin ? [error] : [],
      );
    } else {
      assert.equal(result.stdout, "");
    }
    assert.deepEqual(await contents(home.path), before, "something was written");
  };
  const runs = await Promise.allSettled([run(false), run(true)]);
  for (const ended of runs) if (ended.status === "rejected") throw ended.reason;
  assert.deepEqual(aws.requests, []);
  assert.deepEqual(aws.registry.requests, []);
}

const long = "a".repeat(100_000);

const rows: Record<string, Row> = {
  "an account of 13 digits": {
    args: [...base, "--account", "2222222222222"],
    code: "bad-account",
    mentions: '"2222222222222" is not an AWS account',
    hint: /12 digits/,
  },
  "an account with letters": {
    args: [...base, "--account", "22222222222O"],
    code: "bad-account",
    mentions: '"22222222222O"',
    hint: /12 digits/,
  },
  "an account as the console shows it": {
    args: [...base, "--account", "2222-2222-2222"],
    code: "bad-account",
    mentions: '"2222-2222-2222"',
    hint: /^did you mean 222222222222\?$/,
  },
  "an account in Arabic digits": {
    args: [...base, "--account", "٢٢٢٢٢٢٢٢٢٢٢٢"],
    code: "bad-account",
    mentions: "\\u0662",
    hint: /12 digits/,
  },
  "an empty account": {
    args: [...base, "--account", ""],
    code: "missing-value",
    mentions: "--account needs a value",
    hint: /--account|--help/,
  },
  "a comma for an account": {
    args: [...base, "--account", ","],
    code: "bad-account",
    mentions: '"" is not an AWS account',
    hint: /12 digits/,
  },
  "one bad account among good ones": {
    args: [...base, "--account", "222222222222,3x,444444444444"],
    code: "bad-account",
    mentions: '"3x"',
    hint: /12 digits/,
  },
  "a region that is a host": {
    args: ["--region", "us-east-1.evil.com", "--tool", "file"],
    code: "bad-region",
    mentions: '"us-east-1.evil.com" is not an AWS region',
    hint: /us-east-1/,
  },
  "a region that is a path": {
    args: ["--region", "../x", "--tool", "file"],
    code: "bad-region",
    mentions: '"../x"',
    hint: /us-east-1/,
  },
  "a region with a user name": {
    args: ["--region", "us-east-1@evil.com", "--tool", "file"],
    code: "bad-region",
    mentions: '"us-east-1@evil.com"',
    hint: /us-east-1/,
  },
  "a region with a letter that looks like one": {
    args: ["--region", "еu-west-1", "--tool", "file"],
    code: "bad-region",
    mentions: '"\\u0435u-west-1"',
    hint: /eu-west-1/,
  },
  "an empty region": {
    args: ["--region", "", "--tool", "file"],
    code: "missing-value",
    mentions: "--region needs a value",
    hint: /--region|--help/,
  },
  "a misspelt region": {
    args: ["--region", "eu-wset-1", "--tool", "file"],
    code: "bad-region",
    mentions: '"eu-wset-1"',
    hint: /^did you mean eu-west-1\?$/,
  },
  "a bad region in the environment": {
    args: ["--tool", "file"],
    env: { AWS_REGION: "us-east-1.evil.com" },
    code: "bad-region",
    mentions: '"us-east-1.evil.com"',
    hint: /us-east-1/,
  },
  "a bad region in the profile": {
    args: ["--tool", "file"],
    files: { ".aws/config": "[default]\nregion = ../../x\n" },
    code: "bad-region",
    mentions: '"../../x"',
    hint: /us-east-1/,
  },
  "no region anywhere": {
    args: ["--tool", "file"],
    code: "region-needed",
    mentions: /^no region: none in --region, AWS_REGION, AWS_DEFAULT_REGION or the profile$/,
    hint: /^add: --region/,
  },
  "no region anywhere, all of them empty": {
    args: ["--tool", "file"],
    env: { AWS_REGION: "", AWS_DEFAULT_REGION: "", AWS_PROFILE: "", AWS_DEFAULT_PROFILE: "" },
    code: "region-needed",
    mentions: "no region",
    hint: /^add: --region/,
  },
  "a role with a line break": {
    args: [...base, "--account", "222222222222", "--role", "deploy\nadmin"],
    code: "bad-role",
    mentions: '"deploy\\u000aadmin" is not a role',
    hint: /arn:aws:iam/,
  },
  "a role of another service's ARN": {
    args: [...base, "--role", "arn:aws:iam::222222222222:user/ann"],
    code: "bad-role",
    mentions: "user/ann",
    hint: /user/,
  },
  "a role that is another flag": {
    args: [...base, "--role=--x"],
    code: "account-needed",
    mentions: "--x",
    hint: /--account/,
  },
  "a role whose value was forgotten": {
    args: ["--role", "--account", "222222222222"],
    code: "missing-value",
    mentions: "--role needs a value: --role ROLE",
    hint: /--role|--help/,
  },
  "a role by its name and no account": {
    args: [...base, "--role", "deploy"],
    code: "account-needed",
    mentions: "deploy",
    hint: /--account/,
  },
  "a session name of one character": {
    args: [...base, "--account", "222222222222", "--role", "deploy", "--session-name", "a"],
    code: "bad-session-name",
    mentions: '"a" cannot name a role session',
    hint: /2 to 64/,
  },
  "a duration that is too short": {
    args: [...base, "--account", "222222222222", "--role", "deploy", "--duration", "5m"],
    code: "bad-duration",
    mentions: '"5m"',
    hint: /15m.*12h/,
  },
  "a duration that is too long": {
    args: [...base, "--account", "222222222222", "--role", "deploy", "--duration", "13h"],
    code: "bad-duration",
    mentions: '"13h"',
    hint: /15m.*12h/,
  },
  "a duration that is none": {
    args: [...base, "--account", "222222222222", "--role", "deploy", "--duration", "1 hour"],
    code: "bad-duration",
    mentions: '"1 hour" is not a duration',
    hint: /1h30m/,
  },
  "a duration without a role": {
    args: [...base, "--duration", "1h"],
    code: "role-needed",
    mentions: "--duration needs --role",
    hint: /--role/,
  },
  "an unknown flag": {
    args: [...base, "--acount", "222222222222"],
    code: "unknown-flag",
    mentions: 'unknown flag "--acount"',
    hint: /^did you mean --account\?$/,
  },
  "an unknown short flag": {
    args: [...base, "-x"],
    code: "unknown-flag",
    mentions: '"-x"',
    hint: /--help/,
  },
  "an unknown flag among short ones": {
    args: [...base, "-qx"],
    code: "unknown-flag",
    mentions: '"-x"',
    hint: /--help/,
  },
  "a flag that nothing resembles": {
    args: [...base, "--zzzzzzzzzzzz"],
    code: "unknown-flag",
    mentions: "--zzzzzzzzzzzz",
    hint: /^run: ecrin --help$/,
  },
  "a flag with a terminal's escape sequence": {
    args: [...base, "--\x1b[31mred\x1b[0m\x07"],
    code: "unknown-flag",
    mentions: '"--\\u001b[31mred\\u001b[0m\\u0007"',
    hint: /--help/,
  },
  "a flag that writes backwards": {
    args: [...base, "--\u202ednuofrp"],
    code: "unknown-flag",
    mentions: "\\u202e",
    hint: /--help/,
  },
  "a switch with a value": {
    args: [...base, "--quiet=x"],
    code: "unexpected-value",
    mentions: "--quiet takes no value",
    hint: /--quiet/,
  },
  "a flag of enormous length": {
    args: [...base, `--${long}`],
    code: "unknown-flag",
    mentions: "aaa...",
    hint: /--help/,
  },
  "a word of enormous length": {
    args: [...base, long],
    code: "unknown-command",
    mentions: "aaa...",
    hint: /--help/,
  },
  "a registry of enormous length": {
    args: [...base, `${long}.dkr.ecr.us-east-1.amazonaws.com`],
    code: "bad-registry",
    mentions: "too long",
    hint: /amazonaws/,
  },
  "a role of enormous length": {
    args: [...base, "--account", "222222222222", "--role", long],
    code: "bad-role",
    mentions: "aaa...",
    hint: /arn:aws:iam/,
  },
  "a misspelt command": {
    args: [...base, "logni"],
    code: "unknown-command",
    mentions: '"logni" is neither a command nor an ECR registry',
    hint: /^did you mean: ecrin login\?$/,
  },
  "a registry on another cloud": {
    args: [...base, "ghcr.io/acme/app"],
    code: "not-ecr",
    mentions: '"ghcr.io/acme/app" is not an ECR registry',
    hint: /docker login ghcr\.io/,
  },
  "a host that merely contains amazonaws.com": {
    args: [...base, "222222222222.dkr.ecr.us-east-1.amazonaws.com.evil.com"],
    code: "bad-registry",
    mentions: "amazonaws.com.evil.com",
    hint: /amazonaws\.com/,
  },
  "a host with amazonaws.com in front": {
    args: [...base, "amazonaws.com.evil.com/222222222222.dkr.ecr.us-east-1.amazonaws.com"],
    code: "bad-registry",
    mentions: "amazonaws.com.evil.com",
    hint: /amazonaws\.com/,
  },
  "a registry with a user name, which is not shown": {
    args: [...base, "https://AWS:not-a-secret@222222222222.dkr.ecr.us-east-1.amazonaws.com"],
    code: "bad-registry",
    mentions: /^"https:\/\/\*\*\*@222222222222/,
    hint: /./,
  },
  "a flag after two dashes": {
    args: [...base, "--", "--role"],
    code: "bad-registry",
    mentions: '"--role" is not an ECR registry',
    hint: /expected a host/,
  },
  "an empty registry": {
    args: [...base, ""],
    code: "bad-registry",
    mentions: '""',
    hint: /expected a host/,
  },
  "a time limit of nothing": {
    args: [...base, "--timeout", "0"],
    code: "bad-timeout",
    mentions: "a timeout of 0 is too short",
    hint: /--timeout 30s/,
  },
  "a negative time limit": {
    args: [...base, "--timeout", "-5"],
    code: "missing-value",
    mentions: "--timeout needs a value",
    hint: /^to give it "-5", write --timeout=/,
  },
  "a negative time limit that is meant": {
    args: [...base, "--timeout=-5"],
    code: "bad-duration",
    mentions: '"-5" is not a duration',
    hint: /90s/,
  },
  "51 tags": {
    args: [
      ...base,
      ...["--account", "222222222222", "--role", "deploy"],
      ...Array.from({ length: 51 }, (_, index) => `--tag=k${index}=v`),
    ],
    code: "bad-tag",
    mentions: "51 tags",
    hint: /50|tag/,
  },
  "a tag given twice": {
    args: [
      ...base,
      ...["--account", "222222222222", "--role", "deploy", "--tag", "team=a", "--tag", "Team=b"],
    ],
    code: "bad-tag",
    mentions: "Team",
    hint: /^give each key once/,
  },
  "an unknown tool": {
    args: ["--region", "eu-west-1", "--tool", "podmn"],
    code: "unknown-tool",
    mentions: '"podmn"',
    hint: /^did you mean: --tool podman\?$/,
  },
  "a tool that is not installed": {
    args: ["--region", "eu-west-1", "--tool", "docker"],
    env: { PATH: "/nonexistent" },
    exitCode: 3,
    code: "tool-missing",
    mentions: /^docker is not installed$/,
    hint: /install it: .*; or use: --tool file$/,
  },
  "a profile that does not exist": {
    args: [...base, "--profile", "blgo"],
    files: { ".aws/config": "[profile blog]\nregion = eu-west-1\n" },
    code: "profile-not-found",
    mentions: '"blgo"',
    hint: /blog/,
  },
  "a profile with an escape sequence": {
    args: [...base, "--profile", "\x1b]0;title\x07"],
    code: "profile-not-found",
    mentions: "\\u001b",
    hint: /./,
  },
  "an access key without its secret": {
    args: base,
    env: { AWS_SECRET_ACCESS_KEY: "" },
    exitCode: 4,
    code: "partial-environment-keys",
    mentions: /AWS_SECRET_ACCESS_KEY is not$/,
    hint: /set both/,
  },
  "an endpoint that is no URL": {
    args: base,
    env: { AWS_ENDPOINT_URL: "ecr.example" },
    code: "bad-endpoint",
    mentions: "AWS_ENDPOINT_URL is no http",
    hint: /http/,
  },
  "a CA bundle that is not there": {
    args: base,
    env: { AWS_CA_BUNDLE: "/nonexistent/ca.pem", AWS_ENDPOINT_URL: undefined },
    code: "bad-ca-bundle",
    mentions: "/nonexistent/ca.pem cannot be read",
    hint: /AWS_CA_BUNDLE/,
    ofLogin: true,
  },
};

for (const [name, row] of Object.entries(rows)) {
  Deno.test(`${name} is refused`, () => refuses(row));
}

/** Malformed files of the tools: the text, and where the fault is. */
const malformed: Record<string, [text: string, place: string]> = {
  "cut short": ['{"auths": {"quay.io": {"auth": "YWxhZGRpbjpvcGVuc2VzYW1l"', "1:58"],
  "no JSON at all": ["auths: {}\n", "1:1"],
  "a login that docker cannot read": ['{"auths": {"quay.io": {"auth": "%%%"}}}', "1:32"],
  "a list": ["[]", "1:1"],
};

const programTools = ["docker", "nerdctl", "finch"] as const;

for (const [name, [text, place]] of Object.entries(malformed)) {
  for (const tool of [...programTools, "file"]) {
    Deno.test(`a config.json that is ${name} is refused before ${tool} can replace it`, async () => {
      await using bin = await tempHome();
      for (const program of programTools) {
        await bin.writeProgram(
          program,
          '#!/bin/sh\ncat > /dev/null\necho "{}" > "$HOME/.docker/config.json"\n',
        );
      }
      await refuses({
        args: ["--region", "eu-west-1", "--tool", tool],
        env: { PATH: `${bin.path}:${Deno.env.get("PATH")}` },
        files: { ".docker/config.json": text },
        exitCode: 3,
        code: "docker-config-malformed",
        mentions: new RegExp(`^docker's config is malformed: /.*/config\\.json:${place}: `),
        hint: /^mend it/,
      });
    });
  }
}

Deno.test("a malformed config.json in DOCKER_CONFIG is refused", async () => {
  await using folder = await tempHome({ "config.json": "{" });
  await using bin = await tempHome();
  for (const program of ["docker", "podman"]) {
    await bin.writeProgram(
      program,
      `#!/bin/sh\ncat > /dev/null\necho "{}" > ${folder.at("config.json")}\n`,
    );
    await refuses({
      args: ["--region", "eu-west-1", "--tool", program],
      env: { PATH: `${bin.path}:${Deno.env.get("PATH")}`, DOCKER_CONFIG: folder.path },
      exitCode: 3,
      code: "docker-config-malformed",
      mentions: folder.at("config.json:1:2"),
      hint: /^mend it/,
    });
    assert.equal(await folder.read("config.json"), "{");
  }
});

Deno.test("a malformed auth.json of podman is refused", async () => {
  await using folder = await tempHome({ "containers/auth.json": "{" });
  await using bin = await tempHome();
  await bin.writeProgram(
    "podman",
    `#!/bin/sh\ncat > /dev/null\necho "{}" > ${folder.at("containers/auth.json")}\n`,
  );
  const files = [
    { REGISTRY_AUTH_FILE: folder.at("containers/auth.json") },
    { XDG_RUNTIME_DIR: folder.path },
  ];
  for (const env of files) {
    await refuses({
      args: ["--region", "eu-west-1", "--tool", "podman"],
      env: { ...env, PATH: `${bin.path}:${Deno.env.get("PATH")}` },
      exitCode: 3,
      code: "docker-config-malformed",
      mentions: folder.at("containers/auth.json:1:2"),
      hint: /^mend it/,
    });
    assert.equal(await folder.read("containers/auth.json"), "{");
  }
});

Deno.test({
  name: "what is in a malformed config.json is not shown",
  ignore: !requirePrograms(["docker"]),
  fn: async () => {
    const secret = "YWxhZGRpbjpvcGVuc2VzYW1l";
    await refuses({
      args: ["--region", "eu-west-1", "--tool", "docker", "--verbose"],
      files: { ".docker/config.json": `{"auths": {"quay.io": {"auth": "${secret}" oops}}}` },
      exitCode: 3,
      code: "docker-config-malformed",
      mentions: /^(?!.*(YWxh|oops))/,
      hint: /^mend it/,
    });
  },
});

Deno.test({
  name: "an empty config.json, which docker takes for none, is no obstacle to docker",
  ignore: !requirePrograms(["docker"]),
  fn: async () => {
    await using aws = await startAws();
    await using home = await tempHome({ ".docker/config.json": "" });
    const { code, stderr } = await runCli(["--region", "eu-west-1"], {
      env: { ...aws.env(), ...aws.keys.env() },
      home: home.path,
    });
    assert.equal(code, 0, stderr);
    assert.match(await home.read(".docker/config.json"), /"auth"/);
  },
});

/** Programs that fail in docker's place, and what is said of it. */
const failing: Record<string, [script: string, code: string, message: RegExp, exitCode?: number]> =
  {
    "fails": [
      "echo some reason >&2; exit 7",
      "tool-failed",
      /^docker login failed with exit code 7: some reason$/,
    ],
    "fails without a word": [
      "exit 1",
      "tool-failed",
      /^docker login failed with exit code 1: it said nothing$/,
    ],
    "is killed": ["kill -9 $$", "tool-failed", /^docker login .*(killed|137)/],
    "says what a terminal would obey": [
      String.raw`printf 'bad\033[31m\033]0;x\007 \033[2J\n' >&2; exit 1`,
      "tool-failed",
      /^docker login failed with exit code 1: bad/,
    ],
    "says that the password is wrong": [
      'echo "Error response from daemon: login attempt to https://x/v2/ failed with status: 401 Unauthorized" >&2; exit 1',
      "registry-refused",
      /^127\.0\.0\.1:\d+ refused the password$/,
    ],
    "cannot reach the registry": [
      'echo "Error: Get https://x/v2/: dial tcp: lookup x: no such host" >&2; exit 1',
      "registry-unreachable",
      /^docker could not reach 127/,
      5,
    ],
    "is no program": ["", "tool-failed", /^docker/],
  };

for (const [name, [script, code, expected, exitCode]] of Object.entries(failing)) {
  Deno.test(`a docker that ${name} is reported and nothing is written`, async () => {
    await using aws = await startAws();
    await using home = await tempHome();
    await home.writeProgram(
      "bin/docker",
      script === "" ? "\x7fELFnonsense" : `#!/bin/sh\ncat > /dev/null\n${script}\n`,
    );
    const env = {
      ...aws.env(),
      ...aws.keys.env(),
      PATH: `${home.at("bin")}:${Deno.env.get("PATH")}`,
    };
    const before = await contents(home.path);
    const result = await runCli(["--region", "eu-west-1"], { env, home: home.path });
    assert.equal(result.code, exitCode ?? 3, result.stderr);
    assert.equal(result.stdout, "");
    const [message] = twoLines(result);
    assert.match(message, expected);
    const json = await runCli(["--region", "eu-west-1", "--json"], { env, home: home.path });
    assert.equal(JSON.parse(json.stdout).logins[0].error.code, code);
    assert.deepEqual(await contents(home.path), before);
  });
}

for (const tool of ["docker", "podman", "file"] as const) {
  Deno.test({
    name: `a registry that refuses the password of ${tool} is reported and nothing is written`,
    ignore: tool !== "file" && !requirePrograms([tool]),
    fn: async () => {
      await using aws = await startAws();
      aws.registry.fault("refuse");
      // podman wants plain HTTP to be said
      await using home = await tempHome({
        ".config/containers/registries.conf":
          `[[registry]]\nlocation = "${aws.registry.host}"\ninsecure = true\n`,
      });
      const env = { ...aws.env(), ...aws.keys.env(), REGISTRY_AUTH_FILE: home.at("auth.json") };
      const before = await contents(home.path);
      const args = ["--region", "eu-west-1", "--tool", tool];
      const result = await runCli(args, { env, home: home.path });
      assert.equal(result.code, 3, result.stderr);
      assert.equal(result.stdout, "");
      const [message, hint] = twoLines(result);
      assert.equal(message, `${aws.registry.host} refused the password`);
      assert.match(hint, /belong together/);
      for (const path of Object.keys(await contents(home.path))) {
        assert(path in before || /auth\.json$|\/\.(docker|local|cache|config)\b/.test(path), path);
      }
      assert.doesNotMatch(JSON.stringify(await contents(home.path)), /"auth":/);
    },
  });
}

/** A folder of its own file system, or undefined (with a line that says so) without the right to. */
async function mounted(home: TempHome, options: string): Promise<AsyncDisposable | undefined> {
  const folder = home.at("disk");
  await Deno.mkdir(folder);
  const mount = async (...args: string[]): Promise<boolean> => {
    try {
      return (await new Deno.Command(args[0] ?? "", { args: args.slice(1) }).output()).success;
    } catch {
      return false;
    }
  };
  const done = Deno.build.os === "linux" &&
    await mount("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder);
  if (!done) {
    console.log("skipped: needs the right to mount a tmpfs");
    return undefined;
  }
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      await mount("umount", "--lazy", folder);
    },
  };
}

/** What a folder for config.json cannot do, and how. */
const disks: Record<string, { options: string; fill: boolean; said: RegExp }> = {
  "read-only home": { options: "ro,size=1m", fill: false, said: /read-only/ },
  "full disk": { options: "size=64k,nr_inodes=20", fill: true, said: /no space left/ },
};

for (const [name, { options, fill, said }] of Object.entries(disks)) {
  for (const tool of ["docker", "file"] as const) {
    Deno.test({
      name: `a ${name} keeps ${tool} from storing the login, and is said`,
      ignore: tool === "docker" && !requirePrograms(["docker"]),
      fn: async () => {
        await using aws = await startAws();
        await using home = await tempHome();
        await using disk = await mounted(home, options);
        if (disk === undefined) return;
        const folder = home.at("disk");
        if (fill) {
          await Deno.mkdir(`${folder}/.docker`);
          await Deno.writeTextFile(`${folder}/.docker/config.json`, '{"auths":{"quay.io":{}}}');
          await Deno.writeFile(`${folder}/rest`, new Uint8Array(1024 * 1024)).catch(() => {});
        }
        const before = await contents(folder);
        const env = { ...aws.env(), ...aws.keys.env() };
        const args = ["--region", "eu-west-1", "--tool", tool];
        const result = await runCli(args, { env, home: folder });
        assert.equal(result.code, 3, result.stderr);
        assert.equal(result.stdout, "");
        const [message] = twoLines(result);
        assert.match(message, said);
        const after = await contents(folder);
        if (tool === "file") assert.deepEqual(after, before);
        else {assert.equal(
            after[`${folder}/.docker/config.json`],
            before[`${folder}/.docker/config.json`],
          );}
      },
    });
  }
}

Deno.test("--json with a value is refused", async () => {
  const result = await runCli([...base, "--json=x"]);
  assert.equal(result.code, 2);
  assert.equal(result.stdout, "");
  assert.match(result.stderr, /^ecrin: error: --json takes no value$/m);
});

/** What looks odd and is fine. */
const accepted: Record<
  string,
  [args: string[], registries: string[], env?: Record<string, string>]
> = {
  "flags after registries": [
    ["public.ecr.aws", "--tool", "file"],
    ["public.ecr.aws"],
  ],
  "a flag given twice, of which the last one counts": [
    ["--profile", "no-such", "--profile", "blog", "--public", "--tool", "file"],
    ["public.ecr.aws"],
  ],
  "repeated values": [
    ["--account", "222222222222,222222222222", "--account=222222222222", ...base],
    ["222222222222.dkr.ecr.eu-west-1.amazonaws.com"],
  ],
  "spaces after commas": [
    ["--account", "222222222222, 333333333333", ...base],
    [
      "222222222222.dkr.ecr.eu-west-1.amazonaws.com",
      "333333333333.dkr.ecr.eu-west-1.amazonaws.com",
    ],
  ],
  "two dashes before a registry": [
    ["--tool", "file", "--", "public.ecr.aws"],
    ["public.ecr.aws"],
  ],
  "empty variables": [
    ["--account", "222222222222", ...base],
    ["222222222222.dkr.ecr.eu-west-1.amazonaws.com"],
    {
      AWS_PROFILE: "",
      AWS_REGION: "",
      AWS_ENDPOINT_URL: "",
      AWS_CA_BUNDLE: "",
      AWS_SESSION_TOKEN: "",
      AWS_CONFIG_FILE: "",
      AWS_SHARED_CREDENTIALS_FILE: "",
      AWS_WEB_IDENTITY_TOKEN_FILE: "",
      AWS_MAX_ATTEMPTS: "",
      DOCKER_CONFIG: "",
      REGISTRY_AUTH_FILE: "",
      XDG_RUNTIME_DIR: "",
      HTTPS_PROXY: "",
      NO_COLOR: "",
    },
  ],
};

for (const [name, [args, registries, env]] of Object.entries(accepted)) {
  Deno.test(`accepted: ${name}`, async () => {
    await using aws = await startAws();
    await using home = await tempHome({
      ".aws/config": `[profile blog]\naws_access_key_id = AKIATESTDEPLOY000001
aws_secret_access_key = not-a-secret-of-deploy\nregion = eu-west-1\n`,
    });
    const { code, stdout, stderr } = await runCli(["--dry-run", "--json", ...args], {
      home: home.path,
      env: { ...aws.env(), ...aws.keys.env(), ...env },
    });
    assert.equal(code, 0, stderr);
    const { logins } = JSON.parse(stdout);
    assert.deepEqual(logins.map(({ registry }: { registry: string }) => registry), registries);
    assert.deepEqual(aws.requests, []);
  });
}

Deno.test("a short account is padded, with a warning that -q takes away", async () => {
  await using aws: FakeAws = await startAws();
  const env = { ...aws.env(), ...aws.keys.env() };
  const args = [...base, "--account", "123", "--dry-run", "--json"];
  const loud = await runCli(args, { env });
  assert.equal(loud.code, 0, loud.stderr);
  assert.match(loud.stderr, /^ecrin: warning: account 123 .*000000000123$/m);
  const quiet = await runCli([...args, "-q"], { env });
  assert.equal(quiet.stderr, "");
  const both = await runCli([...args, "-qv"], { env });
  assert.equal(both.code, 0);
  for (const { stdout } of [loud, quiet, both]) {
    assert.equal(JSON.parse(stdout).logins[0].account, "000000000123");
  }
});
