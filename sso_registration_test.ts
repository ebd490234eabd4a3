import assert from "node:assert/strict";
import { parseRegistration, registrationPath } from "./sso_registration.ts";
import type { SsoSession } from "./sso_profile.ts";

const home = { HOME: "/home/ann", USERPROFILE: "/home/ann" };

const corp: SsoSession = {
  profile: undefined,
  session: "corp",
  startUrl: "https://x.awsapps.com/start",
  ssoRegion: "us-east-1",
  scopes: ["sso:account:access"],
};

// each made with botocore's SSOTokenFetcherAuth._registration_cache_key
const paths: [name: string, session: SsoSession, sha1: string][] = [
  ["a session", corp, "e173644131d87ff3f3e6897e57a268cebb864c06"],
  [
    "a session without scopes",
    { ...corp, scopes: undefined },
    "c9d6f43bba3050ffaa7efd1242ed96bc9b2d8b90",
  ],
  [
    "a session with two scopes",
    { ...corp, scopes: ["sso:account:access", "b:c"] },
    "c82cd171c635871f1cf43137ab239d12d6b2261b",
  ],
  [
    "a session with an empty list of scopes",
    { ...corp, scopes: [] },
    "39f49f3277149a99c666749d5f5eacecd0ca0505",
  ],
  [
    "a start URL alone",
    { ...corp, session: undefined, scopes: undefined },
    "82b0c67d95e3f77cf7c6ca383e781de54afc4b21",
  ],
  [
    "a name that Python escapes",
    { ...corp, session: 'Zoë\'s "\u{1f511}"\t\x7f' },
    "d5e5ca134bfa2821b4716c2cb886e8e0fc4a334c",
  ],
];

for (const [name, session, sha1] of paths) {
  Deno.test(`the registration of ${name} has the file of the AWS CLI`, async () => {
    const path = await registrationPath(home, session);
    assert.equal(path, `/home/ann/.aws/sso/cache/${sha1}.json`);
  });
}

const client = {
  clientId: "a-client",
  clientSecret: "not-a-client-secret",
  expiresAt: "2026-11-20T21:00:00Z",
  scopes: ["sso:account:access"],
};
const forBrowser = { ...client, grantTypes: ["authorization_code", "refresh_token"] };

Deno.test("a registration is used for the grant that it was made for, and no other", () => {
  for (
    const [value, right, wrong] of [
      [forBrowser, "browser", "device"],
      [client, "device", "browser"],
    ] as const
  ) {
    const text = JSON.stringify(value);
    const found = parseRegistration(text, right);
    assert.equal(found?.clientId, "a-client");
    assert.equal(found.clientSecret.reveal(), "not-a-client-secret");
    assert.equal(found.expiresAt.toISOString(), "2026-11-20T21:00:00.000Z");
    assert.equal(parseRegistration(text, wrong), undefined);
  }
});

for (
  const text of [
    "",
    "{",
    "null",
    "[]",
    '"text"',
    JSON.stringify({ ...client, clientId: "" }),
    JSON.stringify({ ...client, clientId: 7 }),
    JSON.stringify({ ...client, clientSecret: null }),
    JSON.stringify({ ...client, expiresAt: "soon" }),
    JSON.stringify({ ...client, expiresAt: undefined }),
  ]
) {
  Deno.test(`no registration is read from ${text || "nothing"}`, () => {
    assert.equal(parseRegistration(text, "device"), undefined);
  });
}
