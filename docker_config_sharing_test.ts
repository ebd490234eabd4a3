/**
 * Docker's config.json as one of several programs' files: credential stores, others that write it
 * meanwhile, and the tools that read it.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { mergeLogins } from "./docker_config.ts";
import { storeLogin } from "./docker_config_file.ts";
import { exitCodes } from "./errors.ts";
import { lockFolder } from "./file_lock.ts";
import { Secret } from "./secret.ts";
import { requirePrograms } from "./testing/programs.ts";
import {
  auth,
  failure,
  host,
  login,
  namesIn,
  other,
  otherAuth,
  withFolder,
} from "./testing/docker_config.ts";

// credential stores

Deno.test("a login that belongs in a store is not written into the file", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "config.json");
    await Deno.writeTextFile(path, '{"credsStore":"pass"}');
    const error = await failure(storeLogin(path, [login]));
    assert.equal(error.code, "credential-store-configured");
    assert.equal(error.exitCode, exitCodes.tool);
    assert.match(error.message, /credential store "pass"/);
    assert.equal(error.hint, "use --tool docker, or remove credsStore from that file");
    assert.equal(await Deno.readTextFile(path), '{"credsStore":"pass"}');
  });
});

Deno.test("with Amazon's helper nothing needs logging in", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "config.json");
    const text = `{"credHelpers":{"${host}":"ecr-login"}}`;
    await Deno.writeTextFile(path, text);
    const storeWith = (): Promise<void> => assert.fail("nothing is stored");
    const logins = [{ ...login, host: other }, login];
    const error = await failure(storeLogin(path, logins, { storeWith }));
    assert.equal(error.code, "ecr-login-configured");
    assert.match(error.hint ?? "", /^nothing needs logging in there/);
    assert.equal(await Deno.readTextFile(path), text);
  });
});

Deno.test("a login goes to the store of its host, and the file notes that", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "config.json");
    await Deno.writeTextFile(path, `{"credsStore":"pass","credHelpers":{"${other}":""}}`);
    const stored: string[][] = [];
    await storeLogin(path, [login, { ...login, host: other }], {
      storeWith: (helper, { host, password }) => {
        stored.push([helper, host, password.reveal()]);
        return Promise.resolve();
      },
    });
    assert.deepEqual(stored, [["pass", host, "made:up"]]);
    const { auths } = JSON.parse(await Deno.readTextFile(path));
    assert.deepEqual(auths, { [host]: {}, [other]: { auth } });
  });
});

// others at work on the same file

Deno.test("what a program without a lock writes meanwhile stays", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "config.json");
    await Deno.writeTextFile(path, `{"credHelpers":{"${host}":"pass"}}`);
    let stored = 0;
    await storeLogin(path, [login, { ...login, host: "mine.example" }], {
      storeWith: async () => { // between the reading and the writing
        stored++;
        const text = await Deno.readTextFile(path);
        const theirs = { host: other, username: "ann", password: new Secret("other") };
        await Deno.writeTextFile(path, await mergeLogins(text, [theirs], path));
      },
    });
    assert.equal(stored, 1);
    const { auths } = JSON.parse(await Deno.readTextFile(path));
    assert.deepEqual(auths, {
      [other]: { auth: otherAuth },
      [host]: {},
      "mine.example": { auth },
    });
  });
});

Deno.test("a lock that stays taken is an error with a hint", async () => {
  await withFolder(async (folder) => {
    await using _lock = await lockFolder(folder, { timeoutMs: 1000 });
    const path = join(folder, "config.json");
    const error = await failure(storeLogin(path, [login], { lockTimeoutMs: 30 }));
    assert.equal(error.code, "docker-config-locked");
    assert.equal(error.exitCode, exitCodes.tool);
    assert.ok(error.hint);
    const signal = AbortSignal.abort(new Error("stop"));
    await assert.rejects(storeLogin(path, [login], { signal }), { message: "stop" });
    assert.deepEqual(await namesIn(folder), []);
  });
});

Deno.test("20 processes at once all keep their logins", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, ".docker/config.json");
    const children = Array.from({ length: 20 }, (_, index) => storingProcess(path, `h${index}`));
    const results = await Promise.all(children.map((child) => child.output()));
    for (const { code, stderr } of results) {
      assert.equal(code, 0, new TextDecoder().decode(stderr));
    }
    const { auths } = JSON.parse(await Deno.readTextFile(path));
    assert.equal(Object.keys(auths).length, 20);
    assert.deepEqual(await namesIn(join(folder, ".docker")), ["config.json"]);
  });
});

Deno.test("a process killed at any moment leaves a whole file and no lock", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "config.json");
    await storeLogin(path, [{ host: other, username: "ann", password: new Secret("other") }]);
    let written = 0;
    for (let round = 0; round < 25; round++) {
      const before = await Deno.readTextFile(path);
      const child = storingProcess(path, "h", { forever: true });
      const reader = child.stdout.getReader();
      await reader.read(); // it has begun
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
      child.kill("SIGKILL");
      await reader.cancel();
      await child.stderr.cancel();
      await child.status;
      const text = await Deno.readTextFile(path);
      if (text !== before) written++;
      assert.deepEqual(JSON.parse(text).auths[other], { auth: otherAuth });
    }
    assert.ok(written > 0, "no process had the time to write");
    await storeLogin(path, [login], { lockTimeoutMs: 1000 });
    assert.deepEqual(await namesIn(folder), ["config.json"], "leftovers are gone");
  });
});

// the real tools

Deno.test({ name: "docker reads the file", ignore: !requirePrograms(["docker"]) }, async () => {
  await withFolder(async (folder) => {
    await storeLogin(join(folder, "config.json"), [{ ...login, username: "its-me" }]);
    // with no daemon to ask, it stops after it has said which login it would use
    const { stdout, stderr } = await new Deno.Command("docker", {
      args: ["--config", folder, "--host", `unix://${folder}/no.sock`, "login", host],
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    const shown = text.decode(stdout) + text.decode(stderr);
    // docker 20 does not say whose
    assert.match(shown, /existing credentials(?:.*its-me|\.\.\.\n)/);
    assert.doesNotMatch(shown, /WARNING/);
  });
});

Deno.test({ name: "podman reads the file", ignore: !requirePrograms(["podman"]) }, async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "auth.json");
    await storeLogin(path, [{ ...login, username: "its-me" }]);
    const { stdout, stderr } = await new Deno.Command("podman", {
      args: ["login", "--get-login", host],
      env: { REGISTRY_AUTH_FILE: path },
      stdin: "null",
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "its-me\n", new TextDecoder().decode(stderr));
  });
});

/** A process of its own that stores a login for `host`, once or again and again. */
function storingProcess(
  path: string,
  host: string,
  { forever = false }: { forever?: boolean } = {},
): Deno.ChildProcess {
  const script = `
    import { storeLogin } from ${JSON.stringify(import.meta.resolve("./docker_config_file.ts"))};
    import { Secret } from ${JSON.stringify(import.meta.resolve("./secret.ts"))};
    const [path, host, forever] = ${JSON.stringify([path, host, forever])};
    do {
      const password = new Secret("made-up-" + Math.random());
      await storeLogin(path, [{ host, username: "AWS", password }]);
      console.log("stored");
    } while (forever);
  `;
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", "--cached-only", "--ext=ts", script],
    cwd: import.meta.dirname ?? ".",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
