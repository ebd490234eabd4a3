/**
 * The settings of DESIGN.md 3 at work: the CLI asks for AWS's real host names, and a proxy on
 * loopback leads them to the test AWS and says which names were asked for.
 */

import assert from "node:assert/strict";
import { type AwsOptions, type FakeAws, startAws } from "./testing/aws.ts";
import {
  type CliOptions,
  type CliResult,
  requirePrograms,
  runCli,
  type TempHome,
  tempHome,
} from "./testing/cli.ts";
import { type ProxyOptions, startProxy, type TestProxy } from "./testing/proxy.ts";
import { makeCertificate, type TestCertificate } from "./testing/tls.ts";

const account = "222222222222";
const region = "ap-northeast-1";

const api = (where = region): string => `api.ecr.${where}.amazonaws.com`;
const sts = (where = region): string => `sts.${where}.amazonaws.com`;
const registry = (where = region): string => `${account}.dkr.ecr.${where}.amazonaws.com`;
const publicApi = "api.ecr-public.us-east-1.amazonaws.com";

/** Every name that the test AWS answers to, besides the plain ones of {@linkcode regions}. */
const names = [
  publicApi,
  "api.ecr-public-fips.us-east-1.amazonaws.com",
  "ecr-public.us-east-1.api.aws",
  "public.ecr.aws",
  "ecr-public.aws.com",
  `111111111111.dkr.ecr.${region}.amazonaws.com`,
  `${account}.dkr.ecr-fips.us-east-1.amazonaws.com`,
  `${account}.dkr-ecr.${region}.on.aws`,
  `${account}.dkr-ecr-fips.us-east-1.on.aws`,
  "api.ecr-fips.us-east-1.amazonaws.com",
  "ecr-fips.us-east-1.api.aws",
  "ecr.us-east-1.api.aws",
  "sts-fips.us-east-1.amazonaws.com",
  "sts-fips.us-east-1.api.aws",
  `ecr.${region}.api.aws`,
  `sts.${region}.api.aws`,
  "portal.sso.eu-central-1.amazonaws.com",
];
const regions = [region, "us-east-1", "us-west-2", "eu-west-1", "eu-central-1"];
const allNames = [...names, ...regions.flatMap((name) => [api(name), sts(name), registry(name)])];
const isRegistry = (host: string): boolean =>
  /\.dkr[.-]ecr|^public\.ecr\.aws$|^ecr-public\.aws\.com$/.test(host);

/** The test AWS under AWS's names. */
interface Stage extends AsyncDisposable {
  aws: FakeAws;
  proxy: TestProxy;
  tls: TestCertificate;
  home: TempHome;
  /** The environment that leads there: proxy, CA and keys. */
  env: Record<string, string>;
  run: (args: string[], env?: CliOptions["env"]) => Promise<CliResult>;
  /** The hosts that the proxy was asked for, each once, in order. */
  asked: () => string[];
}

async function setStage(
  { aws: awsOptions = {}, login, files = {} }: {
    aws?: AwsOptions;
    login?: NonNullable<ProxyOptions["login"]>;
    files?: Record<string, string>;
  } = {},
): Promise<Stage> {
  await using made = new AsyncDisposableStack();
  const tls = made.use(await makeCertificate(allNames));
  const aws = made.use(await startAws({ tls, proxyEndpoint: "aws", ...awsOptions }));
  const proxy = made.use(startProxy({
    hosts: (host) =>
      allNames.includes(host) ? isRegistry(host) ? aws.registry.port : aws.port : undefined,
    ...(login === undefined ? {} : { login }),
  }));
  const home = made.use(await tempHome(files));
  const env = { ...aws.keys.env(), HTTPS_PROXY: proxy.url, AWS_CA_BUNDLE: tls.caFile };
  const kept = made.move();
  return {
    aws,
    proxy,
    tls,
    home,
    env,
    run: (args, more = {}) =>
      runCli([...args, "--tool", "file"], { home: home.path, env: { ...env, ...more } }),
    asked: () => [...new Set(proxy.asked.map(({ host }) => host))],
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Keys of the profiles in test files. */
function profileKeys({ keys }: FakeAws): string {
  const { accessKeyId, secretAccessKey } = keys.user;
  return `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
}

async function storedHosts(home: TempHome, path = ".docker/config.json"): Promise<string[]> {
  return Object.keys(JSON.parse(await home.read(path)).auths);
}

function assertLoggedIn({ code, stderr }: CliResult, ...hosts: string[]): void {
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    [...stderr.matchAll(/^ecrin: logged in to (\S+)/gm)].map(([, host]) => host),
    hosts,
  );
}

function assertFailed({ code, stdout, stderr }: CliResult, exitCode: number, text: RegExp): void {
  assert.equal(code, exitCode, stderr);
  assert.match(stderr, text);
  assert.match(stderr, /^ecrin: error: .*\necrin: hint: .*\n$/);
  assert.equal(stdout, "");
}

/** A test of the stage; skipped where openssl is missing. */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore, fn });
}

const ignore = !requirePrograms(["openssl"]);

test("a login asks for AWS's own hosts and no other", async () => {
  await using stage = await setStage();
  const { aws, run, asked, home } = stage;
  const result = await run(["--account", account, "--role", "deploy", "--region", region]);
  assertLoggedIn(result, registry());
  assert.deepEqual(asked(), [sts(), api(), registry()]);
  assert.deepEqual(aws.requests.map(({ host }) => host), [sts(), api()]);
  assert.deepEqual(aws.requests.map((request) => request.region), [region, region]);
  assert.deepEqual(aws.registry.requests, [
    { method: "GET", host: registry(), path: "/v2/", user: "AWS", status: 200 },
  ]);
  assert.deepEqual(await storedHosts(home), [registry()]);
});

test("ECR Public is asked in us-east-1 whatever the region is, private in its own", async () => {
  await using stage = await setStage();
  const { aws, run, asked, home } = stage;
  const args = ["--account", account, "--region", region, "--public"];
  assertLoggedIn(await run(args, { AWS_REGION: "eu-west-1" }), registry(), "public.ecr.aws");
  assert.deepEqual(asked(), [api(), registry(), publicApi, "public.ecr.aws"]);
  assert.deepEqual(aws.requestsOf("ecr-public").map(({ region }) => region), ["us-east-1"]);
  assert.deepEqual(await storedHosts(home), [registry(), "public.ecr.aws"]);
});

test("ECR Public needs no region at all", async () => {
  await using stage = await setStage();
  assertLoggedIn(await stage.run(["--public"]), "public.ecr.aws");
  assert.deepEqual(stage.asked(), [publicApi, "public.ecr.aws"]);
});

// region: every row has what comes later in the order set to something else

const regionRows: [name: string, args: string[], env: Record<string, string>, profile: string][] = [
  ["the profile's", [], {}, "us-west-2"],
  ["AWS_DEFAULT_REGION before the profile's", [], { AWS_DEFAULT_REGION: "us-west-2" }, region],
  [
    "AWS_REGION before AWS_DEFAULT_REGION",
    [],
    { AWS_REGION: "us-west-2", AWS_DEFAULT_REGION: "eu-west-1" },
    region,
  ],
  ["--region before AWS_REGION", ["--region", "us-west-2"], { AWS_REGION: "eu-west-1" }, region],
];

for (const [name, args, env, profile] of regionRows) {
  test(`region: ${name}`, async () => {
    await using stage = await setStage();
    await stage.home.write(".aws/config", `[default]\nregion = ${profile}\n`);
    assertLoggedIn(await stage.run(["--account", account, ...args], env), registry("us-west-2"));
    assert.deepEqual(stage.asked(), [api("us-west-2"), registry("us-west-2")]);
    assert.equal(stage.aws.requests[0]?.region, "us-west-2");
  });
}

test("region: the registry's own name before everything", async () => {
  await using stage = await setStage();
  const env = { AWS_REGION: "us-west-2" };
  const result = await stage.run([`${registry("eu-west-1")}/app:1.2`, "--region", region], env);
  assertLoggedIn(result, registry("eu-west-1"));
  assert.deepEqual(stage.asked(), [api("eu-west-1"), registry("eu-west-1")]);
});

test("region: of the profile that is the identity", async () => {
  await using stage = await setStage();
  const keys = profileKeys(stage.aws);
  await stage.home.write(
    ".aws/config",
    `[default]\nregion = eu-west-1\n[profile blog]\nregion = us-west-2\n${keys}`,
  );
  const result = await stage.run(["--account", account, "--profile", "blog"]);
  assertLoggedIn(result, registry("us-west-2"));
});

test("region: the instance's, when that is the identity and nothing else says", async () => {
  await using stage = await setStage({
    aws: {
      metadata: {
        instanceRole: "arn:aws:iam::222222222222:role/runner",
        region: "us-west-2",
      },
    },
  });
  const instance = {
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: stage.aws.metadataUrl,
  };
  assertLoggedIn(await stage.run([], instance), registry("us-west-2"));
  assert.deepEqual(stage.asked(), [api("us-west-2"), registry("us-west-2")]);
  const set = await stage.run(["--account", account], { ...instance, AWS_REGION: "eu-west-1" });
  assertLoggedIn(set, registry("eu-west-1"));
});

test("region: none anywhere is an error before any request", async () => {
  await using stage = await setStage();
  assertFailed(await stage.run(["--account", account]), 2, /no region.*\n.*--region REGION/);
  assert.deepEqual(stage.asked(), []);
});

for (const hostile of ["us-east-1.evil.com", "../x", "us-east-1\n", "us-east-1/", "US-EAST-1"]) {
  test(`region: ${JSON.stringify(hostile)} is refused wherever it comes from`, async () => {
    await using stage = await setStage();
    const { run, home } = stage;
    const args = ["--account", account];
    assertFailed(await run([...args, "--region", hostile]), 2, /not an AWS region/);
    assertFailed(await run(args, { AWS_REGION: hostile }), 2, /not an AWS region/);
    if (!hostile.includes("\n")) {
      await home.write(".aws/config", `[default]\nregion = ${hostile}\n`);
      assertFailed(await run(args), 2, /not an AWS region/);
    }
    assert.deepEqual(stage.asked(), []);
  });
}

// proxy

const login = ["--account", account, "--region", region];

test("proxy: https_proxy in lower case", async () => {
  await using stage = await setStage();
  const { proxy, run, asked } = stage;
  const result = await run(login, { HTTPS_PROXY: undefined, https_proxy: proxy.url });
  assertLoggedIn(result, registry());
  assert.deepEqual(asked(), [api(), registry()]);
});

test("proxy: one that wants a login gets it", async () => {
  await using stage = await setStage({ login: { user: "me", password: "p@ss word" } });
  assertLoggedIn(await stage.run(login), registry());
  assert.deepEqual(new Set(stage.proxy.asked.map(({ status }) => status)), new Set([200]));
});

test("proxy: one that refuses the login is an error that never shows it", async () => {
  await using stage = await setStage({ login: { user: "me", password: "right" } });
  const env = { HTTPS_PROXY: `http://me:wrong-password@127.0.0.1:${stage.proxy.port}` };
  const result = await stage.run([...login, "--verbose"], env);
  assert.equal(result.code, 5);
  assert.match(result.stderr, /the proxy refused the connection\n.*HTTPS_PROXY/);
  assert.doesNotMatch(result.stderr, /wrong-password/);
  assert.deepEqual(stage.proxy.asked.map(({ status }) => status), [407]);
});

test("proxy: one that is not there is an error that names the variable", async () => {
  await using stage = await setStage();
  using closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  const result = await stage.run(login, { HTTPS_PROXY: `http://127.0.0.1:${port}` });
  assertFailed(result, 5, /refused.*\n.*HTTPS_PROXY/);
});

for (const variable of ["NO_PROXY", "no_proxy"]) {
  test(`proxy: a host in ${variable} is asked directly`, async () => {
    await using stage = await setStage({ aws: { proxyEndpoint: "registry" } });
    const { aws, run, proxy } = stage;
    const env = { AWS_ENDPOINT_URL_ECR: `https://localhost:${aws.port}` };
    // the proxy knows neither of the two
    assertFailed(await run(login, env), 5, /localhost.*proxy refused/);
    assert.deepEqual(proxy.asked.map(({ host }) => host), ["localhost"]);
    const direct = await run(login, { ...env, [variable]: "example.com,localhost,127.0.0.1" });
    assertLoggedIn(direct, aws.registry.host);
    assert.equal(proxy.asked.length, 1);
  });
}

for (const variable of ["HTTP_PROXY", "http_proxy"]) {
  test(`proxy: ${variable} is for plain http alone`, async () => {
    await using aws = await startAws();
    await using proxy = startProxy({ hosts: { "aws.example": aws.port } });
    const env = {
      ...aws.keys.env(),
      AWS_ENDPOINT_URL: "http://aws.example",
      [variable]: proxy.url,
      HTTPS_PROXY: "http://127.0.0.1:1",
      NO_PROXY: "127.0.0.1",
    };
    assertLoggedIn(await runCli([...login, "--tool", "file"], { env }), aws.registry.host);
    assert.deepEqual(proxy.asked, [{ host: "aws.example", port: 80, kind: "http", status: 200 }]);
  });
}

// certificates

test("CA: without a bundle the certificate is not trusted, and the hint says what to set", async () => {
  await using stage = await setStage();
  const result = await stage.run(login, { AWS_CA_BUNDLE: undefined });
  assertFailed(result, 5, /certificate is not trusted\n.*AWS_CA_BUNDLE/);
  assert.deepEqual(stage.aws.requests, []);
});

test("CA: ca_bundle of the profile, and AWS_CA_BUNDLE before it", async () => {
  await using stage = await setStage();
  const { home, run, tls } = stage;
  await home.write(".aws/config", `[default]\nca_bundle = ${tls.caFile}\n`);
  assertLoggedIn(await run(login, { AWS_CA_BUNDLE: undefined }), registry());
  await home.write(".aws/config", "[default]\nca_bundle = /nowhere/ca.pem\n");
  assertLoggedIn(await run(login), registry());
});

test("CA: a bundle of several certificates, with text between them", async () => {
  await using stage = await setStage();
  const { home, run, tls } = stage;
  await using other = await makeCertificate();
  const bundle = `# ours\n${other.ca}\nsubject=CN = the one\n${tls.ca.replaceAll("\n", "\r\n")}`;
  assertLoggedIn(
    await run(login, { AWS_CA_BUNDLE: await home.write("all.pem", bundle) }),
    registry(),
  );
});

const badBundles: [name: string, text: string | undefined, says: RegExp][] = [
  ["is not there", undefined, /the CA bundle \S+ cannot be read/],
  ["is empty", "", /the CA bundle \S+ holds no PEM certificate/],
  ["is no PEM", "certificate", /the CA bundle \S+ holds no PEM certificate/],
  [
    "holds no certificate in its PEM",
    "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
    /the CA bundle \S+ holds a certificate that cannot be read/,
  ],
];

for (const [name, text, says] of badBundles) {
  test(`CA: a bundle that ${name} is refused before any request`, async () => {
    await using stage = await setStage();
    const { home, run, asked } = stage;
    const path = text === undefined ? home.at("no.pem") : await home.write("bad.pem", text);
    const result = await run([...login, "--role", "deploy"], { AWS_CA_BUNDLE: path });
    assertFailed(result, 2, says);
    assert.match(result.stderr, /hint: check AWS_CA_BUNDLE/);
    assert.deepEqual(asked(), []);
    assert.equal(await home.exists(".docker"), false);
  });
}

// endpoints: `own` is the test AWS by its loopback address, which no proxy is asked for

test("endpoint: AWS_ENDPOINT_URL is for every service, also with a path and a final slash", async () => {
  await using stage = await setStage();
  const { aws, run, asked } = stage;
  const env = { AWS_ENDPOINT_URL: `https://127.0.0.1:${aws.port}/`, NO_PROXY: "127.0.0.1" };
  const result = await run([...login, "--role", "deploy", "--public"], env);
  // no registry of its own: those named are kept
  assertLoggedIn(result, registry(), "public.ecr.aws");
  assert.deepEqual(asked(), [registry(), "public.ecr.aws"]);
  assert.deepEqual(aws.requests.map(({ service }) => service), ["sts", "ecr", "ecr-public"]);
});

/** Services whose endpoint can be set, and the host that is then not asked for. */
const services: [id: string, host: string][] = [
  ["ECR", api()],
  ["STS", sts()],
  ["ECR_PUBLIC", publicApi],
];
const everything = [...login, "--role", "deploy", "--public"];
const everyApi = services.map(([, host]) => host);

for (const [id, host] of services) {
  const own = (aws: FakeAws): string => `https://127.0.0.1:${aws.port}`;
  const others = everyApi.filter((name) => name !== host).sort();
  const askedApis = ({ asked }: Stage): string[] =>
    asked().filter((name) => !isRegistry(name)).sort();

  test(`endpoint: AWS_ENDPOINT_URL_${id} is for that service, before AWS_ENDPOINT_URL`, async () => {
    await using stage = await setStage();
    const { aws, run } = stage;
    const one = { [`AWS_ENDPOINT_URL_${id}`]: own(aws), NO_PROXY: "127.0.0.1" };
    assertLoggedIn(await run(everything, one), registry(), "public.ecr.aws");
    assert.deepEqual(askedApis(stage), others);
    // an endpoint for all that answers nothing would fail the service that has its own
    const failed = await run(everything, { ...one, AWS_ENDPOINT_URL: "https://aws.example" });
    assert.notEqual(failed.code, 0);
    assert.equal(
      aws.requests.filter((request) => request.host === new URL(own(aws)).host)
            .length > 1 || id !== "STS",
      true,
    );
  });

  test(`endpoint: the services section of the profile sets ${id.toLowerCase()}`, async () => {
    await using stage = await setStage();
    const { aws, run, home } = stage;
    await home.write(
      ".aws/config",
      `[default]\nservices = mine\nendpoint_url = https://aws.example\n[services mine]\n` +
        services.map(([each, name]) =>
          `${each.toLowerCase()} =\n  endpoint_url = ${
            each === id ? own(aws) : `https://${name}`
          }\n`
        ).join(""),
    );
    const result = await run(everything, { NO_PROXY: "127.0.0.1" });
    assertLoggedIn(result, registry(), "public.ecr.aws");
    assert.deepEqual(askedApis(stage), others);
  });
}
