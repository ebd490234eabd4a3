import assert from "node:assert/strict";
import type { ProfilePlan } from "./profiles.ts";
import { Secret } from "./secret.ts";
import { corp, type Files, keys, legacySso, plan, role, sso } from "./testing/profile_plans.ts";

/** A plan in one line: the source, then the roles in the order to assume. */
function summary({ source, hops }: ProfilePlan): string {
  const details = Object.entries(source)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${value instanceof Secret ? value.reveal() : value}`);
  return [details.join(" "), ...hops.map(({ roleArn }) => roleArn.split("/").at(-1))].join(" > ");
}

const staticA = "kind=static profile=a accessKeyId=id-a secretAccessKey=secret-a";
const legacyA = "kind=sso profile=a startUrl=https://x.example/start ssoRegion=r " +
  "account=111111111111 role=Dev";

const plans: readonly [name: string, files: Files, summary: string][] = [
  ["keys in the credentials file", { credentials: `[a]\n${keys("a")}` }, staticA],
  ["keys in the config file", { config: `[profile a]\n${keys("a")}` }, staticA],
  [
    "keys with a session token",
    { credentials: `[a]\n${keys("a")}aws_session_token = token-a` },
    `${staticA} sessionToken=token-a`,
  ],
  [
    "the old name of the session token first",
    { credentials: `[a]\n${keys("a")}aws_session_token = new\naws_security_token = old` },
    `${staticA} sessionToken=old`,
  ],
  ["an empty session token as none", {
    credentials: `[a]\n${keys("a")}aws_session_token =\n`,
  }, staticA],
  [
    "keys of one file together, never of both",
    {
      config: `[profile a]\n${keys("a")}`,
      credentials: "[a]\naws_secret_access_key = secret-other",
    },
    staticA,
  ],
  [
    "keys in the credentials file before a process",
    { config: "[profile a]\ncredential_process = cmd", credentials: `[a]\n${keys("a")}` },
    staticA,
  ],
  [
    "a process before keys in the config file",
    { config: `[profile a]\ncredential_process = /bin/cmd "x y"\n${keys("a")}` },
    'kind=process profile=a command=/bin/cmd "x y"',
  ],
  [
    "a login session before a process",
    { config: "[profile a]\ncredential_process = cmd\nlogin_session = arn:aws:iam::1:user/ann" },
    "kind=login profile=a loginSession=arn:aws:iam::1:user/ann",
  ],
  [
    "keys in the credentials file before a login session",
    { config: "[profile a]\nlogin_session = x", credentials: `[a]\n${keys("a")}` },
    staticA,
  ],
  ["SSO with a start URL of its own, before keys", {
    config: `[profile a]\n${legacySso}`,
    credentials: `[a]\n${keys("a")}`,
  }, legacyA],
  [
    "SSO with a session",
    { config: `${corp}[profile a]\nsso_session = corp\n${sso}` },
    "kind=sso profile=a session=corp startUrl=https://corp.example/start ssoRegion=eu " +
    "account=111111111111 role=Dev",
  ],
  [
    "SSO with a session, the same values repeated in the profile, and scopes",
    {
      config: `${corp}sso_registration_scopes = sso:account:access , b,\n` +
        `[profile a]\nsso_session = corp\nsso_region = eu\n${sso}`,
    },
    "kind=sso profile=a session=corp startUrl=https://corp.example/start ssoRegion=eu" +
    " scopes=sso:account:access,b account=111111111111 role=Dev",
  ],
  [
    "web identity before SSO and keys",
    {
      config: `[profile a]\n${role("A")}web_identity_token_file = /t\n` +
        `role_session_name = me\nduration_seconds = 900\n${legacySso}${keys("a")}`,
    },
    "kind=web-identity profile=a tokenFile=/t roleArn=arn:aws:iam::111111111111:role/A " +
    "sessionName=me durationSeconds=900",
  ],
  [
    "a role with a source profile",
    { config: `[profile a]\n${role("A")}source_profile = b\n[profile b]\n${keys("b")}` },
    "kind=static profile=b accessKeyId=id-b secretAccessKey=secret-b > A",
  ],
  [
    "a role before the profile's own keys, SSO and process",
    {
      config: `[profile a]\n${role("A")}source_profile = b\ncredential_process = x\n` +
        `${legacySso}${keys("a")}[profile b]\ncredential_process = cmd\n`,
    },
    "kind=process profile=b command=cmd > A",
  ],
  [
    "roles in the order to assume, from SSO",
    {
      config: `[profile a]\n${role("A")}source_profile = b\n[profile b]\n${role("B")}` +
        `source_profile = c\n[profile c]\n${role("C")}source_profile = d\n` +
        `[profile d]\n${legacySso}`,
    },
    `${legacyA.replace("profile=a", "profile=d")} > C > B > A`,
  ],
  [
    "roles from web identity",
    {
      config: `[profile a]\n${role("A")}source_profile = b\n` +
        `[profile b]\n${role("B")}web_identity_token_file = /t\n`,
    },
    "kind=web-identity profile=b tokenFile=/t roleArn=arn:aws:iam::111111111111:role/B > A",
  ],
  [
    "a profile that is its own source",
    { config: `[profile a]\n${role("A")}source_profile = a\n`, credentials: `[a]\n${keys("a")}` },
    `${staticA} > A`,
  ],
  [
    "the keys of a source profile before its role",
    {
      config: `[profile a]\n${role("A")}source_profile = b\n` +
        `[profile b]\n${role("B")}source_profile = a\n${keys("b")}`,
    },
    "kind=static profile=b accessKeyId=id-b secretAccessKey=secret-b > A",
  ],
  [
    "the keys of a source profile that sources itself, without its role",
    {
      config: `[profile a]\n${role("A")}source_profile = b\n` +
        `[profile b]\n${role("B")}source_profile = b\n${keys("b")}`,
    },
    "kind=static profile=b accessKeyId=id-b secretAccessKey=secret-b > A",
  ],
  [
    "keys of the environment as credential_source",
    {
      config: `[profile a]\n${role("A")}credential_source = Environment\n`,
      env: { AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "y" },
    },
    "kind=environment profile=a > A",
  ],
  [
    "the container as credential_source",
    {
      config: `[profile a]\n${role("A")}credential_source = EcsContainer\n`,
      env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1/" },
    },
    "kind=container profile=a > A",
  ],
  [
    "the instance as credential_source, of a source profile",
    {
      config: `[profile a]\n${role("A")}source_profile = b\n` +
        `[profile b]\n${role("B")}credential_source = Ec2InstanceMetadata\n`,
    },
    "kind=instance profile=b > B > A",
  ],
];

for (const [name, files, expected] of plans) {
  Deno.test(`profile: ${name}`, () => {
    assert.equal(summary(plan("a", files)), expected);
  });
}

Deno.test("profile: all settings of a role reach its hop, the region unchecked", () => {
  const { hops, region, settings, profile } = plan("a b", {
    config: `[profile "a b"]\n${role("path/A")}source_profile = c\nrole_session_name = me\n` +
      "external_id = ext:1\nmfa_serial = arn:aws:iam::111111111111:mfa/ann\n" +
      "mfa_process = code ann\nduration_seconds = 43200\nsource_identity = ann\nregion = Mars 1\n" +
      `[profile c]\nregion = r\n${role("C")}source_profile = d\n[profile d]\n${keys("d")}`,
  });
  assert.deepEqual(JSON.parse(JSON.stringify(hops)), [
    { profile: "c", roleArn: "arn:aws:iam::111111111111:role/C", region: "r" },
    {
      profile: "a b",
      roleArn: "arn:aws:iam::111111111111:role/path/A",
      sessionName: "me",
      externalId: "ext:1",
      mfaSerial: "arn:aws:iam::111111111111:mfa/ann",
      mfaProcess: "code ann",
      durationSeconds: 43200,
      sourceIdentity: "ann",
      region: "Mars 1",
    },
  ]);
  assert.equal(profile, "a b");
  assert.equal(region, "Mars 1");
  assert.equal(settings.get("external_id"), "ext:1");
});

Deno.test("profile: odd names are names like any other", () => {
  for (const name of ["__proto__", "constructor", "it's", "zoë", "a=b", "#x", ""]) {
    const found = plan(name, { config: `[profile "${name}"]\n${keys("x")}` });
    assert.equal(found.profile, name);
    assert.throws(() => plan(name, { config: "[default]" }), { code: "profile-not-found" });
  }
});

Deno.test("profile: printing a plan shows no secret", () => {
  const found = plan("a", { credentials: `[a]\n${keys("a")}aws_session_token = token-a` });
  const printed = Deno.inspect(found.source) + JSON.stringify(found.source);
  assert.doesNotMatch(printed, /secret-a|token-a/);
});
