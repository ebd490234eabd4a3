/**
 * How patient a run is: what passes is waited for, whatever step it hits, and what does not pass is
 * said with how often it was tried and what came back.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { requirePrograms, runCli, tempHome } from "./testing/cli.ts";
import { ecrinAsUser, userEnv } from "./testing/ecrin.ts";
import type { FaultKind } from "./testing/faults.ts";
import { assertFailed } from "./testing/outcomes.ts";
import { ssoProfile, ssoSessionFile } from "./testing/profile_files.ts";
import type { Service } from "./testing/protocol.ts";
import { hurryPauses, hurryRequests } from "./testing/time_limits.ts";

const region = "eu-west-1";
const role = ["--account", "222222222222", "--role", "deploy"];

/** How often a request is made that always fails like that. */
const mostTries: [FaultKind, number][] = [["throttle", 10], ["5xx", 6], ["reset", 4]];

for (const [kind, tries] of mostTries) {
  for (const service of ["sts", "ecr", "sso"] as const) {
    Deno.test(`${service}: ${kind} is tried ${tries} times, and no more`, async () => {
      await using aws = await startAws();
      await using home = await tempHome();
      const { denoArgs } = await hurryPauses(home);
      aws.fault({ kind, service });
      await home.write(".aws/config", ssoProfile({ region }));
      await home.write(ssoSessionFile, JSON.stringify(aws.sso.signIn()));
      const args = {
        sso: ["--profile", "blog"],
        sts: ["--region", region, ...role],
        ecr: ["--region", region],
      }[service];
      const env = service === "sso" ? aws.env() : userEnv(aws);
      const result = await runCli([...args, "--tool", "file"], { env, denoArgs, home: home.path });
      assertFailed(result, 5, new RegExp(`^ecrin: error: .*\\(${tries} tries\\)\n`));
      assert.equal(aws.requestsOf(service).length, tries);
    });
  }
}

for (const [kind, tries] of mostTries) {
  Deno.test(`the registry: ${kind} is tried ${tries} times, and may pass before`, async () => {
    await using aws = await startAws();
    await using home = await tempHome();
    const { denoArgs } = await hurryPauses(home);
    const run = () =>
      runCli(["--region", region, "--tool", "file"], {
        env: userEnv(aws),
        denoArgs,
        home: home.path,
      });
    const fault = kind as "throttle" | "5xx" | "reset";
    aws.registry.fault(fault, tries - 1);
    const { code, stderr } = await run();
    assert.equal(code, 0, stderr);
    assert.equal(aws.registry.requests.length, tries);
    aws.registry.fault(fault);
    assertFailed(await run(), 5, new RegExp(`^ecrin: error: .*\\(${tries} tries\\)\n`));
    assert.equal(aws.registry.requests.length, 2 * tries);
  });
}

/** Faults of a registry that docker tells, and how often it is run for one that stays. */
for (
  const [fault, tries, requests] of [["5xx", 6, 2], ["throttle", 10, 2], ["reset", 4, 1]] as const
) {
  Deno.test({
    name: `docker login is run again when the registry answers with ${fault}`,
    ignore: !requirePrograms(["docker"]),
    fn: async () => {
      await using aws = await startAws();
      await using home = await tempHome();
      const { denoArgs } = await hurryPauses(home);
      const run = () =>
        runCli(["--region", region, "--tool", "docker"], {
          env: userEnv(aws),
          denoArgs,
          home: home.path,
        });
      // for a login docker makes that many requests
      aws.registry.fault(fault, 3 * requests);
      const { code, stderr } = await run();
      assert.equal(code, 0, stderr);
      aws.registry.fault(fault);
      assertFailed(await run(), 5, new RegExp(`^ecrin: error: .*\\(${tries} tries\\)\n`));
    },
  });
}

Deno.test("what came back last is in the error of --timeout", async () => {
  await using aws = await startAws();
  aws.fault({ kind: "throttle", service: "sts" });
  const args = ["--region", region, ...role, "--timeout", "2s"];
  const result = await ecrinAsUser(aws, args);
  assertFailed(
    result,
    124,
    /^ecrin: error: gave up after 2 seconds, the last answer being: Throttling: Rate exceeded/,
  );
});

Deno.test("--verbose tells each try, and how long it waits", async () => {
  await using aws = await startAws();
  aws.fault({ kind: "throttle", service: "ecr", times: 2 });
  const { code, stderr } = await ecrinAsUser(aws, ["--region", region, "--verbose"]);
  assert.equal(code, 0, stderr);
  const tries = stderr.match(/^ecrin: ThrottlingException: Rate exceeded: trying again in .*$/gm);
  assert.equal(tries?.length, 2, stderr);
  assert.match(tries[1] ?? "", /trying again in [01]\.\d s \(try 3\)$/);
});

Deno.test("a network that is not there is told in seconds", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using aws = await startAws();
  const env = { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` };
  const [result, told] = await Promise.all([
    ecrinAsUser(aws, ["--region", region], { env }),
    ecrinAsUser(aws, ["--region", region, "--verbose"], { env }),
  ]);
  assertFailed(result, 5, /the connection was refused \(4 tries\)\n/);
  const pauses = told.stderr.matchAll(/trying again in (\d+\.\d) s/g);
  const seconds = Array.from(pauses, ([, pause]) => Number(pause));
  assert.equal(seconds.length, 3, told.stderr);
  // 2.1 at most, each rounded
  assert(seconds.reduce((sum, pause) => sum + pause, 0) < 2.3, told.stderr);
});

Deno.test("a refresh token is not sent again when its answer is lost", async () => {
  for (const [kind, requests] of [["reset", 1], ["throttle", 3]] as const) {
    await using aws = await startAws();
    await using home = await tempHome();
    const token = aws.sso.signIn();
    const expired = { ...token, expiresAt: "2020-01-01T00:00:00Z" };
    await home.write(".aws/config", ssoProfile({ region }));
    await home.write(ssoSessionFile, JSON.stringify(expired));
    aws.fault({ kind, service: "sso-oidc" as Service, times: 2 });
    const { denoArgs } = await hurryPauses(home);
    const { code, stderr } = await runCli(["--profile", "blog", "--tool", "file", "--no-input"], {
      env: aws.env(),
      denoArgs,
      home: home.path,
    });
    assert.equal(code, kind === "reset" ? 5 : 0, stderr);
    assert.equal(aws.requestsOf("sso-oidc", "CreateToken").length, requests);
  }
});

Deno.test("a hung request is given up three times", async () => {
  await using aws = await startAws();
  await using home = await tempHome();
  const hurry = await hurryRequests(home);
  aws.fault({ kind: "hang", times: 2 });
  const { code, stderr } = await runCli(["--region", region, "--tool", "file"], {
    env: userEnv(aws),
    home: home.path,
    denoArgs: hurry.denoArgs,
  });
  assert.equal(code, 0, stderr);
  assert.equal(aws.requests.length, 3);
});

Deno.test({
  name: "150 runs at once get through an AWS that throttles above 20 requests a second",
  fn: async () => {
    await using aws = await startAws({ rate: 20 });
    const running = Array.from(
      { length: 150 },
      () =>
        runCli(["--region", region, "--tool", "file"], {
          env: userEnv(aws),
          timeoutMs: 180_000,
          yielding: true,
        }),
    );
    const results = await Promise.all(running);
    const failed = results.filter(({ code }) => code !== 0);
    assert.deepEqual(failed.map(({ stderr }) => stderr), []);
    assert(aws.requests.some(({ status }) => status === 400), "nobody was throttled");
  },
});
