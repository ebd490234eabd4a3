import assert from "node:assert/strict";
import { parseProcessOutput, processCredentials } from "./credential_process.ts";
import { exitCodes, UserError } from "./errors.ts";
import { scrub } from "./secret.ts";
import type { System } from "./system.ts";

const source = { profile: "blog", command: "true" };
const now = new Date("2026-11-20T21:00:00Z");
const keys = { Version: 1, AccessKeyId: "AKIATEST", SecretAccessKey: "not-a-secret-of-process" };

Deno.test("printed credentials are taken, with and without a token and an end", () => {
  const plain = parseProcessOutput(JSON.stringify(keys), source, now);
  assert.deepEqual(plain, {
    accessKeyId: "AKIATEST",
    secretAccessKey: "not-a-secret-of-process",
    sessionToken: undefined,
    expiration: undefined,
  });
  const session = { ...keys, SessionToken: "token", Expiration: "2026-11-20T22:00:00Z" };
  const temporary = parseProcessOutput(JSON.stringify(session), source, now);
  assert.equal(temporary.sessionToken, "token");
  assert.deepEqual(temporary.expiration, new Date("2026-11-20T22:00:00Z"));
});

for (
  const [what, text, says] of [
    ["nothing", "", /did not print JSON/],
    ["rubbish", "Enter your password:", /did not print JSON/],
    ["null", "null", /Version 1/],
    ["a list", "[]", /Version 1/],
    ["another version", JSON.stringify({ ...keys, Version: 2 }), /Version 1/],
    ["an empty key", JSON.stringify({ ...keys, AccessKeyId: "" }), /AccessKeyId/],
    ["no key", JSON.stringify({ Version: 1, SecretAccessKey: "not-a-secret-x" }), /AccessKeyId/],
    ["a number", JSON.stringify({ ...keys, SecretAccessKey: 5 }), /SecretAccessKey/],
    [
      "an ended session",
      JSON.stringify({ ...keys, Expiration: "2026-11-20T20:59:59Z" }),
      /expired/,
    ],
    ["no date", JSON.stringify({ ...keys, Expiration: "soon" }), /expired/],
  ] as const
) {
  Deno.test(`a process that prints ${what} is told as such`, () => {
    assert.throws(() => parseProcessOutput(text, source, now), (error: unknown) => {
      assert(error instanceof UserError);
      assert.equal(error.exitCode, exitCodes.credentials);
      assert.match(error.message, says);
      assert.match(error.message, /profile "blog"/);
      return true;
    });
  });
}

Deno.test("what was printed is a secret, also when it is refused", () => {
  const wrong = { ...keys, Version: 9, SecretAccessKey: "not-a-secret-but-hidden" };
  assert.throws(() => parseProcessOutput(JSON.stringify(wrong), source, now));
  assert.equal(scrub("not-a-secret-but-hidden"), "***");
});

Deno.test("a secret that a failing process wrote in JSON's escapes is hidden as it is", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const command =
    `echo '{"SecretAccessKey":"abcd\\/efghij"}'; echo 'bad key abcd/efghij' >&2; exit 1`;
  const system = { os: Deno.build.os, env: Deno.env.toObject() } as unknown as System;
  const { signal } = new AbortController();
  const failing = processCredentials({ profile: "blog", command }, { system, signal });
  await assert.rejects(failing, (error: unknown) => {
    assert(error instanceof UserError);
    assert.match(error.message, /bad key \*\*\*$/);
    return true;
  });
});
