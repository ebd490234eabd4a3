/**
 * Docker's credential stores: each way they fail is explained, and where docker would not look is
 * not written to.
 */

import assert from "node:assert/strict";
import { requirePrograms } from "./testing/cli.ts";
import { assertFailed, assertLoggedIn } from "./testing/outcomes.ts";
import { login, registry } from "./testing/real_names.ts";
import { withPrograms } from "./testing/ecrin.ts";
import { auths, encoded, lastPassword, realTools, stubs } from "./testing/tool_stages.ts";

const posix = Deno.build.os !== "windows";
const hasDocker = requirePrograms(["docker", "openssl"]);

/** Credential stores of docker as they fail, and how ecrin calls it. */
const brokenStores: [store: string, says: string, code: string, message: RegExp][] = [
  [
    "pass",
    "pass not initialized: exit status 1: Error: password store is empty",
    "pass-not-initialized",
    /credential store pass, .* is not initialised\n.*pass init/,
  ],
  [
    "osxkeychain",
    "User interaction is not allowed. (-25308)",
    "keychain-locked",
    /keychain is locked.*\n.*security unlock-keychain/,
  ],
  [
    "osxkeychain",
    "The specified item already exists in the keychain. (-25299)",
    "keychain-busy",
    /keychain was written to by two programs at once\n.*try again/,
  ],
  [
    "secretservice",
    "Cannot autolaunch D-Bus without X11 DISPLAY",
    "credential-store-failed",
    /docker's credential store failed: Cannot autolaunch D-Bus .*\n.*"credHelpers": \{".*": ""\}/,
  ],
  ["wincred", "The stub received bad data.", "wincred-too-small", /2,560 bytes.*\n.*credHelpers/],
];

for (const [store, says, code, message] of brokenStores) {
  Deno.test({
    name: `docker with a store that says "${says}" is explained`,
    ignore: !hasDocker || !posix,
    fn: async () => {
      await using stage = await realTools();
      const { home, run } = stage;
      await home.write(".docker/config.json", JSON.stringify({ credsStore: store }));
      // like the real ones: the message on stdout
      await home.writeProgram(
        `bin/docker-credential-${store}`,
        `#!/bin/sh\ncat >/dev/null\n[ "$1" = get ] && says="credentials not found in native keychain"\necho "\${says:-${says}}"\nexit 1\n`,
      );
      const env = withPrograms(home);
      const args = [...login, "--tool", "docker"];
      assertFailed(await run(args, env), 3, message);
      const { logins } = JSON.parse((await run([...args, "--json"], env)).stdout);
      assert.equal(logins[0].error.code, code);
    },
  });
}

Deno.test({
  name: "docker with a store that is not installed is explained, and the way round it works",
  ignore: !hasDocker,
  fn: async () => {
    await using stage = await realTools();
    const { aws, home, run } = stage;
    const path = ".docker/config.json";
    await home.write(path, JSON.stringify({ credsStore: "nothere" }));
    const result = await run([...login, "--tool", "docker"]);
    const hint = `"credHelpers": {"${registry()}": ""}`;
    assertFailed(result, 3, /set to use the credential store nothere, which is not installed/);
    assert(result.stderr.includes(`set ${hint} in docker's config.json`), result.stderr);
    await home.write(path, `{"credsStore": "nothere", ${hint}}`);
    const again = await run([...login, "--tool", "docker"]);
    assertLoggedIn(again, [registry(), "docker"]);
    assert.deepEqual(await auths(home), { [registry()]: encoded(lastPassword(aws)) });
  },
});

Deno.test("the tool file says so where docker would not look into the file", async () => {
  await using stage = await stubs({}, { proxyEndpoint: "registry" });
  const { home, run, aws } = stage;
  const path = ".docker/config.json";
  const config = '{"credsStore": "desktop"}';
  await home.write(path, config);
  const result = await run([...login, "--tool", "file"]);
  assertFailed(result, 3, /credsStore in \S+ puts .* into the credential store "desktop"/);
  assert.equal(await home.read(path), config);
  assert.ok(aws.requests.length > 0);
});

const nothing =
  /^ecrin: nothing needs logging in for (\S+) \((\w+)\): Amazon's helper ecr-login serves it$/m;

for (const tool of ["docker", "podman", "helm", "file"]) {
  Deno.test({
    name: `where Amazon's helper serves a registry ${tool} needs no login, and AWS is not asked`,
    ignore: !posix,
    fn: async () => {
      await using stage = await stubs({ [tool]: "exit 9" });
      const { aws, home, run } = stage;
      const config = JSON.stringify({ credHelpers: { [registry()]: "ecr-login" } });
      for (
        const path of [".docker/config.json", "auth.json", ".config/helm/registry/config.json"]
      ) {
        await home.write(path, config);
      }
      const env = { REGISTRY_AUTH_FILE: home.at("auth.json"), XDG_CONFIG_HOME: home.at(".config") };
      const args = [...login, "--tool", tool, "--json"];
      const { code, stdout, stderr } = await run(args, env);
      assert.equal(code, 0, stderr);
      const [, host, named] = nothing.exec(stderr) ?? [];
      assert.deepEqual([host, named], [registry(), tool === "file" ? "docker" : tool]);
      const [record] = JSON.parse(stdout).logins;
      assert.deepEqual([record.ok, record.expiresAt], [true, null]);
      assert.match(record.note, /ecr-login/);
      assert.deepEqual(aws.requests, []);
      assert.match((await run([...args, "--dry-run"], env)).stderr, nothing);
      assert.equal(await home.read(".docker/config.json"), config);
    },
  });
}

Deno.test("Amazon's helper is known too where only AWS can name the registry", async () => {
  await using stage = await stubs({}, { proxyEndpoint: "registry" });
  const { home, run, aws } = stage;
  const config = JSON.stringify({ credsStore: "ecr-login" });
  await home.write(".docker/config.json", config);
  const { code, stderr } = await run(["--region", "eu-west-1", "--tool", "file"]);
  assert.equal(code, 0, stderr);
  assert.equal(nothing.exec(stderr)?.[1], aws.registry.host);
  assert.equal(await home.read(".docker/config.json"), config);
});
