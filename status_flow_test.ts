/**
 * `ecrin status`: what it prints, and the exit code that scripts go by.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type CliResult, requirePrograms, runCli, type TempHome, tempHome } from "./testing/cli.ts";
import { twoLines } from "./testing/outcomes.ts";
import { startDockerRegistry } from "./testing/docker_registry.ts";
import {
  ecrPublic,
  entryFor,
  irish,
  other,
  otherEntry,
  passwordFor,
  virginian,
  writeCredentialHelper,
} from "./testing/stored_logins.ts";

const posix = Deno.build.os !== "windows"; // the helpers of these tests are shell scripts
const docker = ".docker/config.json";
const podman = "run/containers/auth.json";

/** Runs `ecrin status` where no tool is installed. */
function status(home: TempHome, args: string[] = []): Promise<CliResult> {
  const env = { PATH: home.at("bin"), XDG_RUNTIME_DIR: home.at("run") };
  return runCli(["status", ...args], { home: home.path, env });
}

/** A home with logins in docker's and podman's file. */
async function homeWith(
  { docker: inDocker = {}, podman: inPodman = {} }: Record<"docker" | "podman", unknown> | {
    docker?: unknown;
    podman?: unknown;
  },
): Promise<TempHome> {
  return await tempHome({
    [docker]: JSON.stringify({ auths: inDocker }),
    [podman]: JSON.stringify({ auths: inPodman }),
  });
}

Deno.test("every login has a row, in columns, with the expired and the unreadable ones marked", async () => {
  await using home = await homeWith({
    docker: {
      [virginian]: entryFor(-3 * 86_400),
      [irish]: entryFor(2 * 86_400),
      [other]: otherEntry,
    },
    podman: { [irish]: { auth: btoa("AWS:old") } },
  });
  const { code, stdout, stderr } = await status(home);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  const rows = stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}/));
  const time = /^\d{4}-\d\d-\d\d \d\d:\d\d$/;
  assert.deepEqual(rows.map((row) => row.toSpliced(2, 1)), [
    ["REGISTRY", "TOOL", "STORE", "ACCOUNT", "REGION"],
    [irish, "docker", "~/.docker/config.json", "222222222222", "eu-west-1"],
    [virginian, "docker", "~/.docker/config.json", "333333333333", "us-east-1"],
    [irish, "podman", "~/run/containers/auth.json", "222222222222", "eu-west-1"],
  ]);
  const [header, good = "", expired = "", unknown] = rows.map((row) => row[2]);
  assert.deepEqual([header, unknown], ["EXPIRES", "unknown"]);
  assert.match(good, time);
  assert.match(expired, /^expired /);
  assert.match(expired.replace("expired ", ""), time);
  const starts = stdout.trimEnd().split("\n").map((line) =>
    line.search(/EXPIRES|expired|unknown|\d{4}-\d\d-/)
  );
  assert.equal(new Set(starts).size, 1, "in columns");
});

Deno.test("--json has all of it and no password", async () => {
  const entry = entryFor(7200);
  await using home = await homeWith({ docker: { [irish]: entry, [ecrPublic]: entryFor(-60) } });
  const { code, stdout, stderr } = await status(home, ["--json", "--verbose"]);
  assert.equal(code, 0, stderr);
  const { logins, missing, errors } = JSON.parse(stdout);
  const tools = ["docker", "nerdctl", "finch", "oras"];
  const inFile = { tools, store: home.at(docker), helper: null };
  const [first, second] = logins;
  assert.deepEqual([missing, errors, logins.length], [[], [], 2]);
  const { expiresAt, ...rest } = first;
  assert.deepEqual(rest, {
    ...{ registry: irish, account: "222222222222", region: "eu-west-1", public: false },
    ...inFile,
    expired: false,
  });
  assert.ok(Math.abs(Date.parse(expiresAt) - Date.now() - 7_200_000) < 60_000, expiresAt);
  assert.equal(second.public, true);
  assert.equal(second.account, null);
  assert.equal(second.expired, true);
  const password = atob(entry.auth).slice("AWS:".length);
  for (const secret of [password, entry.auth]) {
    assert.ok(!`${stdout}${stderr}`.includes(secret.slice(0, 40)));
  }
});

Deno.test("an expired login to ECR Public is pointed out, with what to do", async () => {
  await using home = await homeWith({ docker: { [ecrPublic]: entryFor(-60) } });
  const { code, stderr } = await status(home);
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^ecrin: warning: .*public\.ecr\.aws has expired.*ecrin logout public\.ecr\.aws\n$/,
  );
  await home.write(docker, JSON.stringify({ auths: { [ecrPublic]: entryFor(3600) } }));
  assert.equal((await status(home)).stderr, "");
});

Deno.test("nothing logged in is said, and nothing is printed", async () => {
  await using home = await tempHome();
  assert.deepEqual(await outcome(status(home)), [0, "", "ecrin: not logged in to ECR\n"]);
  const { logins } = JSON.parse((await status(home, ["--json"])).stdout);
  assert.deepEqual(logins, []);
});

/** Which of three logins are shown: docker's Irish and public ones, podman's Virginian. */
const selections: [args: string[], shown: string[], missing?: string][] = [
  [[irish], [irish]],
  [[`https://${irish}/team/app:1.2`], [irish]],
  [["222222222222"], [irish]],
  [["--account", "222222222222,333333333333"], [irish, virginian]],
  [["--account", "333333333333", "--region", "us-east-1"], [virginian]],
  [["--account", "333333333333", "--region", "eu-west-1"], [], "account 333333333333 in eu-west-1"],
  [["--region", "us-east-1"], [virginian]],
  [["--public"], [ecrPublic]],
  [["public.ecr.aws/docker/library/alpine", virginian], [ecrPublic, virginian]],
  [["--tool", "podman"], [virginian]],
  [["--tool", "docker"], [irish, ecrPublic]],
  [["--tool", "file"], [irish, ecrPublic]],
  [["--tool", "docker", virginian], [], `${virginian} (docker)`],
  [
    ["222222222222.dkr.ecr.us-east-1.amazonaws.com"],
    [],
    "222222222222.dkr.ecr.us-east-1.amazonaws.com",
  ],
];

Deno.test("what is named is shown, and nothing else", async (t) => {
  await using home = await homeWith({
    docker: { [irish]: entryFor(60), [ecrPublic]: entryFor(60) },
    podman: { [virginian]: entryFor(60) },
  });
  for (const [args, shown, missing] of selections) {
    await t.step(args.join(" "), async () => {
      const { code, stdout, stderr } = await status(home, args);
      assert.equal(code, 0, stderr);
      const hosts = stdout.split("\n").slice(1, -1).map((line) => line.split(" ")[0]);
      assert.deepEqual(hosts, shown);
      assert.equal(stderr, missing === undefined ? "" : `ecrin: not logged in to ${missing}\n`);
    });
  }
});

/** docker's Irish login lasts an hour, its Virginian one has expired; podman's tells nothing. */
const checks: [args: string[], code: number, says: RegExp][] = [
  [["--check", "30m", irish, "--tool", "docker"], 0, /^$/],
  [
    ["--check", "2h", irish, "--tool", "docker"],
    4,
    /^ecrin: the login to 2222\S+ \(docker\) lasts until .* only\n$/,
  ],
  [["--check", "0", virginian], 4, /^ecrin: the login to 3333\S+ \(docker\) has expired\n$/],
  [
    ["--check", "1s", "--tool", "podman"],
    4,
    /^ecrin: cannot tell how long the login to 2222\S+ \(podman\) lasts\n$/,
  ],
  [
    ["--check", "30m", irish, "444444444444", "--tool", "docker"],
    4,
    /^ecrin: not logged in to account 444444444444 \(docker\)\n$/,
  ],
  [["--check", "30m"], 4, /cannot tell[\s\S]*has expired|has expired[\s\S]*cannot tell/],
  [["--check", "30m", "--tool", "helm"], 4, /^ecrin: not logged in to ECR \(helm\)\n$/],
  [["--check", "30m", irish, "--tool", "docker", "--tool", "helm"], 4, /\(helm\)\n$/],
];

Deno.test("--check exits with 4 unless all last that long, and says which do not", async (t) => {
  await using home = await homeWith({
    docker: { [irish]: entryFor(3600), [virginian]: entryFor(-60) },
    podman: { [irish]: { auth: btoa("AWS:old") } },
  });
  for (const [args, code, says] of checks) {
    await t.step(args.join(" "), async () => {
      const result = await status(home, args);
      assert.equal(result.code, code, result.stderr);
      const [what, next] = result.stderr.split(/^(?=ecrin: to log in)/m);
      assert.match(what ?? "", says);
      assert.equal(next, code === 0 ? undefined : "ecrin: to log in, run: ecrin REGISTRY\n");
      const quiet = await status(home, [...args, "--quiet"]);
      assert.deepEqual(await outcome(quiet), [code, "", ""], "nothing for cron to mail");
    });
  }
  await t.step("a bad duration is refused", async () => {
    const result = await status(home, ["--check", "soon"]);
    assert.equal(result.code, 2);
    assert.match(twoLines(result)[0], /"soon" is not a duration/);
  });
});

Deno.test("a malformed file is an error with its place, and the other files are shown", async () => {
  await using home = await homeWith({ podman: { [irish]: entryFor(3600) } });
  await home.write(docker, '{\n  "auths": {,}\n}');
  const result = await status(home);
  assert.equal(result.code, 3);
  assert.match(twoLines(result)[0], /malformed: .*config\.json:2:13: /);
  assert.match(result.stdout, /podman/);
  const { logins, errors } = JSON.parse((await status(home, ["--json"])).stdout);
  assert.equal(logins.length, 1);
  assert.equal(errors[0].code, "docker-config-malformed");
  // a file that is not asked about is not looked at
  assert.equal((await status(home, ["--tool", "podman"])).code, 0);
});

Deno.test("a folder in the place of the file is an error", async () => {
  await using home = await tempHome({ [`${docker}/x`]: "" });
  const result = await status(home);
  assert.equal(result.code, 3);
  assert.match(twoLines(result)[0], /config\.json is not a file$/);
});

Deno.test({ name: "logins in a credential store are shown with it", ignore: !posix }, async () => {
  const config = { auths: { [irish]: {} }, credsStore: "made" };
  await using home = await tempHome({ [docker]: JSON.stringify(config) });
  const password = passwordFor(3600);
  await writeCredentialHelper(home, "made", { [irish]: password, [other]: "other" });
  const { code, stdout, stderr } = await status(home, ["--json", "--check", "30m"]);
  assert.equal(code, 0, stderr);
  const [login, ...more] = JSON.parse(stdout).logins;
  assert.deepEqual(more, []);
  assert.equal(login.helper, "made");
  assert.equal(login.expired, false);
  assert.ok(!stdout.includes(password.slice(0, 40)));
  assert.match((await status(home)).stdout, / {2}docker {2}\d.* {2}made {3}\d/);
  assert.doesNotMatch(await home.read("made.log"), new RegExp(`get ${other}`), "not asked for");
});

Deno.test(
  { name: "a store that fails is an error, and the files are shown", ignore: !posix },
  async () => {
    const config = { auths: {}, credsStore: "made" };
    await using home = await homeWith({ podman: { [irish]: entryFor(3600) } });
    await home.write(docker, JSON.stringify(config));
    await home.writeProgram(
      "bin/docker-credential-made",
      "#!/bin/sh\necho 'pass not initialized: exit status 1'\nexit 1\n",
    );
    const result = await status(home);
    assert.equal(result.code, 3);
    assert.match(twoLines(result)[0], /is not initialised/);
    assert.match(result.stdout, /podman/);
  },
);

Deno.test("a login that no tool uses is said, and does not last", { ignore: !posix }, async () => {
  const config = { auths: { [irish]: entryFor(7200) }, credsStore: "made" };
  await using home = await tempHome({ [docker]: JSON.stringify(config) });
  await writeCredentialHelper(home, "made", {});
  const { code, stdout, stderr } = await status(home, ["--check", "1h", irish]);
  assert.deepEqual([code, stdout], [4, ""]);
  const unused = `docker does not use the login to ${irish} in ~/.docker/config.json`;
  assert.equal(
    stderr,
    `ecrin: ${unused}: a credential store is set there\necrin: not logged in to ${irish}\necrin: to log in, run: ecrin REGISTRY\n`,
  );
});

Deno.test("a store that never answers ends with --timeout", { ignore: !posix }, async () => {
  const config = { auths: {}, credsStore: "made" };
  await using home = await tempHome({ [docker]: JSON.stringify(config) });
  await home.writeProgram("bin/docker-credential-made", "#!/bin/sh\nexec /bin/sleep 600\n");
  const result = await status(home, ["--timeout", "1s", "--check", "1h"]);
  assert.equal(result.code, 124, result.stderr);
  assert.match(twoLines(result)[0], /gave up after 1 second/);
});

Deno.test("what Amazon's helper serves is shown as served, and lasts", async () => {
  await using home = await tempHome({
    [docker]: JSON.stringify({ credHelpers: { [irish]: "ecr-login" } }),
  });
  const { code, stdout, stderr } = await status(home, ["--check", "11h"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /docker {2}never, Amazon's helper renews it {2}ecr-login {2}/);
  await home.write(docker, JSON.stringify({ credsStore: "ecr-login" }));
  const all = await status(home, [irish, "--check", "11h"]);
  assert.deepEqual([all.code, all.stdout], [0, ""]);
  assert.match(all.stderr, /leaves ECR to Amazon's helper, ecr-login: it stores no logins\n$/);
});

Deno.test({
  name: "podman's login to another registry is none of ECR",
  ignore: !requirePrograms(["podman", "docker-registry", "htpasswd"]),
}, async () => {
  const password = "not-a-secret-password";
  await using registry = await startDockerRegistry({ password });
  await using home = await tempHome({ "run/x": "" });
  const path = home.at(podman);
  const login = new Deno.Command("podman", {
    args: ["login", "-u", "AWS", "-p", password, "--tls-verify=false", registry.host],
    env: { HOME: home.path, XDG_RUNTIME_DIR: home.at("run") },
    ...{ stdout: "null", stderr: "null" },
  });
  assert.equal((await login.output()).code, 0);
  const config = JSON.parse(await Deno.readTextFile(path));
  config.auths[irish] = entryFor(3600);
  await Deno.writeTextFile(path, JSON.stringify(config));
  const { stdout } = await status(home);
  assert.equal(stdout.trimEnd().split("\n").length, 2, stdout);
  assert.match(stdout, new RegExp(`\n${irish} .* podman `));
});

async function outcome(result: CliResult | Promise<CliResult>): Promise<[number, string, string]> {
  const { code, stdout, stderr } = await result;
  return [code, stdout, stderr];
}
