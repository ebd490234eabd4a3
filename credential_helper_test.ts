import assert from "node:assert/strict";
import { type CredentialStore, openCredentialStore } from "./credential_helper.ts";
import { exitCodes } from "./errors.ts";
import { scrub } from "./secret.ts";
import { realSystem } from "./system.ts";
import { type TempHome, tempHome } from "./testing/cli.ts";
import { failure } from "./testing/docker_config.ts";
import { ecrPublic, irish, passwordFor, writeCredentialHelper } from "./testing/stored_logins.ts";

const posix = Deno.build.os !== "windows"; // the helpers of these tests are shell scripts

/** The store `name`, whose helper is in `bin` of the home. */
function storeIn(
  home: TempHome,
  name: string,
  { env = {}, signal = new AbortController().signal }: {
    env?: Record<string, string>;
    signal?: AbortSignal;
  } = {},
): CredentialStore {
  const system = { ...realSystem(), env: { PATH: home.at("bin"), HOME: home.path, ...env } };
  return openCredentialStore(name, { system, signal });
}

/** A test with a store whose helper is `script`. */
function withHelper(
  name: string,
  script: string,
  body: (store: CredentialStore, home: TempHome) => Promise<void>,
): void {
  Deno.test({ name, ignore: !posix }, async () => {
    await using home = await tempHome();
    await home.writeProgram(
      "bin/docker-credential-made",
      `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`,
    );
    await body(storeIn(home, "made"), home);
  });
}

Deno.test({ name: "logins are listed, got and erased", ignore: !posix }, async () => {
  await using home = await tempHome();
  const password = passwordFor(3600);
  await writeCredentialHelper(home, "made", { [irish]: password, "ghcr.io": "other" });
  const store = storeIn(home, "made");
  assert.deepEqual((await store.list()).sort(), [irish, "ghcr.io"]);
  const login = await store.get(irish);
  assert.equal(login?.username, "AWS");
  assert.equal(login.password.reveal(), password);
  assert.equal(scrub(`it is ${password}`), "it is ***");
  await store.erase(irish);
  assert.equal(await home.exists(`made/${irish}`), false);
  assert.equal(await store.get(irish), undefined);
  await store.erase(irish);
  const log = [`list unused`, `get ${irish}`, `erase ${irish}`, `get ${irish}`, `erase ${irish}`];
  assert.equal(await home.read("made.log"), log.map((line) => `${line}\n`).join(""));
});

withHelper("a helper in Go lists nothing as null", "echo null", async (store) => {
  assert.deepEqual(await store.list(), []);
});

withHelper(
  "a helper gets no secret of AWS, and the server on stdin alone",
  `env >"$HOME/env"; printf '%s\\n' "$@" >"$HOME/argv"; cat >"$HOME/stdin"; echo '{}'`,
  async (_, home) => {
    const env = {
      AWS_SECRET_ACCESS_KEY: "not-a-secret-key",
      AWS_BEARER_TOKEN_BEDROCK: "not-a-secret-key-either",
      AWS_PROFILE: "blog",
    };
    const store = storeIn(home, "made", { env });
    await failure(store.get(ecrPublic));
    assert.doesNotMatch(await home.read("env"), /not-a-secret-key/);
    assert.match(await home.read("env"), /AWS_PROFILE=blog/);
    assert.equal(await home.read("argv"), "get\n");
    assert.equal(await home.read("stdin"), ecrPublic);
    assert.equal(scrub(ecrPublic), ecrPublic, "the host is no secret");
  },
);

const failing: [name: string, script: string, code: string, message: RegExp][] = [
  [
    "an error on stdout",
    "echo 'the vault is closed'; exit 1",
    "credential-store-failed",
    /^the credential store made failed to get: the vault is closed$/,
  ],
  [
    "an error on stderr",
    "echo 'the vault is closed' >&2; exit 1",
    "credential-store-failed",
    /the vault is closed$/,
  ],
  [
    "the login and a failure",
    `echo '{"ServerURL":"x","Username":"AWS","Secret":"not-a-secret-password"}'; exit 1`,
    "credential-store-failed",
    /failed to get: exit 1$/,
  ],
  ["an exit code alone", "exit 3", "credential-store-failed", /failed to get: exit 3$/],
  ["nothing", "exit 0", "credential-store-failed", /answered get with something else$/],
  [
    "a password without JSON",
    "echo not-a-secret-password",
    "credential-store-failed",
    /answered get with something else$/,
  ],
  ["a list", "echo '[]'", "credential-store-failed", /something else$/],
  [
    "a secret that is a number",
    `echo '{"Username":"AWS","Secret":1}'`,
    "credential-store-failed",
    /something else$/,
  ],
  [
    "pass that was never set up",
    "echo 'pass not initialized: exit status 1: Error: password store is empty'; exit 1",
    "pass-not-initialized",
    /is not initialised$/,
  ],
  [
    "a locked keychain",
    "echo 'User interaction is not allowed. (-25308)'; exit 1",
    "keychain-locked",
    /keychain is locked/,
  ],
];

for (const [name, script, code, message] of failing) {
  withHelper(`a helper that answers with ${name} is an error`, script, async (store) => {
    const error = await failure(store.get(irish));
    assert.equal(error.code, code);
    assert.equal(error.exitCode, exitCodes.tool);
    assert.match(error.message, message);
    assert.doesNotMatch(`${error.message}${error.hint}`, /not-a-secret-password/);
    assert.ok(error.hint);
  });
}

for (const name of ["nothere", "../made", "", "a b"]) {
  Deno.test(`the store ${JSON.stringify(name)} is not installed`, async () => {
    await using home = await tempHome();
    await home.writeProgram("docker-credential-made", "#!/bin/sh\necho null\n");
    const error = await failure(storeIn(home, name).list());
    assert.equal(error.code, "credential-store-missing");
  });
}

Deno.test({ name: "a helper in the current folder is not run", ignore: !posix }, async () => {
  await using home = await tempHome();
  await home.writeProgram("bin/docker-credential-made", "#!/bin/sh\necho null\n");
  const env = { PATH: `:.:bin` };
  const error = await failure(storeIn(home, "made", { env }).list());
  assert.equal(error.code, "credential-store-missing");
});

withHelper(
  "a helper that never answers ends with the run",
  `: >"$HOME/begun"; exec sleep 600`,
  async (_, home) => {
    const run = new AbortController();
    const store = storeIn(home, "made", { signal: run.signal });
    const asked = store.list();
    const ended = assert.rejects(asked, { message: "stop" });
    while (!await home.exists("begun")) await new Promise((resolve) => setTimeout(resolve, 5));
    run.abort(new Error("stop"));
    await ended;
  },
);
