import assert from "node:assert/strict";
import { parseAwsConfig } from "./aws_config.ts";
import { type Hop, planProfile } from "./profiles.ts";
import { type CachedStep, openRoleCache, parseEntry, roleCacheKey } from "./role_cache.ts";
import type { RoleSession } from "./sts.ts";
import { realSystem } from "./system.ts";
import { type TempHome, tempHome } from "./testing/cli.ts";

const roleArn = "arn:aws:iam::123456789012:role/Dev";
const hop: Hop = { profile: "dev", roleArn };

// made by Python: hashlib.sha1(json.dumps({…}, sort_keys=True).encode()).hexdigest()
const keys: [more: Partial<Hop>, key: string][] = [
  [{}, "2bb38c5db97ed7ea85d819b0a043df7bd7b4363a"],
  [{ mfaProcess: "op", region: "eu-west-1" }, "2bb38c5db97ed7ea85d819b0a043df7bd7b4363a"],
  [{ mfaSerial: "arn:aws:iam::123456789012:mfa/ann" }, "0ef10244cc62ffec5fd0dfdbb475c9e7c47907b6"],
  [{
    sessionName: "ann",
    externalId: "corp:1",
    mfaSerial: "GAHT12345678",
    durationSeconds: 3600,
  }, "0cbf969374b25510278ed4be3f76282dffc53ebe"],
];

for (const [more, key] of keys) {
  Deno.test(`the AWS CLI's key of a role with ${JSON.stringify(more)}`, async () => {
    assert.equal(await roleCacheKey({ ...hop, ...more }), key);
  });
}

const inAnHour = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3600_000);

function session(expiration = inAnHour): RoleSession {
  return {
    credentials: {
      accessKeyId: "ASIATEST",
      secretAccessKey: "not-a-secret",
      sessionToken: "not-a-token",
      expiration,
    },
    user: { id: "AROATEST:ann", arn: "arn:aws:sts::123456789012:assumed-role/Dev/ann" },
  };
}

/** An entry as the AWS CLI writes it. */
function cliEntry(more: { expiration?: string; arn?: string } = {}): string {
  return JSON.stringify({
    Credentials: {
      AccessKeyId: "ASIATEST",
      SecretAccessKey: "not-a-secret",
      SessionToken: "not-a-token",
      Expiration: more.expiration ?? inAnHour.toISOString(),
    },
    AssumedRoleUser: {
      AssumedRoleId: "AROATEST:botocore-session-1",
      Arn: more.arn ?? "arn:aws:sts::123456789012:assumed-role/Dev/botocore-session-1",
    },
    ResponseMetadata: { RequestId: "1", HTTPStatusCode: 200, RetryAttempts: 0 },
  });
}

const times = ["2026-11-20T21:00:00Z", "2026-11-20T21:00:00UTC", "2026-11-20T21:00:00+00:00"];

for (const expiration of times) {
  Deno.test(`an entry may end at ${expiration}`, () => {
    const entry = parseEntry(cliEntry({ expiration }), hop);
    assert.equal(entry?.expiration?.toISOString(), "2026-11-20T21:00:00.000Z");
  });
}

const others: [what: string, text: string, hop?: Partial<Hop>][] = [
  ["is empty", ""],
  ["is no JSON", '{"Credentials": {'],
  ["is null", "null"],
  ["is a list", "[]"],
  ["has no secret", cliEntry().replace("SecretAccessKey", "Secret")],
  ["has no session token", cliEntry().replace('"not-a-token"', '""')],
  ["ends at no time", cliEntry({ expiration: "soon" })],
  ["is of another account", cliEntry({ arn: "arn:aws:sts::210987654321:assumed-role/Dev/x" })],
  ["is of another role", cliEntry({ arn: "arn:aws:sts::123456789012:assumed-role/DevOps/x" })],
  ["is of another partition", cliEntry({ arn: "arn:aws-cn:sts::123456789012:assumed-role/Dev/x" })],
  ["is of another session", cliEntry(), { sessionName: "ann" }],
  ["is a user's", cliEntry({ arn: "arn:aws:iam::123456789012:user/Dev" })],
];

for (const [what, text, more] of others) {
  Deno.test(`an entry counts for nothing that ${what}`, () => {
    assert.equal(parseEntry(text, { ...hop, ...more }), undefined);
  });
}

const config = `[profile dev]
role_arn = ${roleArn}
source_profile = ann
[profile ann]
aws_access_key_id = AKIATESTANN
aws_secret_access_key = not-a-secret
[profile bob]
aws_access_key_id = AKIATESTBOB
aws_secret_access_key = not-a-secret
`;
const dev2 = `[profile dev2]\nrole_arn = ${roleArn}\n`;

/** The cache of a home, the step of a profile, and what was reported. */
function open(
  home: TempHome,
  { text = config, profile = "dev", env = {}, url }: {
    text?: string;
    profile?: string;
    env?: Record<string, string>;
    url?: string;
  } = {},
): { cache: ReturnType<typeof openRoleCache>; step: CachedStep; lines: string[] } {
  const parsed = parseAwsConfig({
    config: { text, path: "config" },
    credentials: { text: "", path: "credentials" },
  });
  const lines: string[] = [];
  const system = { ...realSystem(), env: { HOME: home.path, ...env } };
  const cache = openRoleCache({
    config: parsed,
    system,
    settings: { endpointOverride: () => url },
    signal: new AbortController().signal,
    report: (line) => void lines.push(line),
  });
  return { cache, step: planProfile(parsed, profile, system.env), lines };
}

const file = ".aws/cli/cache/2bb38c5db97ed7ea85d819b0a043df7bd7b4363a.json";

Deno.test("what is written is read again, and is its owner's alone", async () => {
  await using home = await tempHome();
  const { cache, step } = open(home);
  assert.equal(await cache.read(step), undefined);
  await cache.write(step, session());
  const { secretAccessKey, expiration } = await cache.read(step) ?? {};
  assert.deepEqual([secretAccessKey, expiration], ["not-a-secret", inAnHour]);
  if (Deno.build.os === "windows") return;
  assert.equal(((await Deno.stat(home.at(file))).mode ?? 0) & 0o777, 0o600);
  assert.equal(((await Deno.stat(home.at(".aws/cli/cache"))).mode ?? 0) & 0o777, 0o700);
  await Deno.chmod(home.at(file), 0o644);
  await cache.write(step, session());
  assert.equal(((await Deno.stat(home.at(file))).mode ?? 0) & 0o777, 0o600);
  const files = await Array.fromAsync(Deno.readDir(home.at(".aws/cli/cache")));
  assert.equal(files.length, 1, "something was left behind");
});

Deno.test("an entry with less than 15 minutes left is none", async () => {
  await using home = await tempHome();
  const { cache, step } = open(home);
  const left = (minutes: number) => new Date(Date.now() + minutes * 60_000);
  await cache.write(step, session(left(14.9)));
  assert.equal(await cache.read(step), undefined);
  await cache.write(step, session(left(15.2)));
  assert.notEqual(await cache.read(step), undefined);
});

Deno.test("an entry is of who assumed the role, where it was assumed", async () => {
  await using home = await tempHome();
  const { cache, step } = open(home);
  await cache.write(step, session());
  const asBob = open(home, { text: config.replace("= ann", "= bob") });
  assert.equal(await asBob.cache.read(asBob.step), undefined);
  assert.match(asBob.lines.join(), /^ignored the cached credentials of .*: another identity's$/);
  const elsewhere = open(home, { url: "http://127.0.0.1:4566" });
  assert.equal(await elsewhere.cache.read(elsewhere.step), undefined);
  const again = open(home);
  assert.notEqual(await again.cache.read(again.step), undefined);
});

const cliEntries: [what: string, text: string, used: boolean, env?: Record<string, string>][] = [
  ["the only profile with its key", config, true],
  ["two profiles from one source", `${config}${dev2}source_profile = ann\n`, true],
  ["two profiles from two sources", `${config}${dev2}source_profile = bob\n`, false],
  ["a profile that cannot work beside", `${config}${dev2}source_profile = gone\n`, true],
  ["a web identity's profile beside", `${config}${dev2}web_identity_token_file = /token\n`, false],
  [
    "another session of the role beside",
    `${config}${dev2}source_profile = bob\nexternal_id = x1\n`,
    true,
  ],
  [
    "keys in the environment, which change",
    config.replace("source_profile = ann", "credential_source = Environment"),
    false,
    { AWS_ACCESS_KEY_ID: "AKIATEST", AWS_SECRET_ACCESS_KEY: "not-a-secret" },
  ],
];

for (const [what, text, used, env = {}] of cliEntries) {
  Deno.test(`an entry of the AWS CLI is ${used ? "" : "not "}used: ${what}`, async () => {
    await using home = await tempHome({ [file]: cliEntry() });
    const { cache, step } = open(home, { text, env });
    assert.equal(await cache.read(step) !== undefined, used);
  });
}

Deno.test("a corrupt entry is replaced", async () => {
  await using home = await tempHome({ [file]: '{"Credentials": {"Acc' });
  const { cache, step } = open(home);
  assert.equal(await cache.read(step), undefined);
  await cache.write(step, session());
  assert.notEqual(await cache.read(step), undefined);
});

Deno.test("roles are not cached that the key cannot tell apart, or that are not worth it", async () => {
  await using home = await tempHome();
  const { cache, step: { source } } = open(home);
  const more: readonly (readonly CachedStep["hops"][number][])[] = [
    [{ ...hop, sourceIdentity: "ann" }],
    [{ ...hop, tags: [{}] }],
    [{ ...hop, sourceIdentity: "ann" }, { ...hop, profile: "next" }],
    [{ ...hop, profile: undefined }],
  ];
  for (const hops of more) await cache.write({ source, hops }, session());
  await cache.write({ source: { kind: "instance", profile: "dev" }, hops: [hop] }, session());
  assert.equal(await home.exists(".aws"), false);
});

Deno.test("a home that cannot be written to is no error", async () => {
  await using home = await tempHome({ ".aws": "a file in the folder's place" });
  const { cache, step, lines } = open(home);
  await cache.write(step, session());
  assert.match(lines.join(), /^did not cache the credentials of .*Dev: E[A-Z]+$/);
});
