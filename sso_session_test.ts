import assert from "node:assert/strict";
import { parseAwsConfig } from "./aws_config.ts";
import { UserError } from "./errors.ts";
import { findSession, parseStartUrl, type SessionOptions } from "./sso_session.ts";

const none: SessionOptions = {
  profile: undefined,
  session: undefined,
  startUrl: undefined,
  ssoRegion: undefined,
};

const corp = `[sso-session corp]
sso_start_url = https://corp.example/start
sso_region = eu-west-1
`;
const other = `[sso-session "other one"]
sso_start_url = https://other.example/start
sso_region = us-east-1
sso_registration_scopes = sso:account:access, x
`;
const profiles = `[profile blog]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = dev
[profile bare]
sso_session = corp
[profile old]
sso_start_url = https://old.example/start
sso_region = us-east-1
[profile admin]
role_arn = arn:aws:iam::111111111111:role/admin
source_profile = blog
[profile keys]
aws_access_key_id = AKIATEST
aws_secret_access_key = not-a-secret
[sso-session half]
sso_region = eu-west-1
`;

function found(
  text: string,
  options: Partial<SessionOptions>,
  env: Record<string, string> = {},
): string {
  const config = parseAwsConfig({
    config: { text, path: "config" },
    credentials: { text: "", path: "credentials" },
  });
  try {
    const session = findSession({ ...none, ...options }, config, env);
    const { profile, session: name, startUrl, ssoRegion } = session;
    return [profile, name, startUrl, ssoRegion].join(" ").trim();
  } catch (error) {
    assert(error instanceof UserError, String(error));
    assert.equal(error.exitCode, 2);
    return error.code;
  }
}

const cases: readonly (readonly [
  text: string,
  options: Partial<SessionOptions>,
  env: Record<string, string>,
  expected: string,
])[] = [
  [corp, {}, {}, "corp https://corp.example/start eu-west-1"],
  [corp + other, {}, {}, "sso-session-needed"],
  ["", {}, {}, "sso-session-needed"],
  [corp + other, { session: "other one" }, {}, "other one https://other.example/start us-east-1"],
  [corp, { session: "crop" }, {}, "sso-session-not-found"],
  [corp + profiles, { session: "half" }, {}, "sso-settings-missing"],
  [corp + profiles, { profile: "blog" }, {}, "blog corp https://corp.example/start eu-west-1"],
  [corp + profiles, { profile: "bare" }, {}, "bare corp https://corp.example/start eu-west-1"],
  [corp + profiles, { profile: "old" }, {}, "old  https://old.example/start us-east-1"],
  [corp + profiles, { profile: "admin" }, {}, "blog corp https://corp.example/start eu-west-1"],
  [corp + profiles, { profile: "keys" }, {}, "profile-without-sso"],
  [corp + profiles, { profile: "nobody" }, {}, "profile-not-found"],
  [corp + profiles, {}, { AWS_PROFILE: "old" }, "old  https://old.example/start us-east-1"],
  [
    `${corp}${other}[default]\nsso_session = corp\n`,
    {},
    {},
    "default corp https://corp.example/start eu-west-1",
  ],
  [
    "",
    { startUrl: "https://a.example", ssoRegion: "eu-west-1" },
    {},
    "https://a.example eu-west-1",
  ],
  ["", { startUrl: "https://a.example" }, {}, "sso-region-needed"],
];
for (const [text, options, env, expected] of cases) {
  const asked = { ...options, ...env };
  Deno.test(`of ${text.match(/(?<=session )\w+/g) ?? "none"} ${JSON.stringify(asked)} finds ${expected}`, () => {
    assert.equal(found(text, options, env), expected);
  });
}

Deno.test("a start URL is taken as written, and only over https", () => {
  for (const good of ["https://x.awsapps.com/start#/", "http://127.0.0.1:80/start"]) {
    assert.equal(parseStartUrl(good), good);
  }
  for (
    const bad of ["x", "http://x.awsapps.com/start", "https://a:b@x.example", "https://x/\n", ""]
  ) {
    assert.throws(() => parseStartUrl(bad), UserError, bad);
  }
});
