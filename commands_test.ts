import assert from "node:assert/strict";
import { asksFor, commands } from "./commands.ts";
import { flags } from "./flags.ts";

Deno.test("every flag of a command is in the table of flags, and every flag is some command's", () => {
  const names = flags.map(({ name }) => name);
  const used = new Set(commands.flatMap(({ flags }) => flags));
  assert.deepEqual(names.filter((name) => !used.has(name)), []);
  for (const { name, flags, flagHelp = {} } of commands) {
    assert.deepEqual(flags.filter((flag) => !names.includes(flag)), [], name);
    assert.deepEqual([...new Set(flags)], flags, name);
    assert.deepEqual(Object.keys(flagHelp).filter((flag) => !flags.includes(flag)), [], name);
  }
});

type Answer = readonly [what: "help" | "version", words: string[]] | undefined;

const questions: readonly (readonly [args: string[], answer: Answer])[] = [
  [["--help"], ["help", []]],
  [["-h"], ["help", []]],
  [["-vh"], ["help", []]],
  [["-v"], undefined],
  [["help"], ["help", []]],
  [["help", "sso", "login"], ["help", ["sso", "login"]]],
  [["login", "--bogus", "--help"], ["help", ["login"]]],
  [["--profile", "x", "sso", "login", "-h"], ["help", ["sso", "login"]]],
  [["--version"], ["version", []]],
  [["--version", "--help"], ["help", []]],
  [["login"], undefined],
  [["login", "help"], undefined],
  [["exec", "--", "docker", "--help"], undefined],
  [["--", "--help"], undefined],
  [[], undefined],
];
for (const [args, answer] of questions) {
  Deno.test(`ecrin ${args.join(" ")} asks for ${answer?.join(" ") ?? "work"}`, () => {
    const [what, words] = answer ?? [];
    assert.deepEqual(asksFor(args), what && { what, words });
  });
}
