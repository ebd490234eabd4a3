/**
 * Flags and settings that cannot be meant are refused with two lines that say what was bad and what
 * to do, before anything is asked of AWS. What only looks odd is accepted.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { assertRefused, base, long, type Row } from "./testing/bad_input.ts";
import { runCli, tempHome } from "./testing/cli.ts";
import { userEnv } from "./testing/ecrin.ts";

/** What may be wrong with a flag, a variable or a file. */
const rows: Record<string, Row> = {
  "a session name of one character": {
    args: [...base, "--account", "222222222222", "--role", "deploy", "--session-name", "a"],
    code: "bad-session-name",
    message: '"a" cannot name a role session',
    hint: /2 to 64/,
  },
  "a duration that is too short": {
    args: [...base, "--account", "222222222222", "--role", "deploy", "--duration", "5m"],
    code: "bad-duration",
    message: '"5m"',
    hint: /15m.*12h/,
  },
  "a duration that is too long": {
    args: [...base, "--account", "222222222222", "--role", "deploy", "--duration", "13h"],
    code: "bad-duration",
    message: '"13h"',
    hint: /15m.*12h/,
  },
  "a duration that is none": {
    args: [...base, "--account", "222222222222", "--role", "deploy", "--duration", "1 hour"],
    code: "bad-duration",
    message: '"1 hour" is not a duration',
    hint: /1h30m/,
  },
  "a duration without a role": {
    args: [...base, "--duration", "1h"],
    code: "role-needed",
    message: "--duration needs --role",
    hint: /--role/,
  },
  "an unknown flag": {
    args: [...base, "--acount", "222222222222"],
    code: "unknown-flag",
    message: 'unknown flag "--acount"',
    hint: /^did you mean --account\?$/,
  },
  "an unknown short flag": {
    args: [...base, "-x"],
    code: "unknown-flag",
    message: '"-x"',
    hint: /--help/,
  },
  "an unknown flag among short ones": {
    args: [...base, "-qx"],
    code: "unknown-flag",
    message: '"-x"',
    hint: /--help/,
  },
  "a flag that nothing resembles": {
    args: [...base, "--zzzzzzzzzzzz"],
    code: "unknown-flag",
    message: "--zzzzzzzzzzzz",
    hint: /^run: ecrin --help$/,
  },
  "a flag with a terminal's escape sequence": {
    args: [...base, "--\x1b[31mred\x1b[0m\x07"],
    code: "unknown-flag",
    message: '"--\\u001b[31mred\\u001b[0m\\u0007"',
    hint: /--help/,
  },
  "a flag that writes backwards": {
    args: [...base, "--\u202ednuofrp"],
    code: "unknown-flag",
    message: "\\u202e",
    hint: /--help/,
  },
  "a switch with a value": {
    args: [...base, "--quiet=x"],
    code: "unexpected-value",
    message: "--quiet takes no value",
    hint: /--quiet/,
  },
  "a flag of enormous length": {
    args: [...base, `--${long}`],
    code: "unknown-flag",
    message: "aaa...",
    hint: /--help/,
  },
  "a time limit of nothing": {
    args: [...base, "--timeout", "0"],
    code: "bad-timeout",
    message: "a timeout of 0 is too short",
    hint: /--timeout 30s/,
  },
  "a negative time limit": {
    args: [...base, "--timeout", "-5"],
    code: "missing-value",
    message: "--timeout needs a value",
    hint: /^to give it "-5", write --timeout=/,
  },
  "a negative time limit that is meant": {
    args: [...base, "--timeout=-5"],
    code: "bad-duration",
    message: '"-5" is not a duration',
    hint: /90s/,
  },
  "51 tags": {
    args: [
      ...base,
      ...["--account", "222222222222", "--role", "deploy"],
      ...Array.from({ length: 51 }, (_, index) => `--tag=k${index}=v`),
    ],
    code: "bad-tag",
    message: "51 tags",
    hint: /50|tag/,
  },
  "a tag given twice": {
    args: [
      ...base,
      ...["--account", "222222222222", "--role", "deploy", "--tag", "team=a", "--tag", "Team=b"],
    ],
    code: "bad-tag",
    message: "Team",
    hint: /^give each key once/,
  },
  "an unknown tool": {
    args: ["--region", "eu-west-1", "--tool", "podmn"],
    code: "unknown-tool",
    message: '"podmn"',
    hint: /^did you mean: --tool podman\?$/,
  },
  "a tool that is not installed": {
    args: ["--region", "eu-west-1", "--tool", "docker"],
    env: { PATH: "/nonexistent" },
    exitCode: 3,
    code: "tool-missing",
    message: /^docker is not installed$/,
    hint: /install it: .*; or use: --tool file$/,
  },
  "a profile that does not exist": {
    args: [...base, "--profile", "blgo"],
    files: { ".aws/config": "[profile blog]\nregion = eu-west-1\n" },
    code: "profile-not-found",
    message: '"blgo"',
    hint: /blog/,
  },
  "a profile with an escape sequence": {
    args: [...base, "--profile", "\x1b]0;title\x07"],
    code: "profile-not-found",
    message: "\\u001b",
    hint: /./,
  },
  "an access key without its secret": {
    args: base,
    env: { AWS_SECRET_ACCESS_KEY: "" },
    code: "partial-environment-keys",
    message: /AWS_SECRET_ACCESS_KEY is not$/,
    hint: /set both/,
  },
  "an endpoint that is no URL": {
    args: base,
    env: { AWS_ENDPOINT_URL: "ecr.example" },
    code: "bad-endpoint",
    message: "AWS_ENDPOINT_URL is no http",
    hint: /http/,
  },
  "a CA bundle that is not there": {
    args: base,
    env: { AWS_CA_BUNDLE: "/nonexistent/ca.pem", AWS_ENDPOINT_URL: undefined },
    code: "bad-ca-bundle",
    message: "/nonexistent/ca.pem cannot be read",
    hint: /AWS_CA_BUNDLE/,
    ofLogin: true,
  },
};

for (const [name, row] of Object.entries(rows)) {
  Deno.test(`${name} is refused`, () => assertRefused(row));
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
      env: { ...userEnv(aws), ...env },
    });
    assert.equal(code, 0, stderr);
    const { logins } = JSON.parse(stdout);
    assert.deepEqual(logins.map(({ registry }: { registry: string }) => registry), registries);
    assert.deepEqual(aws.requests, []);
  });
}

Deno.test("a short account is padded, with a warning that -q takes away", async () => {
  await using aws = await startAws();
  const env = userEnv(aws);
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

const lists: readonly (readonly [args: string[], keys: string[]])[] = [
  [["--wrng"], ["logins", "error"]],
  [["sso", "status", "--wrng"], ["sessions", "error"]],
  [["whoami", "--wrng"], ["error"]],
  [["sso", "--wrng"], ["error"]],
];
for (const [args, keys] of lists) {
  Deno.test(`ecrin ${args.join(" ")} --json prints the keys of its own command`, async () => {
    const { code, stdout } = await runCli([...args, "--json"], { env: {} });
    assert.equal(code, 2);
    assert.deepEqual(Object.keys(JSON.parse(stdout)), keys);
  });
}
