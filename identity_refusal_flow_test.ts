/**
 * What is refused before anybody is asked: no request is made, nothing is written, and one error
 * says what to do. The real CLI as a process.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { tempHome } from "./testing/cli.ts";
import { ecrin, type Env } from "./testing/ecrin.ts";
import { twoLines } from "./testing/outcomes.ts";
import { contents } from "./testing/temp_home.ts";

const target = ["--account", "111111111111", "--region", "eu-west-1"];

/** A role profile and the profile that it starts from. */
const mfaConfig = `[profile base]
aws_access_key_id = AKIATESTDEPLOY000001
aws_secret_access_key = not-a-secret-of-deploy
[profile admin]
role_arn = arn:aws:iam::222222222222:role/admin
source_profile = base
mfa_serial = arn:aws:iam::111111111111:mfa/ann
[profile far]
role_arn = arn:aws:iam::333333333333:role/far
source_profile = admin
`;

const loop = `[profile a]
role_arn = arn:aws:iam::222222222222:role/a
source_profile = b
[profile b]
role_arn = arn:aws:iam::222222222222:role/b
source_profile = a
`;

const ssoWithoutSession = `[profile blog]
sso_session = corp
sso_account_id = 222222222222
sso_role_name = deploy
`;

interface Refusal {
  config?: string;
  args?: string[];
  env?: Env;
  code: number;
  error: RegExp;
  hint: RegExp;
}

const keys = {
  AWS_ACCESS_KEY_ID: "AKIATESTDEPLOY000001",
  AWS_SECRET_ACCESS_KEY: "not-a-secret-of-deploy",
};

const refusals: [name: string, refusal: Refusal][] = [
  ["--profile that does not exist", {
    config: "[profile blog]\nregion = eu-west-1\n",
    args: [...target, "--profile", "blgo"],
    env: keys,
    code: 2,
    error: /^profile "blgo" does not exist in .*\/\.aws\/config or .*\/\.aws\/credentials$/,
    hint: /^profiles there: "blog"$/,
  }],
  ["AWS_PROFILE that does not exist", {
    config: "[default]\nregion = eu-west-1\n",
    args: target,
    env: { AWS_PROFILE: "gone" },
    code: 2,
    error: /^profile "gone" does not exist in /,
    hint: /^profiles there: "default"$/,
  }],
  ["a cycle of source profiles", {
    config: loop,
    args: [...target, "--profile", "a"],
    code: 2,
    error: /^profile "a" in .* go in a circle: a → b → a$/,
    hint: /source_profile/,
  }],
  ["an sso-session that is missing", {
    config: ssoWithoutSession,
    args: [...target, "--profile", "blog"],
    code: 2,
    error: /^profile "blog" uses \[sso-session corp\], which is missing in .*\/\.aws\/config$/,
    hint: /^add \[sso-session corp\] with sso_start_url and sso_region to /,
  }],
  ["no region anywhere", {
    args: ["--account", "111111111111", "--role", "deploy"],
    env: keys,
    code: 2,
    error: /^no region: none in --region, AWS_REGION, AWS_DEFAULT_REGION or the profile$/,
    hint: /^add: --region REGION$/,
  }],
  ["a profile that needs an MFA code", {
    config: mfaConfig,
    args: [...target, "--profile", "admin", "--no-input"],
    code: 4,
    error: /^profile "admin" needs an MFA code to assume arn:aws:iam::222222222222:role\/admin$/,
    hint: /^add: --mfa-code CODE, or --mfa-command .*; or run ecrin on a terminal, where it asks$/,
  }],
  ["a profile whose source needs an MFA code", {
    config: mfaConfig,
    args: [...target, "--profile", "far"],
    env: { CI: "true" },
    code: 4,
    error: /^profile "admin" needs an MFA code to assume arn:aws:iam::222222222222:role\/admin$/,
    hint: /^add: --mfa-code CODE/,
  }],
  ["a config file with a line that means nothing", {
    config: "[default]\nregion eu-west-1\n",
    args: target,
    env: keys,
    code: 2,
    error: /^cannot read .*\/\.aws\/config: line 2 is neither "\[section\]" nor "key = value"$/,
    hint: /./,
  }],
  ["a chained session of two hours", {
    args: [...target, "--role", "arn:aws:iam::111111111111:role/hop", "--role", "deploy"].concat(
      "--duration",
      "2h",
    ),
    env: keys,
    code: 2,
    error: /^a session of arn:aws:iam::111111111111:role\/deploy can last 1h at most: another role/,
    hint: /^use: --duration 1h$/,
  }],
  ["a session of two hours from a container's role", {
    args: [...target, "--role", "deploy", "--duration", "2h"],
    env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1:9/creds" },
    code: 2,
    error: /can last 1h at most/,
    hint: /^use: --duration 1h$/,
  }],
  ["--external-id without a role", {
    args: [...target, "--external-id", "partner"],
    env: keys,
    code: 2,
    error: /^--external-id needs --role$/,
    hint: /^add: --role NAME$/,
  }],
  ["a bare role without an account", {
    args: ["--role", "deploy", "--region", "eu-west-1"],
    env: keys,
    code: 2,
    error: /^the role deploy is given by its name, and no account says where it is$/,
    hint: /^add: --account ID, or give the role's ARN$/,
  }],
  ["an access key without its secret", {
    args: target,
    env: { AWS_ACCESS_KEY_ID: "AKIATESTDEPLOY000001" },
    code: 2,
    error: /^AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not$/,
    hint: /^set both, and AWS_SESSION_TOKEN for temporary keys; or unset AWS_ACCESS_KEY_ID$/,
  }],
  ["a web identity without its role", {
    args: target,
    env: { AWS_WEB_IDENTITY_TOKEN_FILE: "/nowhere/token" },
    code: 2,
    error: /^AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not$/,
    hint: /^set AWS_ROLE_ARN /,
  }],
  ["a web identity for what is no role", {
    args: target,
    env: { AWS_WEB_IDENTITY_TOKEN_FILE: "/nowhere/token", AWS_ROLE_ARN: "web" },
    code: 2,
    error: /^AWS_ROLE_ARN is "web", which is not the ARN of a role$/,
    hint: /arn:aws:iam::/,
  }],
];

for (const [name, { config, args = [], env = {}, code, error, hint }] of refusals) {
  Deno.test(`refused before any request: ${name}`, async () => {
    await using aws = await startAws();
    await using home = await tempHome(config === undefined ? {} : { ".aws/config": config });
    const before = await contents(home.path);
    const result = await ecrin(aws, args, { home, env });
    assert.equal(result.stdout, "");
    const [message, advice] = twoLines(result);
    assert.match(message, error);
    assert.match(advice, hint);
    assert.equal(result.code, code);
    assert.deepEqual(aws.requests, []);
    assert.deepEqual(aws.registry.requests, []);
    assert.deepEqual(await contents(home.path), before);
  });
}
