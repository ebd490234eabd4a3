/**
 * Looks for secrets in all that others could see of a run: its output, and the arguments and
 * environments of every program that it starts. A part of a secret counts, in any spelling.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { FakeAws } from "./aws.ts";
import { startCli, type TempHome, tempHome } from "./cli.ts";
import { type Env, withPrograms } from "./ecrin.ts";
import type { AwsKey } from "./keys.ts";
import { familyOf, sampleChildren, type SeenProcess } from "./proc.ts";
import { hurryPauses } from "./time_limits.ts";

/** Characters that shells, URLs, JSON and XML write in other ways. */
const odd = [`/+="'%&<>\\$:`, `:$\\><&%'"=+/`, `%/'+"=&\\<$>:`] as const;

/** The registry's password and the user's key and session, each with the characters in another order. */
export const password = `not-a-password-${odd[0]}-of-the-registry`;
export const secretKey = `not-a-secret-key-${odd[1]}-of-the-user`;
export const sessionToken = `not-a-session-token-${odd[2]}-of-the-user`;

/** Everything that a run of a test could give away. */
export function secretsOf(aws: FakeAws, more: string[] = []): string[] {
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
export function spellings(secret: string): string[] {
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
export function leaks(text: string, secrets: string[]): string[] {
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
export function leaksOf(seen: SeenProcess[], secrets: string[]): string[] {
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

/** A login that is watched. */
export interface Watched {
  args?: string[];
  env?: Env;
  /** Of the home folder, by relative path. */
  files?: Record<string, string>;
  /** The docker program; default {@linkcode slowDocker}. `undefined`: the real one. */
  docker?: string | undefined;
  exitCode: number | RegExp;
  secrets?: string[];
  denoArgs?: string[];
  /** Whether the pauses between its tries are short. */
  hurried?: boolean;
  expect?: RegExp;
}

/** Runs a login at --verbose and --json, and searches all that could be seen of it. */
export async function watched(aws: FakeAws, options: Watched): Promise<string> {
  const { args = ["--region", "eu-west-1", "--tool", "docker"], secrets: more = [] } = options;
  await using home = await tempHome(options.files);
  await Deno.mkdir(home.at("tmp"));
  const docker = "docker" in options ? options.docker : slowDocker;
  if (docker !== undefined) await home.writeProgram("bin/docker", docker);
  await using sampler = await sampleChildren();
  await using cli = await startCli(["--verbose", "--json", ...args], {
    stdin: "",
    home: home.path,
    env: {
      ...aws.env(),
      ...aws.keys.env(oddKey(aws)),
      ...withPrograms(home),
      TMPDIR: home.at("tmp"),
      ...options.env,
    },
    // whoever looks goes first
    yielding: true,
    ...(options.hurried === true ? await hurryPauses(home) : {}),
    ...(options.denoArgs === undefined ? {} : { denoArgs: options.denoArgs }),
  });
  const result = await cli.result();
  const seen = familyOf(await sampler.stop(), cli.pid);
  assert(seen.length > 0, "nobody saw it run");
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

/** An environment without the user's keys. */
export const noKeys = {
  AWS_ACCESS_KEY_ID: undefined,
  AWS_SECRET_ACCESS_KEY: undefined,
  AWS_SESSION_TOKEN: undefined,
};
