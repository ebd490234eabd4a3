/**
 * How a run ends before its work is done, by `--timeout` or a signal: the exit code, what is said,
 * nothing written, and no program left behind.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import {
  requirePrograms,
  runCli,
  type RunningCli,
  startCli,
  type TempHome,
  tempHome,
} from "./testing/cli.ts";
import { userEnv, withPrograms } from "./testing/ecrin.ts";
import { assertFails } from "./testing/failing_runs.ts";
import type { Failure } from "./testing/outcomes.ts";
import { contents } from "./testing/temp_home.ts";

const region = "eu-west-1";
const roleArgs = ["--region", region, "--account", "222222222222", "--role", "deploy"];

/** In milliseconds: enough for a busy machine, and less than anything that is waited for. */
const promptly = 12_000;

const gaveUp: Failure = {
  exitCode: 124,
  code: "timeout",
  message: /^gave up after 2 seconds$/,
  hint: /--timeout/,
};

for (const [name, args] of Object.entries({ ECR: ["--region", region], STS: roleArgs })) {
  Deno.test(`--timeout ends a wait for ${name}`, async () => {
    await assertFails([...args, "--timeout", "2s", "--tool", "file"], gaveUp, {
      arrange: (aws) => aws.fault({ kind: "hang" }),
    });
  });
}

Deno.test("--timeout ends a wait for the registry", async () => {
  await assertFails(["--region", region, "--timeout", "2s", "--tool", "file"], gaveUp, {
    arrange: (aws) => aws.registry.fault("hang"),
  });
});

Deno.test("several registries that run into --timeout say so once", async () => {
  await using aws = await startAws();
  aws.fault({ kind: "hang" });
  const env = userEnv(aws);
  const args = ["--account", "222222222222", "--region", "eu-west-1,us-east-1,us-west-2"];
  const { code, stdout, stderr } = await runCli(
    [...args, "--timeout", "1s", "--tool", "file", "--json"],
    { env },
  );
  assert.equal(code, 124);
  assert.match(stderr, /^ecrin: error: gave up after 1 second\necrin: hint: .*\n$/);
  const { logins } = JSON.parse(stdout);
  assert.deepEqual(logins.map(({ error }: { error: { code: string } }) => error.code), [
    "timeout",
    "timeout",
    "timeout",
  ]);
});

Deno.test("a time limit of days is no time limit of nothing", async () => {
  await using aws = await startAws();
  const env = userEnv(aws);
  const args = ["--region", region, "--timeout", "9999h", "--tool", "file"];
  const { code, stderr } = await runCli(args, { env });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^ecrin: logged in to .*\n$/);
});

/** Docker programs that do not come to an end by themselves; each writes its process id to `pid`. */
const stuck: Record<string, string> = {
  "that sleeps": "echo $$ > $HOME/pid\nexec sleep 600\n",
  "that ignores signals": "trap '' TERM INT\necho $$ > $HOME/pid\nwhile :; do sleep 0.2; done\n",
  "that waits for a program of its own": "sleep 20 &\necho $$ > $HOME/pid\nwait\n",
};

/** What `cli` or a program of its own wrote to a file of `home`, once the line is whole. */
async function written(cli: RunningCli, home: TempHome, name: string): Promise<string> {
  const read = (): Promise<string> => home.read(name).catch(() => "");
  await cli.until(async () => (await read()).endsWith("\n"));
  return (await read()).trim();
}

/** Whether the process is there and is more than an entry that its parent has not collected. */
async function lives(pid: string): Promise<boolean> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  return stat !== "" && !/\) [ZX]/.test(stat);
}

const onUnix = Deno.build.os === "linux";

for (const [what, script] of Object.entries(stuck)) {
  for (const how of ["SIGINT", "SIGTERM", "--timeout"] as const) {
    Deno.test({
      name: `${how} ends a docker ${what}`,
      ignore: !onUnix,
      fn: async () => {
        await using aws = await startAws();
        await using home = await tempHome();
        await home.writeProgram("bin/docker", `#!/bin/sh\n${script}`);
        const limit = how === "--timeout" ? ["--timeout", "2s"] : [];
        await using cli = await startCli(["--region", region, "--json", ...limit], {
          stdin: "",
          home: home.path,
          env: { ...userEnv(aws), ...withPrograms(home) },
        });
        const pid = await written(cli, home, "pid");
        assert(await lives(pid));
        const started = performance.now();
        if (how !== "--timeout") cli.kill(how);
        const { code, stdout, stderr } = await cli.result();
        const took = performance.now() - started;
        assert.equal(await lives(pid), false, "docker is still there");
        assert(took < promptly, `${took} ms`);
        if (how === "--timeout") {
          assert.equal(code, 124);
          assert.match(stderr, /^ecrin: error: gave up after 2 seconds\necrin: hint: .*\n$/);
        } else {
          assert.equal(code, 130);
          assert.equal(stderr, "ecrin: error: interrupted\n");
        }
        const { error } = JSON.parse(stdout).logins[0];
        assert.equal(error.code, how === "--timeout" ? "timeout" : "interrupted");
      },
    });
  }
}

Deno.test({
  name: "SIGINT ends a real docker that waits for its credential store",
  ignore: !onUnix || !requirePrograms(["docker"]),
  fn: async () => {
    await using aws = await startAws();
    await using home = await tempHome({ ".docker/config.json": '{"credsStore":"stuck"}' });
    await home.writeProgram(
      "bin/docker-credential-stuck",
      // docker asks it before it logs in, too: that must come to an end
      '#!/bin/sh\n[ "$1" = store ] || { echo "credentials not found in native keychain"; exit 1; }\n' +
        "echo $PPID > $HOME/pid\nexec sleep 5 > /dev/null 2>&1\n",
    );
    await using cli = await startCli(["--region", region], {
      stdin: "",
      home: home.path,
      env: { ...userEnv(aws), ...withPrograms(home) },
    });
    const pid = await written(cli, home, "pid");
    cli.kill("SIGINT");
    const { code, stderr } = await cli.result();
    assert.equal(code, 130);
    assert.equal(stderr, "ecrin: error: interrupted\n");
    assert.equal(await lives(pid), false, "docker is still there");
  },
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  for (const [what, args] of Object.entries({ ECR: ["--region", region], STS: roleArgs })) {
    Deno.test({
      name: `${signal} ends a wait for ${what}`,
      ignore: !onUnix,
      fn: async () => {
        await using aws = await startAws();
        aws.fault({ kind: "hang" });
        await using home = await tempHome();
        await using cli = await startCli([...args, "--tool", "file"], {
          stdin: "",
          home: home.path,
          env: userEnv(aws),
        });
        await cli.until(() => aws.requests.length > 0);
        const started = performance.now();
        cli.kill(signal);
        const { code, stdout, stderr } = await cli.result();
        assert.deepEqual([code, stdout, stderr], [130, "", "ecrin: error: interrupted\n"]);
        assert(performance.now() - started < promptly);
        assert.deepEqual(await contents(home.path), {});
      },
    });
  }
}

Deno.test({
  name: "an interrupt that docker hears first is no failure of docker",
  ignore: !onUnix,
  fn: async () => {
    await using aws = await startAws();
    await using home = await tempHome();
    await home.writeProgram(
      "bin/docker",
      "#!/bin/sh\n(sleep 0.02; kill -INT $PPID) < /dev/null > /dev/null 2>&1 &\nexit 130\n",
    );
    const { code, stderr } = await runCli(["--region", region], {
      home: home.path,
      env: { ...userEnv(aws), ...withPrograms(home) },
    });
    assert.deepEqual([code, stderr], [130, "ecrin: error: interrupted\n"]);
  },
});
