/**
 * `ecrin exec`: commands that use what they get, and nothing of it left behind.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { ecrinCommand, requirePrograms, runCli, tempHome } from "./testing/cli.ts";
import { available } from "./testing/docker_registry.ts";
import { userEnv } from "./testing/ecrin.ts";
import { writeImage } from "./testing/oci_image.ts";
import { realRegistry } from "./testing/tool_stages.ts";

const region = ["--region", "eu-west-1"];
const onUnix = { ignore: Deno.build.os === "windows" };
const role = "arn:aws:iam::222222222222:role/deploy";

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
    await using home = await tempHome({ "plain": "no program\n", "a;b": "no program\n" });
    const run = (...command: string[]) =>
      runCli(["exec", ...region, "--", ...command], { env: userEnv(aws), home: home.path });
    const cases: readonly (readonly [command: string, code: number, says: RegExp])[] = [
      ["no-such-command", 127, /there is no command "no-such-command"/],
      ["./no-such-command", 127, /there is no command/],
      [home.at("plain"), 126, /without the right to be executed\necrin: hint: run: chmod \+x/],
      ["./a;b", 126, /hint: run: chmod \+x '\.\/a;b'\n/],
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
    const host = "222222222222.dkr.ecr.eu-west-1.amazonaws.com";
    const ofRole = await runCli(
      ["exec", ...region, "--account", "222222222222", "--", "echo", "ran"],
      { env: userEnv(aws) },
    );
    assert.deepEqual([ofRole.code, ofRole.stdout], [0, "ran\n"]);
    assert.ok(ofRole.stderr.includes(`warning: the command gets no login to ${host}: `));
    const named = await runCli(["exec", host, "--", "echo", "ran"], { env: userEnv(aws) });
    assert.deepEqual([named.code, named.stdout], [4, ""]);
  },
);

Deno.test("in GitHub Actions what the command gets is masked first", onUnix, async () => {
  await using aws = await startAws();
  const { stdout, stderr } = await runCli(
    ["exec", ...region, "--", "sh", "-c", 'echo "$AWS_SECRET_ACCESS_KEY"'],
    { env: { ...userEnv(aws), GITHUB_ACTIONS: "true" } },
  );
  const password = aws.passwords.all()[0]?.password ?? "";
  for (const secret of [stdout.trim(), password, btoa(`AWS:${password}`)]) {
    assert.ok(stderr.includes(`::add-mask::${secret}\n`), stderr);
  }
});

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
  const copy = ["skopeo", "copy", plain, "--format=v2s2", `oci:${image}:1`, `docker://${name}`];
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

Deno.test("--timeout is for what comes before the command", onUnix, async () => {
  await using aws = await startAws();
  const { code, stdout } = await runCli(
    ["exec", ...region, "--timeout", "2s", "--", "sh", "-c", "sleep 2.5; echo still here"],
    { env: userEnv(aws) },
  );
  assert.deepEqual([code, stdout], [0, "still here\n"]);
});

Deno.test({
  name: "what ecrin was told to ignore its command ignores: nohup, and scripts in the background",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using aws = await startAws();
    await using home = await tempHome({
      "run.ts": `const [command, ...argv] = Deno.args;
        const child = new Deno.Command("sh", { args: ["-c", command, "sh", ...argv] }).spawn();
        Deno.exit((await child.status).code);`,
    });
    const ecrin = [...ecrinCommand(), "exec", ...region, "--"];
    const told = "kill -HUP $PPID; kill -HUP $$; kill -INT $$; echo still here";
    const { code, stdout, stderr } = await runCli(
      [`trap '' HUP INT; exec "$@"`, ...ecrin, "sh", "-c", told],
      { env: userEnv(aws), home: home.path, script: home.at("run.ts") },
    );
    assert.deepEqual([code, stdout], [0, "still here\n"], stderr);
  },
});
