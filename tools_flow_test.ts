/**
 * The container tools at work: the real docker and podman against registries on loopback, and
 * scripts in their place where it is about what they are given and what they say.
 */

import assert from "node:assert/strict";
import { type AwsOptions, type FakeAws, startAws } from "./testing/aws.ts";
import {
  type CliOptions,
  type CliResult,
  requirePrograms,
  runCli,
  type TempHome,
  tempHome,
} from "./testing/cli.ts";
import { type DockerRegistry, startDockerRegistry } from "./testing/docker_registry.ts";
import { startProxy } from "./testing/proxy.ts";
import { makeCertificate } from "./testing/tls.ts";

const account = "222222222222";
const region = "ap-northeast-1";
const registryHost = `${account}.dkr.ecr.${region}.amazonaws.com`;
const login = ["--account", account, "--region", region];

/** A test AWS and a home, and the CLI between them. */
interface Stage extends AsyncDisposable {
  aws: FakeAws;
  home: TempHome;
  /** The environment that leads to the test AWS, with keys and the home. */
  env: Record<string, string>;
  run: (args: string[], env?: CliOptions["env"]) => Promise<CliResult>;
  /** Runs another program as the user would, with nothing on its stdin. */
  program: (argv: string[], env?: Record<string, string>) => Promise<CliOutput>;
}

type CliOutput = Pick<CliResult, "code" | "stdout" | "stderr">;

function stage(
  { aws, home, env, made }: {
    aws: FakeAws;
    home: TempHome;
    env: Record<string, string>;
    made: AsyncDisposableStack;
  },
): Stage {
  return {
    aws,
    home,
    env,
    run: (args, more = {}) => runCli(args, { home: home.path, env: { ...env, ...more } }),
    program: async ([name = "", ...args], more = {}) => {
      const { code, stdout, stderr } = await new Deno.Command(name, {
        args,
        clearEnv: true,
        env: { PATH: Deno.env.get("PATH") ?? "", HOME: home.path, ...env, ...more },
        stdin: "null",
      }).output();
      const [out = "", err = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      return { code, stdout: out, stderr: err };
    },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** AWS's real names: TLS by a test authority, reached through a proxy. Go programs obey both. */
async function realNames(): Promise<Stage> {
  await using made = new AsyncDisposableStack();
  const apis = [
    `sts.${region}.amazonaws.com`,
    `api.ecr.${region}.amazonaws.com`,
    "api.ecr-public.us-east-1.amazonaws.com",
  ];
  const registries = [registryHost, "public.ecr.aws"];
  const tls = made.use(await makeCertificate([...apis, ...registries]));
  const aws = made.use(await startAws({ tls, proxyEndpoint: "aws" }));
  const proxy = made.use(startProxy({
    hosts: (host) =>
      apis.includes(host) ? aws.port : registries.includes(host) ? aws.registry.port : undefined,
  }));
  const home = made.use(await tempHome());
  const env = {
    ...aws.keys.env(),
    HTTPS_PROXY: proxy.url,
    AWS_CA_BUNDLE: tls.caFile,
    SSL_CERT_FILE: tls.caFile,
    REGISTRY_AUTH_FILE: home.at("auth.json"),
  };
  return stage({ aws, home, env, made: made.move() });
}

/** A test AWS whose registry is Debian's docker-registry. */
async function realRegistry(
  options: AwsOptions = {},
): Promise<Stage & { registry: DockerRegistry }> {
  await using made = new AsyncDisposableStack();
  const password = "not-a-secret-password";
  const registry = made.use(await startDockerRegistry({ password }));
  const aws = made.use(await startAws({ password, registryUrl: registry.url, ...options }));
  const home = made.use(await tempHome());
  const env = { ...aws.keys.env(), ...aws.env() };
  return { ...stage({ aws, home, env, made: made.move() }), registry };
}

/**
 * A test AWS, and scripts in the place of container tools: no other program is on PATH. The
 * registry keeps its real name; no script contacts it.
 */
async function stubs(
  scripts: Record<string, string>,
  options: AwsOptions = {},
): Promise<Stage> {
  await using made = new AsyncDisposableStack();
  const aws = made.use(await startAws({ proxyEndpoint: "aws", ...options }));
  const home = made.use(await tempHome({ "bin/README": "not a program" }));
  for (const [name, script] of Object.entries(scripts)) {
    await home.writeProgram(`bin/${name}`, `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
  }
  const env = { ...aws.keys.env(), ...aws.env(), PATH: home.at("bin") };
  return stage({ aws, home, env, made: made.move() });
}

/** A script that keeps what it was given, in the home folder. */
const record = `printf '%s\\n' "$0" "$@" >"$HOME/argv"
cat >"$HOME/stdin"
env >"$HOME/env"`;

/** `docker login` and those that copied it. */
const loginArgv = ["login", "--username", "AWS", "--password-stdin", registryHost];

function assertLoggedIn(
  { code, stderr }: CliResult,
  ...logins: [host: string, tool: string][]
): void {
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    [...stderr.matchAll(/^ecrin: logged in to (\S+) \((\w+), until .*\)$/gm)]
      .map(([, host, tool]) => [host, tool]),
    logins,
  );
  assert.equal(stderr.trim().split("\n").length, logins.length, stderr);
}

function assertFailed({ code, stdout, stderr }: CliResult, exitCode: number, text: RegExp): void {
  assert.match(stderr, text);
  assert.match(stderr, /^ecrin: error: .*\necrin: hint: .*\n$/);
  assert.equal(code, exitCode);
  assert.equal(stdout, "");
}

/** The password that the test AWS gave out last. */
function lastPassword(aws: FakeAws): string {
  return aws.passwords.all().at(-1)?.password ?? assert.fail("no password was given out");
}

async function auths(home: TempHome, path = ".docker/config.json"): Promise<unknown> {
  return JSON.parse(await home.read(path)).auths;
}

function encoded(password: string): { auth: string } {
  return { auth: btoa(`AWS:${password}`) };
}

/** Arguments that name several tools. */
function withTools(...names: string[]): string[] {
  return names.flatMap((name) => ["--tool", name]);
}

const posix = Deno.build.os !== "windows";
const hasDocker = requirePrograms(["docker", "openssl"]);
const hasPodman = requirePrograms(["podman", "openssl"]);
const hasDockerRegistry = requirePrograms(["docker", "docker-registry", "htpasswd"]);

// the real programs

Deno.test({
  name: "docker is logged in to a private registry with a role",
  ignore: !hasDocker,
  fn: async () => {
    await using stage = await realNames();
    const { aws, home, run } = stage;
    assertLoggedIn(await run([...login, "--role", "deploy"]), [registryHost, "docker"]);
    assert.deepEqual(await auths(home), { [registryHost]: encoded(lastPassword(aws)) });
    const statuses = aws.registry.requests.map(({ user, status }) => [user, status]);
    assert.deepEqual(statuses.at(-1), ["AWS", 200]);
  },
});

Deno.test({
  name: "docker is logged in to a private registry and to ECR Public in one run",
  ignore: !hasDocker,
  fn: async () => {
    await using stage = await realNames();
    const { aws, home, run } = stage;
    const result = await run([...login, "--public", "--role", "deploy"]);
    assertLoggedIn(result, [registryHost, "docker"], ["public.ecr.aws", "docker"]);
    const [one, other] = aws.passwords.all();
    assert.deepEqual(await auths(home), {
      [registryHost]: encoded(one?.password ?? ""),
      "public.ecr.aws": encoded(other?.password ?? ""),
    });
    // one role session is good for both
    assert.equal(aws.requestsOf("sts").length, 1);
  },
});

Deno.test({
  name: "podman is logged in, in its own file",
  ignore: !hasPodman,
  fn: async () => {
    await using stage = await realNames();
    const { aws, home, run, program } = stage;
    const args = [...login, "--public", "--tool", "podman"];
    assertLoggedIn(await run(args), [registryHost, "podman"], ["public.ecr.aws", "podman"]);
    const [one, other] = aws.passwords.all();
    assert.deepEqual(await auths(home, "auth.json"), {
      [registryHost]: encoded(one?.password ?? ""),
      "public.ecr.aws": encoded(other?.password ?? ""),
    });
    assert.equal(await home.exists(".docker"), false);
    const said = await program(["podman", "login", "--get-login", registryHost]);
    assert.deepEqual([said.code, said.stdout], [0, "AWS\n"]);
  },
});

Deno.test({
  name: "two tools and the file share one token",
  ignore: !hasDocker || !hasPodman,
  fn: async () => {
    await using stage = await realNames();
    const { aws, home, run } = stage;
    const result = await run([...login, ...withTools("podman", "docker", "file")]);
    assertLoggedIn(
      result,
      [registryHost, "podman"],
      [registryHost, "docker"],
      [registryHost, "file"],
    );
    assert.equal(aws.requestsOf("ecr", "GetAuthorizationToken").length, 1);
    const entry = { [registryHost]: encoded(lastPassword(aws)) };
    assert.deepEqual([await auths(home), await auths(home, "auth.json")], [entry, entry]);
  },
});

Deno.test({
  name: "what the tool file writes is what docker uses",
  ignore: !hasDockerRegistry,
  fn: async () => {
    await using stage = await realRegistry();
    const { home, run, program, registry } = stage;
    // it asks the registry for an image that is not there
    const inspect = ["docker", "manifest", "inspect", "--insecure", `${registry.host}/app:1`];
    assert.match((await program(inspect)).stderr, /no basic auth credentials/);
    assertLoggedIn(await run([...login, "--tool", "file"]), [registry.host, "file"]);
    assert.match((await program(inspect)).stderr, /no such manifest/);
    const moved = { DOCKER_CONFIG: home.at("elsewhere") };
    assert.match((await program(inspect, moved)).stderr, /no basic auth credentials/);
    assertLoggedIn(await run([...login, "--tool", "file"], moved), [registry.host, "file"]);
    assert.match((await program(inspect, moved)).stderr, /no such manifest/);
  },
});

Deno.test({
  name: "docker's own entry, for a registry of loopback, is what docker uses",
  ignore: !hasDockerRegistry,
  fn: async () => {
    await using stage = await realRegistry();
    const { run, program, registry } = stage;
    assertLoggedIn(await run([...login, "--role", "deploy"]), [registry.host, "docker"]);
    const inspect = ["docker", "manifest", "inspect", "--insecure", `${registry.host}/app:1`];
    assert.match((await program(inspect)).stderr, /no such manifest/);
  },
});

for (const tool of ["docker", "file"]) {
  Deno.test({
    name: `a registry that refuses the password fails ${tool}, and nothing is stored`,
    ignore: !hasDockerRegistry,
    fn: async () => {
      await using stage = await realRegistry({ password: "not-a-secret-but-wrong" });
      const { home, run } = stage;
      const result = await run([...login, "--tool", tool]);
      assertFailed(result, 3, /127\.0\.0\.1:\d+ refused the password/);
      const path = ".docker/config.json";
      assert.equal(await home.exists(path) && (await home.read(path)).includes('auth"'), false);
    },
  });
}

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
  ["wincred", "The stub received bad data.", "wincred-too-small", /2,560 bytes.*\n.*credHelpers/],
  [
    "ecr-login",
    "not implemented",
    "ecr-login-configured",
    /nothing needs logging in.*\n.*ecr-login/,
  ],
];

for (const [store, says, code, message] of brokenStores) {
  Deno.test({
    name: `docker with a store that says "${says}" is explained`,
    ignore: !hasDocker || !posix,
    fn: async () => {
      await using stage = await realNames();
      const { home, run } = stage;
      await home.write(".docker/config.json", JSON.stringify({ credsStore: store }));
      // like the real ones: the message on stdout
      await home.writeProgram(
        `bin/docker-credential-${store}`,
        `#!/bin/sh\ncat >/dev/null\n[ "$1" = get ] && says="credentials not found in native keychain"\necho "\${says:-${says}}"\nexit 1\n`,
      );
      const env = { PATH: `${home.at("bin")}:${Deno.env.get("PATH")}` };
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
    await using stage = await realNames();
    const { aws, home, run } = stage;
    const path = ".docker/config.json";
    await home.write(path, JSON.stringify({ credsStore: "nothere" }));
    const result = await run([...login, "--tool", "docker"]);
    const hint = `"credHelpers": {"${registryHost}": ""}`;
    assertFailed(result, 3, /set to use the credential store nothere, which is not installed/);
    assert(result.stderr.includes(`set ${hint} in docker's config.json`), result.stderr);
    await home.write(path, `{"credsStore": "nothere", ${hint}}`);
    const again = await run([...login, "--tool", "docker"]);
    assertLoggedIn(again, [registryHost, "docker"]);
    assert.deepEqual(await auths(home), { [registryHost]: encoded(lastPassword(aws)) });
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
  await home.write(path, JSON.stringify({ credHelpers: { [aws.registry.host]: "ecr-login" } }));
  const helper = await run([...login, "--tool", "file"]);
  assertFailed(helper, 3, /Amazon's credential helper.*\n.*nothing needs logging in/);
});

// what the tools are given

for (const tool of ["docker", "podman", "nerdctl", "finch"]) {
  Deno.test({
    name: `${tool} gets the password on stdin, the host as an argument, and no key of AWS`,
    ignore: !posix,
    fn: async () => {
      await using stage = await stubs({ [tool]: record });
      const { aws, home, run } = stage;
      const result = await run([...login, "--role", "deploy", "--tool", tool], {
        AWS_SESSION_TOKEN: undefined,
        DOCKER_HOST: "unix:///nowhere",
      });
      assertLoggedIn(result, [registryHost, tool]);
      const argv = (await home.read("argv")).trim().split("\n");
      assert.deepEqual(argv, [home.at(`bin/${tool}`), ...loginArgv]);
      const password = lastPassword(aws);
      assert.equal(await home.read("stdin"), password);
      const env = await home.read("env");
      assert.match(env, /^DOCKER_HOST=unix:\/\/\/nowhere$/m);
      assert.doesNotMatch(env, /^AWS_SECRET_ACCESS_KEY=/m);
      for (const secret of [password, aws.keys.user.secretAccessKey]) assert(!env.includes(secret));
    },
  });
}

/** What is installed, and the tool that is then the default. */
const defaults: [installed: string[], tool: string][] = [
  [["podman", "nerdctl", "finch", "docker"], "docker"],
  [["finch", "nerdctl", "podman"], "podman"],
  [["finch", "nerdctl"], "nerdctl"],
  [["finch"], "finch"],
];

for (const [installed, tool] of defaults) {
  Deno.test({
    name: `with ${installed.join(", ")} installed the default is ${tool}`,
    ignore: !posix,
    fn: async () => {
      await using stage = await stubs(Object.fromEntries(installed.map((name) => [name, record])));
      assertLoggedIn(await stage.run(login), [registryHost, tool]);
      const [program] = (await stage.home.read("argv")).split("\n");
      assert.equal(program, stage.home.at(`bin/${tool}`));
    },
  });
}

Deno.test("with no container tool installed the default is the file", async () => {
  await using stage = await stubs({}, { proxyEndpoint: "registry" });
  const { aws, home, run } = stage;
  assertLoggedIn(await run(login), [aws.registry.host, "file"]);
  assert.deepEqual(await auths(home), { [aws.registry.host]: encoded(lastPassword(aws)) });
});

Deno.test({
  name: "a folder of that name is no installed tool, and one that cannot be started is no bug",
  ignore: !posix,
  fn: async () => {
    await using stage = await stubs({ podman: record });
    const { home, run } = stage;
    await Deno.mkdir(home.at("bin/docker"));
    assertLoggedIn(await run(login), [registryHost, "podman"]);
    await Deno.remove(home.at("bin/docker"));
    const cannot = /docker login failed with exit code 12[67]: cannot be started: \S/;
    await home.write("bin/docker", "#!/bin/sh\n", 0o644);
    assertFailed(await run(login), 3, cannot);
    await home.write("bin/docker", "#!/nowhere/sh\n", 0o755);
    assertFailed(await run(login), 3, cannot);
  },
});

for (const tool of ["docker", "podman", "nerdctl", "finch"]) {
  Deno.test(`${tool} asked for and not installed is an error before any request`, async () => {
    await using stage = await stubs({});
    const result = await stage.run([...login, "--tool", tool, "--role", "deploy"]);
    assertFailed(result, 3, new RegExp(`${tool} is not installed\n.*install it: \\S.*--tool file`));
    assert.deepEqual(stage.aws.requests, []);
  });
}

// what the tools say

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
    assertLoggedIn(await stage.run(login), [registryHost, "docker"]);
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
    const { code, stderr } = await run([...login, ...withTools("docker", "podman")]);
    assert.equal(code, 3);
    assert.match(stderr, /^ecrin: error: docker login failed with exit code 7: no$/m);
    assert.match(stderr, /^ecrin: logged in to \S+ \(podman, /m);
    assert.equal(aws.requestsOf("ecr").length, 1);
  },
});

// the registry, for the tool file

/** What the registry does wrong, and what the user sees. */
const registryFaults: [Parameters<FakeAws["registry"]["fault"]>[0], number, RegExp][] = [
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
    assertFailed(await run([...login, "--tool", "file"]), exitCode, seen);
    assert.equal(await home.exists(".docker"), false);
  });
}

Deno.test("the tool file, and a registry that does not answer: exit 5, or 124 after --timeout", async () => {
  await using stage = await stubs({}, { proxyEndpoint: "registry" });
  const { aws, home, run } = stage;
  aws.registry.fault("hang");
  const args = [...login, "--tool", "file"];
  const [patient, hurried] = await Promise.all([run(args), run([...args, "--timeout", "1s"])]);
  assertFailed(patient, 5, /could not reach 127\.0\.0\.1:\d+: no answer in time/);
  assert(patient.milliseconds < 25_000, `${patient.milliseconds}`);
  assertFailed(hurried, 124, /gave up after 1 second/);
  assert.equal(await home.exists(".docker"), false);
});
