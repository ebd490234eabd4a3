/**
 * `deno task demo`: the main job for real, on an AWS and a registry of its own in this process and
 * in a temporary home. Every step is shown; nothing of the user's is read or written.
 *
 * @module
 */

import { startAws } from "./aws.ts";
import { runCli, tempHome } from "./cli.ts";
import { findProgram } from "./programs.ts";

const account = "222222222222";
const region = "ap-northeast-1";
const role = `arn:aws:iam::${account}:role/deploy`;

function say(text = ""): void {
  console.log(text);
}

/** Fails the demo unless `fact` holds. */
function prove(fact: boolean, what: string): void {
  if (!fact) throw new Error(`the demo went wrong: ${what}`);
  say(`   seen: ${what}`);
}

/** The status of `GET /v2/` with these credentials, or without any. */
async function askRegistry(url: string, auth?: string): Promise<number> {
  const headers: HeadersInit = auth === undefined ? {} : { authorization: `Basic ${auth}` };
  const response = await fetch(`${url}/v2/`, { headers });
  await response.body?.cancel();
  return response.status;
}

/** The entry that docker's config.json in `home` has for `host`. */
async function storedAuth(home: string, host: string): Promise<string | undefined> {
  const config = JSON.parse(await Deno.readTextFile(`${home}/.docker/config.json`));
  return config.auths?.[host]?.auth;
}

async function demo(): Promise<void> {
  await using aws = await startAws({ roles: [{ arn: role, trusts: ["111111111111"] }] });
  const { host } = new URL(aws.registry.url);
  // "" is the file itself; else docker could choose the user's own keychain
  const dockerConfig = JSON.stringify({ credHelpers: { [host]: "" } });
  await using home = await tempHome({ ".docker/config.json": dockerConfig });
  const tool = findProgram("docker") === undefined ? "file" : "docker";
  const user = aws.keys.user;
  const env = {
    ...aws.env(),
    AWS_ACCESS_KEY_ID: user.accessKeyId,
    AWS_SECRET_ACCESS_KEY: user.secretAccessKey,
  };

  say(`1. an AWS and a registry of our own, at ${aws.url} and ${aws.registry.url}`);
  say(`   identity: keys of ${user.arn}; home: a temporary folder; tool: ${tool}`);
  prove(
    await askRegistry(aws.registry.url) === 401,
    "the registry turns away who is not logged in",
  );

  const args = ["--account", account, "--role", "deploy", "--region", region, "--tool", tool];
  say(`\n2. $ ecrin ${args.join(" ")}`);
  const login = await runCli(args, { env, home: home.path });
  say(login.stderr.replaceAll(/^/gm, "   ").trimEnd());
  prove(login.code === 0, "exit code 0");
  const [assumed] = aws.requestsOf("sts", "AssumeRole");
  prove(assumed?.params.RoleArn === role, `STS was asked for ${role}, with a valid signature`);
  const [asked] = aws.requestsOf("ecr", "GetAuthorizationToken");
  prove(asked?.region === region, `ECR was asked for a token in ${region}, with the role's keys`);

  say(`\n3. the login, as docker's config.json has it`);
  const auth = await storedAuth(home.path, host);
  prove(auth !== undefined, `an entry for ${host}`);
  prove(await askRegistry(aws.registry.url, auth) === 200, "the registry lets the entry in (200)");
  prove(await askRegistry(aws.registry.url, btoa("AWS:wrong")) !== 200, "and no other password");

  say(`\n4. what goes wrong is said: $ ecrin --account ${account} --role admin --region ${region}`);
  const denied = await runCli(["--account", account, "--role", "admin", "--region", region], {
    env,
    home: home.path,
  });
  say(denied.stderr.replaceAll(/^/gm, "   ").trimEnd());
  prove(denied.code === 4, "exit code 4");
  say("\nthat was the whole job; the servers and the temporary folder are gone");
}

if (import.meta.main) await demo();
