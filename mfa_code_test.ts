import assert from "node:assert/strict";
import { parseLogin } from "./cli.ts";
import { parseMfaCode, parseMfaSerial, printedCode, typedCode } from "./mfa_code.ts";
import { failure } from "./testing/user_errors.ts";

const codes: [text: string, typed: string | undefined, printed: string | undefined][] = [
  ["123456", "123456", "123456"],
  ["000000", "000000", "000000"],
  ["123 456\r", "123456", undefined],
  [" 123456 \n", "123456", "123456"],
  ["touch your key\n123456\n", undefined, "123456"],
  ["touch your key\r\n123456\r\n", undefined, "123456"],
  ["123456\ndone", undefined, undefined],
  ["code: 123456", undefined, undefined],
  ["12345", undefined, undefined],
  ["1234567", undefined, undefined],
  ["12345a", undefined, undefined],
  ["１２３４５６", undefined, undefined],
  ["", undefined, undefined],
];

for (const [text, typed, printed] of codes) {
  Deno.test(`${JSON.stringify(text)} as a code`, () => {
    assert.equal(typedCode(text), typed);
    assert.equal(printedCode(text), printed);
  });
}

Deno.test("--mfa-code takes six digits and nothing else", () => {
  assert.equal(parseMfaCode("012345"), "012345");
  for (const text of ["12345", "1234567", "12345a", "abcdef", "123 456", "123456\n", ""]) {
    assert.equal(failure(() => parseMfaCode(text)).code, "bad-mfa-code", text);
  }
});

Deno.test("--mfa-serial takes what STS takes", () => {
  for (const text of ["GAHT12345678", "arn:aws:iam::111111111111:mfa/path/ann@corp"]) {
    assert.equal(parseMfaSerial(text), text);
  }
  for (const text of ["12345678", "arn:aws:iam::111111111111:mfa/a b", "a".repeat(257)]) {
    assert.equal(failure(() => parseMfaSerial(text)).code, "bad-mfa-serial", text);
  }
});

Deno.test("MFA is for the first role; the cache and questions are on unless they are refused", () => {
  const serial = "arn:aws:iam::111111111111:mfa/ann";
  const { mfa, cache, input } = parseLogin([
    ...["--role", "deploy", "--mfa-serial", serial],
    ...["--mfa-code", "123456", "--mfa-command", "op read code"],
  ]);
  assert.deepEqual(mfa, { serial, code: "123456", command: "op read code" });
  assert.deepEqual([cache, input], [true, true]);
  assert.equal(failure(() => parseLogin(["--mfa-serial", serial])).code, "role-needed");
  const off = parseLogin(["--no-cache", "--no-input"]);
  assert.deepEqual([off.cache, off.input], [false, false]);
});
