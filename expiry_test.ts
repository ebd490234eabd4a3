import assert from "node:assert/strict";
import { expiryOf } from "./expiry.ts";
import { Secret } from "./secret.ts";
import { PasswordTable } from "./testing/passwords.ts";

const end = Date.UTC(2026, 10, 21, 9, 12);

/** What ECR would give with these fields. */
function encode(fields: unknown): string {
  return btoa(JSON.stringify(fields));
}

Deno.test("the expiry of a password as ECR makes them is read from it", () => {
  const table = new PasswordTable();
  const { password } = table.issue({
    public: false,
    region: "eu-west-1",
    account: "222222222222",
    expiresAt: end,
  });
  assert.equal(expiryOf(new Secret(password))?.getTime(), end);
});

const readable: [name: string, password: string][] = [
  ["alone", encode({ expiration: end / 1000 })],
  ["without padding", encode({ expiration: end / 1000, version: "" }).replace(/=+$/, "")],
  ["of 2,714 characters", encode({ expiration: end / 1000, payload: "x".repeat(1990) })],
  ["with a key that JavaScript knows", encode({ __proto__: 1, expiration: end / 1000 })],
];

for (const [name, password] of readable) {
  Deno.test(`an expiration ${name} is read`, () => {
    assert.equal(expiryOf(new Secret(password))?.getTime(), end);
  });
}

const unreadable: [name: string, password: string][] = [
  ["nothing", ""],
  ["an older password", "not-a-password"],
  ["base64 of no JSON", btoa("made up")],
  ["half a JSON object", btoa('{"expiration":1795252320')],
  ["null", encode(null)],
  ["a number", encode(1795252320)],
  ["a list", encode([{ expiration: 1795252320 }])],
  ["no expiration", encode({ payload: "x" })],
  ["a text", encode({ expiration: "1795252320" })],
  ["an object", encode({ expiration: { valueOf: 1795252320 } })],
  ["NaN", btoa('{"expiration":NaN}')],
  ["more than a number holds", btoa('{"expiration":1e400}')],
  ["a negative number", encode({ expiration: -1795252320 })],
  ["zero", encode({ expiration: 0 })],
  ["milliseconds", encode({ expiration: end })],
  ["the year 10000", encode({ expiration: 253_402_300_800 })],
  ["megabytes", encode({ expiration: end / 1000, payload: "x".repeat(2_000_000) })],
  ["deeply nested", btoa(`{"expiration":${"[".repeat(20_000)}${"]".repeat(3000)}}`)],
];

for (const [name, password] of unreadable) {
  Deno.test(`a password that holds ${name} has no readable expiry`, () => {
    assert.equal(expiryOf(new Secret(password)), undefined);
  });
}

Deno.test("a fraction of a second is kept", () => {
  const password = new Secret(encode({ expiration: 1795252320.5 }));
  assert.equal(expiryOf(password)?.toISOString(), "2026-11-21T09:12:00.500Z");
});
