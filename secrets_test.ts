/**
 * Where secrets may not be: in the arguments and environments of programs, which other users can
 * read, and in anything that is printed, however a login ends.
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { requirePrograms, runCli, type TempHome, tempHome } from "./testing/cli.ts";
import type { FaultKind } from "./testing/faults.ts";
import { type AwsKey } from "./testing/keys.ts";
import { serveLoopback } from "./testing/loopback.ts";
import { canSample, sampleChildren, type SeenProcess } from "./testing/proc.ts";
import type { Service } from "./testing/protocol.ts";

const region = "eu-west-1";
const roleArgs = ["--region", region, "--account", "222222222222", "--role", "deploy"];

/** Characters that shells, URLs, JSON and XML write in other ways. */
const odd = [`/+="'%&<>\\$:`, `:$\\><&%'"=+/`, `%/'+"=&\\<$>:`] as const;
const password = `not-a-password-${odd[0]}-of-the-registry`;
const secretKey = `not-a-secret-key-${odd[1]}-of-the-user`;
const sessionToken = `not-a-session-token-${odd[2]}-of-the-user`;

/** Everything that a run of a test could give away. */
function secretsOf(aws: FakeAws, more: string[] = []): string[] {
  const issued = aws.passwords.all().map((issued) => issued.password);
  const passwords = new Set([password, ...issued]);
  const keys: (string | undefined)[] = [secretKey, sessionToken];
  // the keys of the role sessions that were made during the run
  for (const { accessKeyId } of aws.requests) {
    const key = accessKeyId === undefined ? undefined : aws.keys.get(accessKeyId);
    keys.push(key?.secretAccessKey, key?.sessionToken);
  }
  return [
    ...passwords,
    ...[...passwords].map((password) => btoa(`AWS:${password}`)),
    ...keys.filter((key) => key !== undefined),
    ...aws.sso.tokens.keys(),
    ...more,
  ];
}

/** The ways in which programs write a value down. */
function spellings(secret: string): string[] {
  const percent = (char: string): string =>
    `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    // Go's encoding/json
    JSON.stringify(secret).slice(1, -1).replaceAll(
      /[&<>]/g,
      (char) => `\\u00${char.charCodeAt(0).toString(16)}`,
    ),
    // PHP's, Python's Jinja
    JSON.stringify(secret).slice(1, -1).replaceAll("/", "\\/"),
    encodeURIComponent(secret),
    secret.replaceAll(/[^\w.~-]/g, percent),
    // a shell's `set -x`
    secret.replaceAll("'", `'\\''`),
    secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;").replaceAll("'", "&#39;"),
    secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
      .replaceAll('"', "&#34;").replaceAll("'", "&#39;"),
  ];
}

/** How much of a secret in a row is a leak, in characters. */
const part = 14;

/** The secrets of which `text` holds a part. Only the parts that no other text shares count. */
function leaks(text: string, secrets: string[]): string[] {
  return secrets.filter((secret) =>
    spellings(secret).some((spelling) => {
      for (let start = 0; start + part <= spelling.length; start += 1) {
        const piece = spelling.slice(start, start + part);
        // the fixtures' names for themselves give nothing away
        if (/^[\w-]*$/.test(piece) && odd.some((chars) => secret.includes(chars))) continue;
        if (text.includes(piece)) return true;
      }
      return false;
    })
  );
}

/** Secrets that other users of the machine could read while `seen` ran. */
function leaksOf(seen: SeenProcess[], secrets: string[]): string[] {
  const argv = seen.flatMap(({ argv }) => argv);
  // ecrin itself was given its keys in its environment, by the test
  const children = seen.filter(({ argv, parent }) =>
    parent !== Deno.pid && !argv.some((arg) => arg.endsWith("/main.ts"))
  );
  const environ = children.flatMap(({ environ }) => environ);
  return leaks([...argv, ...environ].join("\n"), secrets);
}

/** A key with odd characters, temporary, so that there is a session token too. */
function oddKey(aws: FakeAws): AwsKey {
  return aws.keys.add({ secretAccessKey: secretKey, sessionToken });
}

/** A docker that takes its time, so that no look at /proc misses it. */
const slowDocker = "#!/bin/sh\ncat > /dev/null\nsleep 0.3\necho Login Succeeded\n";

interface Watched {
  args?: string[];
  env?: Record<string, string | undefined>;
  /** Of the home folder, by relative path. */
  files?: Record<string, string>;
  /** The docker program; default {@linkcode slowDocker}. `undefined`: the real one. */
  docker?: string | undefined;
  exitCode: number | RegExp;
  secrets?: string[];
  denoArgs?: string[];
  expect?: RegExp;
}

/** Runs a login at --verbose and --json, and searches all that could be seen of it. */
async function watched(aws: FakeAws, options: Watched): Promise<string> {
  const { args = ["--region", region, "--tool", "docker"], secrets: more = [] } = options;
  await using home = await tempHome(options.files);
  await Deno.mkdir(home.at("tmp"));
  const docker = "docker" in options ? options.docker : slowDocker;
  if (docker !== undefined) await home.writeProgram("bin/docker", docker);
  await using sampler = await sampleChildren();
  const result = await runCli(["--verbose", "--json", ...args], {
    home: home.path,
    env: {
      ...aws.env(),
      ...aws.keys.env(oddKey(aws)),
      PATH: `${home.at("bin")}:${Deno.env.get("PATH")}`,
      TMPDIR: home.at("tmp"),
      ...options.env,
    },
    ...(options.denoArgs === undefined ? {} : { denoArgs: options.denoArgs }),
  });
  const seen = await sampler.stop();
  const output = `${result.stdout}\n${result.stderr}`;
  if (typeof options.exitCode === "number") assert.equal(result.code, options.exitCode, output);
  else assert.match(String(result.code), options.exitCode, output);
  const secrets = secretsOf(aws, more);
  assert.deepEqual(leaks(output, secrets), [], output);
  assert.deepEqual(leaksOf(seen, secrets), []);
  if (options.expect !== undefined) assert.match(output, options.expect);
  assert(result.code === 1 || JSON.parse(result.stdout).logins !== undefined);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(home.at("tmp"))), [], "left in TMPDIR");
  await assertPrivate(home);
  return output;
}

/** Asserts that what was written is for its owner only, and is a whole file. */
async function assertPrivate(home: TempHome): Promise<void> {
  if (!await home.exists(".docker")) return;
  assert.equal(((await Deno.stat(home.at(".docker"))).mode ?? 0) & 0o777, 0o700);
  for await (const { name } of Deno.readDir(home.at(".docker"))) {
    assert.equal(name, "config.json", "left beside config.json");
    assert.equal(((await Deno.stat(home.at(`.docker/${name}`))).mode ?? 0) & 0o777, 0o600);
  }
}

const ignore = !canSample();

Deno.test({
  name: "the search finds a secret in arguments, environments and output, in every spelling",
  ignore,
  fn: async () => {
    await using aws = await startAws({ password });
    await using home = await tempHome();
    // as one would do it who knows no better
    const careless = await home.writeProgram("docker", "#!/bin/sh\nsleep 0.3\n");
    for (
      const [args, env] of [
        [["--password", password], {}],
        [["--password", btoa(`AWS:${password}`)], {}],
        [[], { TOKEN: sessionToken }],
        [[], { AWS_SECRET_ACCESS_KEY: secretKey }],
      ] as const
    ) {
      await using sampler = await sampleChildren();
      const shell = ["-c", '"$0" "$@"; true', careless];
      await new Deno.Command("sh", { args: [...shell, ...args], env }).output();
      assert.equal(leaksOf(await sampler.stop(), secretsOf(aws)).length, 1);
    }
    for (const secret of secretsOf(aws)) {
      for (const spelling of spellings(secret)) {
        assert(leaks(`a ${spelling} b`, [secret]).length === 1, spelling);
        const half = spelling.slice(0, Math.ceil(spelling.length * 0.7));
        assert(leaks(half, [secret]).length === 1, `a part: ${half}`);
      }
    }
    assert.deepEqual(leaks("not-a-password- not-a-secret-key-", secretsOf(aws)), []);
  },
});

Deno.test({
  name: "a login with a slow docker shows no secret to anybody",
  ignore,
  fn: async () => {
    await using aws = await startAws({ password });
    const output = await watched(aws, {
      args: [...roleArgs, "--tool", "docker"],
      // it gets the password on stdin, and nothing else that it could misuse
      docker: '#!/bin/sh\ncat > "$HOME/stdin"\nenv > "$HOME/env"\nsleep 0.3\n' +
        `[ "$(cat "$HOME/stdin")" = ${
          JSON.stringify(password).replaceAll("$", "\\$")
        } ] || exit 9\n` +
        'grep -E "SECRET|TOKEN" "$HOME/env" && exit 8\nexit 0\n',
      exitCode: 0,
      env: {
        AWS_SECURITY_TOKEN: sessionToken,
        AWS_CONTAINER_AUTHORIZATION_TOKEN: "not-a-container-token",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: "not-a-job-token",
      },
      secrets: ["not-a-container-token", "not-a-job-token"],
    });
    assert.match(output, /\$ docker login --username AWS --password-stdin /);
  },
});

Deno.test({
  name: "a login with the real docker shows no secret to anybody, and its file is private",
  ignore: ignore || !requirePrograms(["docker"]),
  fn: async () => {
    for (const options of [{ password }, {}]) {
      await using aws = await startAws(options);
      await watched(aws, {
        docker: undefined,
        exitCode: 0,
        args: [...roleArgs, "--tool", "docker"],
      });
      assert.equal(aws.registry.requests.at(-1)?.status, 200);
    }
  },
});

Deno.test({
  name: "a login to the file shows no secret to anybody, and the file is private",
  ignore,
  fn: async () => {
    await using aws = await startAws({ password });
    await watched(aws, { exitCode: 0, args: [...roleArgs, "--tool", "file"] });
    assert.equal(aws.registry.requests.at(-1)?.status, 200);
  },
});

const kinds: FaultKind[] = [
  "throttle",
  "5xx",
  "reset",
  "expired",
  "clock-skew",
  "access-denied",
  "error",
  "garbage",
  "empty-list",
  "null-fields",
  "foreign-proxy-endpoint",
];

/** An error whose message repeats what the client sent, as gateways do. */
const echo = `You sent ${spellings(secretKey).join(" ")} and ${spellings(sessionToken).join(" ")}`;

const services: Record<string, { service: Service; args: string[] }> = {
  "private ECR": { service: "ecr", args: ["--region", region, "--tool", "docker"] },
  "ECR Public": { service: "ecr-public", args: ["--public", "--tool", "docker"] },
  "STS": { service: "sts", args: [...roleArgs, "--tool", "docker"] },
};

for (const [name, { service, args }] of Object.entries(services)) {
  Deno.test({
    name: `a failure of ${name} shows no secret to anybody`,
    ignore,
    fn: async (t) => {
      for (const kind of kinds) {
        await t.step(kind, async () => {
          await using aws = await startAws({ password });
          aws.fault({
            kind,
            service,
            // a registry of that name is asked for by nobody: docker is a stand-in
            proxyEndpoint: `https://AWS:${encodeURIComponent(password)}@registry.attacker.example`,
            ...(kind === "error" ? { message: echo } : {}),
          });
          const passes = kind === "foreign-proxy-endpoint" && service !== "ecr";
          await watched(aws, { args, exitCode: passes ? 0 : /^[2345]$/ });
        });
      }
    },
  });
}

Deno.test({
  name: "a failure of SSO shows no secret to anybody",
  ignore,
  fn: async (t) => {
    for (const kind of [undefined, ...kinds]) {
      await t.step(kind ?? "success", async () => {
        await using aws = await startAws({ password });
        const session = aws.sso.signIn();
        const token = session.accessToken;
        const refresh = session.refreshToken ?? "";
        if (kind !== undefined) {
          const message = kind === "error" ? { message: `no token ${token}` } : {};
          aws.fault({ kind, service: "sso", ...message });
        }
        await watched(aws, {
          args: ["--profile", "blog", "--tool", "docker"],
          exitCode: kind === undefined || kind === "foreign-proxy-endpoint" ? 0 : /^[45]$/,
          secrets: [token, refresh, session.clientSecret],
          env: {
            AWS_ACCESS_KEY_ID: undefined,
            AWS_SECRET_ACCESS_KEY: undefined,
            AWS_SESSION_TOKEN: undefined,
          },
          files: {
            ".aws/config": `[profile blog]
sso_session = corp
sso_account_id = 222222222222
sso_role_name = deploy
region = ${region}
[sso-session corp]
sso_start_url = https://x.awsapps.com/start
sso_region = us-east-1
`,
            ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json": JSON.stringify(session),
          },
        });
      });
    }
    for (const broken of ["", "{", "null", '{"accessToken": 5}', "TOKEN"]) {
      await t.step(`a cache file with ${broken}`, async () => {
        await using aws = await startAws({ password });
        const token = aws.sso.signIn().accessToken;
        await watched(aws, {
          args: ["--profile", "blog", "--tool", "docker"],
          exitCode: 4,
          files: {
            ".aws/config": `[profile blog]
sso_start_url = https://x.awsapps.com/start
sso_region = us-east-1
sso_account_id = 222222222222
sso_role_name = deploy
region = ${region}
`,
            ".aws/sso/cache/3947de8b16688092197fa616c34e01335f21d256.json": broken.replace(
              "TOKEN",
              `{"accessToken": "${token}" "expiresAt": 1}`,
            ),
          },
        });
      });
    }
  },
});

Deno.test({
  name: "an STS that repeats the web identity token shows it to nobody",
  ignore,
  fn: async () => {
    await using aws = await startAws({ password });
    const token = aws.webIdentities.issue({
      audience: "sts.amazonaws.com",
      expiresAt: Date.now() + 300_000,
    });
    aws.fault({ kind: "error", service: "sts", message: `cannot read the token ${token}` });
    await using folder = await tempHome();
    await watched(aws, {
      exitCode: 4,
      expect: /cannot read the token \*\*\*/,
      secrets: [token],
      env: {
        AWS_ACCESS_KEY_ID: undefined,
        AWS_SECRET_ACCESS_KEY: undefined,
        AWS_SESSION_TOKEN: undefined,
        AWS_WEB_IDENTITY_TOKEN_FILE: await folder.write("token", `${token}\n`),
        AWS_ROLE_ARN: "arn:aws:iam::222222222222:role/deploy",
      },
    });
  },
});

/** A shell script that prints what is on `stdin` in all its spellings, as only a traitor would. */
function traitor(secrets: string[], end: string): string {
  const text = secrets.flatMap(spellings).join("\n");
  return `#!/bin/sh\ncat > /dev/null\nprintf %s '${
    Buffer.from(text).toString("base64")
  }' | base64 -d >&2\n` +
    `printf %s '${Buffer.from(text).toString("base64")}' | base64 -d\n${end}\n`;
}

const traitors: Record<string, [end: string, exitCode: number]> = {
  "and succeeds": ["exit 0", 0],
  "and fails": ["exit 1", 3],
  "and is killed": ["kill -9 $$", 3],
  "and says 401": ["echo 401 unauthorized >&2; exit 1", 3],
};

for (const [what, [end, exitCode]] of Object.entries(traitors)) {
  Deno.test({
    name: `a docker that prints the password ${what} gives it to nobody`,
    ignore,
    fn: async () => {
      await using aws = await startAws({ password });
      const secrets = [password, btoa(`AWS:${password}`), secretKey, sessionToken];
      await watched(aws, { docker: traitor(secrets, end), exitCode, expect: /\*\*\*/ });
    },
  });
}

Deno.test({
  name: "a registry that refuses a login and repeats it gives it to nobody",
  ignore,
  fn: async (t) => {
    for (const status of [401, 403, 404, 500]) {
      for (const length of [40, 3000]) {
        await t.step(`${status}, a password of ${length} characters`, async () => {
          const long = `${password}${"x/+".repeat(1000)}`.slice(0, length);
          await using registry = serveLoopback((request) => {
            const sent = request.headers.get("authorization") ?? "";
            const [, basic = ""] = sent.split(" ");
            return new Response(`you sent ${sent}, which is ${atob(basic)}`, { status });
          });
          await using aws = await startAws({ password: long, registryUrl: registry.url });
          await watched(aws, {
            args: ["--region", region, "--tool", "file"],
            exitCode: /^[35]$/,
          });
        });
      }
    }
  },
});

Deno.test({
  name: "a registry that breaks off in the middle of its answer is no bug",
  ignore,
  fn: async () => {
    await using registry = serveLoopback((_request, connection) => {
      let pulled = 0;
      return new Response(
        new ReadableStream({
          pull(controller): void {
            if (pulled++ === 0) controller.enqueue(new TextEncoder().encode("the beginning"));
            else connection.reset();
          },
        }),
        { status: 500 },
      );
    });
    await using aws = await startAws({ password, registryUrl: registry.url });
    await watched(aws, { args: ["--region", region, "--tool", "file"], exitCode: 5 });
  },
});

Deno.test({
  name: "a malformed config.json with another secret in it is not quoted",
  ignore,
  fn: async (t) => {
    const other = "bm90LWE6c2VjcmV0LW9mLWFub3RoZXItcmVnaXN0cnk=";
    const texts = [
      `{"auths": {"quay.io": {"auth": "${other}" }`,
      `{"auths": {"quay.io": {"auth": "${other}`,
      `{"auths": {"quay.io": {"auth": "%${other}"}}}`,
      `{"auths": {"quay.io": "${other}"}}`,
      `"${other}"`,
      `${other}`,
      `{"auths": {"quay.io": {"auth": "${other}"}}, "credsStore": ["${other}"]}`,
    ];
    for (const tool of ["docker", "file"]) {
      for (const text of texts) {
        await t.step(`${tool}: ${text.slice(0, 40)}`, async () => {
          await using aws = await startAws({ password });
          await watched(aws, {
            args: ["--region", region, "--tool", tool],
            files: { ".docker/config.json": text },
            exitCode: 3,
            secrets: [other],
            expect: /config is malformed/,
          });
        });
      }
    }
  },
});

/** A credential_process: what it prints and how it ends. */
const processes: Record<string, string> = {
  "prints no JSON": `echo "SecretAccessKey is SECRET"`,
  "prints JSON that is cut off": `echo '{"Version":1,"SecretAccessKey":"SECRET"'`,
  "prints another version": `echo '{"Version":2,"AccessKeyId":"AKIA","SecretAccessKey":"SECRET"}'`,
  "prints a key without an id": `echo '{"Version":1,"SecretAccessKey":"SECRET"}'`,
  "prints expired keys":
    `echo '{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"SECRET","Expiration":"2001-01-01T00:00:00Z"}'`,
  "prints keys, says them too, and fails":
    `echo '{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"SECRET"}'; echo "got SECRET" >&2; exit 3`,
  "prints a list": `echo '["SECRET"]'`,
};

for (const [name, script] of Object.entries(processes)) {
  Deno.test({
    name: `a credential_process that ${name} gives its key to nobody`,
    ignore,
    fn: async () => {
      await using aws = await startAws({ password });
      await using folder = await tempHome();
      const secret = "not-another/secret+key-of-a-process";
      const program = await folder.writeProgram(
        "keys",
        `#!/bin/sh\n${script.replaceAll("SECRET", secret)}\n`,
      );
      await watched(aws, {
        args: ["--profile", "process", "--tool", "docker"],
        files: {
          ".aws/config": `[profile process]\nregion = ${region}\ncredential_process = ${program}\n`,
        },
        env: {
          AWS_ACCESS_KEY_ID: undefined,
          AWS_SECRET_ACCESS_KEY: undefined,
          AWS_SESSION_TOKEN: undefined,
        },
        exitCode: 4,
        secrets: [secret],
      });
    },
  });
}

Deno.test({
  name: "keys that are passed over for a profile are not shown either",
  ignore,
  fn: async () => {
    await using aws = await startAws({ password });
    await using folder = await tempHome();
    const program = await folder.writeProgram(
      "keys",
      '#!/bin/sh\necho "cannot use $AWS_SECRET_ACCESS_KEY $AWS_SESSION_TOKEN" >&2; exit 1\n',
    );
    await watched(aws, {
      args: ["--profile", "process", "--tool", "docker"],
      files: {
        ".aws/config": `[profile process]\nregion = ${region}\ncredential_process = "${program}"\n`,
      },
      // the process is the user's own and gets the user's environment
      env: { AWS_SECRET_ACCESS_KEY: "not-a-key/that+is-used", AWS_SESSION_TOKEN: undefined },
      exitCode: 4,
      expect: /cannot use \*\*\*/,
    });
  },
});

Deno.test({
  name: "the stack of a bug is searched for secrets too",
  ignore,
  fn: async () => {
    await using aws = await startAws({ password });
    const said = [password, btoa(`AWS:${password}`), secretKey, sessionToken].flatMap(spellings);
    await using folder = await tempHome({
      "broken.ts": `Date.prototype.getHours = () => {
        throw new Error(${JSON.stringify(said.join("\n"))}, { cause: "x" });
      };`,
    });
    await watched(aws, {
      denoArgs: ["-A", "--preload", folder.at("broken.ts")],
      exitCode: 1,
      expect: /ecrin: bug: Error: \*\*\*/,
    });
  },
});
