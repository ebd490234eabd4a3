/**
 * Where the command of `ecrin exec` finds its logins, and the user's other ones.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { type CliResult, requirePrograms, runCli, type TempHome } from "./testing/cli.ts";
import { available, startDockerRegistry } from "./testing/docker_registry.ts";
import { type Env, userEnv, withPrograms } from "./testing/ecrin.ts";
import { homeWithTmp, leftBehind } from "./testing/left_behind.ts";
import { writeImage } from "./testing/oci_image.ts";
import { realRegistry } from "./testing/tool_stages.ts";

const onUnix = { ignore: Deno.build.os === "windows" };
const other = { auth: btoa("ann:mine") };

function exec(
  aws: FakeAws,
  home: TempHome,
  command: string[],
  env: Env = {},
): Promise<CliResult> {
  return runCli(["exec", "--region", "eu-west-1", "--", ...command], {
    home: home.path,
    env: { ...userEnv(aws), ...withPrograms(home), TMPDIR: home.at("tmp"), ...env },
  });
}

/** What the command reads in the file that a variable names. */
async function fileOf(
  variable: string,
  { aws, home, env }: { aws: FakeAws; home: TempHome; env?: Env },
): Promise<ReturnType<typeof JSON.parse>> {
  const { code, stdout, stderr } = await exec(aws, home, ["sh", "-c", `cat "${variable}"`], env);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await leftBehind(aws, home), []);
  return JSON.parse(stdout);
}

const dockers: readonly (readonly [what: string, config: unknown])[] = [
  ["a store", { credsStore: "test" }],
  ["the store of another registry", { credHelpers: { "more.example": "test" } }],
  ["settings alone", { currentContext: "far", HttpHeaders: { a: "b" } }],
  ["other logins", { auths: { "other.example": other } }],
];
for (const [what, config] of dockers) {
  Deno.test(`docker's file with ${what} is there, with the login besides`, onUnix, async () => {
    await using aws = await startAws();
    const text = JSON.stringify(config);
    await using home = await homeWithTmp({ ".docker/config.json": text });
    const { auths, credHelpers, ...rest } = await fileOf("$DOCKER_CONFIG/config.json", {
      aws,
      home,
    });
    const { host } = aws.registry;
    const before = JSON.parse(text);
    assert.deepEqual(Object.keys(auths), [...Object.keys(before.auths ?? {}), host]);
    const { auths: _, credHelpers: helpers, ...settings } = before;
    const hasStores = helpers !== undefined || before.credsStore !== undefined;
    assert.deepEqual(credHelpers, hasStores ? { ...helpers, [host]: "" } : undefined);
    assert.deepEqual(rest, settings);
    assert.equal(await home.read(".docker/config.json"), text);
  });
}

Deno.test("docker's folder is there, for the user's eyes only", onUnix, async () => {
  await using aws = await startAws();
  await using home = await homeWithTmp({ "elsewhere/contexts/meta/x/meta.json": "{}" });
  await home.writeProgram("elsewhere/cli-plugins/docker-x", "#!/bin/sh\necho plugin\n");
  const script =
    'cd "$DOCKER_CONFIG" && cli-plugins/docker-x && cat contexts/meta/x/meta.json && ' +
    "stat -c %a .. . config.json ../auth.json ../helm.json | xargs";
  const { stdout, stderr } = await exec(aws, home, ["sh", "-c", script], {
    DOCKER_CONFIG: home.at("elsewhere"),
  });
  assert.equal(stdout, "plugin\n{}700 700 600 600 600\n", stderr);
  assert.deepEqual(await leftBehind(aws, home), []);
});

Deno.test("a file that cannot be read is refused, an empty one is none", onUnix, async () => {
  await using aws = await startAws();
  await using home = await homeWithTmp({ ".docker/config.json": "" });
  assert.equal((await exec(aws, home, ["true"])).code, 0);
  await home.write(".docker/config.json", '{"auths":{"a":{"auth":"\xff"}}}');
  await Deno.remove(home.at(".docker/config.json"));
  await Deno.mkdir(home.at(".docker/config.json"));
  const { code, stderr } = await exec(aws, home, ["true"]);
  assert.equal(code, 3);
  assert.match(stderr, /^ecrin: error: .*\.docker\/config\.json is not a file\necrin: hint: /);
  assert.deepEqual(await leftBehind(aws, home), []);
});

/** A docker that says its version, and else what it finds. */
const docker28 = `#!/bin/sh
[ "$1" = --version ] && { echo "Docker version 28.3.0, build x"; exit; }
echo "$DOCKER_AUTH_CONFIG"; echo "\${DOCKER_CONFIG:-none}"
`;

Deno.test("docker 28.3 and later has its login in the environment alone", onUnix, async () => {
  await using aws = await startAws();
  await using home = await homeWithTmp();
  await home.writeProgram("bin/docker", docker28);
  // docker ignores all of a variable that has more than logins in it
  const before = { auths: { "other.example": other, "empty.example": {} }, credsStore: "test" };
  const { stdout, stderr } = await exec(aws, home, ["docker", "pull", "x"], {
    DOCKER_AUTH_CONFIG: JSON.stringify(before),
  });
  const [config = "", folder] = stdout.trim().split("\n");
  assert.equal(folder, "none", stderr);
  const { auths, ...rest } = JSON.parse(config);
  assert.deepEqual(rest, {});
  const [{ password } = { password: "" }] = aws.passwords.all();
  const login = { auth: btoa(`AWS:${password}`) };
  assert.deepEqual(auths, { "other.example": other, [aws.registry.host]: login });

  // a script may run what reads docker's file and knows no such variable
  const script = await exec(aws, home, ["sh", "-c", 'cat "$DOCKER_CONFIG/config.json"']);
  assert.deepEqual(Object.keys(JSON.parse(script.stdout).auths), [aws.registry.host]);

  const malformed = await exec(aws, home, ["docker", "pull", "x"], { DOCKER_AUTH_CONFIG: "{" });
  assert.equal(malformed.code, 2);
  assert.match(malformed.stderr, /hint: run: unset DOCKER_AUTH_CONFIG/);
});

Deno.test(
  "podman has no helper for the registry, and the logins that it would look for",
  onUnix,
  async () => {
    await using aws = await startAws();
    const { host } = aws.registry;
    await using home = await homeWithTmp({
      "run/containers/auth.json": JSON.stringify({
        auths: { "first.example": other, "own.example": other },
        credHelpers: { [host]: "ecr-login" },
      }),
      ".config/containers/auth.json": JSON.stringify({
        auths: { "own.example": { auth: btoa("bob:mine") }, "config.example": other },
      }),
      ".docker/config.json": JSON.stringify({
        auths: { "docker.example": other, "kept.example": {} },
        credHelpers: { "helper.example": "test" },
        credsStore: "test",
      }),
    });
    const run = { aws, home, env: { XDG_RUNTIME_DIR: home.at("run") } };
    const { auths, credHelpers, ...rest } = await fileOf("$REGISTRY_AUTH_FILE", run);
    assert.deepEqual(Object.keys(auths).sort(), [
      host,
      "config.example",
      "docker.example",
      "first.example",
      "own.example",
    ]);
    assert.deepEqual(auths["own.example"], other);
    assert.deepEqual([credHelpers, rest], [{ "helper.example": "test" }, {}]);
    // the user's own choice is all that podman reads
    const env = { REGISTRY_AUTH_FILE: home.at("run/containers/auth.json") };
    const chosen = await fileOf("$REGISTRY_AUTH_FILE", { aws, home, env });
    assert.deepEqual(Object.keys(chosen.auths), ["first.example", "own.example", host]);
  },
);

Deno.test(
  "helm's store, which would hide the login, is that of its other logins",
  onUnix,
  async () => {
    await using aws = await startAws();
    await using home = await homeWithTmp({
      ".config/helm/registry/config.json": JSON.stringify({
        auths: { "kept.example": {}, "other.example": other },
        credsStore: "test",
      }),
    });
    const config = await fileOf("$HELM_REGISTRY_CONFIG", { aws, home });
    const { host } = aws.registry;
    assert.deepEqual(Object.keys(config.auths), ["kept.example", "other.example", host]);
    assert.deepEqual([config.credHelpers, config.credsStore], [
      { "kept.example": "test" },
      undefined,
    ]);
  },
);

Deno.test("real tools are logged in to ECR and to the user's other registry", {
  ignore: available().length > 0 || !requirePrograms(["podman", "skopeo", "buildah"]),
}, async (t) => {
  await using stage = await realRegistry();
  await using mine = await startDockerRegistry({ password: "not-a-password-of-mine" });
  const { home, registry } = stage;
  const image = await writeImage(home.at("image"));
  // where podman and its kin look when their own file has none
  await home.write(
    ".docker/config.json",
    JSON.stringify({ auths: { [mine.host]: { auth: btoa("AWS:not-a-password-of-mine") } } }),
  );
  const exec = (...command: string[]) =>
    stage.run(["exec", "--region", "eu-west-1", "--", ...command], {
      XDG_RUNTIME_DIR: home.path,
    });
  const plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
  const [theirs, ours] = [`docker://${mine.host}/app:1`, `docker://${registry.host}/app:1`];
  const first = await exec("skopeo", "copy", ...plain, `oci:${image}:1`, theirs);
  assert.equal(first.code, 0, first.stderr);
  const across = await exec("skopeo", "copy", ...plain, theirs, ours);
  assert.equal(across.code, 0, across.stderr);
  for (const host of [mine.host, registry.host]) {
    for (const tool of ["podman", "buildah"]) {
      await t.step(`${tool} ${host === mine.host ? "mine" : "ECR"}`, async () => {
        const told = await exec(tool, "login", "--get-login", host);
        assert.deepEqual([told.code, told.stdout], [0, "AWS\n"], told.stderr);
      });
    }
  }
});
