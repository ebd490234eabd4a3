/**
 * The main job under the permission set of deno.json: `deno run -P main.ts`. It is enough for it,
 * and for not much more.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import manifest from "./deno.json" with { type: "json" };
import { partitions } from "./partition.ts";
import { type FakeAws, startAws } from "./testing/aws.ts";
import {
  type CliOptions,
  type CliResult,
  requirePrograms,
  runCli,
  tempHome,
} from "./testing/cli.ts";
import { startDockerRegistry } from "./testing/docker_registry.ts";
import { userEnv } from "./testing/ecrin.ts";
import { account, api, region, registry, sts } from "./testing/real_names.ts";
import { realTools } from "./testing/tool_stages.ts";

const login = ["--account", account, "--role", "deploy", "--region", region];
const permitted = ["-P", "--no-prompt"];

/** What the set of deno.json may be: lists where Deno takes lists, never `all`. */
const { net, run, ...others } = manifest.permissions.default;

function runPermitted(args: string[], options: CliOptions): Promise<CliResult> {
  return runCli(args, { denoArgs: permitted, ...options });
}

function assertMissing({ code, stdout, stderr }: CliResult, what: string, flag: string): void {
  assert.equal(
    stderr,
    `ecrin: error: ${what}: Deno was started without the permission\n` +
      `ecrin: hint: add ${flag}, or -A, to the deno command\n`,
  );
  assert.equal(code, 2);
  assert.equal(stdout, "");
}

Deno.test("the permission set names what it gives, and gives no FFI", () => {
  assert.deepEqual(others, { env: true, read: true, write: true, sys: ["osRelease", "uid"] });
  assert.deepEqual(run, ["docker", "podman"]);
  for (const host of net) {
    // a whole domain of the first or second level is nobody's in particular
    assert.match(host, /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$|^\[::1\]$|^localhost$/, host);
  }
});

Deno.test("the permission set has every partition's domains", () => {
  for (const partition of partitions) {
    const { registrySuffix, dualStackRegistrySuffix, dualStackApiSuffix } = partition;
    for (const suffix of [registrySuffix, dualStackRegistrySuffix, dualStackApiSuffix]) {
      assert(net.includes(`*.${suffix}`), suffix);
    }
  }
});

Deno.test("the permission set lets nobody else be contacted", async () => {
  await using home = await tempHome({
    "ask.ts": `
      for (const host of Deno.args) {
        const { state } = await Deno.permissions.query({ name: "net", host });
        console.log(host, state);
      }
      for (const name of ["ffi", "run"]) {
        console.log(name, (await Deno.permissions.query({ name })).state);
      }
      for (const command of ["docker", "sh"]) {
        console.log(command, (await Deno.permissions.query({ name: "run", command })).state);
      }
    `,
  });
  const good = [
    `api.ecr.${region}.amazonaws.com`,
    `${account}.dkr.ecr.cn-north-1.amazonaws.com.cn:443`,
    `${account}.dkr-ecr.${region}.on.aws`,
    "public.ecr.aws",
    "ecr-public.aws.com",
    "127.0.0.1:4566",
  ];
  const bad = [
    "evil.example",
    "amazonaws.com.evil.example",
    "evilamazonaws.com",
    "ecr.aws.evil.example",
    "gallery.ecr.aws",
    "registry-1.docker.io",
    "10.0.0.1",
    "169.254.169.253",
    "jsr.io",
  ];
  await home.writeProgram("bin/docker", "#!/bin/sh\n");
  const { stdout } = await runPermitted([...good, ...bad], {
    script: home.at("ask.ts"),
    env: { PATH: home.at("bin") },
  });
  assert.deepEqual(stdout.trim().split("\n"), [
    ...good.map((host) => `${host} granted`),
    ...bad.map((host) => `${host} prompt`),
    "ffi prompt",
    "run prompt",
    "docker granted",
    "sh prompt",
  ]);
});

Deno.test("-P: the main job with the tool file, also with LD_LIBRARY_PATH set", async () => {
  await using aws = await startAws();
  for (const more of [{}, { LD_LIBRARY_PATH: "/usr/local/lib", LD_PRELOAD: "" }]) {
    const env = { ...userEnv(aws), ...more };
    await using home = await tempHome();
    const options = { env, home: home.path };
    const { code, stderr } = await runPermitted([...login, "--tool", "file"], options);
    assert.match(stderr, /^ecrin: logged in to 127\.0\.0\.1:\d+ \(file, until .*\)\n$/);
    assert.equal(code, 0);
    const { auths } = JSON.parse(await home.read(".docker/config.json"));
    assert.deepEqual(Object.keys(auths), [aws.registry.host]);
  }
  assert.deepEqual(aws.registry.requests.map(({ status }) => status), [200, 200]);
});

Deno.test({
  name: "-P: the main job with docker and a real registry, also with LD_LIBRARY_PATH set",
  ignore: !requirePrograms(["docker", "docker-registry", "htpasswd"]),
  fn: async () => {
    const password = "not-a-secret-password";
    await using registry = await startDockerRegistry({ password });
    await using aws = await startAws({ password, registryUrl: registry.url });
    for (const more of [{}, { LD_LIBRARY_PATH: "/usr/local/lib" }]) {
      await using home = await tempHome();
      const env = { ...userEnv(aws), ...more };
      const options = { env, home: home.path };
      const { code, stderr } = await runPermitted([...login, "--tool", "docker"], options);
      assert.match(stderr, /^ecrin: logged in to 127\.0\.0\.1:\d+ \(docker, until .*\)\n$/);
      assert.equal(code, 0);
      const { auths } = JSON.parse(await home.read(".docker/config.json"));
      assert.deepEqual(auths, { [registry.host]: { auth: btoa(`AWS:${password}`) } });
    }
  },
});

Deno.test({
  name: "-P: AWS's own names by TLS through a proxy, with docker, podman and file in one run",
  ignore: !requirePrograms(["openssl", "docker", "podman"]),
  fn: async () => {
    await using stage = await realTools();
    const { code, stderr } = await runPermitted(
      [...login, ...["docker", "podman", "file"].flatMap((tool) => ["--tool", tool])],
      { home: stage.home.path, env: stage.env },
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(stage.asked(), [sts(), api(), registry()]);
  },
});

/** A profile whose credential_process prints the user's keys. */
async function processProfile(
  { keys }: FakeAws,
): Promise<{ home: string; env: Record<string, string> } & AsyncDisposable> {
  const { accessKeyId, secretAccessKey } = keys.user;
  const printed = JSON.stringify({
    Version: 1,
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
  });
  const home = await tempHome({
    ".aws/config": `[profile process]\ncredential_process = echo '${printed}'\n`,
  });
  return {
    home: home.path,
    env: { AWS_PROFILE: "process" },
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  };
}

Deno.test("-P: a credential_process needs more, and the error says which flag", async () => {
  await using aws = await startAws();
  await using profile = await processProfile(aws);
  const { home } = profile;
  const env = { ...aws.env(), ...profile.env };
  const args = [...login, "--tool", "file"];
  assertMissing(await runPermitted(args, { env, home }), "may not start sh", "--allow-run");
  assert.deepEqual(aws.requests, []);
  // the hint is true
  const denoArgs = [...permitted, "--allow-run"];
  const { code, stderr } = await runCli(args, { denoArgs, env, home });
  assert.equal(code, 0, stderr);
});

Deno.test("-P: an endpoint elsewhere needs more, and the error says which flag", async () => {
  await using aws = await startAws();
  for (const id of ["STS", "ECR"]) {
    const env = {
      ...userEnv(aws),
      // refused by Deno before it is looked up, else by the proxy variable, which leads nowhere
      [`AWS_ENDPOINT_URL_${id}`]: "https://evil.example:8443",
      HTTPS_PROXY: "http://127.0.0.1:1",
    };
    const result = await runPermitted([...login, "--tool", "file"], { env });
    assertMissing(result, "may not contact evil.example:8443", "--allow-net");
  }
  assert.deepEqual(aws.requests.map(({ operation }) => operation), ["AssumeRole"]);
});

Deno.test("-P: a registry elsewhere gets no password", async () => {
  await using aws = await startAws({ proxyEndpoint: "https://evil.example" });
  const env = { ...userEnv(aws), HTTPS_PROXY: "http://127.0.0.1:1" };
  const result = await runPermitted([...login, "--tool", "file"], { env });
  assertMissing(result, "may not contact evil.example", "--allow-net");
});

Deno.test("-P: a tool that is not in the set needs more, and the error says which flag", async () => {
  await using aws = await startAws();
  await using home = await tempHome();
  await home.writeProgram("bin/nerdctl", "#!/bin/sh\ncat >/dev/null\n");
  const env = { ...userEnv(aws), PATH: `${home.at("bin")}:/usr/bin:/bin` };
  const options = { env, home: home.path };
  const args = [...login, "--tool", "nerdctl"];
  assertMissing(await runPermitted(args, options), "may not start nerdctl", "--allow-run");
  const denoArgs = [...permitted, "--allow-run"];
  const { code, stderr } = await runCli(args, { ...options, denoArgs });
  assert.equal(code, 0, stderr);
});

Deno.test("-P: without docker and podman the job is done by the tool file", async () => {
  await using aws = await startAws();
  await using home = await tempHome({ "bin/.keep": "" });
  const env = { ...userEnv(aws), PATH: home.at("bin") };
  const { code, stderr } = await runPermitted(login, { env, home: home.path });
  assert.match(stderr, /^ecrin: logged in to \S+ \(file, /);
  assert.equal(code, 0);
});

Deno.test("--help, a usage error and a dry run need reading at most", async () => {
  const script = fileURLToPath(new URL("main.ts", import.meta.url));
  const denoArgs = ["--no-prompt", "--allow-env", "--allow-read"];
  for (const [args, expected] of [[["--help"], 0], [["--acount", "1"], 2]] as const) {
    const { code, stderr } = await runCli([...args], { denoArgs, script });
    assert.equal(code, expected, stderr);
  }
  const dry = await runCli([...login, "--dry-run"], {
    denoArgs,
    env: { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "B" },
  });
  assert.equal(dry.code, 0, dry.stderr);
});
