/**
 * A real credential store, pass with a key of gpg: docker logs in, ecrin tells and logs out.
 *
 * @module
 */

import assert from "node:assert/strict";
import { runCli, tempHome } from "./testing/cli.ts";
import { requirePrograms } from "./testing/programs.ts";
import { ecrPublic, irish, other, passwordFor } from "./testing/stored_logins.ts";

/**
 * The folder of pass and docker-credential-pass where they are not on PATH: where they are, docker
 * takes them for its store without being told, also in the other tests.
 */
const folder = Deno.env.get("ECRIN_TEST_PASS") ?? "";
const PATH = `${folder}:${Deno.env.get("PATH")}`;

Deno.test({
  name: "logins in pass are shown and removed, and other people's stay",
  ignore: !requirePrograms(["docker-credential-pass", "pass", "gpg", "gpgconf"], PATH),
}, async () => {
  await using home = await tempHome({
    ".docker/config.json": JSON.stringify({ auths: { [irish]: {} }, credsStore: "pass" }),
    ".gnupg/gpg-agent.conf": "allow-loopback-pinentry\n",
  });
  const env = { HOME: home.path, XDG_RUNTIME_DIR: home.path, PATH, TMPDIR: "/tmp" };
  const run = async (program: string, args: string[], input = ""): Promise<string> => {
    const options = { args, env, clearEnv: true } as const;
    const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    const child = new Deno.Command(program, { ...options, ...piped }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const text = new TextDecoder();
    assert.equal(code, 0, `${program}: ${text.decode(stdout)}${text.decode(stderr)}`);
    return text.decode(stdout);
  };
  await Deno.chmod(home.at(".gnupg"), 0o700);
  try {
    const noPassphrase = ["--batch", "--pinentry-mode", "loopback", "--passphrase", ""];
    await run("gpg", [...noPassphrase, "--quick-generate-key", "ann@example.com", "default"]);
    await run("pass", ["init", "ann@example.com"]);
    const store = (ServerURL: string, Secret: string) =>
      run(
        "docker-credential-pass",
        ["store"],
        JSON.stringify({ ServerURL, Username: "AWS", Secret }),
      );
    await store(irish, passwordFor(3600));
    await store(ecrPublic, passwordFor(-60));
    await store(other, "not-a-password");

    const status = await runCli(["status", "--json"], { home: home.path, env });
    assert.equal(status.code, 0, status.stderr);
    const { logins } = JSON.parse(status.stdout);
    const shown = logins.map(({ registry, helper, expired }: Record<string, unknown>) => [
      ...[registry, helper, expired],
    ]);
    assert.deepEqual(shown, [[irish, "pass", false], [ecrPublic, "pass", true]]);

    const logout = await runCli(["logout", "--all"], { home: home.path, env });
    assert.equal(logout.code, 0, logout.stderr);
    assert.deepEqual(Object.keys(JSON.parse(await run("docker-credential-pass", ["list"]))), [
      other,
    ]);
    assert.deepEqual(JSON.parse(await home.read(".docker/config.json")), {
      auths: {},
      credsStore: "pass",
    });
  } finally {
    await run("gpgconf", ["--kill", "gpg-agent"]);
  }
});
