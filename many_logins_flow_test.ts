/**
 * Many registries in one run: what is done side by side, what is done once, and what is said of it.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { runCli, startCli, tempHome } from "./testing/cli.ts";
import { ecrinAsUser, userEnv, withPrograms } from "./testing/ecrin.ts";
import { gathering } from "./testing/gather.ts";
import { lastPassword, stubs } from "./testing/tool_stages.ts";

const region = "eu-west-1";
const posix = Deno.build.os !== "windows";

/** `count` accounts: 100000000001 and so on. */
function accounts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(100000000001 + index));
}

function hostOf(account: string): string {
  return `${account}.dkr.ecr.${region}.amazonaws.com`;
}

const perAccount = (count: number): string[] => [
  ...["--region", region, "--role", "deploy", "--account", accounts(count).join()],
];

Deno.test("20 accounts: each step is taken for all of them at once", async () => {
  // nobody gets an answer until all have asked: one after the other would wait for ever
  const steps: Record<string, () => Promise<void>> = {
    AssumeRole: gathering(20),
    GetAuthorizationToken: gathering(20),
    "GET /v2/": gathering(20),
  };
  const held = new Set<string>();
  await using aws = await startAws({
    hold: (request) => {
      held.add(request);
      return steps[request]?.();
    },
  });
  const { code, stderr } = await ecrinAsUser(aws, perAccount(20), {
    env: { AWS_MAX_ATTEMPTS: "1" },
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual([...held].sort(), Object.keys(steps).sort());
  assert.equal(aws.requestsOf("sts", "AssumeRole").length, 20);
  assert.equal(aws.requestsOf("ecr").length, 20);
  assert.equal(stderr.match(/^ecrin: logged in to /gm)?.length, 20);
});

Deno.test({
  name: "docker logins run side by side, but no more than 20 at a time",
  ignore: !posix,
  fn: async () => {
    // each waits until 20 are there, and notes how many there are
    await using stage = await stubs({
      docker: `cat >/dev/null
mkdir -p "$HOME/running"
echo >>"$HOME/started"
touch "$HOME/running/$$"
while
  count=$(ls "$HOME/running" | wc -l)
  echo "$count" >>"$HOME/counts"
  [ "$count" -lt 20 ] && [ ! -e "$HOME/all" ]
do sleep 0.02; done
# one more would come now
[ -e "$HOME/all" ] || sleep 0.3
ls "$HOME/running" | wc -l >>"$HOME/counts"
touch "$HOME/all"
rm "$HOME/running/$$"`,
    });
    const { code, stderr } = await stage.run([...perAccount(50), "--tool", "docker"]);
    assert.equal(code, 0, stderr);
    const counts = (await stage.home.read("counts")).trim().split("\n").map(Number);
    assert.equal(Math.max(...counts), 20);
    assert.equal((await stage.home.read("started")).length, 50);
  },
});

Deno.test("requests that wait for an answer are 32 at most", async () => {
  let waiting = 0;
  let most = 0;
  const full = gathering(32);
  await using aws = await startAws({
    hold: async (request) => {
      if (request !== "AssumeRole") return;
      most = Math.max(most, ++waiting);
      await full();
      waiting--;
    },
  });
  const { code, stderr } = await ecrinAsUser(aws, perAccount(60));
  assert.equal(code, 0, stderr);
  assert.equal(most, 32);
});

Deno.test("one token serves every registry that an identity may use in a region, in every tool", async () => {
  await using stage = await stubs(
    posix ? { docker: `p=$(cat); echo "$p" >>"$HOME/passwords"` } : {},
  );
  const { aws, home, run } = stage;
  const role = "arn:aws:iam::222222222222:role/deploy";
  const tools = posix ? ["--tool", "docker"] : [];
  const args = [
    "--region",
    "eu-west-1,us-east-1",
    "--account",
    accounts(10).join(),
    "--role",
    role,
  ];
  const { code, stderr } = await run([...args, ...tools]);
  assert.equal(code, 0, stderr);
  assert.equal(aws.requestsOf("sts").length, 1);
  assert.deepEqual(aws.requestsOf("ecr").map(({ region }) => region).sort(), [
    "eu-west-1",
    "us-east-1",
  ]);
  const given = (await home.read("passwords")).trim().split("\n");
  assert.equal(given.length, 20);
  assert.equal(new Set(given).size, 2);
  assert(given.includes(lastPassword(aws)));
});

Deno.test("300 registries in one run are all there afterwards", async () => {
  await using stage = await stubs(posix ? { docker: "cat >/dev/null" } : {});
  const { aws, run } = stage;
  const args = ["--region", region, "--account", accounts(300).join(), "--json"];
  const result = await run([...args, "--tool", posix ? "docker" : "file"]);
  assert.equal(result.code, 0, result.stderr);
  const { logins } = JSON.parse(result.stdout);
  assert.deepEqual(
    logins.map(({ registry, ok }: { registry: string; ok: boolean }) => [registry, ok]),
    accounts(300).map((account) => [hostOf(account), true]),
  );
  assert.equal(aws.requestsOf("ecr").length, 1);
  assert.equal(result.stderr.match(/^ecrin: logged in to /gm)?.length, 300);
});

Deno.test({
  name: "a registry that is named in five ways is logged in to once",
  ignore: !posix,
  fn: async () => {
    await using stage = await stubs({ docker: `echo "$@" >>"$HOME/args"; cat >/dev/null` });
    const host = hostOf("100000000001");
    const names = [
      host,
      `https://${host}`,
      `${host}/app:1`,
      `arn:aws:ecr:${region}:100000000001:repository/app`,
      "100000000001",
    ];
    const args = [...names, "--region", region, "--account", "100000000001", "--json"];
    const { code, stdout, stderr } = await stage.run([...args, "--tool", "docker"]);
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).logins.length, 1);
    assert.equal((await stage.home.read("args")).trim().split("\n").length, 1);
  },
});

Deno.test("an account that is not allowed among 19 that are is named, and the others are logged in", async () => {
  const all = accounts(20);
  const missing = all[6] ?? "";
  const roles = all.filter((account) => account !== missing)
    .map((account) => ({ arn: `arn:aws:iam::${account}:role/deploy` }));
  await using stage = await stubs(posix ? { docker: "cat >/dev/null" } : {}, { roles });
  const tool = posix ? "docker" : "file";
  const args = [...perAccount(20), "--tool", tool, "--json"];
  const { code, stdout, stderr } = await stage.run(args);
  assert.equal(code, 4);
  const lines = stderr.trim().split("\n");
  assert.equal(lines.length, 22, stderr);
  assert.equal(lines.filter((line) => line.startsWith("ecrin: logged in to ")).length, 19);
  const [error] = lines.filter((line) => line.startsWith("ecrin: error: "));
  assert.match(error ?? "", new RegExp(`may not assume arn:aws:iam::${missing}:role/deploy$`));
  assert.equal(lines.at(-1), `ecrin: 19 of 20 logged in, 1 failed: ${hostOf(missing)} (${tool})`);
  const { logins } = JSON.parse(stdout);
  assert.deepEqual(
    logins.map(({ account, ok }: { account: string; ok: boolean }) => [account, ok]),
    all.map((account) => [account, account !== missing]),
  );
});

Deno.test("--json is in the order that was asked for, whoever comes first; so is the exit code", async () => {
  const second = gathering(2);
  await using aws = await startAws({
    // the first account waits until the others have failed or are done
    hold: (request) => request === "GetAuthorizationToken" ? second() : undefined,
    roles: [1, 2].map((last) => ({ arn: `arn:aws:iam::10000000000${last}:role/deploy` })),
  });
  aws.fault({ kind: "5xx", service: "ecr" });
  const args = [...perAccount(3), "--json"];
  const { code, stdout } = await ecrinAsUser(aws, args, { env: { AWS_MAX_ATTEMPTS: "1" } });
  // the third failed first, for want of permission
  assert.equal(code, 5);
  assert.deepEqual(
    JSON.parse(stdout).logins.map(({ account, error }: {
      account: string;
      error: { code: string };
    }) => [account, error.code]),
    [
      ["100000000001", "aws-unavailable"],
      ["100000000002", "aws-unavailable"],
      ["100000000003", "assume-role-denied"],
    ],
  );
});

Deno.test("a failure that all share is said once, and the summary names ten of them", async () => {
  await using aws = await startAws();
  aws.fault({ kind: "access-denied", service: "ecr" });
  const args = ["--region", region, "--account", accounts(12).join()];
  const { code, stderr } = await ecrinAsUser(aws, args);
  assert.equal(code, 4);
  assert.equal(aws.requests.length, 1);
  const lines = stderr.trim().split("\n");
  assert.equal(lines.filter((line) => /may not get an ECR/.test(line)).length, 1);
  assert.equal(lines.filter((line) => /for the same reason$/.test(line)).length, 11);
  assert.match(lines.at(-1) ?? "", /^ecrin: 0 of 12 logged in, 12 failed: .* and 2 more$/);
});

Deno.test("an interrupt leaves what is done, and says of the rest once that it was interrupted", async () => {
  await using aws = await startAws({ proxyEndpoint: "aws" });
  await using home = await tempHome();
  // the second account's docker does not end
  await home.writeProgram(
    "bin/docker",
    `#!/bin/sh\ncat >/dev/null\ncase "$*" in *100000000002*) exec sleep 600;; esac\n`,
  );
  await using cli = await startCli([...perAccount(4), "--tool", "docker", "--json"], {
    stdin: "",
    home: home.path,
    env: { ...userEnv(aws), ...withPrograms(home) },
  });
  await cli.until(async () => {
    const shown = await cli.waitFor("stderr", "logged in");
    return (shown.match(/logged in/g)?.length ?? 0) === 3;
  });
  cli.kill("SIGINT");
  const { code, stdout, stderr } = await cli.result();
  assert.equal(code, 130);
  assert.equal(stderr.match(/interrupted/g)?.length, 1, stderr);
  assert.match(stderr, /^ecrin: 3 of 4 logged in, 1 failed: 100000000002\./m);
  assert.deepEqual(
    JSON.parse(stdout).logins.map(({ ok }: { ok: boolean }) => ok),
    [true, false, true, true],
  );
});

Deno.test({
  name: "what is wrong with the file is said of each login, and nothing is written",
  ignore: !posix,
  fn: async () => {
    await using stage = await stubs({}, { proxyEndpoint: "registry" });
    const { aws, home, run } = stage;
    // all have the host of the fake registry, which is left to a store
    const text = JSON.stringify({ credHelpers: { [aws.registry.host]: "none" } });
    await home.write(".docker/config.json", text);
    const { code, stderr } = await run([...perAccount(3), "--tool", "file"]);
    assert.equal(code, 3, stderr);
    assert.equal(stderr.match(/credential store "none"/g)?.length, 3);
    assert.equal(await home.read(".docker/config.json"), text);
  },
});

Deno.test("a run of many in a pipe says one line each and no progress", async () => {
  await using aws = await startAws({ latency: 400 });
  const { code, stderr } = await runCli([...perAccount(5), "--tool", "file"], {
    env: userEnv(aws),
  });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^(ecrin: logged in to [ -~]*\n){5}$/);
});
