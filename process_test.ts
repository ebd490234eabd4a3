import assert from "node:assert/strict";
import { howItFailed, runProgram } from "./process.ts";
import { Secret } from "./secret.ts";

const signal = new AbortController().signal;
const env = Deno.env.toObject();
const onUnix = { ignore: Deno.build.os === "windows" };

Deno.test("a program gets its input on stdin and its output is given back", onUnix, async () => {
  const result = await runProgram(["sh", "-c", "cat; echo oops >&2; exit 3"], {
    env,
    signal,
    stdin: new Secret("the-password"),
  });
  assert.deepEqual(result, { code: 3, stdout: "the-password", stderr: "oops\n" });
});

Deno.test("arguments arrive as they are, whatever a shell would make of them", onUnix, async () => {
  const odd = ["two words", "$HOME", "`id`", "a;b", "*", "", "'\"\\", "--flag=x"];
  const { stdout } = await runProgram(["printf", "<%s>", ...odd], { env, signal });
  assert.equal(stdout, odd.map((arg) => `<${arg}>`).join(""));
});

Deno.test("a program gets the given environment and nothing else", onUnix, async () => {
  const given = { PATH: env.PATH, ONLY: "this", LD_LIBRARY_PATH: "/x", UNSET: undefined };
  const { stdout } = await runProgram(["env"], { env: given, signal });
  const names = stdout.trim().split("\n").map((line) => line.split("=")[0]);
  assert.deepEqual(names.filter((name) => name !== "PWD" && name !== "OLDPWD").sort(), [
    "ONLY",
    "PATH",
  ]);
});

Deno.test("a program that is not there gives 127", async () => {
  const { code } = await runProgram(["no-such-program-anywhere"], { env, signal });
  assert.equal(code, 127);
});

Deno.test("a program that leaves its stdin unread makes no noise about it", onUnix, async () => {
  for (let round = 0; round < 10; round++) {
    const { code, stderr } = await runProgram(["sh", "-c", "echo failed >&2; exit 4"], {
      env,
      signal,
      stdin: new Secret("x".repeat(3000)),
    });
    assert.notEqual(code, 0);
    assert.match(stderr, /^(?:failed\n)?$/);
  }
});

for (
  const [what, script] of [
    ["a program", "exec sleep 60"],
    ["a program that ignores SIGTERM", "trap '' TERM; while :; do sleep 0.1; done"],
  ] as const
) {
  Deno.test(`the end of the run ends ${what}`, onUnix, async () => {
    const run = new AbortController();
    const reason = new Error("interrupted");
    const folder = await Deno.makeTempDir();
    const pidFile = `${folder}/pid`;
    const running = runProgram([
      "sh",
      "-c",
      `echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; ${script}`,
    ], {
      env,
      signal: run.signal,
    });
    running.catch(() => {});
    while (!await Deno.stat(pidFile).catch(() => false)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const pid = Number(await Deno.readTextFile(pidFile));
    run.abort(reason);
    await assert.rejects(running, reason);
    assert.throws(() => Deno.kill(pid, "SIGCONT"), Deno.errors.NotFound);
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("a run that has ended starts no program", async () => {
  await assert.rejects(
    runProgram(["true"], { env, signal: AbortSignal.abort(new Error("over")) }),
    /over/,
  );
});

for (
  const [code, said, told] of [
    [1, "debug\nno such item\n", "failed with exit code 1: no such item"],
    [1, " \n", "failed with exit code 1"],
    [137, "", "was killed by signal 9"],
    [
      255,
      "Unable to locate credentials",
      "failed with exit code 255: Unable to locate credentials",
    ],
  ] as const
) {
  Deno.test(`exit code ${code} and ${JSON.stringify(said)}: ${told}`, () => {
    assert.equal(howItFailed(code, said), told);
  });
}

Deno.test("the line that tells why a program failed holds no secret, of several lines either", () => {
  const secret = new Secret("not-a-secret\nin-two-lines");
  assert.equal(howItFailed(1, `echo ${secret.reveal()}`), "failed with exit code 1: echo ***");
});
