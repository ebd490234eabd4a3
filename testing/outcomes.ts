/**
 * How a run of ecrin may end: logged in, or failed in two lines and an exit code.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { CliResult } from "./cli.ts";

/** How a run must fail. */
export interface Failure {
  exitCode: number;
  /** As in `--json`. */
  code: string;
  message: string | RegExp;
  hint: RegExp;
  /** Whether it is the error of the first login, or of the run as a whole; default either. */
  ofLogin?: boolean;
}

/** Asserts that a run logged in to these, in any order, and said nothing else. A host alone: in the file. */
export function assertLoggedIn(
  { code, stderr }: CliResult,
  ...logins: (string | [host: string, tool: string])[]
): void {
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    [...stderr.matchAll(/^ecrin: logged in to (\S+) \((\w+), until .*\)$/gm)]
      .map(([, host, tool]) => `${host} ${tool}`).sort(),
    logins.map((login) => (typeof login === "string" ? [login, "file"] : login).join(" ")).sort(),
  );
  assert.equal(stderr.trim().split("\n").length, logins.length, stderr);
}

/** Asserts that a run failed: two lines on stderr, in which `text` is found, and nothing on stdout. */
export function assertFailed(result: CliResult, exitCode: number, text: RegExp): void {
  assert.match(result.stderr, text);
  twoLines(result);
  assert.equal(result.code, exitCode, result.stderr);
  assert.equal(result.stdout, "");
}

/** The message and the hint of a run that printed these, and nothing else on stderr. */
export function twoLines({ stderr }: CliResult): [message: string, hint: string] {
  const match = /^ecrin: error: ([^\n]+)\necrin: hint: ([^\n]+)\n$/.exec(stderr);
  assert(match !== null, `not an error and a hint:\n${stderr.slice(0, 2000)}`);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/, "control characters");
  assert(stderr.length < 1000, `${stderr.length} characters`);
  const [, message = "", hint = ""] = match;
  assert.doesNotMatch(
    message,
    /[.]$|undefined|null|\[object/,
    "a final period, or a value that is none",
  );
  return [message, hint];
}

/** Asserts that a run failed as `expected`: in two lines and, with `--json`, one object. */
export function assertFailure(
  result: CliResult,
  expected: Failure,
  { json }: { json: boolean },
): void {
  assert.equal(result.code, expected.exitCode, result.stderr.slice(0, 2000));
  const [message, hint] = twoLines(result);
  if (typeof expected.message === "string") assert(message.includes(expected.message), message);
  else assert.match(message, expected.message);
  assert.match(hint, expected.hint);
  if (!json) return assert.equal(result.stdout, "");
  const error = { code: expected.code, message, hint };
  const { logins, ...rest } = JSON.parse(result.stdout);
  const { ofLogin = logins.length > 0 } = expected;
  assert.deepEqual(rest, ofLogin ? {} : { error });
  const errors = logins.map((login: { error: unknown }) => login.error);
  assert.deepEqual(errors, ofLogin ? [error] : []);
  assert(logins.every(({ ok }: { ok: boolean }) => !ok));
}
