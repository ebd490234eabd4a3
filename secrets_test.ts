/**
 * Where secrets may not be: in the arguments and environments of programs, which other users can
 * read, and in anything that is printed, whatever a tool or a registry says.
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { startAws } from "./testing/aws.ts";
import { requirePrograms, tempHome } from "./testing/cli.ts";
import {
  leaks,
  leaksOf,
  password,
  secretKey,
  secretsOf,
  sessionToken,
  spellings,
  watched,
} from "./testing/leaks.ts";
import { serveLoopback } from "./testing/loopback.ts";
import { canSample, familyOf, sampleChildren } from "./testing/proc.ts";

const region = "eu-west-1";
const roleArgs = ["--region", region, "--account", "222222222222", "--role", "deploy"];
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
      const child = new Deno.Command("sh", { args: [...shell, ...args], env }).spawn();
      await child.status;
      const seen = familyOf(await sampler.stop(), child.pid);
      assert.equal(leaksOf(seen, secretsOf(aws)).length, 1);
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
            hurried: true,
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
            expect: /file of logins is malformed/,
          });
        });
      }
    }
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
