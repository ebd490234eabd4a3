/**
 * What happens when AWS, the network, the tool or the person ends a login before it is done: the
 * exit code, the two lines, nothing written, nobody left behind.
 */

import assert from "node:assert/strict";
import type { FaultKind } from "./testing/faults.ts";
import type { Service } from "./testing/protocol.ts";
import { type AwsOptions, type FakeAws, startAws } from "./testing/aws.ts";
import {
  type CliResult,
  requirePrograms,
  runCli,
  startCli,
  type TempHome,
  tempHome,
} from "./testing/cli.ts";
import { startProxy } from "./testing/proxy.ts";
import { makeCertificate } from "./testing/tls.ts";

const region = "eu-west-1";
const role = "arn:aws:iam::222222222222:role/deploy";
const roleArgs = ["--region", region, "--account", "222222222222", "--role", "deploy"];
const user = "arn:aws:iam::111111111111:user/deploy";

/** How a run must fail. */
interface Expected {
  exitCode: number;
  /** As in `--json`. */
  code: string;
  message: RegExp;
  hint: RegExp;
  /** Requests of the service that failed. */
  requests?: number;
}

/** Every file below `folder` with its content: what a run may not change. */
async function contents(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    found[path] = isFile ? await Deno.readTextFile(path) : "";
    if (isDirectory) Object.assign(found, await contents(path));
  }
  return found;
}

/** Asserts that a run failed as it should, in two lines and, with `--json`, one object. */
function assertFailure(
  { code, stdout, stderr }: CliResult,
  json: boolean,
  expected: Expected,
): void {
  assert.equal(code, expected.exitCode, stderr);
  const [error = "", hint = "", ...rest] = stderr.trimEnd().split("\n");
  assert.deepEqual(rest, [], stderr);
  assert(error.startsWith("ecrin: error: "), stderr);
  assert(hint.startsWith("ecrin: hint: "), stderr);
  const message = error.slice("ecrin: error: ".length);
  assert.match(message, expected.message);
  assert.match(hint.slice("ecrin: hint: ".length), expected.hint);
  assert.doesNotMatch(message, /\.$|undefined|\[object/, "a final period, or a value that is none");
  if (!json) return assert.equal(stdout, "");
  const printed = JSON.parse(stdout);
  const shown = printed.error ?? printed.logins[0].error;
  assert.deepEqual(shown, {
    code: expected.code,
    message,
    hint: hint.slice("ecrin: hint: ".length),
  });
  assert(printed.logins.every(({ ok }: { ok: boolean }) => !ok));
}

/** A run that must fail, once for people and once for scripts, each with an AWS of its own. */
async function fails(
  args: string[],
  arrange: (
    aws: FakeAws,
    home: TempHome,
  ) => Record<string, string> | Promise<Record<string, string>>,
  expected: Expected & { service?: Service },
  options: AwsOptions = {},
): Promise<void> {
  const run = async (json: boolean): Promise<void> => {
    await using aws = await startAws(options);
    await using home = await tempHome();
    const env = { ...aws.env(), ...aws.keys.env(), ...await arrange(aws, home) };
    const before = await contents(home.path);
    const result = await runCli(json ? [...args, "--json"] : args, { home: home.path, env });
    assertFailure(result, json, expected);
    if (expected.requests !== undefined && expected.service !== undefined) {
      assert.equal(aws.requestsOf(expected.service).length, expected.requests);
    }
    assert.deepEqual(await contents(home.path), before, "something was written");
  };
  // both are over before either may fail the test
  const runs = await Promise.allSettled([run(false), run(true)]);
  for (const ended of runs) if (ended.status === "rejected") throw ended.reason;
}

const unreadable: Expected = {
  exitCode: 5,
  code: "unreadable-answer",
  message: /^the answer to \w+.* is not what AWS sends$/,
  hint: /AWS_ENDPOINT_URL/,
  requests: 1,
};

const noToken: Expected = {
  exitCode: 5,
  code: "unreadable-token",
  message: /^ECR answered without an authorization token$/,
  hint: /AWS_ENDPOINT_URL_ECR/,
  requests: 1,
};

/** The faults whose report does not depend on the service. */
const everywhere: [FaultKind, Expected][] = [
  ["throttle", {
    exitCode: 5,
    code: "throttled",
    message: /^too many requests: AWS slowed down .*, also after more tries$/,
    hint: /^wait a minute/,
    requests: 3,
  }],
  ["5xx", {
    exitCode: 5,
    code: "aws-unavailable",
    message: /^AWS could not do \w+.*: 50\d \w+: .*\(3 tries\)$/,
    hint: /^try again in a minute$/,
    requests: 3,
  }],
  ["reset", {
    exitCode: 5,
    code: "network-closed",
    message: /^could not reach 127\.0\.0\.1:\d+: the connection was closed .*\(3 tries\)$/,
    hint: /^try again$/,
    requests: 3,
  }],
  ["garbage", unreadable],
  ["error", {
    exitCode: 4,
    code: "aws-refused",
    message:
      /^AWS refused \w+.*: (ValidationException|InvalidRequestException): The request is not valid$/,
    hint: /--verbose/,
    requests: 1,
  }],
];

const expired: [FaultKind, Expected] = ["expired", {
  exitCode: 4,
  code: "expired-credentials",
  message: /^the AWS credentials of the keys in the environment have expired$/,
  hint: /AWS_SESSION_TOKEN/,
  requests: 1,
}];

const clockSkew: [FaultKind, Expected] = ["clock-skew", {
  exitCode: 4,
  code: "clock-skew",
  message: /^this machine's clock differs from AWS's by more than five minutes$/,
  hint: /^set the clock/,
}];

const ecrFaults: [FaultKind, Expected][] = [
  ...everywhere,
  expired,
  clockSkew,
  ["empty-list", noToken],
  ["null-fields", noToken],
];

const faultTable: Record<
  string,
  { service: Service; args: string[]; faults: [FaultKind, Expected][] }
> = {
  "private ECR": { service: "ecr", args: ["--region", region], faults: ecrFaults },
  "ECR Public": { service: "ecr-public", args: ["--public"], faults: ecrFaults },
  "STS": {
    service: "sts",
    args: roleArgs,
    faults: [
      ...everywhere,
      expired,
      clockSkew,
      ["empty-list", unreadable],
      ["null-fields", unreadable],
    ],
  },
};

for (const [name, { service, args, faults }] of Object.entries(faultTable)) {
  for (const [kind, expected] of faults) {
    Deno.test(`${name}: ${kind} is said in two lines and nothing is written`, async () => {
      await fails([...args, "--tool", "file"], (aws) => {
        aws.fault({ kind, service });
        return {};
      }, { ...expected, service });
    });
  }
}

/** A profile with a signed-in SSO session. */
async function signedIn(aws: FakeAws, home: TempHome): Promise<Record<string, string>> {
  await home.write(
    ".aws/config",
    `[profile blog]
sso_session = corp
sso_account_id = 222222222222
sso_role_name = deploy
region = ${region}
[sso-session corp]
sso_start_url = https://x.awsapps.com/start
sso_region = us-east-1
`,
  );
  await home.write(
    ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json",
    JSON.stringify(aws.sso.signIn()),
  );
  return {};
}

const noRoleCredentials: Expected = {
  exitCode: 5,
  code: "unreadable-answer",
  message: /^the answer to GetRoleCredentials holds no credentials$/,
  hint: /AWS_ENDPOINT_URL/,
  requests: 1,
};

const ssoFaults: [FaultKind, Expected][] = [
  ...everywhere,
  ["expired", {
    exitCode: 4,
    code: "sso-session-refused",
    message: /^AWS refused the SSO session of profile "blog"$/,
    hint: /^run: aws sso login --profile blog$/,
    requests: 1,
  }],
  ["access-denied", {
    exitCode: 4,
    code: "sso-role-not-assigned",
    message: /^the role deploy of account 222222222222 is not assigned to you in SSO$/,
    hint: /ask whoever assigns access$/,
    requests: 1,
  }],
  ["empty-list", noRoleCredentials],
  ["null-fields", noRoleCredentials],
];

for (const [kind, expected] of ssoFaults) {
  Deno.test(`SSO: ${kind} is said in two lines and nothing is written`, async () => {
    await fails(["--profile", "blog", "--tool", "file"], (aws, home) => {
      aws.fault({ kind, service: "sso" });
      return signedIn(aws, home);
    }, { ...expected, service: "sso" });
  });
}

/** Each action of which AWS says "not authorized", where it comes up, and what mends it. */
const denials: { action: string; args: string[]; service: Service; expected: Expected }[] = [
  {
    action: "ecr:GetAuthorizationToken",
    args: ["--region", region],
    service: "ecr",
    expected: {
      exitCode: 4,
      code: "get-authorization-token-denied",
      message: /^arn:aws:iam::111111111111:user\/deploy may not get an ECR authorization token$/,
      hint: /^allow ecr:GetAuthorizationToken on resource "\*"/,
      requests: 1,
    },
  },
  {
    action: "ecr-public:GetAuthorizationToken",
    args: ["--public"],
    service: "ecr-public",
    expected: {
      exitCode: 4,
      code: "get-authorization-token-denied",
      message: /may not get an ECR authorization token$/,
      hint: /^allow ecr-public:GetAuthorizationToken on resource "\*"/,
      requests: 1,
    },
  },
  {
    action: "sts:GetServiceBearerToken",
    args: ["--public"],
    service: "ecr-public",
    expected: {
      exitCode: 4,
      code: "service-bearer-token-denied",
      message: /^arn:aws:iam::111111111111:user\/deploy may not get a token for ECR Public$/,
      hint: /^allow sts:GetServiceBearerToken on resource "\*"/,
      requests: 1,
    },
  },
  {
    action: "sts:AssumeRole",
    args: roleArgs,
    service: "sts",
    expected: {
      exitCode: 4,
      code: "assume-role-denied",
      message:
        /^arn:aws:iam::111111111111:user\/deploy may not assume arn:aws:iam::222222222222:role\/deploy$/,
      hint: /^both must allow it/,
      requests: 1,
    },
  },
];

for (const { action, args, service, expected } of denials) {
  Deno.test(`who may not do ${action} is told who must allow what`, async () => {
    await fails([...args, "--tool", "file"], (aws) => {
      return aws.keys.env(aws.keys.add({ arn: user, denied: [action] }));
    }, { ...expected, service });
  });
}

Deno.test("a role that takes no tags is named with the permission that is missing", async () => {
  await fails([...roleArgs, "--tag", "team=a", "--tool", "file"], () => ({}), {
    exitCode: 4,
    code: "session-details-denied",
    message: /may not use sts:TagSession on arn:aws:iam::222222222222:role\/deploy$/,
    hint: /^allow sts:TagSession/,
  }, { roles: [{ arn: role, tagSession: false }] });
});

const wrongKeys: Record<string, [change: Record<string, string>, expected: Expected]> = {
  "an access key that AWS does not know": [{ AWS_ACCESS_KEY_ID: "AKIAUNKNOWN000000001" }, {
    exitCode: 4,
    code: "unknown-access-key",
    message: /^AWS does not know the access key of the keys in the environment$/,
    hint: /AWS_SESSION_TOKEN/,
  }],
  "a secret key of another access key": [{ AWS_SECRET_ACCESS_KEY: "not-a-secret-of-anybody" }, {
    exitCode: 4,
    code: "wrong-secret-key",
    message: /^AWS refused the signature made with the secret access key of the keys in the env/,
    hint: /belongs to the access key/,
  }],
};

for (const [name, [change, expected]] of Object.entries(wrongKeys)) {
  Deno.test(`${name} is said`, async () => {
    await fails(["--region", region, "--tool", "file"], () => change, expected);
  });
}

Deno.test("a clock that is wrong by an hour is corrected by AWS's own", async () => {
  await using aws = await startAws();
  aws.clockOffset = 3600_000;
  const env = { ...aws.env(), ...aws.keys.env() };
  const { code, stderr } = await runCli(["--region", region, "--tool", "file"], { env });
  assert.equal(code, 0, stderr);
});

Deno.test("a fault that passes is no failure", async (t) => {
  for (const kind of ["throttle", "reset", "5xx"] as const) {
    for (const service of ["sts", "ecr"] as const) {
      await t.step(`${kind} of ${service}`, async () => {
        await using aws = await startAws();
        aws.fault({ kind, service, times: 1 });
        const env = { ...aws.env(), ...aws.keys.env() };
        const { code, stderr } = await runCli([...roleArgs, "--tool", "file"], { env });
        assert.equal(code, 0, stderr);
        assert.equal(stderr.split("\n").length, 2, stderr);
        assert.equal(aws.requestsOf(service).length, 2);
      });
    }
  }
});

Deno.test("AWS_MAX_ATTEMPTS says how often a request is tried", async () => {
  await using aws = await startAws();
  aws.fault({ kind: "5xx" });
  const env = { ...aws.env(), ...aws.keys.env(), AWS_MAX_ATTEMPTS: "1" };
  const { code, stderr } = await runCli(["--region", region, "--tool", "file"], { env });
  assert.equal(code, 5);
  assert.equal(aws.requests.length, 1);
  assert.doesNotMatch(stderr, /tries/);
});

Deno.test("an API that nobody serves is named with its port", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await fails(
    ["--region", region, "--tool", "file"],
    () => ({ AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` }),
    {
      exitCode: 5,
      code: "network-refused",
      message: /^could not reach 127\.0\.0\.1:\d+: the connection was refused/,
      hint: /endpoint variables/,
    },
  );
});

Deno.test("a host name that does not exist is asked for once and named", async () => {
  await fails(
    ["--region", region, "--tool", "file"],
    () => ({ AWS_ENDPOINT_URL: "http://ecr.example.invalid" }),
    {
      exitCode: 5,
      code: "network-dns",
      message: /^could not reach ecr\.example\.invalid: there is no such host name$/,
      hint: /DNS/,
    },
  );
});

Deno.test("a proxy that does not let the request through is blamed, not AWS", async () => {
  await using proxy = startProxy({ hosts: {} });
  await fails(
    ["--region", region, "--tool", "file"],
    () => ({ AWS_ENDPOINT_URL: "", HTTPS_PROXY: proxy.url }),
    {
      exitCode: 5,
      code: "network-proxy",
      message: /^could not reach api\.ecr\.eu-west-1\.amazonaws\.com: the proxy refused/,
      hint: /HTTPS_PROXY/,
    },
  );
});

Deno.test({
  name: "a registry outside AWS that answers in ECR's place is refused",
  ignore: !requirePrograms(["openssl"]),
  fn: async (t) => {
    const api = `api.ecr.${region}.amazonaws.com`;
    await using certificate = await makeCertificate([api]);
    const refused = [
      "https://registry.attacker.example",
      "https://111111111111.dkr.ecr.eu-west-1.amazonaws.com.attacker.example",
      "https://111111111111.dkr.ecr.cn-north-1.amazonaws.com.cn",
      "http://111111111111.dkr.ecr.eu-west-1.amazonaws.com",
      "https://a@111111111111.dkr.ecr.eu-west-1.amazonaws.com",
    ];
    for (const proxyEndpoint of refused) {
      await t.step(proxyEndpoint, async () => {
        await using aws = await startAws({ tls: certificate });
        aws.fault({ kind: "foreign-proxy-endpoint", proxyEndpoint });
        await using proxy = startProxy({ hosts: { [api]: aws.port } });
        const env = {
          ...aws.keys.env(),
          HTTPS_PROXY: proxy.url,
          AWS_CA_BUNDLE: certificate.caFile,
        };
        await using home = await tempHome();
        const options = { env, home: home.path };
        for (const named of [[], ["--account", "111111111111"]]) {
          const args = ["--region", region, "--tool", "file", ...named];
          const { code, stdout, stderr } = await runCli(args, options);
          assert.equal(code, 5, stderr);
          assert.equal(stdout, "");
          assert(stderr.includes(`outside its own names: "${proxyEndpoint}"`), stderr);
          assert.match(stderr, /^ecrin: hint: /m);
        }
        assert.deepEqual(proxy.asked.map(({ host }) => host), [api, api]);
        assert.deepEqual(await contents(home.path), {});
      });
    }
  },
});

/** What a registry can do wrong while `--tool file` checks the password. */
const registryFaults: [Parameters<FakeAws["registry"]["fault"]>[0], Expected][] = [
  ["refuse", {
    exitCode: 3,
    code: "registry-refused",
    message: /^127\.0\.0\.1:\d+ refused the password$/,
    hint: /belong together/,
  }],
  ["denied", {
    exitCode: 3,
    code: "registry-failed",
    message: /^127\.0\.0\.1:\d+ answered .*403.*Not Authorized/,
    hint: /the registry you mean/,
  }],
  ["5xx", {
    exitCode: 5,
    code: "registry-failed",
    message: /^127\.0\.0\.1:\d+ answered .*503/,
    hint: /^try again/,
  }],
  ["throttle", {
    exitCode: 5,
    code: "throttled",
    message: /^too many requests/,
    hint: /^wait a minute/,
  }],
  ["reset", {
    exitCode: 5,
    code: "network-closed",
    message: /^could not reach 127\.0\.0\.1:\d+: the connection was closed/,
    hint: /^try again/,
  }],
];

for (const [kind, expected] of registryFaults) {
  Deno.test(`a registry that answers a login with ${kind} is said, and nothing is written`, async () => {
    await fails(["--region", region, "--tool", "file"], (aws) => {
      aws.registry.fault(kind);
      return {};
    }, expected);
  });
}

Deno.test("a web identity that STS answers with a web page is not called refused", async () => {
  await fails(["--region", region, "--tool", "file"], async (aws, home) => {
    const token = aws.webIdentities.issue({
      audience: "sts.amazonaws.com",
      expiresAt: Date.now() + 300_000,
    });
    aws.fault({ kind: "garbage", service: "sts" });
    return {
      AWS_ACCESS_KEY_ID: "",
      AWS_WEB_IDENTITY_TOKEN_FILE: await home.write("token", token),
      AWS_ROLE_ARN: role,
    };
  }, unreadable);
});

Deno.test("a number in AWS's words is not taken for a status of the registry", async () => {
  await fails(["--region", region, "--tool", "file"], (aws) => {
    aws.fault({ kind: "error", message: "No such thing in 401401401401, request 9f401e" });
    return {};
  }, {
    exitCode: 4,
    code: "aws-refused",
    message: /^AWS refused GetAuthorizationToken: ValidationException: No such thing in 4014014/,
    hint: /--verbose/,
  });
});

const gaveUp: Expected = {
  exitCode: 124,
  code: "timeout",
  message: /^gave up after 2 seconds$/,
  hint: /--timeout/,
};

for (const [name, args] of Object.entries({ ECR: ["--region", region], STS: roleArgs })) {
  Deno.test(`--timeout ends a wait for ${name}`, async () => {
    await fails([...args, "--timeout", "2s", "--tool", "file"], (aws) => {
      aws.fault({ kind: "hang" });
      return {};
    }, gaveUp);
  });
}

Deno.test("--timeout ends a wait for the registry", async () => {
  await fails(["--region", region, "--timeout", "2s", "--tool", "file"], (aws) => {
    aws.registry.fault("hang");
    return {};
  }, gaveUp);
});

Deno.test("several registries that run into --timeout say so once", async () => {
  await using aws = await startAws();
  aws.fault({ kind: "hang" });
  const env = { ...aws.env(), ...aws.keys.env() };
  const args = ["--account", "222222222222", "--region", "eu-west-1,us-east-1,us-west-2"];
  const { code, stdout, stderr } = await runCli(
    [...args, "--timeout", "1s", "--tool", "file", "--json"],
    { env },
  );
  assert.equal(code, 124);
  assert.match(stderr, /^ecrin: error: gave up after 1 second\necrin: hint: .*\n$/);
  const { logins } = JSON.parse(stdout);
  assert.deepEqual(logins.map(({ error }: { error: { code: string } }) => error.code), [
    "timeout",
    "timeout",
    "timeout",
  ]);
});

Deno.test("a time limit of days is no time limit of nothing", async () => {
  await using aws = await startAws();
  const env = { ...aws.env(), ...aws.keys.env() };
  const args = ["--region", region, "--timeout", "9999h", "--tool", "file"];
  const { code, stderr } = await runCli(args, { env });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^ecrin: logged in to .*\n$/);
});

Deno.test("a request without an answer is given up after 15 seconds and tried again", async () => {
  await using aws = await startAws();
  aws.fault({ kind: "hang" });
  await using home = await tempHome({
    // a hundred times as fast, and it says what was asked for
    "faster.ts": `
      const timeout = AbortSignal.timeout.bind(AbortSignal);
      AbortSignal.timeout = (milliseconds) => {
        Deno.writeTextFileSync("limits", milliseconds + "\\n", { append: true });
        return timeout(milliseconds / 100);
      };
    `,
  });
  const { code, stdout, stderr } = await runCli(["--region", region, "--tool", "file"], {
    env: { ...aws.env(), ...aws.keys.env() },
    home: home.path,
    denoArgs: ["-A", "--preload", home.at("faster.ts")],
  });
  assert.equal(code, 5, stderr);
  assert.match(
    stderr,
    /^ecrin: error: could not reach 127\.0\.0\.1:\d+: no answer in time \(3 tries\)\necrin: hint: .*\n$/,
  );
  assert.equal(stdout, "");
  assert.equal(aws.requests.length, 3);
  assert.deepEqual([...new Set((await home.read("limits")).trim().split("\n"))], ["15000"]);
});

/** Docker programs that do not come to an end by themselves; each writes its process id to `pid`. */
const stuck: Record<string, string> = {
  "that sleeps": "echo $$ > $HOME/pid\nexec sleep 600\n",
  "that ignores signals": "trap '' TERM INT\necho $$ > $HOME/pid\nwhile :; do sleep 0.2; done\n",
  "that waits for a program of its own": "sleep 20 &\necho $$ > $HOME/pid\nwait\n",
};

/** Waits until a file has something in it. */
async function appears(home: TempHome, name: string): Promise<string> {
  for (;;) {
    const text = await home.read(name).catch(() => "");
    if (text.endsWith("\n")) return text.trim();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether the process is there and is more than an entry that its parent has not collected. */
async function lives(pid: string): Promise<boolean> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  return stat !== "" && !/\) [ZX]/.test(stat);
}

const onUnix = Deno.build.os === "linux";

for (const [what, script] of Object.entries(stuck)) {
  for (const how of ["SIGINT", "SIGTERM", "--timeout"] as const) {
    Deno.test({
      name: `${how} ends a docker ${what}`,
      ignore: !onUnix,
      fn: async () => {
        await using aws = await startAws();
        await using home = await tempHome();
        await home.writeProgram("bin/docker", `#!/bin/sh\n${script}`);
        const limit = how === "--timeout" ? ["--timeout", "2s"] : [];
        await using cli = await startCli(["--region", region, "--json", ...limit], {
          stdin: "",
          home: home.path,
          env: {
            ...aws.env(),
            ...aws.keys.env(),
            PATH: `${home.at("bin")}:${Deno.env.get("PATH")}`,
          },
        });
        const pid = await appears(home, "pid");
        assert(await lives(pid));
        const started = performance.now();
        if (how !== "--timeout") cli.kill(how);
        const { code, stdout, stderr } = await cli.result();
        const took = performance.now() - started;
        assert.equal(await lives(pid), false, "docker is still there");
        assert(took < (how === "--timeout" ? 5000 : 3000), `${took} ms`);
        if (how === "--timeout") {
          assert.equal(code, 124);
          assert.match(stderr, /^ecrin: error: gave up after 2 seconds\necrin: hint: .*\n$/);
        } else {
          assert.equal(code, 130);
          assert.equal(stderr, "ecrin: error: interrupted\n");
        }
        const { error } = JSON.parse(stdout).logins[0];
        assert.equal(error.code, how === "--timeout" ? "timeout" : "interrupted");
      },
    });
  }
}

Deno.test({
  name: "SIGINT ends a real docker that waits for its credential store",
  ignore: !onUnix || !requirePrograms(["docker"]),
  fn: async () => {
    await using aws = await startAws();
    await using home = await tempHome({ ".docker/config.json": '{"credsStore":"stuck"}' });
    await home.writeProgram(
      "bin/docker-credential-stuck",
      // docker asks it before it logs in, too: that must come to an end
      '#!/bin/sh\n[ "$1" = store ] || { echo "credentials not found in native keychain"; exit 1; }\n' +
        "echo $PPID > $HOME/pid\nexec sleep 5 > /dev/null 2>&1\n",
    );
    await using cli = await startCli(["--region", region], {
      stdin: "",
      home: home.path,
      env: {
        ...aws.env(),
        ...aws.keys.env(),
        PATH: `${home.at("bin")}:${Deno.env.get("PATH")}`,
      },
    });
    const pid = await appears(home, "pid");
    cli.kill("SIGINT");
    const { code, stderr } = await cli.result();
    assert.equal(code, 130);
    assert.equal(stderr, "ecrin: error: interrupted\n");
    assert.equal(await lives(pid), false, "docker is still there");
  },
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  for (const [what, args] of Object.entries({ ECR: ["--region", region], STS: roleArgs })) {
    Deno.test({
      name: `${signal} ends a wait for ${what}`,
      ignore: !onUnix,
      fn: async () => {
        await using aws = await startAws();
        aws.fault({ kind: "hang" });
        await using home = await tempHome();
        await using cli = await startCli([...args, "--tool", "file"], {
          stdin: "",
          home: home.path,
          env: { ...aws.env(), ...aws.keys.env() },
        });
        while (aws.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
        const started = performance.now();
        cli.kill(signal);
        const { code, stdout, stderr } = await cli.result();
        assert.deepEqual([code, stdout, stderr], [130, "", "ecrin: error: interrupted\n"]);
        assert(performance.now() - started < 3000);
        assert.deepEqual(await contents(home.path), {});
      },
    });
  }
}

/** How a run of a shell command that has `ecrin` in it ended. */
async function shell(
  command: string,
  home: TempHome,
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  await home.write(
    "run.ts",
    `const [command, ...ecrin] = Deno.args;
    const quoted = ecrin.map((word) => "'" + word + "'").join(" ");
    const { code } = await new Deno.Command("bash", {
      args: ["-c", "set -o pipefail; ecrin() { " + quoted + ' "$@"; }; ' + command],
    }).output().then((output) => {
      Deno.stdout.writeSync(output.stdout);
      Deno.stderr.writeSync(output.stderr);
      return output;
    });
    Deno.exit(code);`,
  );
  const config = new URL("deno.json", import.meta.url).pathname;
  const main = new URL("main.ts", import.meta.url).pathname;
  return await runCli(
    [command, Deno.execPath(), "run", "-A", "--quiet", "--cached-only", "--config", config, main],
    { home: home.path, env, script: home.at("run.ts") },
  );
}

Deno.test({
  name: "a reader that goes away is no error",
  ignore: !onUnix || !requirePrograms(["bash"]),
  fn: async (t) => {
    await using home = await tempHome();
    const commands = {
      "ecrin --help | head -1": /^ecrin \d/,
      "ecrin --help | true": /^$/,
      "ecrin --account 1 --region us-east-1 --tool file --dry-run --json | true": /^$/,
    };
    for (const [command, expected] of Object.entries(commands)) {
      await t.step(command, async () => {
        const { code, stdout, stderr } = await shell(command, home, { AWS_ACCESS_KEY_ID: "" });
        assert.match(stdout, expected);
        assert.doesNotMatch(stderr, /bug|Broken|EPIPE/);
        if (!command.includes("dry-run")) assert.deepEqual([code, stderr], [0, ""]);
      });
    }
  },
});

Deno.test({
  name: "a stderr that nobody reads does not change the exit code",
  ignore: !onUnix || !requirePrograms(["bash"]),
  fn: async () => {
    await using home = await tempHome();
    const command = "ecrin --no-such-flag 2> >(true)";
    assert.equal((await shell(command, home)).code, 2);
    assert.equal((await shell("ecrin --no-such-flag 2>&-", home)).code, 2);
    assert.equal((await shell("ecrin --no-such-flag --json >&-", home)).code, 2);
  },
});

Deno.test("a bug has its stack shown, and where to report it", async () => {
  await using aws = await startAws();
  await using home = await tempHome({
    "broken.ts": `Date.prototype.getHours = () => { throw new RangeError("out of order"); };`,
  });
  const { code, stdout, stderr } = await runCli(
    ["--region", region, "--tool", "file", "--json", "--timeout", "1m"],
    {
      home: home.path,
      env: { ...aws.env(), ...aws.keys.env() },
      denoArgs: ["-A", "--preload", home.at("broken.ts")],
    },
  );
  assert.equal(code, 1, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, /^ecrin: bug: RangeError: out of order$/m);
  assert.match(stderr, /^ {4}at .*\.ts:\d+:\d+/m);
  assert.match(stderr, /^ecrin: hint: please report this .* with ecrin \d.* and Deno \d.*$/m);
});

Deno.test("a bug in the middle of a request is not blamed on AWS", async () => {
  await using aws = await startAws();
  await using home = await tempHome({
    "broken.ts": `Date.prototype.toISOString = () => { throw new RangeError("out of order"); };`,
  });
  const { code, stderr } = await runCli(["--region", region, "--tool", "file"], {
    home: home.path,
    env: { ...aws.env(), ...aws.keys.env() },
    denoArgs: ["-A", "--preload", home.at("broken.ts")],
  });
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^ecrin: bug: RangeError: out of order$/m);
});

Deno.test({
  name: "an interrupt that docker hears first is no failure of docker",
  ignore: !onUnix,
  fn: async () => {
    await using aws = await startAws();
    await using home = await tempHome();
    await home.writeProgram(
      "bin/docker",
      "#!/bin/sh\n(sleep 0.02; kill -INT $PPID) < /dev/null > /dev/null 2>&1 &\nexit 130\n",
    );
    const PATH = `${home.at("bin")}:${Deno.env.get("PATH")}`;
    const { code, stderr } = await runCli(["--region", region], {
      home: home.path,
      env: { ...aws.env(), ...aws.keys.env(), PATH },
    });
    assert.deepEqual([code, stderr], [130, "ecrin: error: interrupted\n"]);
  },
});
