/**
 * What people see: on a terminal (a real one, made by util-linux' `script`) and in a pipe.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { requirePrograms, runCli, tempHome } from "./testing/cli.ts";
import { userEnv, withPrograms } from "./testing/ecrin.ts";
import { onTerminal, runOnTerminal, startOnTerminal } from "./testing/on_terminal.ts";
import { slowTimers } from "./testing/time_limits.ts";

const region = "eu-west-1";
const args = ["--region", region, "--tool", "file"];

/** What is left on a screen after `output`: its lines without colours and without what was erased. */
function screen(output: string): string[] {
  const rows = [""];
  let column = 0;
  // deno-lint-ignore no-control-regex
  for (const [piece = ""] of output.matchAll(/\x1b\[[0-9;?]*[a-zA-Z]|[^\x1b]/gu)) {
    const last = rows.length - 1;
    if (piece === "\r") column = 0;
    else if (piece === "\n") rows.push("");
    else if (piece === "\x1b[2K") rows[last] = "";
    else if (piece.startsWith("\x1b")) assert.match(piece, /m$/, "a cursor code unlike the others");
    else {
      const row = (rows[last] ?? "").padEnd(column);
      rows[last] = row.slice(0, column) + piece + row.slice(column + piece.length);
      column += piece.length;
    }
  }
  assert.equal(rows.pop(), "", "the last line is not ended");
  return rows;
}

/** `, until …` for a time in a time zone, as DESIGN has it. */
function until(milliseconds: number, timeZone: string): string {
  const day = (time: number): string =>
    new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" }).format(time);
  const time = new Intl.DateTimeFormat("sv-SE", { timeZone, timeStyle: "short" })
    .format(milliseconds);
  return `until ${time}${day(milliseconds) === day(Date.now()) ? "" : " tomorrow"}`;
}

for (const timeZone of ["UTC", "Asia/Tokyo", "America/Los_Angeles"]) {
  Deno.test(`success is one line a registry, with the end in local time (${timeZone})`, async () => {
    await using aws = await startAws();
    const env = { ...userEnv(aws), TZ: timeZone };
    const { code, stdout, stderr } = await runCli(args, { env });
    const end = until(aws.passwords.all()[0]?.expiresAt ?? 0, timeZone);
    assert.equal(stderr, `ecrin: logged in to ${aws.registry.host} (file, ${end})\n`);
    assert.deepEqual([code, stdout], [0, ""]);
  });
}

Deno.test("several registries and tools have a line each", async () => {
  await using aws = await startAws();
  await using home = await tempHome();
  await home.writeProgram("bin/docker", "#!/bin/sh\ncat > /dev/null\necho Login Succeeded\n");
  const env = { ...userEnv(aws), ...withPrograms(home), TZ: "UTC" };
  const registries = ["222222222222.dkr.ecr.eu-west-1.amazonaws.com", "public.ecr.aws"];
  const { code, stdout, stderr } = await runCli([...registries, "--tool", "docker"], { env });
  const end = until(aws.passwords.all()[0]?.expiresAt ?? 0, "UTC");
  // whichever ends first
  assert.deepEqual(
    stderr.trimEnd().split("\n").sort(),
    [aws.registry.host, "public.ecr.aws"]
      .map((host) => `ecrin: logged in to ${host} (docker, ${end})`),
  );
  assert.deepEqual([code, stdout], [0, ""]);
});

Deno.test("-q is silent on success, and says what is wrong", async () => {
  await using aws = await startAws();
  const good = await runCli([...args, "-q"], { env: userEnv(aws) });
  assert.deepEqual([good.code, good.stdout, good.stderr], [0, "", ""]);
  aws.fault({ kind: "expired" });
  const bad = await runCli([...args, "-q"], { env: userEnv(aws) });
  assert.equal(bad.code, 4);
  assert.match(bad.stderr, /^ecrin: error: .*\necrin: hint: .*\n$/);
});

Deno.test("every line on stderr says who speaks, also at --verbose, and stdout stays empty", async (t) => {
  const tools = requirePrograms(["docker"]) ? ["docker", "file"] : ["file"];
  for (const tool of tools) {
    for (const fault of [undefined, "access-denied", "garbage", "reset"] as const) {
      await t.step(`${tool}, ${fault ?? "success"}`, async () => {
        await using aws = await startAws();
        if (fault !== undefined) aws.fault({ kind: fault, service: "ecr" });
        // both are there, which the SDK would warn about by itself
        const env = { ...userEnv(aws), AWS_PROFILE: "blog" };
        await using home = await tempHome({
          ".aws/config": "[profile blog]\nregion = eu-west-1\n",
        });
        const role = ["--account", "222222222222", "--role", "deploy"];
        const result = await runCli(["--region", region, "--tool", tool, "-v", ...role], {
          env,
          home: home.path,
        });
        assert.equal(result.code === 0, fault === undefined, result.stderr);
        assert.match(result.stderr, /^(ecrin: [^\n]+\n){3,}$/);
        // deno-lint-ignore no-control-regex
        assert.doesNotMatch(result.stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
        assert.equal(result.stdout, "");
      });
    }
  }
});

Deno.test("a slow login prints no progress into a pipe", async () => {
  await using aws = await startAws({ latency: 1300 });
  const { code, stderr } = await runCli(args, { env: userEnv(aws) });
  assert.equal(code, 0);
  assert.match(stderr, /^ecrin: logged in to [ -~]*\n$/);
});

Deno.test({
  name: "an error has colours on a terminal",
  ...onTerminal,
  fn: async () => {
    const { code, stdout } = await runOnTerminal(["--no-such-flag"]);
    assert.equal(code, 2);
    assert(
      stdout.startsWith("ecrin: \x1b[31;1merror\x1b[0m: unknown flag"),
      JSON.stringify(stdout),
    );
    assert(stdout.includes("\necrin: \x1b[36mhint\x1b[0m: "), JSON.stringify(stdout));
  },
});

const plain: Record<string, [args: string[], env: Record<string, string>]> = {
  "NO_COLOR": [[], { NO_COLOR: "1" }],
  "--no-color": [["--no-color"], {}],
  "TERM=dumb": [[], { TERM: "dumb" }],
};

for (const [name, [more, env]] of Object.entries(plain)) {
  Deno.test({
    name: `${name} takes the colours away`,
    ...onTerminal,
    fn: async () => {
      const { code, stdout } = await runOnTerminal(["--no-such-flag", ...more], { env });
      assert.equal(code, 2);
      assert.match(stdout, /^ecrin: error: unknown flag [ -~]*\r\necrin: hint: [ -~]*\r\n$/);
    },
  });
}

Deno.test("there are no colours in a pipe", async () => {
  const { stderr } = await runCli(["--no-such-flag"], { env: { TERM: "xterm-256color" } });
  assert.match(stderr, /^ecrin: error: [ -~]*\necrin: hint: [ -~]*\n$/);
});

Deno.test({
  name: "a login of more than a second shows progress, which goes away",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws({ latency: 1500 });
    await using cli = await startOnTerminal(args, { env: userEnv(aws) });
    const shown = await cli.waitFor("stdout", "…");
    assert.match(shown, /^ecrin: logging in to your registry …$/);
    const { code, stdout } = await cli.result();
    assert.equal(code, 0);
    const rows = screen(stdout);
    assert.equal(rows.length, 1, stdout);
    assert.match(rows[0] ?? "", /^ecrin: logged in to 127\.0\.0\.1:\d+ \(file, until .*\)$/);
  },
});

Deno.test({
  name: "many logins show how many have ended, above which their lines come",
  ...onTerminal,
  fn: async () => {
    const rest = Promise.withResolvers<void>();
    let asked = 0;
    await using aws = await startAws({
      // two of four get through at first
      hold: (request) => request === "GET /v2/" && ++asked > 2 ? rest.promise : undefined,
    });
    const accounts = "222222222222,333333333333,444444444444,555555555555";
    await using cli = await startOnTerminal([...args, "--account", accounts], {
      env: userEnv(aws),
    });
    const shown = await cli.waitFor("stdout", "logging in: 2 of 4 …");
    assert.equal(shown.match(/logged in to/g)?.length, 2);
    rest.resolve();
    const { code, stdout } = await cli.result();
    assert.equal(code, 0);
    const rows = screen(stdout);
    assert.equal(rows.length, 4, stdout);
    for (const row of rows) assert.match(row, /^ecrin: logged in to 127\.0\.0\.1:\d+ \(file/);
  },
});

Deno.test({
  name: "a login of less than a second shows no progress",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    await using home = await tempHome();
    const quick = await slowTimers(home);
    const { code, stdout } = await runOnTerminal(args, { env: userEnv(aws), ...quick });
    assert.equal(code, 0);
    assert.match(stdout, /^ecrin: logged in to [ -~]*\r\n$/);
  },
});

Deno.test({
  name: "progress goes away before an error, too",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws({ latency: 1300 });
    aws.fault({ kind: "access-denied" });
    const { code, stdout } = await runOnTerminal(args, { env: userEnv(aws) });
    assert.equal(code, 4);
    assert(stdout.includes("…"));
    const rows = screen(stdout);
    assert.deepEqual(rows.map((row) => row.slice(0, 13)), ["ecrin: error:", "ecrin: hint: "]);
  },
});

Deno.test({
  name: "progress and the steps of --verbose do not run into each other",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws({ latency: 1300 });
    const role = ["--account", "222222222222", "--role", "deploy"];
    const { code, stdout } = await runOnTerminal([...args, ...role, "-v"], { env: userEnv(aws) });
    assert.equal(code, 0);
    const rows = screen(stdout);
    assert(rows.length >= 5, stdout);
    for (const row of rows) {
      assert(row.startsWith("ecrin: "), row);
      assert.doesNotMatch(row, /…|ecrin: .*ecrin: /);
    }
  },
});

Deno.test({
  name: "progress fits a narrow terminal, or it could not be erased",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws({ latency: 1300 });
    await using cli = await startOnTerminal(
      ["222222222222.dkr.ecr.ap-northeast-1.amazonaws.com", "--tool", "file"],
      { env: userEnv(aws), columns: 40 },
    );
    const { code, stdout } = await cli.result();
    assert.equal(code, 0);
    const shown = /ecrin: logging[^\r]*/.exec(stdout)?.[0] ?? "";
    assert(shown.length > 20 && shown.length < 40, JSON.stringify(stdout));
    assert.equal(screen(stdout).length, 1);
  },
});

for (const quiet of [["-q"], ["--quiet"]]) {
  Deno.test({
    name: `${quiet} shows no progress`,
    ...onTerminal,
    fn: async () => {
      await using aws = await startAws({ latency: 1300 });
      const { code, stdout } = await runOnTerminal([...args, ...quiet], { env: userEnv(aws) });
      assert.deepEqual([code, stdout], [0, ""]);
    },
  });
}

Deno.test({
  name: "a dumb terminal gets no progress that it could not erase",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws({ latency: 1300 });
    const env = { ...userEnv(aws), TERM: "dumb" };
    const { code, stdout } = await runOnTerminal(args, { env });
    assert.equal(code, 0);
    assert.match(stdout, /^ecrin: logged in to [ -~]*\r\n$/);
  },
});

Deno.test({
  name: "Ctrl-C during progress leaves one clean line and 130",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    aws.fault({ kind: "hang" });
    await using cli = await startOnTerminal(args, { env: userEnv(aws) });
    await cli.waitFor("stdout", "…");
    await cli.write("\x03");
    const { code, stdout } = await cli.result();
    assert.equal(code, 130);
    assert.deepEqual(screen(stdout.replace("^C", "")), ["ecrin: error: interrupted"]);
  },
});

Deno.test({
  name: "Ctrl-C, which docker gets too, is no failure of docker",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    await using bin = await tempHome();
    await bin.writeProgram("docker", `#!/bin/sh\necho > ${bin.at("started")}\nexec sleep 600\n`);
    const env = { ...userEnv(aws), PATH: `${bin.path}:${Deno.env.get("PATH")}` };
    await using cli = await startOnTerminal(["--region", region], { env });
    await cli.until(() => bin.exists("started"));
    await cli.write("\x03");
    const { code, stdout } = await cli.result();
    assert.equal(code, 130, stdout);
    assert.deepEqual(screen(stdout.replace("^C", "")), ["ecrin: error: interrupted"]);
  },
});

Deno.test({
  name: "neither AWS nor docker gets a terminal to obey",
  ...onTerminal,
  fn: async () => {
    const hostile = "a\x1b[31mb\x1b]0;title\x07c\x1b[2J\x1b[1;1Hd\x9b2Je\rf\bg\u202eh\x1b[8mi";
    await using aws = await startAws();
    aws.fault({ kind: "error", message: hostile });
    await using home = await tempHome();
    const { stdout } = await runOnTerminal([...args, "--no-color", "-v"], {
      env: userEnv(aws),
      // progress has codes of its own
      ...await slowTimers(home),
    });
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(stdout.replaceAll("\r\n", "\n"), /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    assert.match(stdout, /^ecrin: error: AWS refused .*: abcdefghi\r$/m);
  },
});
