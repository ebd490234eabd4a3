import assert from "node:assert/strict";
import { scrub } from "./secret.ts";
import { type NewToken, parseToken, refreshedText, tokenPath, usableGrant } from "./sso_token.ts";

const startUrl = "https://x.awsapps.com/start";

Deno.test("the token file has the name that the AWS CLI gives it", async () => {
  const home = { HOME: "/home/ann", USERPROFILE: "/home/ann" };
  const folder = "/home/ann/.aws/sso/cache";
  assert.equal(
    await tokenPath(home, { session: "corp", startUrl }),
    `${folder}/ee0bfd2552fbd840c02cc48b6e823320543c450f.json`,
  );
  assert.equal(
    await tokenPath(home, { session: undefined, startUrl }),
    `${folder}/3947de8b16688092197fa616c34e01335f21d256.json`,
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

/** As the AWS CLI writes it after a sign-in. */
const signedIn = {
  startUrl,
  region: "us-east-1",
  accessToken: "not-an-access-token",
  expiresAt: "2026-11-20T21:00:00Z",
  clientId: "not-a-client",
  clientSecret: "not-a-client-secret",
  registrationExpiresAt: "2027-02-18T20:00:00Z",
  refreshToken: "not-a-refresh-token",
};

Deno.test("what refreshes a token is read, and printed nowhere", () => {
  const token = parseToken(JSON.stringify(signedIn));
  assert.equal(token?.grant?.clientId, "not-a-client");
  assert.equal(token.grant.clientSecret.reveal(), "not-a-client-secret");
  assert.equal(token.grant.refreshToken.reveal(), "not-a-refresh-token");
  assert.equal(token.grant.registrationExpiresAt?.toISOString(), "2027-02-18T20:00:00.000Z");
  const { accessToken, clientSecret, refreshToken } = signedIn;
  for (const secret of [accessToken, clientSecret, refreshToken]) {
    assert(!Deno.inspect(token).includes(secret));
    assert(!JSON.stringify(token).includes(secret));
    assert.equal(scrub(`it is ${secret}`), "it is ***");
  }
});

const grants: [name: string, changes: Record<string, unknown>, usable: boolean][] = [
  ["all fields", {}, true],
  ["a registration with a second left", { registrationExpiresAt: "2026-11-20T22:00:01Z" }, true],
  ["a registration that ends now", { registrationExpiresAt: "2026-11-20T22:00:00Z" }, false],
  ["an ended registration", { registrationExpiresAt: "2026-11-20T21:59:59Z" }, false],
  ["an ended registration of old AWS CLIs", {
    registrationExpiresAt: "2026-11-20T21:59:59UTC",
  }, false],
  // the SDK does not ask for it; AWS will say
  ["no end of the registration", { registrationExpiresAt: undefined }, true],
  ["no refresh token", { refreshToken: undefined }, false],
  ["an empty refresh token", { refreshToken: "" }, false],
  ["a refresh token that is null", { refreshToken: null }, false],
  ["no client", { clientId: undefined }, false],
  ["a number for a client", { clientId: 1 }, false],
  ["no client secret", { clientSecret: undefined }, false],
];

for (const [name, changes, usable] of grants) {
  Deno.test(`${usable ? "something" : "nothing"} refreshes a token with ${name}`, () => {
    const token = parseToken(JSON.stringify({ ...signedIn, ...changes }));
    assert(token !== undefined);
    assert.equal(usableGrant(token, new Date("2026-11-20T22:00:00Z")) !== undefined, usable);
  });
}

const fresh: NewToken = {
  accessToken: "not-the-old-access-token",
  expiresIn: 3600,
  refreshToken: "not-the-old-refresh-token",
};
const now = new Date("2026-11-20T22:00:00.987Z");

Deno.test("a refresh changes three fields, in place, and the time is in the AWS CLI's form", () => {
  const text = JSON.stringify({ first: [1], ...signedIn, last: { kept: null } });
  assert.equal(
    refreshedText(text, fresh, now),
    JSON.stringify({
      first: [1],
      ...signedIn,
      accessToken: "not-the-old-access-token",
      expiresAt: "2026-11-20T23:00:00Z",
      refreshToken: "not-the-old-refresh-token",
      last: { kept: null },
    }),
  );
});

Deno.test("the old refresh token stays when the answer has none", () => {
  const text = JSON.stringify(signedIn);
  const { refreshToken } = JSON.parse(
    refreshedText(text, { ...fresh, refreshToken: undefined }, now),
  );
  assert.equal(refreshToken, "not-a-refresh-token");
});
