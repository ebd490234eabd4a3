/**
 * Every command line of ecrin's in RECIPES.md and README.md is one that ecrin takes.
 */

import assert from "node:assert/strict";
import { identityOptions, optional, targetOptions, timeLimit, toolOptions } from "./cli.ts";
import { parseCommandLine } from "./command_line.ts";
import { asksFor } from "./commands.ts";
import { parseDuration } from "./duration.ts";
import { parseFormat } from "./shell_syntax.ts";

/** The arguments of each `ecrin …` in the blocks of code, which are indented. */
function commandLines(markdown: string): string[][] {
  const code = markdown.split("\n").filter((line) => line.startsWith("    ")).join("\n");
  const lines = code.matchAll(
    /(?<=^ {4} *(?:\S.*[ ("/])?)ecrin((?: +(?:"[^"]*"|[^\s"#|&<>)]+))+)/gm,
  );
  return [...lines].map(([, words = ""]) =>
    (words.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ""))
  ).filter((words) => !words.includes("…"));
}

for (const [file, atLeast] of [["RECIPES.md", 19], ["README.md", 35]] as const) {
  Deno.test(`the commands of ${file}`, async (t) => {
    const lines = commandLines(await Deno.readTextFile(new URL(file, import.meta.url)));
    assert(lines.length >= atLeast, `only ${lines.length} were found`);
    for (const args of lines) {
      await t.step(args.join(" "), () => {
        if (asksFor(args) !== undefined) return;
        const line = parseCommandLine(args);
        const { command } = line;
        if (command.flags.includes("role")) identityOptions(line);
        if (command.flags.includes("account")) targetOptions(line);
        toolOptions(line);
        timeLimit(line);
        optional(line, "format", parseFormat);
        optional(line, "if-expiring", parseDuration);
        assert.equal(line.rest !== undefined, command.name === "exec");
      });
    }
  });
}
