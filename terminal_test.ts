import assert from "node:assert/strict";
import { usageError } from "./errors.ts";
import { conceal } from "./secret.ts";
import type { System } from "./system.ts";
import { openTerminal, until } from "./terminal.ts";

const plain = { json: false, quiet: false, verbose: false, color: true };

/** What a terminal with these options prints when told everything. */
function printed(
  options: Partial<typeof plain>,
  system: { env?: Record<string, string>; stderrIsTerminal?: boolean } = {},
): string[] {
  const lines: string[] = [];
  const terminal = openTerminal({
    env: {},
    stderrIsTerminal: false,
    stdoutIsTerminal: false,
    ...system,
    stderr: (text: string) => lines.push(text),
  } as unknown as System, { ...plain, ...options });
  terminal.say("result");
  terminal.detail("detail");
  terminal.warn("careful");
  terminal.fail(usageError("some-code", "it went wrong", "run: x"));
  return lines;
}

Deno.test("results, warnings and failures are printed, each line with the program's name", () => {
  assert.equal(
    printed({}).join(""),
    "ecrin: result\necrin: warning: careful\necrin: error: it went wrong\necrin: hint: run: x\n",
  );
});

Deno.test("--quiet leaves the failure", () => {
  assert.equal(
    printed({ quiet: true }).join(""),
    "ecrin: error: it went wrong\necrin: hint: run: x\n",
  );
});

Deno.test("--verbose adds the details", () => {
  assert.ok(printed({ verbose: true }).includes("ecrin: detail\n"));
});

for (
  const [why, options, system, colored] of [
    ["a pipe", {}, {}, false],
    ["a terminal", {}, { stderrIsTerminal: true }, true],
    ["a terminal with NO_COLOR", {}, { stderrIsTerminal: true, env: { NO_COLOR: "1" } }, false],
    ["a terminal with --no-color", { color: false }, { stderrIsTerminal: true }, false],
    ["a pipe with FORCE_COLOR", {}, { env: { FORCE_COLOR: "1" } }, true],
  ] as const
) {
  Deno.test(`${why} gets ${colored ? "colours" : "no colours"}`, () => {
    assert.equal(printed(options, system).join("").includes("\x1b["), colored);
  });
}

Deno.test("a line cannot move the cursor, hold a secret, or look like another program's", () => {
  conceal("line-with-secret");
  const lines: string[] = [];
  const system = { env: {}, stderr: (text: string) => lines.push(text) } as unknown as System;
  openTerminal(system, plain).say("a\x1b[2Jb\x07\rc line-with-secret\nnext");
  assert.deepEqual(lines, ["ecrin: abc ***\necrin: next\n"]);
});

for (
  const [end, text] of [
    ["2026-11-20T21:05:00", "until 21:05"],
    ["2026-11-21T09:12:00", "until 09:12 tomorrow"],
    ["2026-11-22T00:00:00", "until 2026-11-22 00:00"],
    ["2026-11-19T23:59:00", "until 2026-11-19 23:59"],
  ] as const
) {
  Deno.test(`seen on 20 November, ${end} is ${text}`, () => {
    assert.equal(until(new Date(end), new Date("2026-11-20T21:04:00")), text);
  });
}

Deno.test("tomorrow is tomorrow across a month and a year", () => {
  assert.equal(
    until(new Date("2027-01-01T08:00:00"), new Date("2026-12-31T20:00:00")),
    "until 08:00 tomorrow",
  );
});

Deno.test("a line break in what others say does not make a line of ours", () => {
  const lines: string[] = [];
  const system = { env: {}, stderr: (text: string) => lines.push(text) } as unknown as System;
  openTerminal(system, plain).fail(usageError("x", "it said no\nlogged in to x\r\n", "a\nb"));
  assert.equal(lines.join(""), "ecrin: error: it said no logged in to x \necrin: hint: a b\n");
  lines.length = 0;
  const terminal = openTerminal(system, { ...plain, verbose: true });
  terminal.warn("it said no\nlogged in to x");
  terminal.detail("it said no\r\nlogged in to x");
  assert.deepEqual(lines, [
    "ecrin: warning: it said no logged in to x\n",
    "ecrin: it said no logged in to x\n",
  ]);
});

Deno.test("one question at a time, and what others say meanwhile waits for its end", async () => {
  const lines: string[] = [];
  const system = { env: {}, stderr: (text: string) => lines.push(text) } as unknown as System;
  const terminal = openTerminal(system, plain);
  const answers = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const questions = answers.map(({ promise }, index) =>
    terminal.asking(async (voice) => {
      voice.say(`question ${index}`);
      await promise;
      if (index === 1) throw new Error("no answer");
    })
  );
  await Promise.resolve();
  terminal.say("logged in");
  terminal.fail(usageError("some-code", "it went wrong", "run: x"));
  assert.deepEqual(lines, ["ecrin: question 0\n"]);
  answers[0]?.resolve();
  await questions[0];
  answers[1]?.resolve();
  await assert.rejects(questions[1] ?? Promise.resolve(), /no answer/);
  terminal.say("done");
  assert.equal(
    lines.join(""),
    "ecrin: question 0\necrin: logged in\necrin: error: it went wrong\necrin: hint: run: x\n" +
      "ecrin: question 1\necrin: done\n",
  );
});

Deno.test("what waits is said at the end of the run, though the question is still open", () => {
  const lines: string[] = [];
  const system = { env: {}, stderr: (text: string) => lines.push(text) } as unknown as System;
  const terminal = openTerminal(system, plain);
  void terminal.asking(() => new Promise(() => {}));
  return Promise.resolve().then(() => {
    terminal.say("held back");
    assert.deepEqual(lines, []);
    terminal.flush();
    assert.deepEqual(lines, ["ecrin: held back\n"]);
  });
});
