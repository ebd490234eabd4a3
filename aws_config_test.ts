import assert from "node:assert/strict";
import {
  type AwsConfig,
  type Env,
  loadAwsConfig,
  parseAwsConfig,
  splitWords,
} from "./aws_config.ts";
import { UserError } from "./errors.ts";
import { scrub } from "./secret.ts";

const configPath = "/home/ann/.aws/config";
const credentialsPath = "/home/ann/.aws/credentials";

function parse(config: string, credentials = ""): AwsConfig {
  return parseAwsConfig({
    config: { text: config, path: configPath },
    credentials: { text: credentials, path: credentialsPath },
  });
}

/** Maps as arrays of entries, which keeps names such as `__proto__` what they are. */
function profilesOf(config: AwsConfig): unknown {
  return [...config.profiles].map(([name, settings]) => [name, [...settings]]);
}

const megabyte = "x".repeat(1 << 20);

const readings: readonly [name: string, config: string, profiles: unknown][] = [
  ["nothing", "", []],
  ["white space and comments alone", "\n \t\n# a\n ; b\n", []],
  ["a default profile", "[default]\nregion = r\n", [["default", [["region", "r"]]]]],
  ["a file without a last line end", "[default]\nregion = r", [["default", [["region", "r"]]]]],
  ["a byte order mark and CRLF", "\uFEFF[default]\r\na=1\r\nb=2\r\n", [
    ["default", [["a", "1"], ["b", "2"]]],
  ]],
  ["CR alone as a line end", "[default]\ra=1\rb=2", [["default", [["a", "1"], ["b", "2"]]]]],
  ["keys in any case, values as they are", "[default]\nReGion = Us-East-1", [
    ["default", [["region", "Us-East-1"]]],
  ]],
  ["a colon in the place of =", "[default]\na: b=c\nd = e:f", [
    ["default", [["a", "b=c"], ["d", "e:f"]]],
  ]],
  ["tabs around everything", "[default]\n\tkey\t=\tvalue\t\n", [["default", [["key", "value"]]]]],
  ["a comment after a value as a part of it", "[default]\na = b # c\nd = e ; f", [
    ["default", [["a", "b # c"], ["d", "e ; f"]]],
  ]],
  ["comments between settings, indented or not", "[default]\na=1\n# x\n  ; y=z\nb=2", [
    ["default", [["a", "1"], ["b", "2"]]],
  ]],
  ["an empty value", "[default]\na =\nb = 1", [["default", [["a", ""], ["b", "1"]]]]],
  ["a value over two lines", "[default]\na = 1\n  2\nb = 3", [
    ["default", [["a", "1\n2"], ["b", "3"]]],
  ]],
  ["nested settings, their keys as written", "[default]\ns3 =\n  Max = 1\n\n  # no\n  b=2\nc = 3", [
    ["default", [["c", "3"], ["s3.Max", "1"], ["s3.b", "2"]]],
  ]],
  [
    "settings that are all indented alike, also right after a header",
    "[profile x]\n  a=1\n  b=2\n[profile y]\n  c=3",
    [
      ["x", [["a", "1"], ["b", "2"]]],
      ["y", [["c", "3"]]],
    ],
  ],
  ["quoted names", `[profile "a b"]\n[profile 'c d']\n[profile e\\ f]\n[profile "it's"]`, [
    ["a b", []],
    ["c d", []],
    ["e f", []],
    ["it's", []],
  ]],
  ["names with = # ; : and unicode", `[profile a=b]\n[profile #c;d:e]\n[profile zoë-東京]`, [
    ["a=b", []],
    ["#c;d:e", []],
    ["zoë-東京", []],
  ]],
  [
    "prototype names",
    "[profile __proto__]\n__proto__ = 1\nconstructor = 2\n[profile constructor]",
    [
      ["__proto__", [["__proto__", "1"], ["constructor", "2"]]],
      ["constructor", []],
    ],
  ],
  ["an empty name in quotes", `[profile ""]\na=1`, [["", [["a", "1"]]]]],
  ["text after a header", "[profile a] ; comment\nb=1", [["a", [["b", "1"]]]]],
  ["headers that name no profile", `[blog]\n[profile]\n[profile a b]\n[profile "a]\n[plugins]`, []],
  ["the last of two spellings of one profile", "[default]\na=1\n[profile default]\nb=2", [
    ["default", [["b", "2"]]],
  ]],
  ["[DEFAULT] in capitals for all sections", "[DEFAULT]\na=1\nb=1\n[profile x]\nb=2", [
    ["x", [["b", "2"], ["a", "1"]]],
  ]],
  ["a value of a megabyte", `[default]\na = ${megabyte}`, [["default", [["a", megabyte]]]]],
  ["a NUL in a value", "[default]\na = b\0c", [["default", [["a", "b\0c"]]]]],
];

for (const [name, text, expected] of readings) {
  Deno.test(`aws config: ${name}`, () => assert.deepEqual(profilesOf(parse(text)), expected));
}

Deno.test("aws config: a megabyte of spaces inside a line and 100,000 sections take no time", () => {
  const started = performance.now();
  parse(`[default]\na = b${" ".repeat(1 << 20)}c\n`);
  const config = parse(
    Array.from({ length: 100_000 }, (_, i) => `[profile p${i}]\na=b\n`).join(""),
  );
  assert.equal(config.profiles.size, 100_000);
  assert.ok(performance.now() - started < 20_000);
});

Deno.test("aws config: sso-session and services sections are kept apart from profiles", () => {
  const config = parse([
    "[sso-session corp]",
    "sso_region = eu-west-1",
    '[services "my own"]',
    "ignored = here",
    "ecr =",
    "  endpoint_url = http://127.0.0.1:4566",
    "ecr_public =",
    "  endpoint_url = http://127.0.0.1:4567",
    "[blog]",
    "region = r",
  ].join("\n"));
  assert.equal(config.profiles.size, 0);
  assert.deepEqual([...config.ssoSessions], [["corp", new Map([["sso_region", "eu-west-1"]])]]);
  const services = config.services.get("my own");
  assert.deepEqual([...services?.keys() ?? []], ["ecr", "ecr_public"]);
  assert.equal(services?.get("ecr")?.get("endpoint_url"), "http://127.0.0.1:4566");
  assert.deepEqual([...config.strays], ["blog"]);
});

Deno.test("aws config: sections of the credentials file are profiles, whatever they are called", () => {
  const config = parse("", '[default]\n[profile a]\n["b c"]\n[sso-session d]\n[__proto__]\n[e]]');
  assert.deepEqual([...config.profiles.keys()], [
    "default",
    "profile a",
    '"b c"',
    "sso-session d",
    "__proto__",
    "e]",
  ]);
});

Deno.test("aws config: the credentials file wins key by key, nested settings as a whole", () => {
  const config = parse(
    "[profile a]\nregion = r\naws_access_key_id = one\ns3 =\n  x = 1\n  y = 1",
    "[a]\naws_access_key_id = two\ns3 =\n  x = 2\n[b]\nregion = s",
  );
  assert.deepEqual(profilesOf(config), [
    ["a", [["region", "r"], ["aws_access_key_id", "two"], ["s3.x", "2"]]],
    ["b", [["region", "s"]]],
  ]);
  assert.equal(config.byFile.config.get("a")?.get("aws_access_key_id"), "one");
  assert.equal(config.byFile.credentials.get("a")?.get("aws_access_key_id"), "two");
  assert.equal(config.byFile.config.has("b"), false);
});

const refusals: readonly [name: string, text: string, code: string, line: number][] = [
  ["a setting before any section", "\nhunter2x = 1", "aws-config-malformed", 2],
  ["text before any section", "hunter2x", "aws-config-malformed", 1],
  ["an open bracket alone", "[", "aws-config-malformed", 1],
  ["an empty section name", "[default]\n[]", "aws-config-malformed", 2],
  ["a header that is not closed", "[default]\na=1\n[hunter2x", "aws-config-malformed", 3],
  ["a line without =", "[default]\r\nhunter2x\r\n", "aws-config-malformed", 2],
  ["a line without a key", "[default]\n= hunter2x", "aws-config-malformed", 2],
  ["a nested line without =", "[default]\na =\n  hunter2x\n", "aws-config-malformed", 2],
  ["a section twice", "[hunter2x]\n\n[hunter2x]", "aws-config-duplicate", 3],
  ["a key twice", "[default]\nhunter2x = 1\nHUNTER2X = 2", "aws-config-duplicate", 3],
  ["UTF-16", "\uFFFD\uFFFD[\0d\0]\0", "aws-config-malformed", 1],
  ["a megabyte of brackets", "[".repeat(1 << 20), "aws-config-malformed", 1],
];

for (const [name, text, code, line] of refusals) {
  for (const path of [configPath, credentialsPath]) {
    Deno.test(`aws config: refuses ${name} in ${path.split("/").at(-1)}`, () => {
      const read = (): AwsConfig => path === configPath ? parse(text) : parse("", text);
      assert.throws(read, (error) => {
        assert.ok(error instanceof UserError);
        assert.equal(error.code, code);
        assert.equal(error.exitCode, 2);
        assert.ok(error.message.startsWith(`cannot read ${path}: line ${line} `), error.message);
        assert.doesNotMatch(`${error.message} ${error.hint}`, /hunter2x/i);
        return true;
      });
    });
  }
}

Deno.test("aws config: UTF-16 is recognised", () => {
  assert.throws(() => parse("\uFFFD\uFFFD[\0d\0"), { hint: `save ${configPath} as UTF-8` });
});

Deno.test("aws config: secrets are scrubbed as soon as they are read", () => {
  parse(
    "[strange]\naws_session_token = first-token-of-a-stray-section",
    "[a]\nAWS_Secret_Access_Key = second-made-up-secret\n  third-made-up-line\n" +
      "aws_security_token = fourth-made-up-token\n" +
      "nested =\n  aws_secret_access_key = fifth-made-up-secret\n  region = not-a-secret",
  );
  const text = "first-token-of-a-stray-section second-made-up-secret third-made-up-line " +
    "fourth-made-up-token fifth-made-up-secret not-a-secret";
  assert.equal(scrub(text), "*** *** *** *** *** not-a-secret");
});

const lines: readonly [line: string, words: string[] | undefined][] = [
  ["", []],
  ["  ", []],
  [" a\tb ", ["a", "b"]],
  [`a "" ''`, ["a", "", ""]],
  [`a"b c"d'e f'`, ["ab cde f"]],
  [`"a\\"b\\\\c\\d"`, [`a"b\\c\\d`]],
  [`'a\\'`, ["a\\"]],
  [`a\\ b\\"`, [`a b"`]],
  [`"a`, undefined],
  [`'a"`, undefined],
  ["a\\", undefined],
  [`"a\\`, undefined],
];

for (const [line, words] of lines) {
  Deno.test(`words of ${JSON.stringify(line)} are as Python's shlex has them`, () => {
    assert.deepEqual(splitWords(line), words);
  });
}

const windows = Deno.build.os === "windows";
const home = windows ? "USERPROFILE" : "HOME";

const locations: readonly [name: string, env: Env, config: string, credentials: string][] = [
  ["the home folder", { [home]: "/h/" }, "/h/.aws/config", "/h/.aws/credentials"],
  [
    "the other name of the home folder",
    { [windows ? "HOME" : "USERPROFILE"]: "/u" },
    "/u/.aws/config",
    "/u/.aws/credentials",
  ],
  [
    "paths of its own, with ~ and variables",
    {
      [home]: "/h",
      DIR: "/d",
      AWS_CONFIG_FILE: "~/c",
      AWS_SHARED_CREDENTIALS_FILE: "$DIR/${DIR}/$NONE/~",
    },
    "/h/c",
    "/d//d/$NONE/~",
  ],
];

for (const [name, env, config, credentials] of locations) {
  Deno.test(`aws config is read from ${name}`, async () => {
    const read: string[] = [];
    const loaded = await loadAwsConfig(env, (path) => {
      read.push(path);
      return Promise.resolve(path === config ? "[profile a]" : "[b]");
    });
    assert.deepEqual(read.sort(), [config, credentials].sort());
    assert.deepEqual([...loaded.profiles.keys()], ["a", "b"]);
    assert.deepEqual(loaded.paths, { config, credentials });
  });
}

Deno.test("aws config: no home folder or an empty path means no file", async () => {
  const read = (path: string): Promise<string> => Promise.reject(new Error(`read ${path}`));
  assert.equal((await loadAwsConfig({}, read)).profiles.size, 0);
  const env = { AWS_CONFIG_FILE: "", AWS_SHARED_CREDENTIALS_FILE: "" };
  assert.equal((await loadAwsConfig(env, read)).profiles.size, 0);
});

Deno.test("aws config: a missing file is empty, a folder and a forbidden file are errors", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/file`;
    await Deno.writeTextFile(file, "[default]\nregion = r\n");
    const load = (path: string): Promise<AwsConfig> =>
      loadAwsConfig(
        { AWS_CONFIG_FILE: path, AWS_SHARED_CREDENTIALS_FILE: file },
        Deno.readTextFile,
      );
    assert.equal((await load(`${folder}/none`)).profiles.size, 1);
    assert.equal((await load(`${file}/none`)).profiles.size, 1);
    await assert.rejects(load(folder), {
      name: "UserError",
      exitCode: 2,
      message: `cannot read ${folder}: it is a folder`,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const forbidden = (): Promise<string> => Promise.reject(new Deno.errors.PermissionDenied("os"));
  await assert.rejects(loadAwsConfig({ [home]: "/h" }, forbidden), {
    code: "aws-config-unreadable",
    message: "cannot read /h/.aws/config: permission denied",
  });
});

/** Files on which parsers of this format differ; each is read by ours and by the AWS CLI. */
const tricky: readonly (readonly [config: string, credentials: string])[] = [
  ["[default]\nregion = a # b\noutput = c ; d\n[profile x]\nregion: e=f\n", ""],
  [
    `[profile "a b"]\nregion=1\n[profile 'c "d"']\nregion=2\n[profile e\\ f]\nregion=3\n`,
    "[g h]\n",
  ],
  [
    "[profile a=b]\nregion=1\n[profile #c]\nregion=2\n[profile zoë]\nregion = 東京\n",
    "[]]\nregion=3\n",
  ],
  [
    "[profile __proto__]\nregion=1\n[profile constructor]\nregion=2\n",
    "[__proto__]\noutput=json\n",
  ],
  [
    '[blog]\nregion=1\n[profile]\n[profile a b]\n[profile "c]\n[profilex d]\nregion=4\n',
    "[profile e]\n",
  ],
  [
    "[default]\r\nregion = a\r\n\r\n[profile x]\r\n\tregion\t=\tb\t\r\n",
    "[x]\rregion = c\routput = d\r",
  ],
  [
    "[default]\ns3 =\n  addressing_style = path\n  # no\n  max = 1\nregion = r\n",
    "[default]\noutput=text\n",
  ],
  ["[DEFAULT]\nregion = all\n[profile x]\noutput = json\n[profile y]\nregion = own\n", "[z]\n"],
  ["[default]\nregion = 1\n[profile default]\noutput = text\n", ""],
  ["[profile x]\nREGION = a\n   b\n\n   c\noutput =\n", ""],
  ["[default]\na\n", ""],
  ["[default]\nregion=1\nregion=2\n", ""],
  ["[\n", ""],
  ["[default]\ns3 =\n  nothing\n", ""],
  ["[default]\n", "[]\n"],
];

async function listProfiles(home: string): Promise<{ code: number; text: string }> {
  const { code, stdout } = await new Deno.Command("/usr/bin/aws", {
    args: ["configure", "list-profiles"],
    env: { HOME: home, LC_ALL: "C.UTF-8", PATH: "/usr/bin:/bin" },
    clearEnv: true,
    stderr: "null",
  }).output();
  return { code, text: new TextDecoder().decode(stdout).replace(/\n$/, "") };
}

/** What `aws configure get` prints for each of some [profile, key]: one Python answers all. */
const getAll = `
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver

def get(name, key):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        create_clidriver().main(["configure", "get", key, "--profile", name])
    return [name, key, said.getvalue().removesuffix("\\n")]
print(json.dumps([get(*question) for question in json.loads(sys.argv[1])]))
`;
import { hasAwsCli, runAwsCli } from "./testing/aws_cli.ts";
import { tempHome } from "./testing/cli.ts";

const ignore = !hasAwsCli();

for (const [index, [config, credentials]] of tricky.entries()) {
  Deno.test({
    name: `aws config: tricky file ${index + 1} reads as the AWS CLI reads it`,
    ignore,
    fn: async () => {
      await using home = await tempHome({ ".aws/config": config, ".aws/credentials": credentials });
      const listed = await listProfiles(home.path);
      let ours: AwsConfig;
      try {
        ours = parse(config, credentials);
      } catch (error) {
        assert.ok(error instanceof UserError);
        assert.notEqual(listed.code, 0, `only we refuse it: ${error.message}`);
        return;
      }
      assert.equal(listed.code, 0, "only the AWS CLI refuses it");
      assert.equal([...ours.profiles.keys()].join("\n"), listed.text);
      // the AWS CLI cannot list keys: only what is set is asked for
      const wanted = [...ours.profiles].flatMap(([name, settings]) =>
        [...settings].map(([key, value]) => [name, key, value] as const)
      );
      const args = [JSON.stringify(wanted.map(([name, key]) => [name, key]))];
      assert.deepEqual(JSON.parse(await runAwsCli(getAll, { home: home.path, args })), wanted);
    },
  });
}
