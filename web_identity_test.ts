import assert from "node:assert/strict";
import { parseAwsConfig } from "./aws_config.ts";
import { parseLogin } from "./cli.ts";
import { type IdentityPlan, planIdentity } from "./credentials.ts";
import { exitCodes } from "./errors.ts";
import { checkHops } from "./role_hops.ts";
import { failure } from "./testing/user_errors.ts";
import {
  checkWebIdentityRole,
  jobIdentity,
  parseToken,
  parseWebIdentity,
  webIdentitySource,
  type WebToken,
} from "./web_identity.ts";

const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.not-a-signature";

const github = {
  GITHUB_ACTIONS: "true",
  ACTIONS_ID_TOKEN_REQUEST_URL: "https://run.actions.githubusercontent.com/7/idtoken?api-version=2",
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: "not-a-bearer",
};

/** A token's place, with what is secret laid open. */
function revealed(place: WebToken | undefined): unknown {
  if (place?.from === "variable") return place.value.reveal();
  if (place?.from === "endpoint") return [place.url, place.bearer.reveal()];
  return place?.from === "program" ? place.argv.join(" ") : place;
}

const choices: readonly (readonly [text: string, choice: unknown])[] = [
  ["auto", { kind: "auto" }],
  ["github", { kind: "github" }],
  ["env:AWS_ID_TOKEN", { kind: "env", name: "AWS_ID_TOKEN" }],
  ["file:~/id token", { kind: "file", path: "~/id token" }],
  ["file:C:\\token", { kind: "file", path: "C:\\token" }],
];
for (const [text, choice] of choices) {
  Deno.test(`--web-identity ${text} is taken`, () => {
    assert.deepEqual(parseWebIdentity(text), choice);
    assert.deepEqual(parseLogin(["--role", "x", "--web-identity", text]).webIdentity, choice);
  });
}

const badChoices: readonly (readonly [text: string, message: RegExp, hint: RegExp])[] = [
  ["gitlab", /gitlab/, /id_tokens: .*--web-identity env:AWS_TOKEN/],
  ["circleci", /cannot be "circleci"/, /auto, github, env:NAME or file:PATH/],
  ["file:", /cannot be "file:"/, /file:PATH/],
  ["env:", /name of a variable/, /env:NAME/],
  ["env:A-B", /name of a variable/, /env:NAME/],
  [token, /not the token itself/, /env:NAME/],
  [`env:${token}`, /not the token itself/, /env:NAME/],
  [`file:${token}`, /not the token itself/, /file:PATH/],
];
for (const [text, message, hint] of badChoices) {
  Deno.test(`--web-identity ${text} is refused, and no token is repeated`, () => {
    const error = failure(() => parseWebIdentity(text));
    assert.deepEqual([error.code, error.exitCode], ["bad-web-identity", exitCodes.usage]);
    assert.match(error.message, message);
    assert.match(error.hint ?? "", hint);
    assert.ok(!`${error.message}${error.hint}`.includes("eyJ"));
  });
}

Deno.test("--web-identity is nothing without a role, nor beside --profile", () => {
  const alone = failure(() => parseLogin(["--web-identity", "auto"]));
  assert.deepEqual([alone.code, alone.exitCode, alone.hint], [
    "role-needed",
    exitCodes.usage,
    "add: --role NAME",
  ]);
  const both = failure(() =>
    parseLogin(["--web-identity", "auto", "--role", "x", "--profile", "dev"])
  );
  assert.deepEqual([both.code, both.exitCode], ["two-identities", exitCodes.usage]);
});

const jobs: readonly (readonly [name: string, env: Record<string, string>, place: unknown])[] = [
  ["GitHub Actions", github, [
    `${github.ACTIONS_ID_TOKEN_REQUEST_URL}&audience=sts.amazonaws.com`,
    "not-a-bearer",
  ]],
  ["Forgejo Actions", {
    ...github,
    FORGEJO_ACTIONS: "true",
    ACTIONS_ID_TOKEN_REQUEST_URL: "https://forgejo.example/idtoken",
  }, ["https://forgejo.example/idtoken?audience=sts.amazonaws.com", "not-a-bearer"]],
  ["CircleCI", { CIRCLE_OIDC_TOKEN: "x", CIRCLE_OIDC_TOKEN_V2: token }, token],
  ["CircleCI", { CIRCLE_OIDC_TOKEN: token, CIRCLE_OIDC_TOKEN_V2: "" }, token],
  ["Bitbucket", { BITBUCKET_STEP_OIDC_TOKEN: `${token}\n` }, token],
  [
    "Buildkite",
    { BUILDKITE: "true" },
    "buildkite-agent oidc request-token --audience sts.amazonaws.com",
  ],
];
for (const [name, env, place] of jobs) {
  Deno.test(`a job of ${name} with ${Object.keys(env).join(", ")} has a web identity`, () => {
    const source = jobIdentity(env);
    assert.equal(source?.name, `the web identity of ${name}`);
    assert.deepEqual(revealed(source?.token), place);
    assert.deepEqual(webIdentitySource({ kind: "auto" }, env), source);
    assert.ok(!JSON.stringify(source).includes("not-a-bearer"), "nothing secret is written out");
    assert.ok(!JSON.stringify(source).includes("eyJ"), "nothing secret is written out");
  });
}

Deno.test("a machine that is no CI job has no web identity of its own", () => {
  assert.equal(jobIdentity({}), undefined);
  assert.equal(jobIdentity({ GITHUB_ACTIONS: "true", GITLAB_CI: "true" }), undefined);
});

/** What is asked for, in which environment, and the code and words of the refusal. */
const refusals: readonly (readonly [
  choice: string,
  env: Record<string, string>,
  code: string,
  message: RegExp,
  hint: RegExp,
])[] = [
  [
    "auto",
    { GITHUB_ACTIONS: "true" },
    "id-token-permission-missing",
    /the job lacks "permissions: id-token: write"/,
    /permissions: \{id-token: write, contents: read\}/,
  ],
  [
    "github",
    { GITHUB_ACTIONS: "true" },
    "id-token-permission-missing",
    /the job lacks "permissions: id-token: write"/,
    /permissions: \{id-token: write, contents: read\}/,
  ],
  [
    "github",
    { GITHUB_ACTIONS: "true", FORGEJO_ACTIONS: "true" },
    "id-token-permission-missing",
    /the job lacks "enable-openid-connect: true"/,
    /enable-openid-connect: true/,
  ],
  ["github", {}, "no-web-identity", /no job of GitHub Actions/, /in a container/],
  ["auto", {}, "no-web-identity", /no CI job that ecrin knows/, /env:NAME or file:PATH/],
  ["auto", { GITLAB_CI: "true" }, "no-web-identity", /GitLab/, /--web-identity env:AWS_TOKEN/],
  ["auto", { BITBUCKET_BUILD_NUMBER: "9" }, "no-web-identity", /Bitbucket/, /oidc: true/],
  ["auto", { CIRCLECI: "true" }, "no-web-identity", /CircleCI/, /context/],
  [
    "github",
    { ...github, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "" },
    "no-web-identity",
    /ACTIONS_ID_TOKEN_REQUEST_TOKEN is not/,
    /both/,
  ],
  ["env:GONE", {}, "bad-web-identity-token", /the variable GONE is not set or empty/, /name/],
  ["env:GONE", { GONE: " \n" }, "bad-web-identity-token", /GONE is not set or empty/, /name/],
  ["env:ODD", { ODD: "rubbish" }, "bad-web-identity-token", /ODD holds no .* no JWT/, /OIDC ID/],
  [
    "auto",
    { BITBUCKET_STEP_OIDC_TOKEN: "a.b" },
    "bad-web-identity-token",
    /BITBUCKET_STEP_OIDC_TOKEN holds no/,
    /OIDC ID token/,
  ],
];
for (const [choice, env, code, message, hint] of refusals) {
  Deno.test(`--web-identity ${choice} with ${JSON.stringify(env)} is ${code}`, () => {
    const error = failure(() => webIdentitySource(parseWebIdentity(choice), env));
    assert.deepEqual([error.code, error.exitCode], [code, exitCodes.credentials]);
    assert.match(error.message, message);
    assert.match(error.hint ?? "", hint);
  });
}

const endpoints: readonly (readonly [url: string, taken: boolean])[] = [
  ["https://forgejo.example:3000/token", true],
  ["http://127.0.0.1:8080/token", true],
  ["http://127.8.9.10/token", true],
  ["http://[::1]:8080/token", true],
  ["http://localhost/token", true],
  ["http://forgejo.example/token", false],
  ["http://127.0.0.1.evil.example/token", false],
  ["http://localhost.evil.example/token", false],
  ["https://user:word@forgejo.example/token", false],
  ["file:///etc/passwd", false],
  ["rubbish", false],
];
for (const [url, taken] of endpoints) {
  Deno.test(`a job's token is ${taken ? "" : "not "}asked for at ${url}`, () => {
    const env = { ...github, ACTIONS_ID_TOKEN_REQUEST_URL: url };
    if (taken) return assert.equal(jobIdentity(env)?.token.from, "endpoint");
    const error = failure(() => jobIdentity(env));
    assert.deepEqual([error.code, error.exitCode], ["bad-web-identity-endpoint", 2]);
    assert.ok(!error.message.includes(url), "it may hold a password");
  });
}

Deno.test("a token is taken without the space around it, and nothing else is a token", () => {
  assert.equal(parseToken(`\n${token}\r\n`, "the file").reveal(), token);
  for (const text of ["a.b", "a.b.c.d", "a.b.", `${token} ${token}`, `Bearer ${token}`, "{}"]) {
    const error = failure(() => parseToken(text, "the file"));
    assert.match(error.message, /^the file holds no web identity token/);
    assert.ok(!error.message.includes("eyJ"));
  }
});

/** The plan for an environment, `--web-identity`, the roles named and a config file. */
function plan(
  env: Record<string, string>,
  { choice, roles = ["deploy"], config = "" }: {
    choice?: string;
    roles?: string[];
    config?: string;
  } = {},
): IdentityPlan {
  const parsed = parseAwsConfig({
    config: { text: config, path: "config" },
    credentials: { text: "", path: "credentials" },
  });
  const webIdentity = choice === undefined ? undefined : parseWebIdentity(choice);
  return planIdentity(parsed, env, { profile: undefined, webIdentity, roles });
}

const keys = { AWS_ACCESS_KEY_ID: "AKIATEST", AWS_SECRET_ACCESS_KEY: "not-a-secret" };
const machine = {
  AWS_WEB_IDENTITY_TOKEN_FILE: "/token",
  AWS_ROLE_ARN: "arn:aws:iam::111111111111:role/x",
  AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1/",
};
const usableDefault = "[default]\ncredential_process = true\n";

const order: readonly (readonly [
  what: string,
  env: Record<string, string>,
  options: Parameters<typeof plan>[1],
  source: string,
])[] = [
  ["--web-identity beats all else", { ...github, ...keys, ...machine, AWS_PROFILE: "gone" }, {
    choice: "github",
  }, "web-token"],
  ["environment keys beat a job's web identity", { ...github, ...keys }, {}, "environment"],
  ["the default profile beats it", github, { config: usableDefault }, "process"],
  ["a default profile with settings only does not", github, {
    config: "[default]\nregion = eu-west-1\n",
  }, "web-token"],
  ["it beats what the machine offers", { ...github, ...machine }, {}, "web-token"],
  ["without a role it is not used", { ...github, ...machine }, { roles: [] }, "web-identity"],
  ["nor without the permission", { GITHUB_ACTIONS: "true", ...machine }, {}, "web-identity"],
];
for (const [what, env, options, source] of order) {
  Deno.test(what, () => assert.equal(plan(env, options).source.kind, source));
}

Deno.test("what a web identity comes before is told, and what comes before it", () => {
  const asked = plan({ ...keys, ...machine, ...github, AWS_PROFILE: "gone" }, { choice: "auto" });
  assert.deepEqual(asked.ignored, [
    "the keys in the environment: --web-identity comes first",
    "AWS_PROFILE (gone): --web-identity comes first",
    "AWS_WEB_IDENTITY_TOKEN_FILE: it is for when nothing else is there",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI: it is for when nothing else is there",
  ]);
  assert.deepEqual(plan({ ...keys, ...github }).ignored, [
    "the web identity of GitHub Actions: it is for when nothing else is there",
  ]);
  assert.deepEqual(plan({ ...keys, ...github }, { roles: [] }).ignored, []);
});

Deno.test("AWS_PROFILE says which settings hold beside --web-identity", () => {
  assert.equal(plan({ ...github, AWS_PROFILE: "eu" }, { choice: "auto" }).settingsProfile, "eu");
});

Deno.test("with nothing there a job is told what it lacks, when a role is named", () => {
  const off = { AWS_EC2_METADATA_DISABLED: "true" };
  const inGithub = failure(() => plan({ ...off, GITHUB_ACTIONS: "true" }));
  assert.equal(inGithub.code, "id-token-permission-missing");
  const inGitlab = failure(() => plan({ ...off, GITLAB_CI: "true" }));
  assert.match(inGitlab.hint ?? "", /id_tokens/);
  const inBitbucket = failure(() => plan({ ...off, BITBUCKET_BUILD_NUMBER: "9" }));
  assert.match(inBitbucket.hint ?? "", /oidc: true/);
  assert.equal(failure(() => plan(off)).code, "no-credentials");
  const noRole = failure(() => plan({ ...off, GITHUB_ACTIONS: "true" }, { roles: [] }));
  assert.equal(noRole.code, "no-credentials");
});

Deno.test("what STS does not take with a web identity is refused for the first role only", () => {
  const roleArn = "arn:aws:iam::222222222222:role/deploy";
  const hop = { profile: undefined, roleArn };
  const source = webIdentitySource({ kind: "auto" }, github);
  const refused = [
    { externalId: "partner" },
    { sourceIdentity: "ann" },
    { tags: [{ key: "a", value: "b" }] },
  ];
  for (const details of refused) {
    const error = failure(() => checkWebIdentityRole(details));
    assert.deepEqual([error.code, error.exitCode], ["not-for-web-identity", exitCodes.usage]);
    assert.throws(() => checkHops(source, [{ ...hop, ...details }]), /is not for a role/);
    checkHops(source, [hop, { ...hop, ...details }]);
  }
});

Deno.test("a session of the only role may last 12 hours, in a chain an hour", () => {
  const hop = {
    profile: undefined,
    roleArn: "arn:aws:iam::222222222222:role/deploy",
    durationSeconds: 43_200,
  };
  const source = webIdentitySource({ kind: "auto" }, github);
  checkHops(source, [hop]);
  assert.equal(failure(() => checkHops(source, [hop, hop])).code, "duration-too-long");
});
