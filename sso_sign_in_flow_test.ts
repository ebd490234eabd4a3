/**
 * Logins that meet a session nobody is signed in to: where a person can be asked, they sign in, and
 * the login goes on. The real CLI on a real terminal, against an AWS on loopback.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { ecrinCommand, requirePrograms, runCli, type RunningCli } from "./testing/cli.ts";
import { type OnTerminal, onTerminal, startOnTerminal } from "./testing/on_terminal.ts";
import { inMinutes, sessionFile, type SessionHome, sessionHome } from "./testing/sso_home.ts";
import { openPage, shownCode } from "./testing/sso_person.ts";

const login = ["--account", "222222222222", "--region", "eu-west-1", "--tool", "file"]
  .concat("--profile", "blog", "--no-color", "--no-cache");
const hint = "ecrin: hint: run: ecrin sso login --profile blog";

/** Starts a login on a terminal, where there is no way to open a browser. */
function start(
  aws: FakeAws,
  home: SessionHome,
  { args = [], env = {}, ...options }: OnTerminal & { args?: string[] } = {},
): Promise<RunningCli> {
  return startOnTerminal([...login, ...args], {
    ...options,
    home: home.path,
    env: { ...aws.env(), USER: "ann", ...env },
  });
}

/** The lines that stay on the screen: progress comes and goes. */
function lines(output: string): string[] {
  // deno-lint-ignore no-control-regex
  return output.replace(/ecrin: [^\r\n]* …|\r\x1b\[2K/g, "").replaceAll("\r\n", "\n").trimEnd()
    .split("\n");
}

/** A home whose session has run out, with nothing to refresh it. */
function expiredHome(aws: FakeAws): Promise<SessionHome> {
  return sessionHome(aws, { refreshToken: "" });
}

/** A home whose token looks valid and is refused, with nothing to refresh it. */
async function refusedHome(aws: FakeAws): Promise<SessionHome> {
  const home = await sessionHome(aws, { expiresAt: inMinutes(55), refreshToken: "" });
  aws.sso.revoke(home.token.accessToken);
  return home;
}

const problems: [problem: string, home: (aws: FakeAws) => Promise<SessionHome>][] = [
  [`the SSO session of profile "blog" has expired`, expiredHome],
  [`the SSO session of profile "blog" has expired`, async (aws) => {
    const home = await sessionHome(aws);
    aws.sso.revoke(home.token.accessToken); // and with it its refresh token
    return home;
  }],
  [`the SSO session of profile "blog" is not signed in`, async (aws) => {
    const home = await sessionHome(aws);
    await Deno.remove(home.at(".aws/sso"), { recursive: true });
    return home;
  }],
  [`AWS refused the SSO session of profile "blog"`, refusedHome],
];

for (const [index, [problem, makeHome]] of problems.entries()) {
  Deno.test({
    name: `a person signs in and the login goes on, in one run, when ${problem} (${index + 1})`,
    ...onTerminal,
    fn: async () => {
      await using aws = await startAws();
      await using home = await makeHome(aws);
      await using cli = await start(aws, home);
      await openPage(cli, "stdout");
      const { code, stdout } = await cli.result();
      assert.equal(code, 0, stdout);
      const [first, second, , fourth, last, ...others] = lines(stdout);
      assert.equal(first, `ecrin: ${problem}: signing in`);
      assert.equal(second, "ecrin: to sign in to corp, open this page, on any machine:");
      assert.match(fourth ?? "", /^ecrin: and check that it shows this code: /);
      assert.match(last ?? "", /^ecrin: logged in to .* \(file, until .*\)$/);
      assert.deepEqual(others, []);
      assert(!stdout.includes("not-a-"));
      assert(aws.sso.tokens.has((await home.readToken()).accessToken));
    },
  });
}

Deno.test({
  name: "a token that is refused fresh from the sign-in is not signed in to again",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    await using home = await refusedHome(aws);
    aws.fault({ kind: "expired", service: "sso" });
    await using cli = await start(aws, home);
    await openPage(cli, "stdout");
    const { code, stdout } = await cli.result();
    assert.equal(code, 4, stdout);
    assert.deepEqual(lines(stdout).slice(-2), [
      `ecrin: error: AWS refused the SSO session of profile "blog"`,
      hint,
    ]);
    assert.equal(aws.requestsOf("sso-oidc", "StartDeviceAuthorization").length, 1);
    assert.equal(aws.requestsOf("sso", "GetRoleCredentials").length, 2);
  },
});

Deno.test({
  name: "whoever denies is asked once for all accounts, and all logins say so",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    aws.sso.deny = true;
    await using home = await expiredHome(aws);
    await using cli = await start(aws, home, { args: ["--region", "eu-west-2,eu-west-3"] });
    await openPage(cli, "stdout");
    const { code, stdout } = await cli.result();
    assert.equal(code, 4, stdout);
    assert.equal(stdout.match(/was denied in the browser/g)?.length, 1);
    assert.equal(stdout.match(/for the same reason/g)?.length, 2);
    assert.equal(aws.requestsOf("sso-oidc", "StartDeviceAuthorization").length, 1);
  },
});

Deno.test({
  name: "a sign-in and an MFA code are asked for one after the other, once for all accounts",
  ...onTerminal,
  fn: async () => {
    const serial = "arn:aws:iam::111111111111:mfa/ann";
    await using aws = await startAws({ mfa: { [serial]: ["123456"] } });
    await using home = await expiredHome(aws);
    const role = `role_arn = arn:aws:iam::222222222222:role/admin\nmfa_serial = ${serial}\n`;
    const config = await home.read(".aws/config");
    await home.write(".aws/config", `${config}[profile admin]\nsource_profile = blog\n${role}`);
    const args = ["--profile", "admin", "--region", "eu-west-2,eu-west-3", "--verbose"];
    await using cli = await start(aws, home, { args });
    await openPage(cli, "stdout");
    const question = `ecrin: MFA code of ${serial} for profile "admin": `;
    const before = lines(await cli.waitFor("stdout", question));
    assert.match(before.at(-2) ?? "", /^ecrin: identity: the SSO session of profile "blog" /);
    assert.equal(before.at(-1), question.trim());
    await cli.write("123456\n");
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, stdout);
    const all = lines(stdout);
    assert.equal(all.filter((line) => line.includes("this code: ")).length, 1);
    assert.deepEqual(all.filter((line) => line.includes("MFA code of")), [`${question}123456`]);
    assert.equal(all.filter((line) => line.startsWith("ecrin: logged in to ")).length, 3);
  },
});

Deno.test({
  name: "--timeout is not for people: its clock stands still while they sign in",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws({ sso: { interval: 2 } });
    await using home = await expiredHome(aws);
    await using cli = await start(aws, home, { args: ["--timeout", "1s"] });
    await openPage(cli, "stdout");
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, stdout);
  },
});

Deno.test({
  name: "the page and the code reach a person whose stdin, stdout and stderr are elsewhere",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    await using home = await expiredHome(aws);
    const shell = `: | ECRIN >"$HOME/stdout" 2>"$HOME/stderr"`;
    await using cli = await start(aws, home, { shell, args: ["--quiet"] });
    await openPage(cli, "stdout");
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, stdout);
    assert.equal(await home.read("stdout"), "");
    assert.match(await home.read("stderr"), /this code: /);
  },
});

// where nobody can be asked

const alone: [name: string, options: { args?: string[]; env?: Record<string, string> }][] = [
  ["in CI", { env: { CI: "true" } }],
  ["with --no-input", { args: ["--no-input"] }],
];

for (const [name, options] of alone) {
  Deno.test({
    name: `${name} a login ends with the command that signs in, on a terminal too`,
    ...onTerminal,
    fn: async () => {
      await using aws = await startAws();
      for (const makeHome of [expiredHome, refusedHome]) {
        await using home = await makeHome(aws);
        const before = await home.read(sessionFile);
        await using cli = await start(aws, home, options);
        const { code, stdout } = await cli.result();
        assert.equal(code, 4, stdout);
        assert.equal(lines(stdout).at(-1), hint);
        assert.equal(await home.read(sessionFile), before);
      }
    },
  });
}

Deno.test({
  name: "without a terminal a login ends with the command that signs in",
  ignore: Deno.build.os === "windows" || !requirePrograms(["setsid"]),
  fn: async () => {
    await using aws = await startAws();
    await using home = await expiredHome(aws);
    const before = await home.read(sessionFile);
    const program = await home.write(
      "daemon.ts",
      `const [program, ...args] = Deno.args;
const child = new Deno.Command("setsid", { args: ["--wait", program, ...args] }).spawn();
Deno.exit((await child.status).code);
`,
    );
    const { code, stderr } = await runCli([...ecrinCommand(), ...login], {
      script: program,
      home: home.path,
      env: { ...aws.env(), USER: "ann" },
    });
    assert.equal(code, 4, stderr);
    assert.deepEqual(lines(stderr), [
      `ecrin: error: the SSO session of profile "blog" has expired`,
      hint,
    ]);
    assert.equal(await home.read(sessionFile), before);
  },
});

Deno.test({
  name: "a malformed file is not replaced by a login",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    await using home = await sessionHome(aws);
    await home.write(sessionFile, `{"accessToken": `);
    await using cli = await start(aws, home);
    const { code, stdout } = await cli.result();
    assert.equal(code, 4);
    assert.match(stdout, /ecrin: error: the SSO token in .* is malformed\r\necrin: hint: run: /);
    assert.equal(await home.read(sessionFile), `{"accessToken": `);
  },
});

// several at a time

Deno.test({
  name: "twenty runs that meet an expired session have one person sign in once",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    await using home = await expiredHome(aws);
    const shell = `for i in $(seq 20); do nice ECRIN & pids="$pids $!"; done; ` +
      `for pid in $pids; do wait $pid || exit 9; done; echo all done`;
    await using cli = await start(aws, home, { shell });
    // nobody agrees before all the others have come to wait
    await cli.waitFor("stdout", /(?:waiting for another ecrin[^]*){19}/);
    await openPage(cli, "stdout");
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, stdout);
    assert.match(stdout, /all done/);
    assert.equal(stdout.match(/ecrin: logged in to /g)?.length, 20);
    assert.equal(stdout.match(/this code: /g)?.length, 1);
    assert.equal(aws.requestsOf("sso-oidc", "StartDeviceAuthorization").length, 1);
    assert.equal(aws.sso.tokens.size, 2); // the one that has run out, too
    assert.deepEqual((await home.names()).filter((name) => name.includes("lock")), []);
  },
});

Deno.test({
  name: "twenty runs that meet an expired session open one tab of the browser",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    await using home = await expiredHome(aws);
    const browser = await home.writeProgram("browser", '#!/bin/sh\necho "$1" >> "$HOME/opened"\n');
    const shell = `for i in $(seq 20); do nice ECRIN </dev/tty & pids="$pids $!"; done; ` +
      `for pid in $pids; do wait $pid || exit 9; done; echo all done`;
    await using cli = await start(aws, home, {
      shell,
      // a browser can reach this machine, also where the tests are in a container; but without -A
      // Deno opens no terminal, and the shell gives what is in the background none as stdin
      denoArgs: ["-A", "--deny-read=/.dockerenv,/run/.containerenv,/proc/sys/fs/binfmt_misc"],
      env: { BROWSER: browser },
    });
    await cli.waitFor("stdout", /(?:waiting for another ecrin[^]*){19}/);
    await cli.until(() => home.exists("opened"));
    const [page = "", ...others] = lines(await home.read("opened"));
    assert.deepEqual(others, []);
    const answer = await fetch(page);
    assert.equal(answer.status, 200, await answer.text());
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, stdout);
    assert.equal(stdout.match(/ecrin: logged in to /g)?.length, 20);
    assert.deepEqual(lines(await home.read("opened")), [page]);
    assert.equal(aws.sso.tokens.size, 2); // the one that has run out, too
  },
});

Deno.test({
  name: "a run that is killed while a person signs in leaves the old file, and the lock to others",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    await using home = await expiredHome(aws);
    const old = await home.read(sessionFile);
    await using first = await start(aws, home, { shell: `echo $$ > "$HOME/pid"; exec ECRIN` });
    await shownCode(first, "stdout");
    await using waiting = await start(aws, home, {
      shell: `echo $$ > "$HOME/waiting"; exec ECRIN`,
    });
    await waiting.waitFor("stdout", "waiting for another ecrin");
    await using second = await start(aws, home);
    await second.waitFor("stdout", "waiting for another ecrin");
    Deno.kill(Number(await home.read("waiting")), "SIGKILL");
    Deno.kill(Number(await home.read("pid")), "SIGKILL");
    await Promise.all([first.result(), waiting.result()]);
    assert.equal(await home.read(sessionFile), old);
    await openPage(second, "stdout");
    const { code, stdout } = await second.result();
    assert.equal(code, 0, stdout);
    assert(aws.sso.tokens.has((await home.readToken()).accessToken));
    const left = (await home.names()).filter((name) => /lock|tmp/.test(name));
    assert.deepEqual(left, []);
  },
});

Deno.test({
  name: "whoever denies is not asked by the runs that waited, and by later ones again",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    aws.sso.deny = true;
    await using home = await expiredHome(aws);
    const shell = `for i in $(seq 5); do nice ECRIN & pids="$pids $!"; done; ` +
      `for pid in $pids; do wait $pid; echo "ended with $?"; done`;
    await using cli = await start(aws, home, { shell });
    await cli.waitFor("stdout", /(?:waiting for another ecrin[^]*){4}/);
    await openPage(cli, "stdout");
    const { stdout } = await cli.result();
    assert.equal(stdout.match(/ended with 4\r\n/g)?.length, 5, stdout);
    assert.equal(stdout.match(/error: the sign-in to corp was denied in the browser/g)?.length, 5);
    assert.equal(aws.requestsOf("sso-oidc", "StartDeviceAuthorization").length, 1);
    assert.deepEqual((await home.names()).filter((name) => name.includes("lock")), []);
    aws.sso.deny = false;
    await using later = await start(aws, home);
    await openPage(later, "stdout");
    assert.equal((await later.result()).code, 0);
  },
});

Deno.test({
  name: "a run whose token may not be written says so before it asks anybody",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    await using home = await expiredHome(aws);
    const denoArgs = ["-A", `--deny-write=${home.at(".aws")}`];
    const options = { home: home.path, env: aws.env(), denoArgs };
    const { code, stderr } = await runCli(["sso", "login", "--profile", "blog"], options);
    assert.equal(code, 2, stderr);
    assert.deepEqual(lines(stderr), [
      `ecrin: error: may not write the SSO token to ${home.at(".aws/sso/cache")}: ` +
      "Deno was started without the permission",
      "ecrin: hint: add --allow-write, or -A, to the deno command",
    ]);
    assert.deepEqual(aws.requests, []);
  },
});

Deno.test({
  name: "a session that is refreshed does not wait for one that is signed in to",
  ...onTerminal,
  fn: async () => {
    await using aws = await startAws();
    await using home = await expiredHome(aws);
    const other = { ...aws.sso.signIn(), expiresAt: "2024-01-01T00:00:00Z" };
    // the SHA-1 of "other"
    const hash = new Uint8Array(
      await crypto.subtle.digest("SHA-1", new TextEncoder().encode("other")),
    ).toHex();
    await home.write(`.aws/sso/cache/${hash}.json`, JSON.stringify(other));
    const config = await home.read(".aws/config");
    await home.write(
      ".aws/config",
      config + config.replaceAll("corp", "other").replaceAll("blog", "second"),
    );
    await using first = await start(aws, home);
    await shownCode(first, "stdout");
    await using second = await start(aws, home, { args: ["--profile", "second"] });
    const { code, stdout } = await second.result();
    assert.equal(code, 0, stdout);
    assert.match(stdout, /ecrin: logged in to /);
  },
});
