/**
 * Signing in with PKCE where the browser cannot come back: the address that it ended at is pasted
 * into a real terminal.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { type RunningCli, type TempHome, tempHome } from "./testing/cli.ts";
import { onTerminal, startOnTerminal } from "./testing/on_terminal.ts";
import { sessionFile } from "./testing/sso_home.ts";

const config = `[sso-session corp]
sso_start_url = https://x.awsapps.com/start
sso_region = us-east-1
`;

function freePort(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return String(listener.addr.port);
}

async function startSignIn(
  aws: FakeAws,
  home: TempHome,
  { shell, port = freePort() }: { shell?: string; port?: string } = {},
): Promise<{ cli: RunningCli; callback: URL }> {
  const args = ["sso", "login", "--sso-session", "corp", "--no-browser", "--port", port];
  const env = { ...aws.env(), SSH_CONNECTION: "192.0.2.1 1 192.0.2.2 22" };
  const cli = await startOnTerminal(args, {
    home: home.path,
    env,
    ...(shell === undefined ? {} : { shell }),
  });
  const shown = await cli.waitFor("stdout", /paste here the address that it ends at/);
  const page = shown.match(/http\S+\/authorize\?\S+/)?.[0] ?? assert.fail(shown);
  const answer = await fetch(page, { redirect: "manual" });
  await answer.body?.cancel();
  return { cli, callback: new URL(answer.headers.get("location") ?? "") };
}

for (
  const [name, shell] of [
    ["the terminal", "ECRIN"],
    ["the terminal while stdin is a pipe", "echo no | ECRIN"],
    ["the terminal while stderr is a file", "ECRIN 2>/dev/null"],
  ] as const
) {
  Deno.test(`the address is pasted into ${name}`, onTerminal, async () => {
    await using aws = await startAws();
    await using home = await tempHome({ ".aws/config": config });
    const { cli, callback } = await startSignIn(aws, home, { shell });
    await using _cli = cli;
    await cli.write(`${callback}\n`);
    const { code, stdout } = await cli.result();
    assert.equal(code, 0, stdout);
    const { accessToken } = JSON.parse(await home.read(sessionFile));
    assert(aws.sso.tokens.has(accessToken));
  });
}

Deno.test("what is no address is said, and the next one is taken", onTerminal, async () => {
  await using aws = await startAws();
  await using home = await tempHome({ ".aws/config": config });
  const { cli, callback } = await startSignIn(aws, home);
  await using _cli = cli;
  await cli.write("\n");
  for (
    const [times, typed] of [
      "yes",
      "https://x.awsapps.com/start?code=1&state=2",
      "http://127.0.0.1:1/oauth/callback",
      "http://[",
    ].entries()
  ) {
    await cli.write(`${typed}\n`);
    await cli.waitFor(
      "stdout",
      new RegExp(`(?:that is not it: the address begins[^]*){${times + 1}}`),
    );
  }
  const other = new URL(callback);
  other.searchParams.set("state", "another");
  await cli.write(`${other}\n`);
  await cli.waitFor("stdout", "that address belongs to another sign-in");
  // in two parts, and with what an editor adds; the port need not be the one that listens
  const right = `  ${callback.href.replace(/:\d+/, "")} `;
  await cli.write(right.slice(0, 40));
  await cli.write(`${right.slice(40)}\r\n`);
  const { code, stdout } = await cli.result();
  assert.equal(code, 0, stdout);
  assert.equal(aws.requestsOf("sso-oidc", "CreateToken").length, 1);
});

Deno.test("a denial is pasted like anything else", onTerminal, async () => {
  await using aws = await startAws();
  aws.sso.deny = true;
  await using home = await tempHome({ ".aws/config": config });
  const { cli, callback } = await startSignIn(aws, home);
  await using _cli = cli;
  await cli.write(`${callback}\n`);
  const { code, stdout } = await cli.result();
  assert.equal(code, 4);
  assert.match(stdout, /the sign-in to corp was denied in the browser/);
});

Deno.test(
  "the browser may come first, and what is typed later is not eaten",
  onTerminal,
  async () => {
    await using aws = await startAws();
    await using home = await tempHome({ ".aws/config": config });
    const { cli, callback } = await startSignIn(aws, home, {
      shell: 'ECRIN; echo ready; read -r line; echo "got <$line>"',
    });
    await using _cli = cli;
    const landed = await fetch(callback);
    assert.match(await landed.text(), /You are signed in/);
    await cli.waitFor("stdout", /^ready/m);
    await cli.write("mine\n");
    await cli.waitFor("stdout", "got <mine>");
    assert.equal((await cli.result()).code, 0);
  },
);

Deno.test(
  "after the end of the terminal's input the browser is still waited for",
  onTerminal,
  async () => {
    await using aws = await startAws();
    await using home = await tempHome({ ".aws/config": config });
    const { cli, callback } = await startSignIn(aws, home);
    await using _cli = cli;
    await cli.write("\x04");
    const landed = await fetch(callback);
    assert.match(await landed.text(), /You are signed in/);
    assert.equal((await cli.result()).code, 0);
  },
);

Deno.test("Ctrl-C ends the wait", onTerminal, async () => {
  await using aws = await startAws();
  await using home = await tempHome({ ".aws/config": config });
  const { cli } = await startSignIn(aws, home);
  await using _cli = cli;
  await cli.write("\x03");
  assert.equal((await cli.result()).code, 130);
  assert(!await home.exists(sessionFile));
});
