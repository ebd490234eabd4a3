/**
 * What a tool says when it fails, and what becomes of it: explained, searched for the password, and
 * no reason to leave the other tools out.
 */

import assert from "node:assert/strict";
import { runCli } from "./testing/cli.ts";
import { assertFailed, assertLoggedIn } from "./testing/outcomes.ts";
import { login, registry } from "./testing/real_names.ts";
import type { RegistryFault } from "./testing/registry.ts";
import { hurryRequests } from "./testing/time_limits.ts";
import { lastPassword, record, stubs } from "./testing/tool_stages.ts";

const posix = Deno.build.os !== "windows";

/** What a tool prints on stderr before it exits with 1, and what the user sees. */
const failures: [says: string, exitCode: number, seen: RegExp][] = [
  [
    "Cannot connect to the Docker daemon at unix:///x. Is it running?",
    3,
    /cannot reach its daemon/,
  ],
  [
    "Error response from daemon: Get x: dial tcp: lookup x: no such host",
    5,
    /could not reach 2222/,
  ],
  ["tls: failed to verify certificate: x509: unknown authority", 5, /does not trust the cert/],
  ["login attempt failed with status: 400 Bad Request", 3, /400 Bad Request.*region/],
  ["unauthorized: authentication required", 3, /refused the password/],
  [
    "Error saving credentials: error storing credentials - err: exit status 1, out: `not implemented`",
    3,
    /nothing needs logging in/,
  ],
  ["something new", 3, /docker login failed with exit code 1: something new\n.*--verbose/],
  ["", 3, /docker login failed with exit code 1: it said nothing\n/],
];

for (const [says, exitCode, seen] of failures) {
  Deno.test({
    name: `docker that fails with "${says}" is explained`,
    ignore: !posix,
    fn: async () => {
      const script = `cat >/dev/null\ncat >&2 <<'END'\n${says}\nEND\nexit 1`;
      await using stage = await stubs({ docker: script });
      assertFailed(await stage.run(login), exitCode, seen);
    },
  });
}

Deno.test({
  name: "docker that ends before it read the password is told by what it said",
  ignore: !posix,
  fn: async () => {
    // more than a pipe holds, so that writing it fails
    const password = "not-a-secret-".repeat(20_000);
    const script = `exec <&-\necho "unknown flag: --password-stdin" >&2\nexit 125`;
    await using stage = await stubs({ docker: script }, { password });
    const result = await stage.run(login);
    assertFailed(result, 3, /docker login failed with exit code 125: unknown flag/);
    const verbose = await stage.run([...login, "--verbose"]);
    assert.match(verbose.stderr, /^ecrin: docker: unknown flag: --password-stdin$/m);
    for (const { stderr } of [result, verbose]) assert.doesNotMatch(stderr, /EPIPE|pipe/i);
  },
});

Deno.test({
  name: "docker that ends well without reading the password is taken at its word",
  ignore: !posix,
  fn: async () => {
    const password = "not-a-secret-".repeat(20_000);
    await using stage = await stubs({ docker: "exec <&-\nsleep 0.1\nexit 0" }, { password });
    assertLoggedIn(await stage.run(login), [registry(), "docker"]);
  },
});

Deno.test({
  name: "docker killed by a signal has failed",
  ignore: !posix,
  fn: async () => {
    await using stage = await stubs({ docker: "cat >/dev/null\nkill -9 $$" });
    assertFailed(await stage.run(login), 3, /docker login was killed by signal 9: it said noth/);
  },
});

/** Ways to print the password back. */
const echoes = [
  "cat",
  `printf 'AWS:%s' "$(cat)" | base64 -w0`,
  `printf 'error: bad password "%s" for AWS' "$(cat)"`,
  `printf '{"Secret":"%s"}' "$(cat)"`,
];

for (const echo of echoes) {
  Deno.test({
    name: `a password that docker prints back is not shown: ${echo}`,
    ignore: !posix,
    fn: async () => {
      for (const end of ["exit 0", "exit 1"]) {
        await using stage = await stubs({ docker: `{ ${echo}; echo; } >&2\n${end}` });
        const { aws, run } = stage;
        const { stdout, stderr } = await run([...login, "--verbose", "--json"]);
        const password = lastPassword(aws);
        for (const secret of [password, btoa(`AWS:${password}`), password.slice(100, 400)]) {
          assert(!`${stdout}${stderr}`.includes(secret), `${stdout}${stderr}`);
        }
        assert.match(stderr, /^ecrin: docker: .*\*\*\*/m);
      }
    },
  });
}

Deno.test({
  name: "a tool that fails does not keep the other from being logged in",
  ignore: !posix,
  fn: async () => {
    await using stage = await stubs({
      docker: "cat >/dev/null\necho no >&2\nexit 7",
      podman: record,
    });
    const { aws, run } = stage;
    const { code, stderr } = await run([...login, "--tool", "docker", "--tool", "podman"]);
    assert.equal(code, 3);
    assert.match(stderr, /^ecrin: error: docker login failed with exit code 7: no$/m);
    assert.match(stderr, /^ecrin: logged in to \S+ \(podman, /m);
    assert.equal(aws.requestsOf("ecr").length, 1);
  },
});

/** What the registry does wrong, and what the user sees. */
const registryFaults: [RegistryFault, number, RegExp][] = [
  ["refuse", 3, /127\.0\.0\.1:\d+ refused the password\n/],
  ["5xx", 5, /127\.0\.0\.1:\d+ answered the login with 503 .*\n.*try again/],
  ["reset", 5, /could not reach 127\.0\.0\.1:\d+: the connection was closed/],
  ["throttle", 5, /too many requests/],
  ["denied", 3, /127\.0\.0\.1:\d+ /],
];

for (const [fault, exitCode, seen] of registryFaults) {
  Deno.test(`the tool file, and a registry with the fault ${fault}: exit ${exitCode}`, async () => {
    await using stage = await stubs({}, { proxyEndpoint: "registry" });
    const { aws, home, run } = stage;
    aws.registry.fault(fault);
    const once = { AWS_MAX_ATTEMPTS: "1" };
    assertFailed(await run([...login, "--tool", "file"], once), exitCode, seen);
    assert.equal(await home.exists(".docker"), false);
  });
}

Deno.test("the tool file, and a registry that does not answer: exit 5, or 124 after --timeout", async () => {
  await using stage = await stubs({}, { proxyEndpoint: "registry" });
  const { aws, env, home, run } = stage;
  aws.registry.fault("hang");
  const args = [...login, "--tool", "file"];
  const hurry = await hurryRequests(home);
  const options = { env, home: home.path, denoArgs: hurry.denoArgs };
  const [patient, hurried] = await Promise.all([
    runCli(args, options),
    run([...args, "--timeout", "1s"]),
  ]);
  assertFailed(patient, 5, /could not reach 127\.0\.0\.1:\d+: no answer in time/);
  // ECR's and the registry's, which is asked three times
  assert.deepEqual(await hurry.limits(), [15_000, 15_000, 15_000, 15_000]);
  assertFailed(hurried, 124, /gave up after 1 second/);
  assert.equal(await home.exists(".docker"), false);
});
