import assert from "node:assert/strict";
import { quote, quoteName, shellWord } from "./errors.ts";

Deno.test("a value in a message is escaped and cut", () => {
  assert.equal(quote("a\n\x1b[2Jb\u202e"), '"a\\u000a\\u001b[2Jb\\u202e"');
  assert.equal(quote("x".repeat(1000)), `"${"x".repeat(77)}..."`);
});

Deno.test("a name keeps its letters, and loses what a terminal obeys", () => {
  assert.equal(quoteName("épée dev"), '"épée dev"');
  assert.equal(quoteName("a\u202eb\x1b[2J"), '"a\\u202eb\\u001b[2J"');
  assert.equal(quoteName("x".repeat(200)).length, 103);
});

Deno.test("a word for a shell is quoted only where it needs to be", () => {
  assert.equal(shellWord("dev-1"), "dev-1");
  assert.equal(shellWord("my dev"), "'my dev'");
  assert.equal(shellWord("it's"), `'it'\\''s'`);
  assert.equal(shellWord("$(rm -rf x)"), "'$(rm -rf x)'");
  assert.equal(shellWord(""), "''");
});
