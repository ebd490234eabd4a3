/**
 * `ecrin exec`: commands that use what they get, and nothing of it left behind.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { requirePrograms, runCli, startCli, type TempHome, tempHome } from "./testing/cli.ts";
import { available } from "./testing/docker_registry.ts";
import { userEnv } from "./testing/ecrin.ts";
import { writeImage } from "./testing/oci_image.ts";
import { realRegistry } from "./testing/tool_stages.ts";

const region = ["--region", "eu-west-1"];
const onUnix = { ignore: Deno.build.os === "windows" };
const role = "arn:aws:iam::222222222222:role/deploy";

/** A home whose folder for temporary files is its own, so that what is left there is seen. */
async function homeWithTmp(files: Record<string, string> = {}): Promise<TempHome> {
  const home = await tempHome(files);
  await Deno.mkdir(home.at("tmp"));
  return home;
}

/** Every file below a folder that holds one of `secrets`, and whatever is in `tmp`. */
async function leftBehind(home: TempHome, secrets: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const search = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
      const path = `${folder}/${name}`;
      if (folder === home.at("tmp")) found.push(path);
      if (isDirectory) await search(path);
      if (!isFile) continue;
      const text = await Deno.readTextFile(path);
      if (secrets.some((secret) => text.includes(secret))) found.push(path);
    }
  };
  await search(home.path);
  return found;
}

Deno.test("the command has its input, output and exit code", onUnix, async () => {
  await using aws = await startAws();
  const { code, stdout, stderr } = await runCli(
    ["exec", ...region, "--", "sh", "-c", "cat; echo said >&2; exit 7"],
    { env: userEnv(aws), stdin: "typed\n" },
  );
  assert.deepEqual([code, stdout, stderr], [7, "typed\n", "said\n"]);
});

Deno.test(
  "the command has the credentials, and nothing that contradicts them",
  onUnix,
  async () => {
    await using aws = await startAws({ roles: [{ arn: role }] });
    const { stdout, code, stderr } = await runCli(
      ["exec", "--role", role, ...region, "--", "env"],
      { env: { ...userEnv(aws), AWS_DEFAULT_PROFILE: "other", KEPT: "kept", LD_KEPT: "kept" } },
    );
    assert.equal(code, 0, stderr);
    const variables = new Map(
      stdout.trim().split("\n").map((line) => [line.split("=")[0], line.replace(/^\w+=/, "")]),
    );
    const arn = aws.keys.get(variables.get("AWS_ACCESS_KEY_ID") ?? "")?.arn ?? "";
    assert.match(arn, /assumed-role\/deploy\//);
    assert.equal(variables.get("AWS_REGION"), "eu-west-1");
    assert.equal(variables.has("AWS_DEFAULT_PROFILE"), false);
    assert.deepEqual([variables.get("KEPT"), variables.get("LD_KEPT")], ["kept", "kept"]);
    assert.equal(aws.requestsOf("sts", "AssumeRole").length, 1);
  },
);

Deno.test(
  "a command that is not there is 127, one that cannot be run 126, before AWS is asked",
  onUnix,
  async () => {
    await using aws = await startAws();
    await using home = await tempHome({ "plain": "no program\n" });
    const run = (...command: string[]) =>
      runCli(["exec", ...region, "--", ...command], { env: userEnv(aws), home: home.path });
    const cases: readonly (readonly [command: string, code: number, says: RegExp])[] = [
      ["no-such-command", 127, /there is no command "no-such-command"/],
      ["./no-such-command", 127, /there is no command/],
      [home.at("plain"), 126, /without the right to be executed\necrin: hint: run: chmod \+x/],
      [home.path, 126, /it is a folder/],
    ];
    for (const [command, code, says] of cases) {
      const result = await run(command);
      assert.equal(result.code, code, command);
      assert.match(result.stderr, says);
    }
    assert.deepEqual(aws.requests, []);
    await Deno.writeTextFile(home.at("script"), "#!/no/such/interpreter\n", { mode: 0o755 });
    assert.match((await run("./script")).stderr, /cannot run/);
  },
);

Deno.test("the command comes after --", async () => {
  for (const args of [["exec"], ["exec", "--"]]) {
    const { code, stderr } = await runCli(args, { env: {} });
    assert.equal(code, 2);
    assert.match(stderr, /--\necrin: hint: run: ecrin exec -- COMMAND\n$/);
  }
  const { stderr } = await runCli(["exec", "docker", "pull", "a b"], { env: {} });
  assert.match(stderr, /hint: run: ecrin exec -- docker pull 'a b'/);
});

Deno.test("flags after -- are the command's", onUnix, async () => {
  await using aws = await startAws();
  const { stdout } = await runCli(
    ["exec", ...region, "--", "sh", "-c", 'echo "$@"', "sh", "--help", "--json", "-v", "--", "x"],
    { env: userEnv(aws) },
  );
  assert.equal(stdout, "--help --json -v -- x\n");
});

Deno.test(
  "an identity that may not have a login runs its command all the same, with a warning",
  onUnix,
  async () => {
    await using aws = await startAws();
    aws.fault({ kind: "access-denied", service: "ecr" });
    const own = await runCli(["exec", ...region, "--", "echo", "ran"], { env: userEnv(aws) });
    assert.deepEqual([own.code, own.stdout], [0, "ran\n"]);
    assert.match(own.stderr, /warning: the command gets no login to your own registry/);
    const named = await runCli(
      ["exec", ...region, "--account", "222222222222", "--", "echo", "ran"],
      { env: userEnv(aws) },
    );
    assert.deepEqual([named.code, named.stdout], [4, ""]);
  },
);

Deno.test("without a region the command has the credentials alone", onUnix, async () => {
  await using aws = await startAws();
  const { code, stdout, stderr } = await runCli(
    ["exec", "--", "sh", "-c", "echo $AWS_ACCESS_KEY_ID${DOCKER_CONFIG:-none}"],
    { env: userEnv(aws) },
  );
  assert.deepEqual([code, stdout], [0, `${aws.keys.env().AWS_ACCESS_KEY_ID}none\n`], stderr);
});

const real = {
  ignore: available().length > 0 || !requirePrograms(["docker", "podman", "skopeo", "buildah"]),
};

Deno.test("real tools push and read under exec, and are refused without", real, async (t) => {
  await using stage = await realRegistry();
  const { registry, home } = stage;
  const image = await writeImage(home.at("image"));
  const name = `${registry.host}/app:1`;
  const exec = (...command: string[]) => stage.run(["exec", ...region, "--", ...command]);
  const plain = "--dest-tls-verify=false";
  const copy = ["skopeo", "copy", plain, `oci:${image}:1`, `docker://${name}`];
  assert.notEqual((await stage.program(copy)).code, 0);
  const copied = await exec(...copy);
  assert.equal(copied.code, 0, copied.stderr);
  const commands: readonly (readonly string[])[] = [
    ["skopeo", "inspect", "--tls-verify=false", `docker://${name}`],
    ["docker", "manifest", "inspect", "--insecure", name],
    ["podman", "search", "--list-tags", "--tls-verify=false", `${registry.host}/app`],
  ];
  for (const command of commands) {
    await t.step(command.slice(0, 2).join(" "), async () => {
      const result = await exec(...command);
      assert.equal(result.code, 0, result.stderr);
      assert.notEqual((await stage.program([...command])).code, 0, "it needs no login");
    });
  }
});

Deno.test("docker's other logins, stores and contexts are there as well", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using aws = await startAws();
  const config = {
    auths: { "other.example": { auth: btoa("ann:not-a-password") } },
    credsStore: "test",
    credHelpers: { "more.example": "test" },
    currentContext: "far",
  };
  await using home = await homeWithTmp({
    ".docker/config.json": JSON.stringify(config),
    ".docker/contexts/meta/x/meta.json": "{}",
  });
  await home.writeProgram("bin/docker", "#!/bin/sh\necho Docker version 28.2.2, build x\n");
  const script =
    'cat "$DOCKER_CONFIG/config.json"; echo; cat "$DOCKER_CONFIG/contexts/meta/x/meta.json"; ' +
    'echo; stat -c %a "$DOCKER_CONFIG" "$DOCKER_CONFIG/config.json"';
  const { code, stdout, stderr } = await runCli(["exec", ...region, "--", "sh", "-c", script], {
    home: home.path,
    env: {
      ...userEnv(aws),
      PATH: `${home.at("bin")}:${Deno.env.get("PATH")}`,
      TMPDIR: home.at("tmp"),
    },
  });
  assert.equal(code, 0, stderr);
  const [first = "", meta, folderMode, fileMode] = stdout.trim().split("\n");
  const { auths, credHelpers, ...rest } = JSON.parse(first);
  const { host } = aws.registry;
  assert.deepEqual(Object.keys(auths), ["other.example", host]);
  assert.deepEqual(credHelpers, { "more.example": "test", [host]: "" });
  assert.deepEqual(rest, { credsStore: "test", currentContext: "far" });
  assert.deepEqual([meta, folderMode, fileMode], ["{}", "700", "600"]);
  assert.equal(await home.read(".docker/config.json"), JSON.stringify(config));
  assert.deepEqual(await leftBehind(home, aws.passwords.all().map(({ password }) => password)), []);
});

Deno.test(
  "docker 28.3 and later has the login in its environment, with those that were there",
  onUnix,
  async () => {
    await using aws = await startAws();
    await using home = await homeWithTmp();
    await home.writeProgram("bin/docker", "#!/bin/sh\necho Docker version 28.3.0, build x\n");
    const before = { auths: { "other.example": { auth: btoa("ann:not-a-password") } } };
    const { stdout, stderr } = await runCli(
      [
        "exec",
        ...region,
        "--",
        "sh",
        "-c",
        'echo "$DOCKER_AUTH_CONFIG"; echo "${DOCKER_CONFIG:-none}"',
      ],
      {
        home: home.path,
        env: {
          ...userEnv(aws),
          PATH: `${home.at("bin")}:${Deno.env.get("PATH")}`,
          DOCKER_AUTH_CONFIG: JSON.stringify(before),
        },
      },
    );
    const [config = "", folder] = stdout.trim().split("\n");
    assert.equal(folder, "none", stderr);
    const { auths } = JSON.parse(config);
    assert.deepEqual(Object.keys(auths), ["other.example", aws.registry.host]);
    const [username] = atob(auths[aws.registry.host].auth).split(":");
    assert.equal(username, "AWS");
  },
);

/** Ways in which a run ends, by the script that the command is, and what is done to it. */
const endings: readonly (readonly [
  name: string,
  script: string,
  signal: Deno.Signal | undefined,
  code: number,
])[] = [
  ["done", "exit 0", undefined, 0],
  ["failed", "exit 3", undefined, 3],
  ["killed", "kill -9 $$", undefined, 137],
  ["asked to end", "trap 'echo got it; exit 5' TERM; while :; do sleep 0.05; done", "SIGTERM", 5],
  ["interrupted", "trap 'echo got it; exit 6' INT; while :; do sleep 0.05; done", "SIGINT", 6],
  ["hung up on", "trap 'echo got it; exit 8' HUP; while :; do sleep 0.05; done", "SIGHUP", 8],
  ["told something", "trap 'echo got it; exit 9' USR1; while :; do sleep 0.05; done", "SIGUSR1", 9],
];
for (const [name, script, signal, code] of endings) {
  Deno.test(`nothing is left of a command that was ${name}`, onUnix, async () => {
    await using aws = await startAws();
    await using home = await homeWithTmp();
    await using cli = await startCli(
      ["exec", ...region, "--", "sh", "-c", `${script.replace(/;(?= while)/, "; echo ready;")}`],
      { env: { ...userEnv(aws), TMPDIR: home.at("tmp") }, home: home.path },
    );
    if (signal !== undefined) {
      await cli.waitFor("stdout", "ready");
      cli.kill(signal);
    }
    const result = await cli.result();
    assert.equal(result.code, code, result.stderr);
    if (signal !== undefined) assert.match(result.stdout, /got it/);
    const secrets = aws.passwords.all().map(({ password }) => password);
    assert.ok(secrets.length > 0);
    assert.deepEqual(await leftBehind(home, secrets), []);
  });
}

Deno.test("what a killed run left behind is removed by the next", onUnix, async () => {
  await using aws = await startAws();
  await using home = await homeWithTmp({ ".docker/contexts/kept": "kept" });
  const options = { env: { ...userEnv(aws), TMPDIR: home.at("tmp") }, home: home.path };
  await using cli = await startCli(
    ["exec", ...region, "--", "sh", "-c", "echo $$; exec cat"],
    options,
  );
  const pid = Number(await cli.waitFor("stdout", "\n"));
  const secrets = aws.passwords.all().map(({ password }) => password);
  assert.notDeepEqual(await leftBehind(home, secrets), []);
  cli.kill("SIGKILL");
  Deno.kill(pid, "SIGKILL");
  await cli.result();
  const next = await runCli(["exec", ...region, "--", "true"], options);
  assert.equal(next.code, 0, next.stderr);
  assert.deepEqual(await leftBehind(home, secrets), []);
  assert.equal(await home.read(".docker/contexts/kept"), "kept");
});

Deno.test("--timeout is for what comes before the command", onUnix, async () => {
  await using aws = await startAws();
  const { code, stdout } = await runCli(
    ["exec", ...region, "--timeout", "2s", "--", "sh", "-c", "sleep 2.5; echo still here"],
    { env: userEnv(aws) },
  );
  assert.deepEqual([code, stdout], [0, "still here\n"]);
});
