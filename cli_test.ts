import assert from "node:assert/strict";
import { parseLogin, timeLimit } from "./cli.ts";
import { outputOptions, parseCommandLine } from "./command_line.ts";
import { exitCodes, UserError } from "./errors.ts";

/** The error that `args` give. */
function errorOf(...args: string[]): UserError {
  try {
    parseLogin(args);
    timeLimit(parseCommandLine(args));
  } catch (error) {
    assert(error instanceof UserError, String(error));
    assert.equal(error.exitCode, exitCodes.usage);
    return error;
  }
  throw new Error(`${args.join(" ")} was accepted`);
}

Deno.test("the command name login may be left out", () => {
  assert.deepEqual(parseLogin(["login", "--public"]), parseLogin(["--public"]));
});

Deno.test("without flags the defaults hold", () => {
  const options = parseLogin([]);
  assert.equal(options.duration, undefined);
  assert.equal(timeLimit(parseCommandLine([])), 120);
  assert.equal(options.profile, undefined);
  assert.equal(options.input, true);
  for (const none of ["accounts", "regions", "registries", "roles", "tags", "tools"] as const) {
    assert.deepEqual(options[none], []);
  }
});

Deno.test("a short account is padded, with a warning that names both", () => {
  const { accounts, warnings } = parseLogin(["--account", "123"]);
  assert.deepEqual(accounts, ["000000000123"]);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /123 .*000000000123/);
});

Deno.test("accounts and regions take commas and repetition, each value once", () => {
  const { accounts, regions } = parseLogin([
    "--account=111111111111,222222222222",
    "--account",
    "222222222222",
    "--region",
    "us-east-1, eu-west-1",
  ]);
  assert.deepEqual(accounts, ["111111111111", "222222222222"]);
  assert.deepEqual(regions, ["us-east-1", "eu-west-1"]);
});

Deno.test("a bare account among the registries is one more account", () => {
  const options = parseLogin(["333333333333", "public.ecr.aws", "--account", "111111111111"]);
  assert.deepEqual(options.accounts, ["111111111111", "333333333333"]);
  assert.deepEqual(options.registries.map(({ host }) => host), ["public.ecr.aws"]);
});

Deno.test("roles keep their order, and a repeated plain flag is taken from its last place", () => {
  const options = parseLogin([
    "--role",
    "b",
    "--profile",
    "one",
    "--role=ci/a",
    "--profile",
    "two",
  ]);
  assert.deepEqual(options.roles.map(({ name }) => name), ["b", "a"]);
  assert.equal(options.profile, "two");
});

Deno.test("short switches can be joined", () => {
  const { values } = parseCommandLine(["-qv"]);
  assert.deepEqual([...values.keys()], ["quiet", "verbose"]);
});

const refused: readonly (readonly [args: string[], code: string, says: RegExp])[] = [
  [["--acount", "1"], "unknown-flag", /--acount/],
  [["-x"], "unknown-flag", /-x/],
  [["--profile"], "missing-value", /--profile needs a value/],
  [["--profile="], "missing-value", /--profile/],
  [["--role", "--json"], "missing-value", /--role/],
  [["--json=yes"], "unexpected-value", /--json takes no value/],
  [["--account", ""], "missing-value", /--account/],
  [["--account", ","], "bad-account", /""/],
  [["--account", "1234567890123"], "bad-account", /1234567890123/],
  [["--region", "us-east-1.evil.com"], "bad-region", /us-east-1\.evil\.com/],
  [["--region", "../x"], "bad-region", /\.\.\/x/],
  [["--role", "a\nb"], "bad-role", /\\u000a/],
  [["--role", "a", "--session-name", "x"], "bad-session-name", /"x"/],
  [["--role", "a", "--duration", "5m"], "bad-duration", /5m/],
  [["--role", "a", "--duration", "13h"], "bad-duration", /13h/],
  [["--role", "a", "--tag", "k"], "bad-tag", /"k"/],
  [["--role", "a", "--tag", "k=1", "--tag", "K=2"], "bad-tag", /twice/],
  [["--tool", "dcoker"], "unknown-tool", /dcoker/],
  [["--timeout", "0"], "bad-timeout", /0/],
  [["sso"], "unknown-command", /ecrin sso needs a command: login, /],
  [["sso", "lgoin"], "unknown-command", /ecrin sso has no command "lgoin"/],
  [["--port", "1"], "unknown-flag", /ecrin login has no flag --port/],
  [["--sso-session", "corp"], "sso-role-needed", /--sso-role/],
  [["--sso-role", "dev"], "sso-session-needed", /--sso-session/],
  [["--sso-session", "c", "--sso-role", "r", "--profile", "p"], "two-identities", /--profile/],
  [["gcr.io/project/image"], "not-ecr", /gcr\.io/],
  [["x.amazonaws.com.evil.com"], "bad-registry", /evil\.com/],
];
for (const [args, code, says] of refused) {
  Deno.test(`ecrin ${JSON.stringify(args)} is refused: ${code}`, () => {
    const error = errorOf(...args);
    assert.equal(error.code, code);
    assert.match(error.message, says);
  });
}

for (
  const name of [
    "session-name=ann",
    "duration=1h",
    "external-id=abc",
    "source-identity=ann",
    "tag=a=b",
  ]
) {
  Deno.test(`--${name} is refused without a role`, () => {
    assert.equal(errorOf(`--${name}`).code, "role-needed");
    parseLogin([`--${name}`, "--role", "deploy"]);
  });
}

Deno.test("51 tags are too many, 50 are not", () => {
  const tags = (count: number) =>
    Array.from({ length: count }, (_, index) => ["--tag", `k${index}=v`]).flat();
  assert.equal(parseLogin(["--role", "a", ...tags(50)]).tags.length, 50);
  assert.match(errorOf("--role", "a", ...tags(51)).message, /51 tags/);
});

Deno.test("a misspelt flag, tool and command get a suggestion", () => {
  assert.equal(errorOf("--regoin", "x").hint, "did you mean --region?");
  assert.equal(errorOf("--tool", "dcoker").hint, "did you mean: --tool docker?");
  assert.equal(errorOf("logn").hint, "did you mean: ecrin login?");
  assert.equal(errorOf("sso", "lgoin").hint, "did you mean: ecrin sso login?");
  assert.equal(errorOf("--zzzzzzzz").hint, "run: ecrin --help");
});

Deno.test("how to speak is known also when the command line is wrong", () => {
  assert.deepEqual(outputOptions(["--nonsense", "--json", "-v", "--no-color"]), {
    json: true,
    quiet: false,
    verbose: true,
    color: false,
  });
  assert.equal(outputOptions(["--", "--json"]).json, false);
});
