import assert from "node:assert/strict";
import { asksFor, flags, helpText } from "./flags.ts";

Deno.test("the help has every flag, its version, and no line over 100 characters", () => {
  const help = helpText("9.8.7");
  for (const { name, value } of flags) {
    assert.ok(help.includes(`--${name}${value === undefined ? "" : ` ${value}`}`), name);
  }
  assert.match(help, /^ecrin 9\.8\.7: /);
  for (const line of help.split("\n")) assert.ok(line.length <= 100, line);
});

Deno.test("the help starts with examples", () => {
  const help = helpText("1.0.0");
  assert.ok(help.indexOf("    ecrin --account") < help.indexOf("--profile NAME "));
});

Deno.test("no flag is listed twice", () => {
  const names = flags.flatMap(({ name, short }) => short === undefined ? [name] : [name, short]);
  assert.deepEqual([...new Set(names)], names);
});

const questions: readonly (readonly [args: string[], answer: "help" | "version" | undefined])[] = [
  [["--help"], "help"],
  [["-h"], "help"],
  [["-vh"], "help"],
  [["-v"], undefined],
  [["help"], "help"],
  [["login", "--bogus", "--help"], "help"],
  [["--version"], "version"],
  [["--version", "--help"], "help"],
  [["login"], undefined],
  [["login", "help"], undefined],
  [["--", "--help"], undefined],
  [[], undefined],
];
for (const [args, answer] of questions) {
  Deno.test(`ecrin ${args.join(" ")} asks for ${answer ?? "a login"}`, () => {
    assert.equal(asksFor(args), answer);
  });
}
