/**
 * `ecrin sso login` with a device code: the person, the file, and everything that keeps them apart.
 * The real CLI as a process, against an AWS on loopback.
 */

import assert from "node:assert/strict";
import { type AwsOptions, type FakeAws, startAws } from "./testing/aws.ts";
import { type CliResult, runCli, type RunningCli, startCli } from "./testing/cli.ts";
import {
  inMinutes,
  past,
  sessionFile,
  sessionFolder,
  type SessionHome,
  sessionHome,
} from "./testing/sso_home.ts";
import { openPage, shownCode } from "./testing/sso_person.ts";

const [register, start, create] = ["RegisterClient", "StartDeviceAuthorization", "CreateToken"];

/** Starts `ecrin sso login --device-code`, by default without a way to open a browser. */
function startLogin(
  aws: FakeAws,
  home: SessionHome,
  { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
): Promise<RunningCli> {
  const way = ["--device-code", "--no-browser"];
  return startCli(["sso", "login", "--sso-session", "corp", ...way, ...args], {
    stdin: "",
    home: home.path,
    env: { ...aws.env(), ...env },
  });
}

/** Runs it to its end, with a person who opens the page. */
async function login(aws: FakeAws, home: SessionHome, args: string[] = []): Promise<CliResult> {
  await using cli = await startLogin(aws, home, { args });
  await openPage(cli);
  return await finished(cli);
}

async function finished(cli: RunningCli): Promise<CliResult> {
  const result = await cli.result();
  assert(!`${result.stdout}${result.stderr}`.includes("not-a-"), result.stderr);
  return result;
}

/** What ecrin asked; the person's browser asks too. */
function oidc(aws: FakeAws): string[] {
  return aws.requestsOf("sso-oidc").map(({ operation }) => operation)
    .filter((operation) => operation !== "Verify");
}

/** A home where nobody has signed in. */
async function newHome(aws: FakeAws): Promise<SessionHome> {
  const home = await sessionHome(aws);
  await Deno.remove(home.at(".aws/sso"), { recursive: true });
  return home;
}

Deno.test("a person signs in with the page and the code that they are shown", async () => {
  await using aws = await startAws();
  await using home = await newHome(aws);
  const { code, stdout, stderr } = await login(aws, home);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /^ecrin: to sign in to corp, open this page, on any machine:\necrin: {3}http\S+\necrin: and check that it shows this code: \S+\necrin: signed in to corp \(until [^)]+\)\n$/,
  );
  assert.deepEqual(oidc(aws), [register, start, create]);
});

Deno.test("the file is the AWS CLI's, and its owner's alone", async () => {
  await using aws = await startAws();
  await using home = await newHome(aws);
  const config = await home.read(".aws/config");
  await home.write(".aws/config", `${config}sso_registration_scopes = sso:account:access\n`);
  await login(aws, home);
  const token = await home.readToken();
  const known = aws.sso.tokens.get(token.accessToken);
  const client = aws.sso.clients.get(token.clientId);
  assert(known?.refreshToken !== undefined && client !== undefined);
  const utc = (time: number): string => new Date(time).toISOString().replace(/\.\d+/, "");
  assert.deepEqual(Object.keys(token), [
    ...["startUrl", "region", "accessToken", "expiresAt", "clientId", "clientSecret"],
    ...["registrationExpiresAt", "refreshToken"],
  ]);
  assert.deepEqual({ ...token, expiresAt: "" }, {
    startUrl: "https://x.awsapps.com/start",
    region: "us-west-2",
    accessToken: known.accessToken,
    expiresAt: "",
    clientId: client.clientId,
    clientSecret: client.clientSecret,
    registrationExpiresAt: utc(Math.floor(client.expiresAt / 1000) * 1000),
    refreshToken: known.refreshToken,
  });
  assert.match(token.expiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert(token.expiresAt > inMinutes(55) && token.expiresAt < inMinutes(65));
  if (Deno.build.os === "windows") return;
  const mode = async (path: string): Promise<number> =>
    ((await Deno.stat(home.at(path))).mode ?? 0) & 0o777;
  assert.equal(await mode(sessionFile), 0o600);
  assert.equal(await mode(sessionFolder), 0o700);
  assert.equal(await mode(".aws/sso"), 0o700);
  // its registration, and no lock
  assert.equal((await home.names()).length, 2);
});

Deno.test("a profile, a start URL and its old form say which session it is", async () => {
  await using aws = await startAws({ sso: { autoApprove: true } });
  await using home = await newHome(aws);
  const url = "https://x.awsapps.com/start";
  const byUrl = `${sessionFolder}/3947de8b16688092197fa616c34e01335f21d256.json`;
  const cases: [args: string[], file: string, session: string | null][] = [
    [["--profile", "blog"], sessionFile, "corp"],
    [["--start-url", url, "--sso-region", "us-west-2"], byUrl, null],
  ];
  for (const [args, file, session] of cases) {
    const way = ["--device-code", "--no-browser", "--json"];
    await using cli = await startCli(["sso", "login", ...args, ...way], {
      home: home.path,
      env: aws.env(),
    });
    const { code, stdout, stderr } = await finished(cli);
    assert.equal(code, 0, stderr);
    const { accessToken, expiresAt } = JSON.parse(await home.read(file));
    assert(aws.sso.tokens.has(accessToken));
    assert.deepEqual(JSON.parse(stdout), {
      sessions: [{
        session,
        startUrl: url,
        region: "us-west-2",
        expiresAt: new Date(expiresAt).toISOString(),
        signedIn: true,
      }],
    });
  }
});

Deno.test("--quiet shows the page and the code, and nothing else", async () => {
  await using aws = await startAws();
  await using home = await newHome(aws);
  const { code, stderr } = await login(aws, home, ["--quiet"]);
  assert.equal(code, 0, stderr);
  assert.equal(stderr.split("\n").length, 4, stderr);
});

// sessions that are there already

Deno.test("a sign-in forgets the role credentials of whoever signed in before", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws, { expiresAt: inMinutes(55), refreshToken: "" });
  const target = ["--account", "222222222222", "--region", "eu-west-1", "--tool", "file"];
  const used = await runCli(["--profile", "blog", ...target], {
    home: home.path,
    env: { ...aws.env(), CI: "true" },
  });
  assert.equal(used.code, 0, used.stderr);
  const cached = () => Array.fromAsync(Deno.readDir(home.at(".aws/cli/cache")));
  assert.equal((await cached()).length, 1);
  await home.writeToken({ ...home.token, expiresAt: past, refreshToken: "" });
  assert.equal((await login(aws, home)).code, 0);
  assert.equal((await cached()).length, 0);
});

Deno.test("--force keeps neither the client nor the role credentials of the sign-in before", async () => {
  await using aws = await startAws();
  await using home = await newHome(aws);
  assert.equal((await login(aws, home)).code, 0);
  const target = ["--account", "222222222222", "--region", "eu-west-1", "--tool", "file"];
  const used = await runCli(["--profile", "blog", ...target], {
    home: home.path,
    env: { ...aws.env(), CI: "true" },
  });
  assert.equal(used.code, 0, used.stderr);
  const cached = () => Array.fromAsync(Deno.readDir(home.at(".aws/cli/cache")));
  assert.equal((await cached()).length, 1);
  assert.equal((await login(aws, home, ["--force"])).code, 0);
  assert.equal((await cached()).length, 0);
  assert.equal(oidc(aws).filter((operation) => operation === register).length, 2);
});

Deno.test("a valid session is left alone, and --force signs in all the same", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws, { expiresAt: inMinutes(55) });
  const before = await home.read(sessionFile);
  {
    await using cli = await startLogin(aws, home, { args: ["--json", "--no-input"] });
    const { code, stdout, stderr } = await finished(cli);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^ecrin: already signed in to corp \(until [^)]+\)\n$/);
    assert.equal(JSON.parse(stdout).sessions[0].signedIn, false);
  }
  assert.equal(await home.read(sessionFile), before);
  assert.deepEqual(oidc(aws), []);
  const { code, stderr } = await login(aws, home, ["--force"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^ecrin: signed in to corp/m);
  assert.notEqual((await home.readToken()).accessToken, home.token.accessToken);
});

Deno.test("an expired session that can be refreshed is, and nobody is asked", async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws);
  await using cli = await startLogin(aws, home);
  const { code, stderr } = await finished(cli);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^ecrin: already signed in to corp \(until [^)]+\)\n$/);
  assert.deepEqual(oidc(aws), [create]);
});

const useless: [name: string, use: (aws: FakeAws, home: SessionHome) => unknown][] = [
  ["it has run out", (_, home) => home.writeToken({ ...home.token, refreshToken: "" })],
  [
    "its registration has run out",
    (_, home) => home.writeToken({ ...home.token, registrationExpiresAt: past }),
  ],
  ["an administrator ended it", async (aws, home) => {
    aws.sso.revoke(home.token.accessToken);
    await home.writeToken({ ...home.token, expiresAt: inMinutes(55) });
  }],
  ["its file is cut off", (_, home) => home.write(sessionFile, `{"accessToken": "not-a-tok`)],
  ["its file is empty", (_, home) => home.write(sessionFile, "")],
  ["its file holds something else", (_, home) => home.write(sessionFile, `["not-a-token"]`)],
];

for (const [name, use] of useless) {
  Deno.test(`a session is signed in to when ${name}`, async () => {
    await using aws = await startAws();
    await using home = await sessionHome(aws);
    await use(aws, home);
    const { code, stderr } = await login(aws, home);
    assert.equal(code, 0, stderr);
    assert(aws.sso.tokens.has((await home.readToken()).accessToken));
  });
}

Deno.test("the file may be a symlink, whose target may not be there yet", {
  ignore: Deno.build.os === "windows", // it asks for a privilege
}, async () => {
  await using aws = await startAws();
  await using home = await sessionHome(aws);
  await Deno.remove(home.at(sessionFile));
  await Deno.symlink(home.at("synced/corp.json"), home.at(sessionFile));
  const { code, stderr } = await login(aws, home);
  assert.equal(code, 0, stderr);
  assert((await Deno.lstat(home.at(sessionFile))).isSymlink);
  assert(aws.sso.tokens.has(JSON.parse(await home.read("synced/corp.json")).accessToken));
});

// what goes wrong

interface Failure {
  options?: AwsOptions;
  before?: (aws: FakeAws, home: SessionHome) => unknown;
  args?: string[];
  env?: Record<string, string>;
  /** What happens once the code is shown; undefined: no code is shown. */
  shown?: (aws: FakeAws, cli: RunningCli) => unknown;
  code: number;
  stderr: RegExp;
}

const again = "ecrin: hint: run: ecrin sso login --sso-session corp\n$";

const failures: [name: string, failure: Failure][] = [
  ["the person denies", {
    shown: async (aws, cli) => {
      aws.sso.deny = true;
      await openPage(cli);
    },
    code: 4,
    stderr: RegExp(`ecrin: error: the sign-in to corp was denied in the browser\n${again}`),
  }],
  ["the code runs out", {
    shown: (aws) => {
      for (const device of aws.sso.devices.values()) device.expiresAt = 0;
    },
    code: 4,
    stderr: RegExp(
      `ecrin: error: nobody agreed to sign in to corp before the code ran out\n${again}`,
    ),
  }],
  ["the time is over", {
    args: ["--timeout", "1s"],
    options: { sso: { interval: 60 } },
    shown: () => {},
    code: 124,
    stderr: /ecrin: error: gave up after 1 second\n/,
  }],
  ["it is interrupted", {
    options: { sso: { interval: 60 } },
    shown: (_, cli) => cli.kill("SIGINT"),
    code: 130,
    stderr: /ecrin: error: interrupted\n$/,
  }],
  ["nobody may be asked", {
    args: ["--no-input"],
    code: 4,
    stderr:
      /^ecrin: error: signing in to corp takes a person, and --no-input is given\necrin: hint: /,
  }],
  ["it is a CI job", {
    env: { CI: "true" },
    code: 4,
    stderr: /^ecrin: error: signing in to corp takes a person, and this is a CI job\necrin: hint: /,
  }],
  ["the portal is another", {
    options: { sso: { startUrl: "https://y.awsapps.com/start" } },
    code: 2,
    stderr:
      /^ecrin: error: AWS knows no portal https:\/\/x\.awsapps\.com\/start in us-west-2\necrin: hint: check /,
  }],
  ["AWS is out of order", {
    before: (aws) => aws.fault({ kind: "5xx", service: "sso-oidc", operation: start }),
    env: { AWS_MAX_ATTEMPTS: "1" },
    code: 5,
    stderr: /^ecrin: error: AWS could not do /,
  }],
  ["the answer is no page of the web", {
    before: (aws) => aws.fault({ kind: "null-fields", service: "sso-oidc", operation: start }),
    code: 5,
    stderr: /^ecrin: error: the answer to StartDeviceAuthorization holds no code\n/,
  }],
  ["the folder is a file", {
    before: async (_, home) => {
      await Deno.remove(home.at(sessionFolder), { recursive: true });
      await home.write(sessionFolder, "");
    },
    code: 4,
    stderr: /^ecrin: error: cannot write the SSO token to .*\/sso\/cache \(\w+\)\necrin: hint: /,
  }],
  ["the port is none", {
    args: ["--port", "65536"],
    code: 2,
    stderr: /^ecrin: error: "65536" is not a port\necrin: hint: /,
  }],
  ["a port and a code are asked for", {
    args: ["--port", "8400"],
    code: 2,
    stderr: /^ecrin: error: --device-code needs no --port\necrin: hint: /,
  }],
];

for (const [name, { options, before, args = [], env = {}, shown, ...expected }] of failures) {
  Deno.test(`signing in is explained, and no token written, when ${name}`, async () => {
    await using aws = await startAws(options);
    await using home = await sessionHome(aws, { refreshToken: "" });
    const old = await home.read(sessionFile);
    await before?.(aws, home);
    await using cli = await startLogin(aws, home, { args, env });
    if (shown !== undefined) {
      await shownCode(cli);
      await shown(aws, cli);
    }
    const { code, stdout, stderr } = await finished(cli);
    assert.equal(code, expected.code, stderr);
    assert.match(stderr, expected.stderr);
    assert.equal(stdout, "");
    assert.equal(await home.read(sessionFile).catch(() => old), old);
  });
}

Deno.test("slow_down makes ecrin ask five seconds later than before", async () => {
  await using aws = await startAws({ sso: { autoApprove: true } });
  await using home = await newHome(aws);
  const code = "SlowDownException";
  aws.fault({ kind: "error", code, service: "sso-oidc", operation: create, times: 1 });
  await using cli = await startLogin(aws, home);
  const result = await finished(cli);
  assert.equal(result.code, 0, result.stderr);
  const [first, second, ...others] = aws.requestsOf("sso-oidc", create);
  assert.deepEqual(others, []);
  assert(first !== undefined && second !== undefined && second.at - first.at >= 5900);
});

Deno.test("a registration that AWS has forgotten is made anew, once", async () => {
  await using aws = await startAws();
  await using home = await newHome(aws);
  await login(aws, home);
  aws.sso.clients.clear();
  await home.writeToken({ ...home.token, expiresAt: past, refreshToken: "" });
  const { code, stderr } = await login(aws, home);
  assert.equal(code, 0, stderr);
  assert.deepEqual(oidc(aws), [register, start, create, start, register, start, create]);
  aws.fault({ kind: "error", code: "InvalidClientException", service: "sso-oidc" });
  await using cli = await startLogin(aws, home, { args: ["--force"] });
  const refused = await finished(cli);
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /^ecrin: error: .*\necrin: hint: /);
});

Deno.test("what AWS forgets while the person reads is registered anew, with a new code", async () => {
  await using aws = await startAws();
  await using home = await newHome(aws);
  await using cli = await startLogin(aws, home);
  const first = await shownCode(cli);
  aws.sso.clients.clear();
  await cli.waitFor("stderr", /(?:user_code=[^]*){2}this code: .*\n/);
  const second = [...aws.sso.devices.values()].at(-1)?.userCode ?? "";
  assert.notEqual(second, first.code);
  assert(aws.sso.approve(second));
  const { code, stderr } = await finished(cli);
  assert.equal(code, 0, stderr);
});
