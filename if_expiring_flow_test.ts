/**
 * `--if-expiring`: logins that last are left alone, with no request made and no SDK loaded.
 */

import assert from "node:assert/strict";
import { encoded, stubs } from "./testing/tool_stages.ts";

const region = "eu-west-1";
const posix = Deno.build.os !== "windows";
const [a, b] = ["222222222222", "333333333333"].map((account) =>
  `${account}.dkr.ecr.${region}.amazonaws.com`
);

/** A password of ECR that runs out in so many seconds. */
function lasting(seconds: number): string {
  const expiration = Math.floor(Date.now() / 1000) + seconds;
  return btoa(
    JSON.stringify({ payload: "not-a-payload", version: "2", type: "DATA_KEY", expiration }),
  );
}

function config(logins: Record<string, string>): string {
  const entries = Object.entries(logins).map(([host, password]) => [host, encoded(password)]);
  return JSON.stringify({ auths: Object.fromEntries(entries) });
}

const args = ["--region", region, "--account", "222222222222,333333333333"];

for (const tool of posix ? ["docker", "file"] : ["file"]) {
  Deno.test(`${tool}: what lasts is left alone, without a request or an identity that works`, async () => {
    await using stage = await stubs({ docker: `cat >/dev/null; echo >>"$HOME/started"` });
    const { aws, home, run } = stage;
    const text = config({ [a ?? ""]: lasting(3 * 3600), [b ?? ""]: lasting(4 * 3600) });
    await home.write(".docker/config.json", text);
    const before = [...args, "--tool", tool, "--if-expiring", "2h"];
    const { code, stdout, stderr } = await run([...before, "--json"], {
      AWS_ACCESS_KEY_ID: "not-a-key",
      AWS_ENDPOINT_URL: "http://127.0.0.1:1",
    });
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      new RegExp(
        `^ecrin: ${a} is logged in already \\(${tool}, until .*\\)\n` +
          `ecrin: ${b} is logged in already \\(${tool}, until .*\\)\n$`,
      ),
    );
    const { logins } = JSON.parse(stdout);
    for (const login of logins) {
      assert.deepEqual([login.ok, login.skipped, login.tool], [true, true, tool]);
      assert(Date.parse(login.expiresAt) > Date.now() + 2 * 3600_000);
    }
    assert.equal(logins.length, 2);
    assert.deepEqual(aws.requests, []);
    assert.equal(await home.exists("started"), false);
    assert.equal(await home.read(".docker/config.json"), text);
  });
}

Deno.test("what lasts needs no identity at all, also for a role", async () => {
  await using stage = await stubs({});
  const { aws, home, run } = stage;
  await home.write(".docker/config.json", config({ [a ?? ""]: lasting(3 * 3600) }));
  const nobody = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
  const { code, stderr } = await run(
    [a ?? "", "--role", "deploy", "--tool", "file", "--if-expiring", "2h"],
    nobody,
  );
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^ecrin: \S+ is logged in already \(file, until .*\)\n$/);
  assert.deepEqual(aws.requests, []);
});

Deno.test({
  name: "what runs out before, is unreadable or is not there is logged in to, and nothing else",
  ignore: !posix,
  fn: async () => {
    for (const stored of [lasting(3600), lasting(-60), "not-a-password", undefined]) {
      await using stage = await stubs({ docker: `cat >/dev/null; echo "$@" >>"$HOME/started"` });
      const { aws, home, run } = stage;
      await home.write(
        ".docker/config.json",
        config({
          [a ?? ""]: lasting(3 * 3600),
          ...(stored === undefined ? {} : { [b ?? ""]: stored }),
        }),
      );
      const { code, stdout, stderr } = await run([...args, "--if-expiring", "2h", "--json"]);
      assert.equal(code, 0, stderr);
      assert.match(stderr, new RegExp(`${a} is logged in already`));
      assert.match(stderr, new RegExp(`logged in to ${b} `));
      assert.equal(aws.requestsOf("ecr").length, 1);
      assert.equal((await home.read("started")).trim().split("\n").length, 1);
      const { logins } = JSON.parse(stdout);
      assert.deepEqual(logins.map(({ skipped }: { skipped?: true }) => skipped), [true, undefined]);
    }
  },
});

Deno.test({
  name: "each tool's own store counts, and the summary tells skipped from done",
  ignore: !posix,
  fn: async () => {
    await using stage = await stubs({ docker: "cat >/dev/null; exit 1", podman: "cat >/dev/null" });
    const { home, run } = stage;
    await home.write(".docker/config.json", config({ [a ?? ""]: lasting(3 * 3600) }));
    const tools = ["--tool", "docker", "--tool", "podman"];
    const { code, stderr } = await run([...args, ...tools, "--if-expiring", "1h"]);
    assert.equal(code, 3, stderr);
    assert.match(stderr, new RegExp(`^ecrin: ${a} is logged in already \\(docker, `));
    assert.match(stderr, new RegExp(`^ecrin: logged in to ${a} \\(podman, `, "m"));
    assert(
      stderr.endsWith(`ecrin: 3 of 4 logged in (1 were already), 1 failed: ${b} (docker)\n`),
      stderr,
    );
  },
});

Deno.test("the caller's own registry, which only AWS can name, is always logged in to", async () => {
  await using stage = await stubs({}, { proxyEndpoint: "registry" });
  const { aws, run } = stage;
  for (let times = 1; times <= 2; times++) {
    const { code, stderr } = await run([
      "--region",
      region,
      "--tool",
      "file",
      "--if-expiring",
      "1h",
    ]);
    assert.equal(code, 0, stderr);
    assert.equal(aws.requestsOf("ecr").length, times);
  }
});

Deno.test({
  name: "--dry-run shows what would be left alone, and starts no program of a credential store",
  ignore: !posix,
  fn: async () => {
    await using stage = await stubs({
      docker: "exit 1",
      "docker-credential-noted": `echo >>"$HOME/started"; exit 1`,
    });
    const { home, run } = stage;
    const login = JSON.parse(config({ [a ?? ""]: lasting(3 * 3600) }));
    await home.write(
      ".docker/config.json",
      JSON.stringify({ ...login, credHelpers: { [b ?? ""]: "noted" } }),
    );
    const { code, stdout, stderr } = await run([
      ...args,
      "--if-expiring",
      "1h",
      "--dry-run",
      "--json",
    ]);
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      new RegExp(
        `^ecrin: would leave ${a} alone, which is logged in already \\(docker, until .*\\)\n` +
          `ecrin: would log in to ${b} \\(docker, as .*\\)\n` +
          "ecrin: a dry run does not ask the credential store noted: what lasts there would be left alone\n$",
      ),
    );
    const { logins } = JSON.parse(stdout);
    assert.deepEqual(logins.map(({ skipped }: { skipped?: true }) => skipped), [true, undefined]);
    assert.equal(await home.exists("started"), false);
  },
});
