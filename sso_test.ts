import assert from "node:assert/strict";
import { parseToken, sessionLabel, signInCommand, tokenPath } from "./sso.ts";
import type { SsoSource } from "./profiles.ts";

const source: SsoSource = {
  kind: "sso",
  profile: "blog-profile",
  session: "corp",
  startUrl: "https://x.awsapps.com/start",
  ssoRegion: "us-east-1",
  account: "123456789012",
  role: "Dev",
};

Deno.test("the token file has the name that the AWS CLI gives it", async () => {
  const home = { HOME: "/home/ann", USERPROFILE: "/home/ann" };
  const folder = "/home/ann/.aws/sso/cache";
  assert.equal(
    await tokenPath(home, source),
    `${folder}/ee0bfd2552fbd840c02cc48b6e823320543c450f.json`,
  );
  assert.equal(
    await tokenPath(home, { ...source, session: undefined }),
    `${folder}/3947de8b16688092197fa616c34e01335f21d256.json`,
  );
});

Deno.test("a session is called by its profile, and signed in to with a command that works", () => {
  assert.equal(sessionLabel(source), 'the SSO session of profile "blog-profile"');
  assert.equal(signInCommand(source), "run: aws sso login --profile blog-profile");
  assert.equal(
    signInCommand({ ...source, profile: "it's mine" }),
    `run: aws sso login --profile 'it'\\''s mine'`,
  );
});

for (
  const [expiresAt, iso] of [
    ["2026-11-20T21:00:00Z", "2026-11-20T21:00:00.000Z"],
    ["2026-11-20T21:00:00UTC", "2026-11-20T21:00:00.000Z"],
    ["2026-11-20T21:00:00+00:00", "2026-11-20T21:00:00.000Z"],
  ] as const
) {
  Deno.test(`the end ${expiresAt} is read`, () => {
    const token = parseToken(JSON.stringify({ accessToken: "sso-token-value", expiresAt }));
    assert.equal(token?.accessToken.reveal(), "sso-token-value");
    assert.equal(token.expiresAt.toISOString(), iso);
  });
}

for (
  const text of [
    "",
    "{",
    "null",
    "[]",
    "{}",
    '{"accessToken":"x"}',
    '{"accessToken":"","expiresAt":"2026-11-20T21:00:00Z"}',
    '{"accessToken":1,"expiresAt":"2026-11-20T21:00:00Z"}',
    '{"accessToken":"x","expiresAt":"soon"}',
  ]
) {
  Deno.test(`${text || "an empty file"} is no token`, () => {
    assert.equal(parseToken(text), undefined);
  });
}
