/**
 * What a run loads, and when. `deno run --coverage` writes a profile of every module that was
 * evaluated, npm's included: the profiles are the list. `deno info` tells the imports.
 *
 * @module
 */

import assert from "node:assert/strict";
import manifest from "./deno.json" with { type: "json" };
import { startAws } from "./testing/aws.ts";
import { type CliOptions, type CliResult, runCli, type TempHome, tempHome } from "./testing/cli.ts";
import { packageName, readModuleGraph, staticallyLoaded } from "./testing/module_graph.ts";
import { inMinutes, sessionHome } from "./testing/sso_home.ts";

/** A run and what it loaded. */
interface LoadingResult extends CliResult {
  /** The repository's own modules. */
  readonly modules: readonly string[];
  /** npm packages, with those that they load themselves. */
  readonly packages: readonly string[];
}

/** What every way through ecrin needs. */
const first = [
  "commands.ts",
  "errors.ts",
  "flags.ts",
  "help.ts",
  "main.ts",
  "nearest.ts",
  "system.ts",
  "tools.ts",
];

const root = new URL(".", import.meta.url).href;

async function runLoading(args: string[], options: CliOptions = {}): Promise<LoadingResult> {
  await using profiles = await tempHome();
  const denoArgs = ["-A", `--coverage=${profiles.path}`];
  const result = await runCli(args, { denoArgs, ...options });
  const urls: string[] = [];
  for await (const { name } of Deno.readDir(profiles.path)) {
    if (name.endsWith(".json")) urls.push(JSON.parse(await profiles.read(name)).url);
  }
  const modules = urls.filter((url) => url.startsWith(root)).map((url) => url.slice(root.length));
  // below npm's cache come a registry, a package and its version
  const packages = urls.map((url) => url.match(/\/npm\/[^/]+\/((?:@[^/]+\/)?[^/]+)\/\d/)?.[1]);
  return {
    ...result,
    modules: modules.sort(),
    packages: [...new Set(packages)].filter((name) => name !== undefined).sort(),
  };
}

/** A home with a `docker` in `bin` that takes every password. */
async function homeWithDocker(): Promise<TempHome> {
  const home = await tempHome();
  await home.writeProgram("bin/docker", "#!/bin/sh\nwhile read -r line; do :; done\n");
  return home;
}

/** Asserts that `packages` holds all of `some` and none of `none`. */
function assertLoaded(
  { packages, code, stderr }: LoadingResult,
  { some = [], none = [] }: { some?: string[]; none?: string[] },
): void {
  assert.equal(code, 0, stderr);
  assert.deepEqual(some.filter((name) => !packages.includes(name)), [], "not loaded");
  assert.deepEqual(none.filter((name) => packages.includes(name)), [], "loaded");
}

const asks: [name: string, args: string[]][] = [
  ["--help", ["--help"]],
  ["help", ["help"]],
  ["--version", ["--version"]],
  ["--help with a wrong flag", ["--wrong", "-h"]],
];

for (const [name, args] of asks) {
  Deno.test(`${name} loads the flags and what prints them, nothing else`, async () => {
    const { code, stderr, modules, packages } = await runLoading(args);
    assert.equal(code, 0, stderr);
    assert.deepEqual(modules, first);
    assert.deepEqual(packages, []);
  });
}

const withoutPackages: [name: string, code: number, args: string[]][] = [
  ["an unknown flag", 2, ["--acount", "222222222222"]],
  ["a bad account", 2, ["--account", "2222222222223"]],
  ["a bad region", 2, ["--region", "us-east-1.evil.example"]],
  ["an unknown tool", 2, ["--tool", "rkt"]],
  ["a registry of another cloud", 2, ["ghcr.io/example/app"]],
  ["a missing profile", 2, ["--profile", "missing", "--region", "eu-west-1"]],
  ["no region", 2, ["--account", "222222222222"]],
  ["--dry-run", 0, ["--dry-run", "--region", "eu-west-1"]],
  ["--dry-run of all there is", 0, [
    ...["--dry-run", "--json", "--verbose", "--public", "--account", "222222222222,333333333333"],
    ...["--role", "deploy", "--region", "eu-west-1", "--tool", "file"],
  ]],
];

for (const [name, exitCode, args] of withoutPackages) {
  Deno.test(`${name} loads no npm package`, async () => {
    const env = { AWS_ACCESS_KEY_ID: "AKIATEST", AWS_SECRET_ACCESS_KEY: "not-a-secret" };
    const { code, stderr, modules, packages } = await runLoading(args, { env });
    assert.equal(code, exitCode, stderr);
    assert.ok(modules.includes("run.ts"));
    assert.deepEqual(packages, []);
  });
}

for (const args of [["status"], ["status", "--check", "1s", "--json"], ["logout", "--all"]]) {
  Deno.test(`ecrin ${args.join(" ")} of logins in files loads no npm package`, async () => {
    const host = "222222222222.dkr.ecr.eu-west-1.amazonaws.com";
    const auth = btoa(`AWS:${btoa(`{"expiration":${Math.round(Date.now() / 1000) + 3600}}`)}`);
    await using home = await tempHome();
    await home.write(".docker/config.json", JSON.stringify({ auths: { [host]: { auth } } }));
    const { code, stderr, modules, packages } = await runLoading(args, {
      home: home.path,
      env: { XDG_RUNTIME_DIR: home.path }, // or podman's own file would be looked at
    });
    assert.equal(code, 0, stderr);
    assert.ok(modules.includes("stored_logins.ts"));
    assert.ok(!modules.includes("process.ts"), "for credential helpers");
    assert.deepEqual(packages, []);
  });
}

Deno.test("a login that --if-expiring leaves alone loads no npm package", async () => {
  const host = "222222222222.dkr.ecr.eu-west-1.amazonaws.com";
  const auth = btoa(`AWS:${btoa(`{"expiration":${Math.round(Date.now() / 1000) + 7200}}`)}`);
  await using home = await tempHome();
  await home.write(".docker/config.json", JSON.stringify({ auths: { [host]: { auth } } }));
  const env = { AWS_ACCESS_KEY_ID: "AKIATEST", AWS_SECRET_ACCESS_KEY: "not-a-secret" };
  const args = [host, "--tool", "file", "--if-expiring", "1h"];
  const { code, stderr, packages } = await runLoading(args, { home: home.path, env });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /is logged in already/);
  assert.deepEqual(packages, []);
});

Deno.test("a login loads what it uses", {
  ignore: Deno.build.os === "windows", // the docker of these tests is a shell script
}, async (t) => {
  await using aws = await startAws();
  await using home = await homeWithDocker();
  const env = {
    ...aws.env(),
    ...aws.keys.env(),
    AWS_REGION: "eu-west-1",
    PATH: home.at("bin"),
  };
  const run = (...args: string[]) => runLoading(args, { env, home: home.path });
  const ecr = "@aws-sdk/client-ecr";
  const others = [
    "@aws-sdk/client-ecr-public",
    "@aws-sdk/client-sso",
    "@aws-sdk/credential-providers",
  ];

  await t.step("with environment keys: the client of ECR and dax", async () => {
    assertLoaded(await run("--tool", "docker"), { some: [ecr, "dax"], none: others });
  });
  await t.step("with a role: the providers too", async () => {
    const role = ["--role", "arn:aws:iam::222222222222:role/deploy"];
    assertLoaded(await run("--tool", "docker", ...role), {
      some: [ecr, "dax", "@aws-sdk/credential-providers"],
      none: ["@aws-sdk/client-ecr-public", "@aws-sdk/client-sso", "@aws-sdk/client-sts"],
    });
  });
  await t.step("--tool file: no dax", async () => {
    assertLoaded(await run("--tool", "file"), { some: [ecr], none: [...others, "dax"] });
  });
  await t.step("--public: the client of ECR Public, not that of ECR", async () => {
    assertLoaded(await run("--tool", "docker", "--public"), {
      some: ["@aws-sdk/client-ecr-public", "dax"],
      none: [ecr, "@aws-sdk/client-sso", "@aws-sdk/credential-providers"],
    });
  });
});

Deno.test("sso status loads no npm package, and sso logout the portal's client alone", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws, { expiresAt: inMinutes(30) });
  const run = (...args: string[]) => runLoading(args, { env: aws.env(), home: home.path });
  const status = await run("sso", "status", "--sso-session", "corp");
  assert.equal(status.code, 0, status.stderr);
  assert.deepEqual(status.packages, []);
  assertLoaded(await run("sso", "logout"), {
    some: ["@aws-sdk/client-sso"],
    none: ["@aws-sdk/client-sso-oidc", "@aws-sdk/client-ecr", "dax"],
  });
  assert.deepEqual((await run("sso", "logout")).packages, []);
});

Deno.test("a cached role of SSO needs no client of the portal", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws, { expiresAt: inMinutes(30) });
  const login = ["--account", "222222222222", "--region", "eu-west-1", "--profile", "blog"];
  const run = () => runLoading([...login, "--tool", "file"], { env: aws.env(), home: home.path });
  assertLoaded(await run(), { some: ["@aws-sdk/client-sso"] });
  assertLoaded(await run(), { none: ["@aws-sdk/client-sso", "@aws-sdk/client-sso-oidc"] });
});

Deno.test("whoami loads the client of STS, and neither ECR's nor dax", async () => {
  await using aws = await startAws();
  const env = { ...aws.env(), ...aws.keys.env(), AWS_REGION: "eu-west-1" };
  const none = ["@aws-sdk/client-ecr", "@aws-sdk/client-ecr-public", "@aws-sdk/client-sso", "dax"];
  assertLoaded(await runLoading(["whoami"], { env }), {
    some: ["@aws-sdk/client-sts"],
    none: [...none, "@aws-sdk/credential-providers"],
  });
  const role = ["--account", "222222222222", "--role", "deploy"];
  assertLoaded(await runLoading(["whoami", ...role], { env }), {
    some: ["@aws-sdk/client-sts", "@aws-sdk/credential-providers"],
    none,
  });
});

Deno.test("dax loads while AWS is at work, not before it is asked and not after it answers", {
  ignore: Deno.build.os === "windows", // as above
}, async () => {
  await using home = await homeWithDocker();
  const events: string[] = [];
  const daxLoads = Promise.withResolvers<void>();
  // ECR that keeps its answer until dax loads, and an address that dax reports to
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (
    request,
  ) => {
    const { origin, pathname } = new URL(request.url);
    if (pathname === "/dax") {
      events.push("dax loads");
      daxLoads.resolve();
      return new Response();
    }
    events.push("AWS is asked");
    await daxLoads.promise;
    events.push("AWS answers");
    return Response.json({
      authorizationData: [{
        authorizationToken: btoa("AWS:not-a-password"),
        proxyEndpoint: origin,
      }],
    });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const dax = manifest.imports.dax;
  const reporting = await home.write(
    "dax.ts",
    `await fetch("${url}/dax");\nexport * from "${dax}";\nexport { default } from "${dax}";\n`,
  );
  const imports = { ...manifest.imports, dax: new URL(`file://${reporting}`).href };
  const importMap = await home.write("imports.json", JSON.stringify({ imports }));
  const { code, stderr } = await runCli(["--tool", "docker", "--timeout", "20s"], {
    denoArgs: ["-A", "--import-map", importMap],
    env: {
      AWS_ACCESS_KEY_ID: "AKIATEST",
      AWS_SECRET_ACCESS_KEY: "not-a-secret",
      AWS_REGION: "eu-west-1",
      AWS_ENDPOINT_URL: url,
      AWS_MAX_ATTEMPTS: "1",
      PATH: home.at("bin"),
    },
    home: home.path,
  });
  daxLoads.resolve(); // so that the server can end when dax never loaded
  assert.deepEqual(events, ["AWS is asked", "dax loads", "AWS answers"], stderr);
  assert.equal(code, 0, stderr);
});

Deno.test("npm packages are imported lazily, and by deps.ts alone", async () => {
  const graph = await readModuleGraph("main.ts");
  const importers = [...graph.imports].filter(([, imports]) =>
    imports.some(({ to }) => packageName(to) !== undefined)
  );
  assert.deepEqual(importers.map(([url]) => url), [`${root}deps.ts`]);
  const [[, imports] = ["", []]] = importers;
  assert.ok(imports.length >= 6);
  assert.deepEqual(imports.filter(({ lazy }) => !lazy), []);
});

Deno.test("main.ts imports the modules of --help and nothing of Node", async () => {
  const graph = await readModuleGraph("main.ts");
  const loaded = [...staticallyLoaded(graph, graph.root)].map((url) => url.replace(root, ""));
  assert.deepEqual(loaded.sort(), ["deno.json", ...first].sort());
});
