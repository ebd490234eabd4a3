import assert from "node:assert/strict";
import { parseAwsConfig } from "./aws_config.ts";
import type { CacheContext } from "./cli_cache.ts";
import { openRoleCache, type RoleCache } from "./role_cache.ts";
import type { SsoSource } from "./sso_profile.ts";
import { removeSsoRoles, ssoRoleCacheKey } from "./sso_role_cache.ts";
import { realSystem } from "./system.ts";
import { type TempHome, tempHome } from "./testing/cli.ts";

const startUrl = "https://x.awsapps.com/start";
const source: SsoSource = {
  kind: "sso",
  profile: "dev",
  session: "corp",
  startUrl,
  ssoRegion: "us-east-1",
  account: "123456789012",
  role: "Dev",
};
const oldForm = { ...source, session: undefined };

// made by Python: hashlib.sha1(json.dumps({…}, sort_keys=True, separators=(",", ":")).encode())
const keys: [what: string, source: SsoSource, key: string][] = [
  ["of a session", source, "ecc1e3c8d4fe9b118d11b9cfe1c4a2a4f4a548ae"],
  ["of a start URL", oldForm, "43ad44c0ee9f960175c1b6a9a765b94c2c438034"],
  [
    "of a session beyond ASCII",
    { ...source, session: 'größe "\x7f😀' },
    "4e230549ed33eec456054523fb5dd6fc8fa774ed",
  ],
];

for (const [what, source, key] of keys) {
  Deno.test(`the AWS CLI's key of a role ${what}`, async () => {
    assert.equal(await ssoRoleCacheKey(source), key);
  });
}

const inAnHour = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3600_000);
const credentials = {
  accessKeyId: "ASIATEST",
  secretAccessKey: "not-a-secret",
  sessionToken: "not-a-token",
  expiration: inAnHour,
};

/** An entry as the AWS CLI writes it; newer ones have the account too. */
function cliEntry(more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    ProviderType: "sso",
    Credentials: {
      AccessKeyId: "ASIATEST",
      SecretAccessKey: "not-a-secret",
      SessionToken: "not-a-token",
      Expiration: inAnHour.toISOString().replace(/\.\d+/, ""),
      ...more,
    },
  });
}

const config = `[profile dev]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Dev
[profile old]
sso_start_url = ${startUrl}
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = Dev
[sso-session corp]
sso_start_url = ${startUrl}
sso_region = us-east-1
[sso-session other]
sso_start_url = ${startUrl}
sso_region = us-east-1
`;

interface Opened {
  cache: RoleCache;
  context: CacheContext;
  lines: string[];
}

function open(
  home: TempHome,
  { text = config, url }: { text?: string | undefined; url?: string } = {},
): Opened {
  const system = { ...realSystem(), env: { HOME: home.path, USERPROFILE: home.path } };
  const lines: string[] = [];
  const context: CacheContext = {
    config: parseAwsConfig({
      config: { text, path: "config" },
      credentials: { text: "", path: "credentials" },
    }),
    system,
    settings: { endpointOverride: () => url },
    signal: new AbortController().signal,
    report: (line) => lines.push(line),
  };
  return { cache: openRoleCache(context), context, lines };
}

const step = { source, hops: [] };
const folder = ".aws/cli/cache";
const file = `${folder}/ecc1e3c8d4fe9b118d11b9cfe1c4a2a4f4a548ae.json`;

Deno.test("a role of SSO is kept as the AWS CLI keeps it, for its owner only", async () => {
  await using home = await tempHome();
  const { cache } = open(home);
  await cache.write(step, { credentials });
  const { origin, ...read } = { origin: "", ...await cache.read(step) };
  assert.deepEqual(read, credentials);
  const { Ecrin, ...entry } = JSON.parse(await home.read(file));
  assert.deepEqual(entry, JSON.parse(cliEntry({ AccountId: "123456789012" })));
  assert.match(origin, /^[0-9a-f]{64}$/);
  assert.deepEqual(Ecrin, { Origin: origin });
  if (Deno.build.os !== "windows") {
    assert.equal(((await Deno.stat(home.at(file))).mode ?? 0) & 0o777, 0o600);
    assert.equal(((await Deno.stat(home.at(folder))).mode ?? 0) & 0o777, 0o700);
  }
});

const entries: [what: string, text: string, used: boolean, config?: string][] = [
  ["of the AWS CLI", cliEntry(), true],
  ["of a newer AWS CLI", cliEntry({ AccountId: "123456789012" }), true],
  ["that ends in UTC", cliEntry({ Expiration: inAnHour.toISOString().replace("Z", "UTC") }), true],
  ["of another account", cliEntry({ AccountId: "210987654321" }), false],
  ["with 14 minutes left", cliEntry({ Expiration: new Date(Date.now() + 14 * 60_000) }), false],
  ["that has run out", cliEntry({ Expiration: "2024-01-01T00:00:00Z" }), false],
  ["that ends at no time", cliEntry({ Expiration: "soon" }), false],
  ["without a session token", cliEntry({ SessionToken: "" }), false],
  ["of an assumed role", cliEntry().replace('"sso"', '"assume-role"'), false],
  ["that is cut off", cliEntry().slice(0, 60), false],
  ["that is null", "null", false],
  ["that is empty", "", false],
  [
    "of a session that the config has elsewhere",
    cliEntry(),
    false,
    config.replaceAll("x.aws", "y.aws"),
  ],
  ["of a session that the config has not", cliEntry(), false, ""],
];

for (const [what, text, used, config] of entries) {
  Deno.test(`an entry ${what} is ${used ? "" : "not "}used`, async () => {
    await using home = await tempHome({ [file]: text });
    const { cache } = open(home, { text: config });
    assert.equal(await cache.read(step) !== undefined, used);
  });
}

Deno.test("an entry of the old form counts unless profiles disagree on its region", async () => {
  const key = await ssoRoleCacheKey(oldForm);
  await using home = await tempHome({ [`${folder}/${key}.json`]: cliEntry() });
  const step = { source: oldForm, hops: [] };
  assert.notEqual(await open(home).cache.read(step), undefined);
  const two = `${config}[profile two]\nsso_start_url = ${startUrl}\nsso_region = eu-west-1\n`;
  assert.equal(await open(home, { text: two }).cache.read(step), undefined);
});

Deno.test("an entry is of the portal that gave it, whatever its session is called", async () => {
  await using home = await tempHome();
  await open(home).cache.write(step, { credentials });
  const others: SsoSource[] = [
    { ...source, startUrl: "https://y.awsapps.com/start" },
    { ...source, ssoRegion: "eu-west-1" },
  ];
  for (const source of others) {
    const { cache, lines } = open(home);
    assert.equal(await cache.read({ source, hops: [] }), undefined);
    assert.deepEqual(lines, [
      "ignored the cached credentials of 123456789012/Dev: another identity's",
    ]);
  }
  assert.equal(await open(home, { url: "http://127.0.0.1:1" }).cache.read(step), undefined);
  assert.notEqual(await open(home).cache.read(step), undefined);
});

Deno.test("the entries of one session are removed, and no others", async () => {
  const elsewhere = `${folder}/${"a".repeat(40)}.json`;
  const assumed = `${folder}/${"b".repeat(40)}.json`;
  const broken = `${folder}/${"c".repeat(40)}.json`;
  await using home = await tempHome({
    [file]: cliEntry().slice(0, 50),
    [elsewhere]: cliEntry(),
    [assumed]: cliEntry().replace('"sso"', '"assume-role"'),
    [broken]: "{",
    [`${folder}/notes.txt`]: cliEntry(),
  });
  const { cache, context } = open(home);
  const corp = { ...source, role: "Admin" }; // no profile has it
  const other = { ...source, session: "other" };
  for (const source of [corp, other, oldForm]) {
    await cache.write({ source, hops: [] }, { credentials });
  }
  assert.equal(await removeSsoRoles(source, context), 2);
  assert.equal(await home.exists(file), false);
  assert.equal(await cache.read({ source: corp, hops: [] }), undefined);
  for (const source of [other, oldForm]) {
    assert.notEqual(await cache.read({ source, hops: [] }), undefined);
  }
  assert.equal(await removeSsoRoles(undefined, context), 3);
  const left = await Array.fromAsync(Deno.readDir(home.at(folder)));
  assert.deepEqual(
    left.map(({ name }) => `${folder}/${name}`).sort(),
    [assumed, broken, `${folder}/notes.txt`],
  );
});

Deno.test("where there is no cache, nothing is removed and nothing made", async () => {
  await using home = await tempHome();
  const { context, lines } = open(home);
  assert.equal(await removeSsoRoles(undefined, context), 0);
  assert.deepEqual(lines, []);
  assert.equal(await home.exists(".aws"), false);
});
