/**
 * Docker's config.json while many write it: ecrin's runs side by side, plain `docker login`s beside
 * them, and runs that are killed.
 */

import assert from "node:assert/strict";
import { lockFolder } from "./file_lock.ts";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { requirePrograms, runCli, startCli, type TempHome, tempHome } from "./testing/cli.ts";
import { namesIn } from "./testing/docker_config.ts";
import { userEnv } from "./testing/ecrin.ts";
import { startRegistries } from "./testing/registries.ts";
import { hurryLocks } from "./testing/time_limits.ts";
import { encoded } from "./testing/tool_stages.ts";

const hasDocker = requirePrograms(["docker"]);
const path = ".docker/config.json";
const args = ["--region", "eu-west-1", "--tool"];

/** What was in the file before, of which nothing may be lost. */
const before = {
  auths: { "quay.io": { auth: btoa("ann:not-a-password") } },
  HttpHeaders: { "X-Meta": "kept" },
  unknownToDocker: [1, 2],
};

/** As many AWS as there are runs, each with a registry of its own. */
async function startMany(count: number, made: AsyncDisposableStack): Promise<FakeAws[]> {
  const started = Array.from({ length: count }, async () => made.use(await startAws()));
  return await Promise.all(started);
}

/** Runs that log in to one registry each, all at once. */
async function runAll(many: readonly FakeAws[], home: TempHome, tool: string): Promise<void> {
  const env = { TMPDIR: home.path };
  const runs = many.map((aws) =>
    runCli([...args, tool], {
      home: home.path,
      env: { ...userEnv(aws), ...env },
      yielding: true,
    })
  );
  for (const { code, stderr } of await Promise.all(runs)) assert.equal(code, 0, stderr);
}

/** The entries of the registries of these AWS, as their logins make them. */
function entriesOf(many: readonly FakeAws[]): Record<string, unknown> {
  return Object.fromEntries(many.map(({ registry, passwords }) => {
    const [issued] = passwords.all();
    return [registry.host, encoded(issued?.password ?? "none was given out")];
  }));
}

Deno.test({
  name: "40 runs at once with docker keep 40 entries and what was there",
  ignore: !hasDocker,
  fn: async () => {
    await using made = new AsyncDisposableStack();
    const home = made.use(await tempHome({ [path]: JSON.stringify(before, null, "\t") }));
    const many = await startMany(40, made);
    await runAll(many, home, "docker");
    const after = JSON.parse(await home.read(path));
    assert.deepEqual(after, { ...before, auths: { ...before.auths, ...entriesOf(many) } });
    assert.deepEqual(await namesIn(home.at(".docker")), ["config.json"]);
    assert.deepEqual((await namesIn(home.path)).filter((name) => name.includes("ecrin")), []);
  },
});

Deno.test({
  name: "20 runs beside 40 plain docker logins, which take no lock, all keep their entries",
  ignore: !hasDocker,
  fn: async () => {
    await using made = new AsyncDisposableStack();
    const home = made.use(await tempHome());
    const [many, others] = [await startMany(20, made), made.use(startRegistries(40))];
    const plainLogins = async (): Promise<void> => {
      for (const host of others.hosts) await plainLogin(host, home);
    };
    await Promise.all([runAll(many, home, "docker"), plainLogins()]);
    const { auths } = JSON.parse(await home.read(path));
    const entries = Object.entries(entriesOf(many));
    assert.deepEqual(entries.map(([host]) => host).filter((host) => !(host in auths)), []);
    for (const [host, entry] of entries) assert.deepEqual(auths[host], entry);
  },
});

async function plainLogin(host: string, home: TempHome): Promise<void> {
  const child = new Deno.Command("docker", {
    args: ["login", "--username", "ann", "--password-stdin", host],
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", HOME: home.path },
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode("not-a-password"));
  await input.close();
  const { code, stderr } = await child.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

Deno.test({
  name: "200 runs killed at any moment leave a whole file, with all that was in it",
  ignore: !hasDocker,
  fn: async () => {
    await using aws = await startAws();
    await using home = await tempHome({ [path]: JSON.stringify(before, null, "\t") });
    await Deno.mkdir(home.at("tmp"));
    const options = {
      stdin: "",
      home: home.path,
      env: { ...userEnv(aws), TMPDIR: home.at("tmp") },
    };
    const tools = ["docker", "file"];
    let { milliseconds } = await runCli([...args, "docker"], options);
    let written = 0;
    let left = 200;
    const worker = async (): Promise<void> => {
      while (left-- > 0) {
        await using cli = await startCli([...args, tools[left % 2] ?? ""], options);
        const moment = (0.2 + 1.3 * Math.random()) * milliseconds;
        const timer = setTimeout(() => cli.kill("SIGKILL"), moment);
        const { code, signal, stderr } = await cli.result();
        clearTimeout(timer);
        assert.ok(signal === "SIGKILL" || code === 0, stderr);
        if (signal === null) written++;
        // however busy the machine is, about a third come to their end
        milliseconds *= signal === null ? 0.9 : 1.05;
        const { auths, ...rest } = JSON.parse(await home.read(path));
        assert.deepEqual({ auths: { "quay.io": auths["quay.io"] }, ...rest }, before);
        assert.ok(aws.registry.host in auths);
      }
    };
    await Promise.all([worker(), worker(), worker()]);
    assert.ok(written > 0 && written < 200, `${written} runs came to their end`);
    // locks of the dead are no obstacle, and what they left behind goes with the next run
    const { code, stderr } = await runCli([...args, "docker"], options);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await namesIn(home.at(".docker")), ["config.json"]);
    assert.deepEqual(await namesIn(home.at("tmp")), []);
  },
});

for (const tool of ["docker", "file"]) {
  Deno.test({
    name: `a run with ${tool} gives up on a file that another process keeps locked`,
    ignore: tool === "docker" && !hasDocker,
    fn: async () => {
      await using aws = await startAws();
      const text = JSON.stringify(before);
      await using home = await tempHome({ [path]: text });
      const hurry = await hurryLocks(home);
      await using _lock = await lockFolder(home.at(".docker"), { timeoutMs: 1000 });
      const { code, stderr } = await runCli([...args, tool], {
        ...{ home: home.path, env: userEnv(aws), denoArgs: hurry.denoArgs },
      });
      assert.equal(code, 3, stderr);
      assert.match(stderr, /cannot change \S+config\.json: another ecrin process keeps its folder/);
      assert.equal(await home.read(path), text);
    },
  });
}
