/**
 * Each login of a program has a folder of its own: what is in it, and that it goes away however the
 * run ends. The login ends up where the program itself would have put it.
 */

import assert from "node:assert/strict";
import { lockFile } from "./file_lock.ts";
import { requirePrograms, runCli, startCli, type TempHome, tempHome } from "./testing/cli.ts";
import { namesIn } from "./testing/docker_config.ts";
import { userEnv } from "./testing/ecrin.ts";
import { startAws } from "./testing/aws.ts";
import { assertFailed, assertLoggedIn } from "./testing/outcomes.ts";
import { login, registry } from "./testing/real_names.ts";
import {
  auths,
  encoded,
  lastPassword,
  realRegistry,
  realTools,
  record,
  stubs,
} from "./testing/tool_stages.ts";
import { hurryLocks } from "./testing/time_limits.ts";

const posix = Deno.build.os !== "windows";
const hasDockerRegistry = requirePrograms(["docker", "docker-registry", "htpasswd"]);

const ann = { auth: btoa("ann:not-a-password") };

/** The variable by which each tool gets its file, and where that is in the home folder otherwise. */
const files: [tool: string, variable: string, path: string][] = [
  ["docker", "DOCKER_CONFIG", ".docker/config.json"],
  ["nerdctl", "DOCKER_CONFIG", ".docker/config.json"],
  ["finch", "DOCKER_CONFIG", ".docker/config.json"],
  ["oras", "DOCKER_CONFIG", ".docker/config.json"],
  ["podman", "REGISTRY_AUTH_FILE", "run/containers/auth.json"],
  ["buildah", "REGISTRY_AUTH_FILE", "run/containers/auth.json"],
  ["skopeo", "REGISTRY_AUTH_FILE", "run/containers/auth.json"],
  ["helm", "HELM_REGISTRY_CONFIG", ".config/helm/registry/config.json"],
];

for (const [tool, variable, path] of files) {
  Deno.test({
    name: `${tool} gets a file without the user's logins, and what it writes is merged`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      const file = `$${variable}${variable === "DOCKER_CONFIG" ? "/config.json" : ""}`;
      const own = (password: string): string =>
        `{"auths": {"${registry()}": {"auth": "'"$(printf 'AWS:%s' "${password}" | base64 -w0)"'"}}}`;
      await using stage = await stubs({
        [tool]: `${record}
stat -L -c %a "${file}" "$(dirname "${file}")" >"$HOME/modes"
cp "${file}" "$HOME/given"
ls "$(dirname "${file}")" >"$HOME/names"
printf '%s' '${own('$(cat "$HOME/stdin")')}' >"${file}"`,
      });
      const { aws, home, run } = stage;
      const settings = { credHelpers: { "gcr.io": "gcloud" }, currentContext: "far", proxies: {} };
      const before = { unknownToAll: 1, auths: { "quay.io": ann }, ...settings };
      await home.write(path, JSON.stringify(before, null, 3));
      await home.write(".docker/contexts/meta/x/meta.json", "{}");
      await home.write(".docker/config.json12345", "docker's own, for a moment");
      const env = { XDG_RUNTIME_DIR: home.at("run"), TMPDIR: home.at("tmp") };
      await Deno.mkdir(env.TMPDIR);
      assertLoggedIn(await run([...login, "--tool", tool], env), [registry(), tool]);
      const given = JSON.parse(await home.read("given"));
      assert.deepEqual(given, { unknownToAll: 1, ...settings, auths: {} });
      assert.equal(await home.read("modes"), "600\n700\n");
      const names = (await home.read("names")).trim().split("\n");
      const linked = variable === "DOCKER_CONFIG" ? ["contexts"] : [];
      assert.deepEqual(names.sort(), ["config.json", ...linked]);
      const argv = (await home.read("argv")).trim().split("\n").slice(1);
      const words = ["login", "--username", "AWS", "--password-stdin", registry()];
      assert.deepEqual(argv, tool === "helm" ? ["registry", ...words] : words);
      const password = lastPassword(aws);
      assert.equal(await home.read("stdin"), password);
      assert(!(await home.read("env")).includes(password));
      const merged = { ...before, auths: { ...before.auths, [registry()]: encoded(password) } };
      assert.equal(await home.read(path), JSON.stringify(merged, null, 3));
      assert.deepEqual(await namesIn(env.TMPDIR), []);
      const meta = await home.read(".docker/contexts/meta/x/meta.json");
      assert.equal(meta, "{}", "what was linked is not removed");
    },
  });
}

Deno.test({
  name:
    "without a folder for temporary files it is beside the tool's own, and links nothing of ecrin's",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using stage = await stubs({
      docker: `cat >/dev/null; printf '%s\\n' "$DOCKER_CONFIG" >>"$HOME/folders"
ls "$DOCKER_CONFIG" -A >>"$HOME/names"`,
    });
    const { home, run } = stage;
    await home.write(".docker/contexts/x", "");
    // of another process, which is not there any more
    await home.write(".docker/.ecrin-login-left/config.json", "{}");
    const accounts = "222222222222,333333333333,444444444444";
    const args = ["--account", accounts, "--region", "eu-west-1", "--tool", "docker"];
    const { code, stderr } = await run(args, { TMPDIR: home.at("nowhere") });
    assert.equal(code, 0, stderr);
    const folders = (await home.read("folders")).trim().split("\n");
    assert.equal(new Set(folders).size, 3);
    for (const folder of folders) assert(folder.startsWith(home.at(".docker/.ecrin-login-")));
    const names = (await home.read("names")).trim().split("\n");
    assert.deepEqual([...new Set(names)].sort(), ["config.json", "contexts"]);
    assert.deepEqual(await namesIn(home.at(".docker")), ["contexts"]);
  },
});

/** Programs in docker's place that do not come to an end, and how the run ends. */
const endings = ["SIGINT", "SIGTERM", "--timeout", "SIGKILL"] as const;

for (const ending of endings) {
  Deno.test({
    name: `the folder goes away after ${ending}`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      await using aws = await startAws();
      await using home = await tempHome();
      const sleeping = 'printf "%s\\n" "$DOCKER_CONFIG" >"$HOME/folder"; exec sleep 600';
      await home.writeProgram("bin/docker", `#!/bin/sh\necho $$ >"$HOME/pid"; ${sleeping}\n`);
      const env = { ...userEnv(aws), PATH: `${home.at("bin")}:/usr/bin:/bin` };
      const folder = await endedBy(ending, home, env);
      const left = async () => (await namesIn(home.at("tmp"))).length;
      if (ending === "SIGKILL") {
        assert.equal(await left(), 1);
        // its docker lives on and holds nothing up
        await home.writeProgram("bin/docker", "#!/bin/sh\n");
        await using cli = await startCli(["--region", "eu-west-1"], {
          ...{ stdin: "", home: home.path, env: { ...env, TMPDIR: home.at("tmp") } },
        });
        assert.equal((await cli.result()).code, 0);
        Deno.kill(Number(await home.read("pid")), "SIGKILL");
      }
      assert.equal(await left(), 0, folder);
    },
  });
}

async function endedBy(
  ending: typeof endings[number],
  home: TempHome,
  env: Record<string, string>,
): Promise<string> {
  await Deno.mkdir(home.at("tmp"));
  const limit = ending === "--timeout" ? ["--timeout", "2s"] : [];
  await using cli = await startCli(["--region", "eu-west-1", ...limit], {
    ...{ stdin: "", home: home.path, env: { ...env, TMPDIR: home.at("tmp") } },
  });
  const read = () => home.read("folder").catch(() => "");
  if (ending !== "--timeout") {
    await cli.until(async () => (await read()).endsWith("\n"));
    cli.kill(ending);
  }
  assert.notEqual((await cli.result()).code, 0);
  return await read();
}

/** A credential helper that keeps what it is told in the home folder, and bears no second at a time. */
const store = `#!/bin/sh
PATH=/usr/bin:/bin
case "$1" in
  store)
    mkdir "$HOME/busy" || { echo "already exists in the keychain. (-25299)"; exit 1; }
    cat >>"$HOME/stored"; echo >>"$HOME/stored"; sleep 0.05; rmdir "$HOME/busy" ;;
  *) cat >/dev/null; echo "credentials not found in native keychain"; exit 1 ;;
esac
`;

/** Config files, and whether the helper \`pass\` is installed as well. */
const configs: Record<string, { config?: string; pass?: true }> = {
  "none": {},
  "none, with a store installed": { pass: true },
  "no login, with a store installed": { config: '{"HttpHeaders": {"A": "b"}}', pass: true },
  "logins, with a store installed": {
    config: JSON.stringify({ auths: { "quay.io": ann } }),
    pass: true,
  },
  "credsStore": { config: JSON.stringify({ auths: { "quay.io": {} }, credsStore: "test" }) },
  "credHelpers": { config: '{"credHelpers": {"HOST": "test"}}' },
  "credHelpers with the file for the host": {
    config: '{"credHelpers": {"HOST": ""}, "credsStore": "test"}',
  },
  "credHelpers for another host": { config: '{"credHelpers": {"gcr.io": "test"}}', pass: true },
};

for (const [name, { config, pass }] of Object.entries(configs)) {
  Deno.test({
    name: `the login ends up where docker login itself puts it: ${name}`,
    ignore: !hasDockerRegistry || !posix,
    fn: async () => {
      await using stage = await realRegistry();
      const { home, run, registry: real, env } = stage;
      const password = "not-a-secret-password";
      await home.writeProgram("bin/docker-credential-test", store);
      if (pass) {
        await home.writeProgram("bin/pass", "#!/bin/sh\n");
        await home.writeProgram("bin/docker-credential-pass", store);
      }
      const path = { PATH: `${home.at("bin")}:${Deno.env.get("PATH")}` };
      const results: unknown[] = [];
      for (const folder of ["plain", "ours"]) {
        if (config) await home.write(`${folder}/config.json`, config.replace("HOST", real.host));
        const more = { ...path, DOCKER_CONFIG: home.at(folder) };
        if (folder === "ours") {
          assertLoggedIn(await run([...login, "--tool", "docker"], more), [real.host, "docker"]);
        } else {
          const { code } = await plainLogin(real.host, password, {
            ...env,
            HOME: home.path,
            ...more,
          });
          assert.equal(code, 0);
        }
        const stored = await home.read("stored").catch(() => "");
        await Deno.remove(home.at("stored")).catch(() => {});
        results.push({ config: JSON.parse(await home.read(`${folder}/config.json`)), stored });
      }
      assert.deepEqual(results[1], results[0]);
    },
  });
}

Deno.test({
  name: "a store that bears no two logins at once gets them one by one, also from two runs",
  ignore: !requirePrograms(["docker", "openssl"]),
  fn: async () => {
    await using stage = await realTools();
    const { home, run } = stage;
    await home.write(".docker/config.json", '{"credsStore": "test"}');
    await home.writeProgram("bin/docker-credential-test", store);
    const more = {
      PATH: `${home.at("bin")}:${Deno.env.get("PATH")}`,
      XDG_RUNTIME_DIR: home.at("run"),
    };
    // left by a process that died
    await home.write("run/.ecrin-store-test.lock", "");
    const regions = "us-east-1,us-west-2,eu-west-1,eu-central-1";
    const args = ["--account", "222222222222", "--region", regions, "--tool", "docker"];
    for (const { code, stderr } of await Promise.all([run(args, more), run(args, more)])) {
      assert.equal(code, 0, stderr);
    }
    const lines = (await home.read("stored")).split("\n").filter((line) => line !== "");
    const stored = lines.map((line) => JSON.parse(line));
    const hosts = stored.map(({ ServerURL }) => ServerURL).sort();
    const entries = await auths(home) as Record<string, unknown>;
    const expected = Object.keys(entries).flatMap((host) => [host, host]).sort();
    assert.equal(expected.length, 8);
    assert.deepEqual(hosts, expected);
    assert.deepEqual(Object.values(entries), [{}, {}, {}, {}]);
    assert.deepEqual(await namesIn(more.XDG_RUNTIME_DIR), []);
  },
});

Deno.test({
  name: "a store that another process keeps locked is given up on, and said",
  ignore: !posix,
  fn: async () => {
    await using stage = await stubs({ docker: "exit 0" });
    const { env, home } = stage;
    await home.write(".docker/config.json", '{"credsStore": "test"}');
    await home.write("run/README", "");
    const { denoArgs } = await hurryLocks(home);
    await using _lock = await lockFile(home.at("run/.ecrin-store-test.lock"), { timeoutMs: 1000 });
    const result = await runCli([...login, "--tool", "docker"], {
      ...{ home: home.path, denoArgs, env: { ...env, XDG_RUNTIME_DIR: home.at("run") } },
    });
    assertFailed(
      result,
      3,
      /another ecrin process .* credential store test for a minute\n.*end it/,
    );
  },
});

async function plainLogin(
  host: string,
  password: string,
  env: Record<string, string>,
): Promise<Deno.CommandStatus> {
  const child = new Deno.Command("docker", {
    args: ["login", "--username", "AWS", "--password-stdin", host],
    ...{ clearEnv: true, env, stdin: "piped", stdout: "null", stderr: "null" },
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(password));
  await input.close();
  return await child.status;
}

for (const tool of ["buildah", "skopeo"]) {
  Deno.test({
    name: `${tool} is logged in, in podman's file`,
    ignore: !requirePrograms([tool]),
    fn: async () => {
      await using aws = await startAws();
      const { host } = aws.registry;
      await using home = await tempHome({
        ".config/containers/registries.conf":
          `[[registry]]\nlocation = "${host}"\ninsecure = true\n`,
        "auth.json": JSON.stringify({ auths: { "quay.io": ann } }),
      });
      const env = { ...userEnv(aws), REGISTRY_AUTH_FILE: home.at("auth.json") };
      await using cli = await startCli(["--region", "eu-west-1", "--tool", tool], {
        ...{ stdin: "", home: home.path, env },
      });
      assertLoggedIn(await cli.result(), [host, tool]);
      const entries = { "quay.io": ann, [host]: encoded(lastPassword(aws)) };
      assert.deepEqual(await auths(home, "auth.json"), entries);
      const { stdout } = await new Deno.Command(tool, {
        args: ["login", "--get-login", host],
        ...{ clearEnv: true, env: { ...env, HOME: home.path, PATH: Deno.env.get("PATH") ?? "" } },
      }).output();
      assert.equal(new TextDecoder().decode(stdout), "AWS\n");
    },
  });
}
