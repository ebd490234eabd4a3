import assert from "node:assert/strict";
import { parseAwsConfig } from "./aws_config.ts";
import { type IdentityPlan, planIdentity } from "./credentials.ts";
import { exitCodes, UserError } from "./errors.ts";

const file = `[default]
region = us-east-1
[profile keys]
aws_access_key_id = AKIATEST
aws_secret_access_key = not-a-secret
[profile role]
role_arn = arn:aws:iam::222222222222:role/deploy
source_profile = keys
`;

/** The plan for an environment, a config file and `--profile`. */
function plan(
  env: Record<string, string>,
  { config = file, profile }: { config?: string; profile?: string } = {},
): IdentityPlan {
  const parsed = parseAwsConfig({
    config: { text: config, path: "config" },
    credentials: { text: "", path: "credentials" },
  });
  return planIdentity(parsed, env, { profile });
}

function errorOf(work: () => unknown): UserError {
  try {
    work();
  } catch (error) {
    assert(error instanceof UserError, String(error));
    return error;
  }
  throw new Error("nothing was thrown");
}

const keys = { AWS_ACCESS_KEY_ID: "AKIATEST", AWS_SECRET_ACCESS_KEY: "not-a-secret" };
const machine = { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1/" };
const web = {
  AWS_WEB_IDENTITY_TOKEN_FILE: "/token",
  AWS_ROLE_ARN: "arn:aws:iam::111111111111:role/x",
};
const usableDefault = file.replace("[default]", "[default]\ncredential_process = true");

const order: readonly (readonly [
  what: string,
  env: Record<string, string>,
  options: Parameters<typeof plan>[1],
  source: string,
])[] = [
  ["--profile beats everything", { ...keys, AWS_PROFILE: "role" }, { profile: "keys" }, "static"],
  ["environment keys beat AWS_PROFILE", { ...keys, AWS_PROFILE: "keys" }, {}, "environment"],
  [
    "AWS_PROFILE beats AWS_DEFAULT_PROFILE",
    {
      AWS_PROFILE: "keys",
      AWS_DEFAULT_PROFILE: "missing",
    },
    {},
    "static",
  ],
  ["AWS_DEFAULT_PROFILE beats the default profile", { AWS_DEFAULT_PROFILE: "keys" }, {
    config: usableDefault,
  }, "static"],
  [
    "the default profile beats the machine",
    { ...machine, ...web },
    { config: usableDefault },
    "process",
  ],
  [
    "a default profile with settings only is passed over",
    { ...machine, ...web },
    {},
    "web-identity",
  ],
  ["the web identity beats the container", { ...machine, ...web }, { config: "" }, "web-identity"],
  ["the container beats the instance", machine, { config: "" }, "container"],
  ["the instance comes last", {}, { config: "" }, "instance"],
  ["empty variables are not set", { AWS_ACCESS_KEY_ID: "", AWS_PROFILE: "" }, {}, "instance"],
];
for (const [what, env, options, source] of order) {
  Deno.test(what, () => assert.equal(plan(env, options).source.kind, source));
}

Deno.test("what was passed over is told, with the reason", () => {
  const { ignored } = plan({ ...keys, AWS_PROFILE: "role" }, { profile: "keys" });
  assert.equal(ignored.length, 2);
  assert.match(ignored.join("\n"), /keys in the environment: --profile comes first\nAWS_PROFILE/);
  assert.match(plan({ ...keys, AWS_PROFILE: "gone" }).ignored.join(), /AWS_PROFILE .*gone/);
});

Deno.test("a profile that does not exist is an error wherever it is named", () => {
  assert.equal(errorOf(() => plan({}, { profile: "gone" })).code, "profile-not-found");
  const byVariable = errorOf(() => plan({ AWS_PROFILE: "gone" }));
  assert.equal(byVariable.code, "profile-not-found");
  assert.match(byVariable.message, /AWS_PROFILE names it$/);
  assert.equal(errorOf(() => plan({ AWS_DEFAULT_PROFILE: "gone" })).code, "profile-not-found");
});

Deno.test("a default profile that is wrong is an error, not passed over", () => {
  const config = "[default]\nrole_arn = arn:aws:iam::222222222222:role/x\nsource_profile = gone\n";
  assert.equal(errorOf(() => plan({}, { config })).code, "profile-not-found");
});

Deno.test("half a pair of environment keys is an error of usage, as in a file", () => {
  const error = errorOf(() => plan({ AWS_ACCESS_KEY_ID: "AKIATEST" }));
  assert.deepEqual([error.code, error.exitCode], ["partial-environment-keys", exitCodes.usage]);
});

Deno.test("with metadata switched off and nothing else there are no credentials", () => {
  const off = { AWS_EC2_METADATA_DISABLED: "true" };
  const error = errorOf(() => plan(off, { config: "" }));
  assert.deepEqual([error.code, error.exitCode], ["no-credentials", exitCodes.credentials]);
  const inCi = errorOf(() => plan({ ...off, GITHUB_ACTIONS: "true" }, { config: "" }));
  assert.match(inCi.hint ?? "", /configure-aws-credentials/);
});

Deno.test("an environment key with a line break is an error that does not repeat it", () => {
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]) {
    const error = errorOf(() => plan({ ...keys, [name]: "hidden\nvalue" }));
    assert.deepEqual([error.code, error.exitCode], [
      "malformed-environment-keys",
      exitCodes.usage,
    ]);
    assert.ok(error.message.startsWith(name));
    assert.ok(!`${error.message}${error.hint}`.includes("hidden"));
  }
});
