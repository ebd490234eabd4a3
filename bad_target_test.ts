/**
 * Accounts, regions, roles and registries that are none: each is refused with two lines that say
 * which value was bad and what to do, before anything is asked of AWS.
 */

import { assertRefused, base, long, type Row } from "./testing/bad_input.ts";

/** What may be said to name where to log in, and as which role. */
const targets: Record<string, Row> = {
  "an account of 13 digits": {
    args: [...base, "--account", "2222222222222"],
    code: "bad-account",
    message: '"2222222222222" is not an AWS account',
    hint: /12 digits/,
  },
  "an account with letters": {
    args: [...base, "--account", "22222222222O"],
    code: "bad-account",
    message: '"22222222222O"',
    hint: /12 digits/,
  },
  "an account as the console shows it": {
    args: [...base, "--account", "2222-2222-2222"],
    code: "bad-account",
    message: '"2222-2222-2222"',
    hint: /^did you mean 222222222222\?$/,
  },
  "an account in Arabic digits": {
    args: [...base, "--account", "٢٢٢٢٢٢٢٢٢٢٢٢"],
    code: "bad-account",
    message: "\\u0662",
    hint: /12 digits/,
  },
  "an empty account": {
    args: [...base, "--account", ""],
    code: "missing-value",
    message: "--account needs a value",
    hint: /--account|--help/,
  },
  "a comma for an account": {
    args: [...base, "--account", ","],
    code: "bad-account",
    message: '"" is not an AWS account',
    hint: /12 digits/,
  },
  "one bad account among good ones": {
    args: [...base, "--account", "222222222222,3x,444444444444"],
    code: "bad-account",
    message: '"3x"',
    hint: /12 digits/,
  },
  "a region that is a host": {
    args: ["--region", "us-east-1.evil.com", "--tool", "file"],
    code: "bad-region",
    message: '"us-east-1.evil.com" is not an AWS region',
    hint: /us-east-1/,
  },
  "a region that is a path": {
    args: ["--region", "../x", "--tool", "file"],
    code: "bad-region",
    message: '"../x"',
    hint: /us-east-1/,
  },
  "a region with a user name": {
    args: ["--region", "us-east-1@evil.com", "--tool", "file"],
    code: "bad-region",
    message: '"us-east-1@evil.com"',
    hint: /us-east-1/,
  },
  "a region with a letter that looks like one": {
    args: ["--region", "еu-west-1", "--tool", "file"],
    code: "bad-region",
    message: '"\\u0435u-west-1"',
    hint: /eu-west-1/,
  },
  "an empty region": {
    args: ["--region", "", "--tool", "file"],
    code: "missing-value",
    message: "--region needs a value",
    hint: /--region|--help/,
  },
  "a misspelt region": {
    args: ["--region", "eu-wset-1", "--tool", "file"],
    code: "bad-region",
    message: '"eu-wset-1"',
    hint: /^did you mean eu-west-1\?$/,
  },
  "a bad region in the environment": {
    args: ["--tool", "file"],
    env: { AWS_REGION: "us-east-1.evil.com" },
    code: "bad-region",
    message: '"us-east-1.evil.com"',
    hint: /us-east-1/,
  },
  "a bad region in the profile": {
    args: ["--tool", "file"],
    files: { ".aws/config": "[default]\nregion = ../../x\n" },
    code: "bad-region",
    message: '"../../x"',
    hint: /us-east-1/,
  },
  "no region anywhere": {
    args: ["--tool", "file"],
    code: "region-needed",
    message: /^no region: none in --region, AWS_REGION, AWS_DEFAULT_REGION or the profile$/,
    hint: /^add: --region/,
  },
  "no region anywhere, all of them empty": {
    args: ["--tool", "file"],
    env: { AWS_REGION: "", AWS_DEFAULT_REGION: "", AWS_PROFILE: "", AWS_DEFAULT_PROFILE: "" },
    code: "region-needed",
    message: "no region",
    hint: /^add: --region/,
  },
  "a role with a line break": {
    args: [...base, "--account", "222222222222", "--role", "deploy\nadmin"],
    code: "bad-role",
    message: '"deploy\\u000aadmin" is not a role',
    hint: /arn:aws:iam/,
  },
  "a role of another service's ARN": {
    args: [...base, "--role", "arn:aws:iam::222222222222:user/ann"],
    code: "bad-role",
    message: "user/ann",
    hint: /user/,
  },
  "a role that is another flag": {
    args: [...base, "--role=--x"],
    code: "account-needed",
    message: "--x",
    hint: /--account/,
  },
  "a role whose value was forgotten": {
    args: ["--role", "--account", "222222222222"],
    code: "missing-value",
    message: "--role needs a value: --role ROLE",
    hint: /--role|--help/,
  },
  "a role by its name and no account": {
    args: [...base, "--role", "deploy"],
    code: "account-needed",
    message: "deploy",
    hint: /--account/,
  },
  "a word of enormous length": {
    args: [...base, long],
    code: "unknown-command",
    message: "aaa...",
    hint: /--help/,
  },
  "a registry of enormous length": {
    args: [...base, `${long}.dkr.ecr.us-east-1.amazonaws.com`],
    code: "bad-registry",
    message: "too long",
    hint: /amazonaws/,
  },
  "a role of enormous length": {
    args: [...base, "--account", "222222222222", "--role", long],
    code: "bad-role",
    message: "aaa...",
    hint: /arn:aws:iam/,
  },
  "a misspelt command": {
    args: [...base, "logni"],
    code: "unknown-command",
    message: '"logni" is neither a command nor an ECR registry',
    hint: /^did you mean: ecrin login\?$/,
  },
  "a registry on another cloud": {
    args: [...base, "ghcr.io/acme/app"],
    code: "not-ecr",
    message: '"ghcr.io/acme/app" is not an ECR registry',
    hint: /docker login ghcr\.io/,
  },
  "a host that merely contains amazonaws.com": {
    args: [...base, "222222222222.dkr.ecr.us-east-1.amazonaws.com.evil.com"],
    code: "bad-registry",
    message: "amazonaws.com.evil.com",
    hint: /amazonaws\.com/,
  },
  "a host with amazonaws.com in front": {
    args: [...base, "amazonaws.com.evil.com/222222222222.dkr.ecr.us-east-1.amazonaws.com"],
    code: "bad-registry",
    message: "amazonaws.com.evil.com",
    hint: /amazonaws\.com/,
  },
  "a registry with a user name, which is not shown": {
    args: [...base, "https://AWS:not-a-secret@222222222222.dkr.ecr.us-east-1.amazonaws.com"],
    code: "bad-registry",
    message: /^"https:\/\/\*\*\*@222222222222/,
    hint: /./,
  },
  "a flag after two dashes": {
    args: [...base, "--", "--role"],
    code: "bad-registry",
    message: '"--role" is not an ECR registry',
    hint: /expected a host/,
  },
  "an empty registry": {
    args: [...base, ""],
    code: "bad-registry",
    message: '""',
    hint: /expected a host/,
  },
};

for (const [name, row] of Object.entries(targets)) {
  Deno.test(`${name} is refused`, () => assertRefused(row));
}
