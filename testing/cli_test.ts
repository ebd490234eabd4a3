import assert from "node:assert/strict";
import { runCli, startCli, tempHome } from "./cli.ts";
import { findProgram, missingPrograms, requirePrograms } from "./programs.ts";

Deno.test("the CLI runs in a clean environment and a home of its own", async () => {
  await using home = await tempHome({
    "show.ts": `
      const { HOME, EXTRA, NO_COLOR, DENO_DIR, USER } = Deno.env.toObject();
      console.log(JSON.stringify({ HOME, EXTRA, NO_COLOR, USER, DENO_DIR: DENO_DIR !== undefined,
        cwd: Deno.cwd(), args: Deno.args }));
      console.error(await new Response(Deno.stdin.readable).text());
      Deno.exit(7);
    `,
  });
  Deno.env.set("NO_COLOR", "1");
  const result = await runCli(["a", "--b"], {
    script: home.at("show.ts"),
    env: { EXTRA: "x", TMPDIR: undefined },
    stdin: "input",
  }).finally(() => Deno.env.delete("NO_COLOR"));
  const { code, signal, stdout, stderr, milliseconds } = result;
  assert.deepEqual([code, signal, stderr], [7, null, "input\n"]);
  assert(milliseconds > 0);
  const shown = JSON.parse(stdout);
  assert.deepEqual(shown, {
    HOME: shown.cwd,
    EXTRA: "x",
    DENO_DIR: true,
    cwd: shown.cwd,
    args: ["a", "--b"],
  });
  await assert.rejects(Deno.stat(shown.cwd), Deno.errors.NotFound);
});

Deno.test("a given home stays", async () => {
  await using home = await tempHome({ "write.ts": `await Deno.writeTextFile("made", "x");` });
  await runCli([], { script: home.at("write.ts"), home: home.path });
  assert.equal(await home.read("made"), "x");
});

Deno.test("permissions can be given instead of -A", async () => {
  await using home = await tempHome({ "ask.ts": `Deno.env.get("HOME");` });
  const options = { script: home.at("ask.ts"), denoArgs: ["--no-prompt"] };
  assert.match((await runCli([], options)).stderr, /NotCapable/);
});

Deno.test("a CLI that does not end is killed", async () => {
  await using home = await tempHome({ "hang.ts": `setInterval(() => {}, 1000);` });
  const result = await runCli([], { script: home.at("hang.ts"), timeoutMs: 200 });
  assert.equal(result.signal, "SIGKILL");
});

Deno.test("a running CLI can be written to, waited for, and signalled", async () => {
  await using home = await tempHome({
    "echo.ts": `
      Deno.addSignalListener("SIGTERM", () => { console.log("terminated"); Deno.exit(130); });
      for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
        console.error("got " + text);
      }
      setInterval(() => {}, 1000);
      console.error("end of input");
    `,
  });
  await using cli = await startCli([], { script: home.at("echo.ts") });
  await cli.write("hello");
  assert.equal(await cli.waitFor("stderr", "got hello"), "got hello\n");
  await cli.closeStdin();
  await cli.waitFor("stderr", /^end of input$/m);
  cli.kill("SIGTERM");
  const { code, stdout } = await cli.result();
  assert.deepEqual([code, stdout], [130, "terminated\n"]);
});

Deno.test("waiting for what never comes fails with the output", async () => {
  await using home = await tempHome({ "say.ts": `console.log("this");` });
  await using cli = await startCli([], { script: home.at("say.ts") });
  await assert.rejects(
    cli.waitFor("stdout", "that"),
    /ended with 0 and never wrote that .*\n.*\nthis/,
  );
});

Deno.test("input that nobody reads is no failure", async () => {
  await using home = await tempHome({ "end.ts": `` });
  const { code } = await runCli([], { script: home.at("end.ts"), stdin: "x".repeat(1_000_000) });
  assert.equal(code, 0);
});

Deno.test("a temporary home has files with modes", async () => {
  let path: string;
  {
    await using home = await tempHome({ ".aws/config": "[default]\n" });
    path = home.path;
    assert.equal(await home.read(".aws/config"), "[default]\n");
    assert.equal(await home.exists(".aws/credentials"), false);
    assert.equal(await home.exists(".aws"), true);
    const program = await home.writeProgram("bin/tool", "#!/bin/sh\n");
    const { mode } = await Deno.stat(program);
    if (Deno.build.os !== "windows") assert.equal((mode ?? 0) & 0o777, 0o755);
  }
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
});

Deno.test("a missing program skips a test, and fails it where all are required", () => {
  assert(findProgram("deno") !== undefined || findProgram("sh") !== undefined);
  assert.deepEqual(missingPrograms(["ecrin-no-such-program"]), ["ecrin-no-such-program"]);
  const before = Deno.env.get("ECRIN_TEST_REQUIRE_ALL");
  const { log } = console;
  const lines: string[] = [];
  try {
    console.log = (line: string): void => void lines.push(line);
    Deno.env.set("ECRIN_TEST_REQUIRE_ALL", "0");
    assert.equal(requirePrograms(["ecrin-no-such-program"]), false);
    assert.deepEqual(lines, ["skipped: needs ecrin-no-such-program"]);
    Deno.env.set("ECRIN_TEST_REQUIRE_ALL", "1");
    assert.throws(
      () => requirePrograms(["ecrin-no-such-program"]),
      /missing ecrin-no-such-program/,
    );
  } finally {
    console.log = log;
    if (before === undefined) Deno.env.delete("ECRIN_TEST_REQUIRE_ALL");
    else Deno.env.set("ECRIN_TEST_REQUIRE_ALL", before);
  }
});
