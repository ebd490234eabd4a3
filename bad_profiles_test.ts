/**
 * Profiles that say nothing that can be used: each is refused with where the mistake is and a hint.
 */

import assert from "node:assert/strict";
import {
  configPath,
  corp,
  type Files,
  keys,
  legacySso,
  plan,
  refusal,
  role,
  sso,
} from "./testing/profile_plans.ts";

const refusals: readonly [name: string, files: Files, code: string, says: RegExp][] = [
  ["no such profile", { config: "[default]" }, "profile-not-found", /"a".*config.*credentials/],
  [
    "a profile without anything",
    { config: "[profile a]\nregion = r" },
    "profile-without-credentials",
    /^profile "a" in \/home\/ann\/\.aws\/config .*sign in .*to \[profile a\] in \/home/,
  ],
  [
    "a profile of the credentials file without anything",
    { credentials: "[a]\nregion = r" },
    "profile-without-credentials",
    /add .* to \[a\] in \/home\/ann\/\.aws\/credentials/,
  ],
  [
    "SSO without account and role",
    { config: `${corp}[profile a]\nsso_session = corp` },
    "profile-without-credentials",
    /add sso_account_id and sso_role_name/,
  ],
  [
    "a source profile without a role",
    { config: "[profile a]\nsource_profile = b\n[profile b]" },
    "profile-without-credentials",
    /add role_arn/,
  ],
  [
    "a source without credentials",
    { config: `[profile a]\n${role("A")}source_profile = b\n[profile b]\n` },
    "profile-without-credentials",
    /"b".*is the source of "a"/,
  ],
  [
    "a source that does not exist",
    { config: `[profile a]\n${role("A")}source_profile = bb\n[profile b]\n` },
    "profile-not-found",
    /"a".*source_profile "bb".*there: "b", "a"$/,
  ],
  [
    "a role without a source",
    { config: `[profile a]\n${role("A")}${keys("a")}` },
    "profile-source-missing",
    /nothing to assume it with/,
  ],
  [
    "a role with two sources",
    { config: `[profile a]\n${role("A")}source_profile = b\ncredential_source = Environment` },
    "profile-source-conflict",
    /both/,
  ],
  [
    "an empty source_profile",
    { config: `[profile a]\n${role("A")}source_profile =` },
    "profile-setting-missing",
    /empty source_profile/,
  ],
  [
    "an unknown credential_source, also by its capitals",
    { config: `[profile a]\n${role("A")}credential_source = environment` },
    "credential-source-unknown",
    /"environment".*Environment, EcsContainer, Ec2InstanceMetadata/,
  ],
  [
    "an environment with half a pair of keys",
    {
      config: `[profile a]\n${role("A")}credential_source = Environment`,
      env: { AWS_ACCESS_KEY_ID: "x" },
    },
    "credential-source-unavailable",
    /the environment has no keys/,
  ],
  [
    "a container that is none",
    { config: `[profile a]\n${role("A")}credential_source = EcsContainer` },
    "credential-source-unavailable",
    /no container/,
  ],
  [
    "instance metadata switched off",
    {
      config: `[profile a]\n${role("A")}credential_source = Ec2InstanceMetadata`,
      env: { AWS_EC2_METADATA_DISABLED: "True" },
    },
    "credential-source-unavailable",
    /AWS_EC2_METADATA_DISABLED/,
  ],
  [
    "a loop of two, keys of the first or not",
    {
      config: `[profile a]\n${role("A")}source_profile = b\n${keys("a")}` +
        `[profile b]\n${role("B")}source_profile = a\n`,
    },
    "profile-loop",
    /a → b → a /,
  ],
  [
    "a loop further up, named alone",
    {
      config: `[profile a]\n${role("A")}source_profile = b\n[profile b]\n${role("B")}` +
        `source_profile = c d\n[profile "c d"]\n${role("C")}source_profile = b\n`,
    },
    "profile-loop",
    /: b → "c d" → b /,
  ],
  [
    "a profile that is its own source without keys",
    { config: `[profile a]\n${role("A")}source_profile = a\n` },
    "profile-loop",
    /a → a /,
  ],
  [
    "an access key without its secret",
    { credentials: "[a]\naws_access_key_id = x" },
    "profile-keys-partial",
    /only one .*credentials add aws_secret_access_key/,
  ],
  [
    "a secret without its access key",
    { config: "[profile a]\naws_secret_access_key = hunter2x" },
    "profile-keys-partial",
    /only one .*config add aws_access_key_id/,
  ],
  [
    "a pair of keys over both files",
    {
      config: "[profile a]\naws_secret_access_key = hunter2x",
      credentials: "[a]\naws_access_key_id = x",
    },
    "profile-keys-partial",
    /credentials add aws_secret_access_key/,
  ],
  [
    "an empty secret",
    { credentials: "[a]\naws_access_key_id = x\naws_secret_access_key =" },
    "profile-keys-partial",
    /aws_secret_access_key/,
  ],
  [
    "a secret with a comment after it",
    { credentials: "[a]\naws_access_key_id = x\naws_secret_access_key = hunter2x # of ann" },
    "profile-setting-malformed",
    /aws_secret_access_key.*a comment needs a line of its own/,
  ],
  [
    "a session of SSO that does not exist",
    { config: `${corp}[profile a]\nsso_session = corq\n${sso}` },
    "sso-session-not-found",
    /\[sso-session corq\].*\/config add .*there: "corp"/,
  ],
  [
    "a region of SSO that the session contradicts",
    { config: `${corp}[profile a]\nsso_session = corp\nsso_region = us\n${sso}` },
    "sso-session-conflict",
    /\[sso-session corp\].*"sso_region"/,
  ],
  [
    "SSO without a region",
    { config: `[profile a]\nsso_start_url = https://x.example\n${sso}` },
    "sso-settings-missing",
    /sso_region.*\[profile a\]/,
  ],
  [
    "a session of SSO without a region",
    { config: `[sso-session s]\nsso_start_url = https://x\n[profile a]\nsso_session=s\n${sso}` },
    "sso-settings-missing",
    /sso_region to \[sso-session s\]/,
  ],
  [
    "SSO without a role name",
    { config: `${corp}[profile a]\nsso_session = corp\nsso_account_id = 111111111111` },
    "sso-settings-missing",
    /sso_role_name to \[profile a\]/,
  ],
  [
    "web identity without a role",
    { config: "[profile a]\nweb_identity_token_file = /t" },
    "profile-setting-missing",
    /no role_arn/,
  ],
  [
    "nested settings in the place of a role",
    { config: `[profile a]\nrole_arn =\n  hunter2x = 1\n${keys("a")}` },
    "profile-setting-malformed",
    /role_arn/,
  ],
];

for (const [name, files, code, says] of refusals) {
  Deno.test(`profile: refuses ${name}`, () => {
    const error = refusal("a", files);
    assert.equal(error.code, code, error.message);
    assert.match(`${error.message} ${error.hint}`, says);
    assert.doesNotMatch(`${error.message} ${error.hint}`, /hunter2x/);
  });
}

const malformed: readonly [key: string, values: readonly string[]][] = [
  ["role_arn", [
    "deploy",
    "arn:aws:iam::111111111111:user/ann",
    "arn:aws:iam::11111111111:role/x",
    "arn:aws:iam::111111111111:role/",
    "arn:aws:iam::111111111111:role/a b",
    "arn:aws:iam::111111111111:role/a # b",
    "arn:evil:iam::111111111111:role/a",
    `arn:aws:iam::111111111111:role/${"a".repeat(65)}`,
  ]],
  ["duration_seconds", ["899", "43201", "1h", "-900", "9e2", "900.0", "0x400", "9".repeat(400)]],
  ["role_session_name", ["a", "a b", "zoë", "a".repeat(65)]],
  ["external_id", ["a", "a b", "a".repeat(1225)]],
  ["mfa_serial", ["short", "arn:aws:iam::111111111111:mfa/a b"]],
  ["source_identity", ["a", "a/b"]],
  ["mfa_process", ["a\0b"]],
];

for (const [key, values] of malformed) {
  Deno.test(`profile: refuses a malformed ${key}`, () => {
    for (const value of values) {
      const error = refusal("a", {
        config: `[profile a]\n${key === "role_arn" ? "" : role("A")}${key} = ${value}\n` +
          `source_profile = b\n[profile b]\n${keys("b")}`,
      });
      assert.equal(error.code, "profile-setting-malformed", value);
      assert.match(error.message, new RegExp(`^profile "a" in ${configPath} .*${key}$`));
    }
  });
}

Deno.test("profile: ARNs of other partitions and with paths are roles", () => {
  for (
    const arn of [
      "arn:aws-cn:iam::111111111111:role/x",
      "arn:aws-us-gov:iam::111111111111:role/a/b/x",
      "arn:aws-iso-b:iam::111111111111:role/x+=,.@-_",
      `arn:aws:iam::111111111111:role/${"a".repeat(64)}`,
    ]
  ) {
    const config = `[profile a]\nrole_arn = ${arn}\nsource_profile = b\n[profile b]\n${keys("b")}`;
    assert.equal(plan("a", { config }).hops[0]?.roleArn, arn);
  }
});

Deno.test("profile: SSO settings are checked", () => {
  const wrong: readonly (readonly [string, string])[] = [
    ["sso_account_id = 111111111111", "sso_account_id = 11111111111"],
    ["sso_role_name = Dev", "sso_role_name = De v"],
    ["https://x.example/start", "x.example/start"],
    ["https://x.example/start", "file:///etc/passwd"],
  ];
  for (const [from, to] of wrong) {
    const error = refusal("a", { config: `[profile a]\n${legacySso.replace(from, to)}` });
    assert.equal(error.code, "profile-setting-malformed", to);
  }
});

Deno.test("profile: the hint for a missing profile lists the five nearest names", () => {
  const names = ["production", "blog", "blog-dev", "Blog-Profile", "blog-profil", "shop", "x"];
  const config = names.map((name) => `[profile ${name}]\n`).join("");
  const error = refusal("blog-profile", { config });
  assert.match(error.hint ?? "", /^profiles there: "Blog-Profile", "blog-profil", "blog-dev", /);
  assert.equal(error.hint?.split(",").length, 5);
});

Deno.test("profile: the hint for a missing profile names the header that was meant", () => {
  const { hint } = refusal("blog", { config: "[blog]\n[profile other]\n" });
  assert.equal(hint, `in ${configPath} the section must be called [profile blog]`);
  assert.equal(
    refusal("a b", {}).hint,
    `there is no profile at all: add [profile "a b"] to ${configPath}`,
  );
});

Deno.test("profile: names in messages stay on one line, short, and without control sequences", () => {
  const error = refusal(`a\n\x1b[31m\x9b\u202e"${"x".repeat(1 << 20)}`, { config: "[default]" });
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(error.message, /[\x00-\x1f\x7f-\x9f\u202e]/);
  assert.ok(error.message.length < 400);
});

Deno.test("profile: a chain of 100 roles is planned, one of 5,000 and a loop of 5,000 refused", () => {
  const chain = (length: number, last: string): string =>
    Array.from(
      { length },
      (_, i) => `[profile p${i}]\n${role(`R${i}`)}source_profile = p${i + 1}\n`,
    ).join("") + `[profile p${length}]\n${last}`;
  const { hops, source } = plan("p0", { config: chain(100, keys("z")) });
  assert.equal(hops.length, 100);
  assert.equal(hops.at(-1)?.profile, "p0");
  assert.equal(source.profile, "p100");
  for (const last of [keys("z"), `${role("R")}source_profile = p0\n`]) {
    const error = refusal("p0", { config: chain(5_000, last) });
    assert.equal(error.code, "profile-chain-too-long");
  }
  const loop = refusal("p0", { config: chain(50, `${role("R")}source_profile = p0\n`) });
  assert.equal(loop.code, "profile-loop");
  assert.match(loop.message, /: p0 → p1 → p2 → p3 → p4 → … → p48 → p49 → p50 → p0$/);
});
