/**
 * What happens when AWS or the registry cannot be reached, does not answer, or is not the one that
 * answers: an exit code and two lines, with nothing written.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { requirePrograms, runCli, tempHome } from "./testing/cli.ts";
import { userEnv } from "./testing/ecrin.ts";
import { assertFails } from "./testing/failing_runs.ts";
import { assertFailed, type Failure } from "./testing/outcomes.ts";
import { startProxy } from "./testing/proxy.ts";
import { api, realNames } from "./testing/real_names.ts";
import type { RegistryFault } from "./testing/registry.ts";
import { contents } from "./testing/temp_home.ts";
import { hurryRequests } from "./testing/time_limits.ts";

const region = "eu-west-1";

Deno.test("an API that nobody serves is named with its port", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assertFails(["--region", region, "--tool", "file"], {
    exitCode: 5,
    code: "network-refused",
    message: /^could not reach 127\.0\.0\.1:\d+: the connection was refused/,
    hint: /endpoint variables/,
  }, { arrange: () => ({ AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` }) });
});

Deno.test("a host name that does not exist is asked for once and named", async () => {
  await assertFails(["--region", region, "--tool", "file"], {
    exitCode: 5,
    code: "network-dns",
    message: /^could not reach ecr\.example\.invalid: there is no such host name$/,
    hint: /DNS/,
  }, { arrange: () => ({ AWS_ENDPOINT_URL: "http://ecr.example.invalid" }) });
});

Deno.test("a proxy that does not let the request through is blamed, not AWS", async () => {
  await using proxy = startProxy({ hosts: {} });
  await assertFails(["--region", region, "--tool", "file"], {
    exitCode: 5,
    code: "network-proxy",
    message: /^could not reach api\.ecr\.eu-west-1\.amazonaws\.com: the proxy refused/,
    hint: /HTTPS_PROXY/,
  }, { arrange: () => ({ AWS_ENDPOINT_URL: "", HTTPS_PROXY: proxy.url }) });
});

Deno.test("a request without an answer is given up after 15 seconds and tried again", async () => {
  await using aws = await startAws();
  aws.fault({ kind: "hang" });
  await using home = await tempHome();
  const hurry = await hurryRequests(home);
  const result = await runCli(["--region", region, "--tool", "file"], {
    env: userEnv(aws),
    home: home.path,
    denoArgs: hurry.denoArgs,
  });
  assertFailed(
    result,
    5,
    /^ecrin: error: could not reach 127\.0\.0\.1:\d+: no answer in time \(3 tries\)\n/,
  );
  assert.equal(aws.requests.length, 3);
  assert.deepEqual(new Set(await hurry.limits()), new Set([15_000]));
});

/** What a registry can do wrong while `--tool file` checks the password. */
const registryFaults: [RegistryFault, Failure][] = [
  ["refuse", {
    exitCode: 3,
    code: "registry-refused",
    message: /^127\.0\.0\.1:\d+ refused the password$/,
    hint: /belong together/,
  }],
  ["denied", {
    exitCode: 3,
    code: "registry-failed",
    message: /^127\.0\.0\.1:\d+ answered .*403.*Not Authorized/,
    hint: /the registry you mean/,
  }],
  ["5xx", {
    exitCode: 5,
    code: "registry-failed",
    message: /^127\.0\.0\.1:\d+ answered .*503.*\(2 tries\)$/,
    hint: /^try again/,
  }],
  ["throttle", {
    exitCode: 5,
    code: "throttled",
    message: /^too many requests/,
    hint: /^wait a minute/,
  }],
  ["reset", {
    exitCode: 5,
    code: "network-closed",
    message: /^could not reach 127\.0\.0\.1:\d+: the connection was closed/,
    hint: /^try again/,
  }],
];

for (const [kind, expected] of registryFaults) {
  Deno.test(`a registry that answers a login with ${kind} is said, and nothing is written`, async () => {
    await assertFails(["--region", region, "--tool", "file"], expected, {
      arrange: (aws) => {
        aws.registry.fault(kind);
        return { AWS_MAX_ATTEMPTS: "2" };
      },
    });
  });
}

/** Registries that ECR may not name. */
const foreign = [
  "https://registry.attacker.example",
  "https://111111111111.dkr.ecr.eu-west-1.amazonaws.com.attacker.example",
  "https://111111111111.dkr.ecr.cn-north-1.amazonaws.com.cn",
  "http://111111111111.dkr.ecr.eu-west-1.amazonaws.com",
  "https://a@111111111111.dkr.ecr.eu-west-1.amazonaws.com",
];

Deno.test({
  name: "a registry outside AWS that answers in ECR's place is refused",
  ignore: !requirePrograms(["openssl"]),
  fn: async (t) => {
    for (const proxyEndpoint of foreign) {
      await t.step(proxyEndpoint, async () => {
        await using stage = await realNames();
        const { aws, home, proxy, run } = stage;
        aws.fault({ kind: "foreign-proxy-endpoint", proxyEndpoint });
        for (const named of [[], ["--account", "111111111111"]]) {
          const result = await run(["--region", region, ...named]);
          assertFailed(result, 5, /outside its own names/);
          const { stderr } = result;
          assert(stderr.includes(`outside its own names: "${proxyEndpoint}"`), stderr);
        }
        assert.deepEqual(proxy.asked.map(({ host }) => host), [api(region), api(region)]);
        assert.deepEqual(await contents(home.path), {});
      });
    }
  },
});
