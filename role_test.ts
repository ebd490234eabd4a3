import assert from "node:assert/strict";
import { quote, UserError } from "./errors.ts";
import {
  parseExternalId,
  parseRole,
  parseSessionName,
  parseSourceIdentity,
  parseTag,
  roleArn,
  sessionName,
} from "./role.ts";

const A = "123456789012";

/** Checks that `run` throws a well-said error for users with `code`, and returns it. */
function failure(code: string, run: () => unknown): UserError {
  try {
    run();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    assert.equal(error.code, code);
    assert.equal(error.exitCode, 2);
    assert.match(`${error.message}${error.hint}`, /^[\x20-\x7e]+$/);
    assert.ok(error.message.length < 200);
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was thrown" });
}

Deno.test("a role is a name, a path with a name, or an ARN", () => {
  const anywhere = { account: undefined, partition: undefined, arn: undefined };
  assert.deepEqual(parseRole("deploy"), { name: "deploy", path: "/", ...anywhere });
  assert.deepEqual(parseRole("/deploy"), { name: "deploy", path: "/", ...anywhere });
  assert.deepEqual(parseRole("a/b/deploy"), { name: "deploy", path: "/a/b/", ...anywhere });
  assert.deepEqual(parseRole("/a/b/deploy"), { name: "deploy", path: "/a/b/", ...anywhere });
  assert.deepEqual(parseRole("_+=,.@-Az0"), { name: "_+=,.@-Az0", path: "/", ...anywhere });
  for (const partition of ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-f"]) {
    const arn = `arn:${partition}:iam::${A}:role/ci/deploy`;
    const role = { name: "deploy", path: "/ci/", account: A, partition, arn };
    assert.deepEqual(parseRole(arn), role);
  }
});

Deno.test("names and paths of roles may be as long as IAM allows, and no longer", () => {
  assert.equal(parseRole("n".repeat(64)).name.length, 64);
  assert.equal(parseRole(`${"p".repeat(510)}/x`).path.length, 512);
  failure("bad-role", () => parseRole("n".repeat(65)));
  failure("bad-role", () => parseRole(`${"p".repeat(511)}/x`));
  failure("bad-role", () => parseRole(`arn:aws:iam::${A}:role/${"p".repeat(511)}/x`));
});

Deno.test("what is no role is refused", async (t) => {
  const rows = [
    "",
    "/",
    "//",
    "//deploy",
    "deploy/",
    "de ploy",
    "deploy\n",
    "\ndeploy",
    "deploy\0",
    "a\nb/deploy",
    "a b/deploy",
    "deploy\x7f",
    "a\x7f/deploy",
    "déploy",
    "deploy\u200b",
    "\u202edeploy",
    "de:ploy",
    "de*ploy",
    "$(id)",
    "a;b",
    "arn:",
    "arn:aws:iam",
    `ARN:aws:iam::${A}:role/deploy`,
    `arn:aws:iam::${A}:role/`,
    `arn:aws:iam::${A}:role`,
    `arn:aws:iam::${A}:role//deploy`,
    `arn:aws:iam::${A}:role/deploy/`,
    `arn:aws:iam::${A}:role/deploy\n`,
    `arn:aws:iam::${A}:role/de ploy`,
    `arn:aws:iam::${A}:role/*`,
    `arn:aws:iam::${A}:role:deploy`,
    `arn:aws:iam::${A}1:role/deploy`,
    "arn:aws:iam::12345678901:role/deploy",
    "arn:aws:iam:::role/deploy",
    `arn:aws:iam:us-east-1:${A}:role/deploy`,
    `arn:evil:iam::${A}:role/deploy`,
    `arn:aws-isox:iam::${A}:role/deploy`,
    `arn:aws:iam::${A}:root`,
    `arn:aws:iam::${A}:user/martin`,
    `arn:aws:iam::${A}:instance-profile/deploy`,
    `arn:aws:sts::${A}:role/deploy`,
    `arn:aws:sts::${A}:federated-user/martin`,
    `arn:aws:s3::${A}:role/deploy`,
    "r".repeat(1_000_000),
    "r/".repeat(500_000),
    `arn:aws:iam::${A}:role/${"r/".repeat(500_000)}`,
  ];
  for (const text of rows) {
    await t.step(quote(text), () => void failure("bad-role", () => parseRole(text)));
  }
});

Deno.test("the ARN of a session is answered with the role's", () => {
  const { hint } = failure(
    "bad-role",
    () => parseRole(`arn:aws-cn:sts::${A}:assumed-role/deploy/martin`),
  );
  assert.match(hint ?? "", new RegExp(`arn:aws-cn:iam::${A}:role/deploy,`));
});

Deno.test("the ARN of a user is answered with what it is", () => {
  const { hint } = failure("bad-role", () => parseRole(`arn:aws:iam::${A}:user/martin`));
  assert.match(hint ?? "", /\(user\).*arn:aws:iam::123456789012:role\/NAME/);
});

Deno.test("a role that was named without ARN is taken in the account and partition at hand", () => {
  assert.equal(roleArn(parseRole("deploy"), A, "aws"), `arn:aws:iam::${A}:role/deploy`);
  assert.equal(roleArn(parseRole("a/b/c"), A, "aws-cn"), `arn:aws-cn:iam::${A}:role/a/b/c`);
});

Deno.test("a role that was named by its ARN keeps it", () => {
  const arn = "arn:aws:iam::999999999999:role/x/deploy";
  assert.equal(roleArn(parseRole(arn), A, "aws-cn"), arn);
});

const job = {
  USER: "runner",
  GITHUB_ACTIONS: "true",
  GITHUB_REPOSITORY: "octo-org/app",
  GITHUB_RUN_ID: "1658821493",
};

Deno.test("a role session is named after the CI job, else the user, else ecrin", async (t) => {
  const rows: [string, Record<string, string | undefined>][] = [
    ["gh-octo-org-app-1658821493", job],
    ["gitlab-group-app-77", { GITLAB_CI: "true", CI_PROJECT_PATH: "group/app", CI_JOB_ID: "77" }],
    [
      "circleci-octo-app-12",
      {
        CIRCLECI: "true",
        CIRCLE_PROJECT_USERNAME: "octo",
        CIRCLE_PROJECT_REPONAME: "app",
        CIRCLE_BUILD_NUM: "12",
      },
    ],
    ["bitbucket-team-app-3", { BITBUCKET_BUILD_NUMBER: "3", BITBUCKET_REPO_FULL_NAME: "team/app" }],
    [
      "buildkite-app-9",
      { BUILDKITE: "true", BUILDKITE_PIPELINE_SLUG: "app", BUILDKITE_BUILD_NUMBER: "9" },
    ],
    [
      "jenkins-folder-app-5",
      { JENKINS_URL: "https://ci.example", JOB_NAME: "folder/app", BUILD_NUMBER: "5" },
    ],
    ["gh", { GITHUB_ACTIONS: "true" }],
    ["gh-5", { GITHUB_ACTIONS: "true", GITHUB_RUN_ID: "5" }],
    ["martin", { USER: "martin" }],
    ["martin", { USER: "", LOGNAME: "martin", USERNAME: "x" }],
    ["CORP-Martin-Moe", { USERNAME: "CORP\\Martin Moe" }],
    ["m.moe@example.com", { USER: "m.moe@example.com" }],
    ["ecrin-m", { USER: "m" }],
    ["moe", { USER: "мартин", LOGNAME: "moe" }],
    ["ecrin", { USER: "мартин" }],
    ["a-b", { USER: "a\n\0b" }],
    ["ecrin", {}],
  ];
  for (const [name, env] of rows) {
    await t.step(name, () => assert.equal(sessionName(env), name));
  }
});

Deno.test("a role session name that is too long is cut to 64 characters, but not the run", () => {
  const name = sessionName({ ...job, GITHUB_REPOSITORY: `octo/${"a".repeat(200)}` });
  assert.equal(name.length, 64);
  assert.match(name, /^gh-octo-a+-1658821493$/);
  assert.equal(sessionName({ USER: "u".repeat(200) }), "u".repeat(64));
});

Deno.test("a default session name is always one that STS takes", () => {
  for (const value of ["", "-", "/", "\n", "é".repeat(99), "a".repeat(999), "a b".repeat(99)]) {
    for (
      const sign of ["GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "BUILDKITE", "JENKINS_URL", "X"]
    ) {
      const env = Object.fromEntries(
        [...Object.keys(job), "CI_PROJECT_PATH", "CI_JOB_ID", "JOB_NAME", "BUILD_NUMBER"]
          .filter((name) => name !== "GITHUB_ACTIONS")
          .map((name) => [name, value]),
      );
      const name = sessionName({ ...env, [sign]: "true" });
      assert.equal(parseSessionName(name), name);
    }
  }
});

Deno.test("a session name, a source identity and an external ID follow the grammar of STS", () => {
  for (const parse of [parseSessionName, parseSourceIdentity]) {
    for (const text of ["ab", "a".repeat(64), "_+=,.@-"]) assert.equal(parse(text), text);
  }
  for (const text of ["ab", "a".repeat(1224), "_+=,.@:/-"]) {
    assert.equal(parseExternalId(text), text);
  }
  const refused = ["", "a", "a b", "ab\n", "\nab", "ab\0", "äb", "a*b", "a\\b", "a".repeat(1225)];
  for (const text of refused) {
    failure("bad-session-name", () => parseSessionName(text));
    failure("bad-source-identity", () => parseSourceIdentity(text));
    failure("bad-external-id", () => parseExternalId(text));
  }
  for (const text of ["a".repeat(65), "a:b", "a/b", "aws:x"]) {
    failure("bad-session-name", () => parseSessionName(text));
    failure("bad-source-identity", () => parseSourceIdentity(text));
  }
});

Deno.test("a tag is a key, an equals sign and a value", () => {
  assert.deepEqual(parseTag("team=blog"), { key: "team", value: "blog" });
  assert.deepEqual(parseTag("team="), { key: "team", value: "" });
  assert.deepEqual(parseTag("a=b=c"), { key: "a", value: "b=c" });
  assert.deepEqual(parseTag("équipe x=café 1_.:/+-@"), { key: "équipe x", value: "café 1_.:/+-@" });
  assert.deepEqual(parseTag("laws:x=1"), { key: "laws:x", value: "1" });
  const longest = `${"k".repeat(128)}=${"v".repeat(256)}`;
  assert.equal(parseTag(longest).value.length, 256);
});

Deno.test("what is no tag is refused", async (t) => {
  const rows = [
    "",
    "=",
    "team",
    "=blog",
    "team=a,b",
    "te*am=x",
    "team=x\n",
    "te\nam=x",
    "team=\0",
    "team=a;b",
    "aws:team=x",
    "AWS:team=x",
    `${"k".repeat(129)}=x`,
    `k=${"v".repeat(257)}`,
    "k=" + "v".repeat(1_000_000),
  ];
  for (const text of rows) {
    await t.step(quote(text), () => void failure("bad-tag", () => parseTag(text)));
  }
});
