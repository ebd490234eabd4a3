/**
 * `ecrin logout`: what goes from the files and the credential stores, and what has to stay.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type CliResult, requirePrograms, runCli, type TempHome, tempHome } from "./testing/cli.ts";
import { modeOf } from "./testing/docker_config.ts";
import { twoLines } from "./testing/outcomes.ts";
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
const helm = ".config/helm/registry/config.json";

/** Runs `ecrin logout` where no tool is installed. */
function logout(home: TempHome, args: string[] = []): Promise<CliResult> {
  const env = { PATH: home.at("bin"), XDG_RUNTIME_DIR: home.at("run") };
  return runCli(["logout", ...args], { home: home.path, env });
}

async function hostsIn(home: TempHome, path: string): Promise<string[]> {
  return Object.keys(JSON.parse(await home.read(path)).auths);
}

/** A home with a good, an expired and someone else's login in docker's file, and others elsewhere. */
async function fullHome(): Promise<TempHome> {
  return await tempHome({
    [docker]: JSON.stringify({
      auths: {
        [irish]: entryFor(3600),
        [other]: otherEntry,
        [ecrPublic]: entryFor(-60),
        "127.0.0.1:5000": otherEntry,
      },
    }),
    [podman]: JSON.stringify({ auths: { [irish]: entryFor(3600), "quay.io": otherEntry } }),
    [helm]: JSON.stringify({ auths: { [virginian]: entryFor(-60) } }),
  });
}

const others = [other, "127.0.0.1:5000"];

/** What is left in docker's, podman's and helm's file. */
const logouts: [
  args: string[],
  docker: string[],
  podman: string[],
  helm: string[],
  said: number,
][] = [
  [["--all"], others, ["quay.io"], [], 4],
  [["--expired"], [irish, ...others], [irish, "quay.io"], [], 2],
  [[irish], [ecrPublic, ...others], ["quay.io"], [virginian], 2],
  [["--account", "333333333333"], [irish, ecrPublic, ...others], [irish, "quay.io"], [], 1],
  [["--public"], [irish, ...others], [irish, "quay.io"], [virginian], 1],
  [["--tool", "podman", "--all"], [irish, ecrPublic, ...others], ["quay.io"], [virginian], 1],
  [["--expired", irish], [irish, ecrPublic, ...others], [irish, "quay.io"], [virginian], 0],
];

for (const [args, inDocker, inPodman, inHelm, said] of logouts) {
  Deno.test(`ecrin logout ${args.join(" ")} removes these logins only`, async () => {
    await using home = await fullHome();
    const before = await Promise.all([docker, podman, helm].map((path) => home.read(path)));
    const planned = await logout(home, [...args, "--dry-run"]);
    assert.equal(planned.code, 0);
    assert.equal(planned.stderr.match(/would log out of /g)?.length ?? 0, said, planned.stderr);
    assert.deepEqual(
      await Promise.all([docker, podman, helm].map((path) => home.read(path))),
      before,
    );
    const { code, stdout, stderr } = await logout(home, args);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "");
    assert.equal(stderr.match(/^ecrin: logged out of \S+ \(\w+\)$/gm)?.length ?? 0, said, stderr);
    assert.deepEqual((await hostsIn(home, docker)).sort(), inDocker.toSorted());
    assert.deepEqual((await hostsIn(home, podman)).sort(), inPodman.toSorted());
    assert.deepEqual(await hostsIn(home, helm), inHelm);
  });
}

Deno.test("what is not logged in is said, and is no failure", async () => {
  await using home = await fullHome();
  const { code, stderr } = await logout(home, ["444444444444", virginian, "--tool", "docker"]);
  assert.equal(code, 0);
  assert.match(stderr, /^ecrin: not logged in to 3333\S+ \(docker\)\n.*444444444444 \(docker\)\n$/);
  await using empty = await tempHome();
  assert.equal((await logout(empty, ["--all"])).stderr, "ecrin: not logged in to ECR\n");
  assert.equal(await empty.exists(".docker"), false, "nothing is made");
});

Deno.test("with nothing named it is refused, with what could be meant", async () => {
  await using home = await fullHome();
  const before = await home.read(docker);
  const result = await logout(home);
  assert.equal(result.code, 2);
  const [message, hint] = twoLines(result);
  for (const host of [irish, ecrPublic, virginian]) assert.ok(message.includes(host), message);
  assert.match(hint, /ecrin logout --all/);
  const both = await logout(home, ["--all", irish]);
  assert.equal(both.code, 2);
  assert.match(twoLines(both)[0], /--all/);
  assert.equal(await home.read(docker), before);
});

Deno.test("everything else in the file stays: keys, order, layout, mode, symlink", async () => {
  await using home = await tempHome();
  const entry = JSON.stringify(entryFor(60));
  const text = `{
    "zeta": {"x": [1, 2]},
    "auths": {
        "${irish}": ${entry},
        "${other}": {"auth": "${otherEntry.auth}", "unknown": true}
    },
    "alpha": null
}
`;
  const file = await home.write("dotfiles/docker.json", text, 0o640);
  await home.write(".docker/x", "");
  await Deno.symlink(file, home.at(docker));
  assert.equal((await logout(home, [irish])).code, 0);
  assert.equal(await home.read(docker), text.replace(/ {8}"2222.*\n/, ""));
  assert.ok((await Deno.lstat(home.at(docker))).isSymlink);
  if (posix) assert.equal(await modeOf(file), 0o640);
});

Deno.test("the last login leaves a file that docker takes", async () => {
  await using home = await tempHome({
    [docker]: JSON.stringify({ auths: { [irish]: entryFor(1) } }),
  });
  assert.equal((await logout(home, ["--all"])).code, 0);
  assert.deepEqual(JSON.parse(await home.read(docker)), { auths: {} });
});

Deno.test("a login under a URL or of a team goes with its registry", async () => {
  await using home = await tempHome({
    [docker]: JSON.stringify({
      auths: { [irish]: {}, [`https://${irish}/v2/`]: entryFor(1), [`${irish}/team`]: entryFor(1) },
    }),
  });
  assert.equal((await logout(home, [irish])).code, 0);
  assert.deepEqual(await hostsIn(home, docker), []);
});

Deno.test("--json lists what was removed", async () => {
  await using home = await fullHome();
  const { stdout } = await logout(home, ["--expired", "--json"]);
  const { logins, missing, errors, ...rest } = JSON.parse(stdout);
  assert.deepEqual([missing, errors, rest], [[], [], {}]);
  assert.deepEqual(
    logins.map(({ registry, store, ok, expired }: Record<string, unknown>) => [
      ...[registry, store, ok, expired],
    ]),
    [[ecrPublic, home.at(docker), true, true], [virginian, home.at(helm), true, true]],
  );
});

Deno.test("a malformed file is left as it is, and the others are changed", async () => {
  await using home = await fullHome();
  await home.write(docker, '{"auths": {]}');
  const result = await logout(home, ["--all"]);
  assert.equal(result.code, 3);
  assert.match(result.stderr, /^ecrin: error: .*malformed: .*config\.json:1:12: /m);
  assert.equal(await home.read(docker), '{"auths": {]}');
  assert.deepEqual(await hostsIn(home, podman), ["quay.io"]);
});

Deno.test(
  { name: "a credential store forgets the login, and so does the file", ignore: !posix },
  async () => {
    await using home = await tempHome({
      [docker]: JSON.stringify({ auths: { [irish]: {}, [other]: {} }, credsStore: "made" }),
    });
    const logins = { [irish]: passwordFor(60), [ecrPublic]: passwordFor(-60), [other]: "other" };
    await writeCredentialHelper(home, "made", logins);
    assert.equal((await logout(home, ["--expired"])).code, 0);
    assert.equal(await home.exists(`made/${ecrPublic}`), false);
    assert.equal(await home.exists(`made/${irish}`), true);
    assert.equal((await logout(home, ["--all"])).code, 0);
    assert.equal(await home.exists(`made/${irish}`), false);
    assert.equal(await home.read(`made/${other}`), "other");
    assert.deepEqual(JSON.parse(await home.read(docker)), {
      auths: { [other]: {} },
      credsStore: "made",
    });
  },
);

Deno.test(
  { name: "a store that cannot forget is an error, and the rest goes", ignore: !posix },
  async () => {
    await using home = await fullHome();
    const config = { auths: { [irish]: {} }, credHelpers: { [irish]: "made" } };
    await home.write(docker, JSON.stringify(config));
    await writeCredentialHelper(home, "made", { [irish]: passwordFor(60) });
    const helper = await home.read("bin/docker-credential-made");
    const broken = helper.replace("erase)", "erase) echo 'the vault is closed'; exit 1;;\nnever)");
    await home.writeProgram("bin/docker-credential-made", broken);
    const result = await logout(home, ["--all", "--json"]);
    assert.equal(result.code, 3);
    assert.match(result.stderr, /failed to erase: the vault is closed/);
    assert.doesNotMatch(result.stderr, /logged out of \S+ \(docker\)/);
    assert.deepEqual(JSON.parse(await home.read(docker)), config);
    assert.deepEqual(await hostsIn(home, podman), ["quay.io"]);
    const [first, ...more] = JSON.parse(result.stdout).logins;
    assert.deepEqual([first.ok, first.error.code], [false, "credential-store-failed"]);
    assert.ok(more.every(({ ok }: { ok: boolean }) => ok));
  },
);

Deno.test("what Amazon's helper serves is left to it", async () => {
  const text = JSON.stringify({ credHelpers: { [irish]: "ecr-login" } });
  await using home = await tempHome({ [docker]: text });
  const { code, stderr } = await logout(home, [irish]);
  assert.equal(code, 0);
  assert.match(stderr, /^ecrin: nothing to remove for 2222\S+ \(docker\): Amazon's helper /);
  assert.equal(await home.read(docker), text);
});

Deno.test("20 logouts at once beside 20 logins lose nothing of other hosts", async () => {
  const account = (index: number) => `${String(index).padStart(12, "5")}`;
  const host = (index: number) => `${account(index)}.dkr.ecr.eu-west-1.amazonaws.com`;
  const old = Array.from({ length: 20 }, (_, index) => host(index));
  await using home = await tempHome({
    [docker]: JSON.stringify({
      auths: Object.fromEntries([[other, otherEntry], ...old.map((name) => [name, entryFor(60)])]),
    }),
  });
  const login = (name: string): Promise<Deno.CommandOutput> => {
    const script = `
      import { storeLogin } from ${JSON.stringify(import.meta.resolve("./docker_config_file.ts"))};
      import { Secret } from ${JSON.stringify(import.meta.resolve("./secret.ts"))};
      const [path, host] = ${JSON.stringify([home.at(docker), name])};
      await storeLogin(path, [{ host, username: "AWS", password: new Secret("made-up") }]);
    `;
    const args = ["eval", "--no-lock", "--cached-only", "--ext=ts", script];
    const cwd = import.meta.dirname ?? ".";
    return new Deno.Command(Deno.execPath(), { args, cwd }).output();
  };
  const added = Array.from({ length: 20 }, (_, index) => host(100 + index));
  const runs = old.flatMap((name, index) => [logout(home, [name]), login(added[index] ?? "")]);
  for (const { code, stderr } of await Promise.all(runs)) {
    assert.equal(code, 0, typeof stderr === "string" ? stderr : new TextDecoder().decode(stderr));
  }
  assert.deepEqual((await hostsIn(home, docker)).sort(), [other, ...added].sort());
});

Deno.test({ name: "a login that is renewed meanwhile stays", ignore: !posix }, async () => {
  await using home = await tempHome();
  const config = (seconds: number) =>
    JSON.stringify({
      auths: { [irish]: entryFor(seconds), [ecrPublic]: entryFor(-60) },
      credHelpers: { [virginian]: "made" },
    });
  await home.write(docker, config(-60));
  await home.write("renewed.json", config(3600));
  // asked after the file was read first, and before it is locked
  await home.writeProgram(
    "bin/docker-credential-made",
    `#!/bin/sh\n/bin/cp "$HOME/renewed.json" "$HOME/${docker}"\necho "credentials not found in native keychain"\nexit 1\n`,
  );
  const { code, stderr } = await logout(home, ["--expired"]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await hostsIn(home, docker), [irish]);
  assert.match(stderr, /^ecrin: logged in anew meanwhile: 2222\S+ \(docker\)$/m);
  assert.match(stderr, /^ecrin: logged out of public\.ecr\.aws \(docker\)$/m);
});

Deno.test({
  name: "docker and podman are logged out by it",
  ignore: !requirePrograms(["docker", "podman"]),
}, async () => {
  await using home = await fullHome();
  const env = { HOME: home.path, XDG_RUNTIME_DIR: home.at("run") };
  const whoIs = async (): Promise<string> => {
    const args = ["login", "--get-login", irish];
    const { stdout } = await new Deno.Command("podman", { args, env }).output();
    return new TextDecoder().decode(stdout).trim();
  };
  assert.equal(await whoIs(), "AWS");
  assert.equal((await logout(home, [irish])).code, 0);
  assert.equal(await whoIs(), "");
  // docker changes the file as before: it is whole
  const args = ["logout", other];
  assert.equal((await new Deno.Command("docker", { args, env }).output()).code, 0);
  assert.deepEqual((await hostsIn(home, docker)).sort(), ["127.0.0.1:5000", ecrPublic]);
});
