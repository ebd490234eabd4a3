import assert from "node:assert/strict";
import { commands } from "./commands.ts";
import { flags } from "./flags.ts";
import { helpText } from "./help.ts";

for (const { name, flags: names, summary } of commands) {
  Deno.test(`the help of ${name} has its flags and no other, and no line over 100 characters`, () => {
    const help = helpText("9.8.7", name.split(" "));
    for (const { name, value } of flags) {
      const line = `--${name}${value === undefined ? "" : ` ${value}`}  `;
      assert.equal(help.includes(line), names.includes(name), name);
    }
    assert.ok(help.startsWith(`ecrin ${name}: ${summary}\n`));
    for (const line of help.split("\n")) assert.ok(line.length <= 100, line);
  });
}

Deno.test("the overview starts with examples, and lists the commands and the flags of login", () => {
  const help = helpText("9.8.7");
  assert.match(help, /^ecrin 9\.8\.7: /);
  assert.ok(help.indexOf("    ecrin --account") < help.indexOf("--profile NAME "));
  for (const { name, summary } of commands) {
    assert.ok(help.includes(`  ${name} `) && help.includes(summary), name);
  }
  for (const line of help.split("\n")) assert.ok(line.length <= 100, line);
});

Deno.test("the first of two words lists what may follow", () => {
  const help = helpText("1.0.0", ["sso"]);
  for (const { name, summary } of commands) {
    assert.equal(help.includes(summary), name.startsWith("sso "), name);
  }
});
