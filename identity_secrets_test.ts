/**
 * Secrets stay where they are when AWS, SSO or a credential_process fails, whatever it repeats of what
 * it was sent.
 */

import { startAws } from "./testing/aws.ts";
import { tempHome } from "./testing/cli.ts";
import type { FaultKind } from "./testing/faults.ts";
import { noKeys, password, secretKey, sessionToken, spellings, watched } from "./testing/leaks.ts";
import { canSample } from "./testing/proc.ts";
import { oldSsoFile, oldSsoProfile, ssoProfile, ssoSessionFile } from "./testing/profile_files.ts";
import type { Service } from "./testing/protocol.ts";

const region = "eu-west-1";
const roleArgs = ["--region", region, "--account", "222222222222", "--role", "deploy"];
const ignore = !canSample();

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
          await watched(aws, { args, exitCode: passes ? 0 : /^[2345]$/, hurried: true });
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
          hurried: true,
          env: noKeys,
          files: {
            ".aws/config": ssoProfile({ region }),
            [ssoSessionFile]: JSON.stringify(session),
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
            ".aws/config": oldSsoProfile({ region }),
            [oldSsoFile]: broken.replace(
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
        ...noKeys,
        AWS_WEB_IDENTITY_TOKEN_FILE: await folder.write("token", `${token}\n`),
        AWS_ROLE_ARN: "arn:aws:iam::222222222222:role/deploy",
      },
    });
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
        env: noKeys,
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
