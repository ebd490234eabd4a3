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
  "sts.us-east-1.api.aws",
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

for (const hostile of ["us-east-1.evil.com", "../x", "us-east-1\nx", "us-east-1/", "US-EAST-1"]) {
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
  ["STS", sts()],
  ["ECR", api()],
  ["ECR_PUBLIC", publicApi],
];
const everything = [...login, "--role", "deploy", "--public"];
const directly = { NO_PROXY: "127.0.0.1" };

for (const [id, host] of services) {
  const others = services.map(([, name]) => name).filter((name) => name !== host);
  const assertOwn = ({ aws, asked }: Stage): void => {
    assert.deepEqual(asked().filter((name) => !isRegistry(name)), others);
    const [own] = aws.requestsOf(id.toLowerCase().replace("_", "-") as "ecr");
    assert.equal(own?.host, `127.0.0.1:${aws.port}`);
  };

  test(`endpoint: AWS_ENDPOINT_URL_${id} is for that service alone`, async () => {
    await using stage = await setStage();
    const env = { [`AWS_ENDPOINT_URL_${id}`]: stage.aws.url, ...directly };
    assertLoggedIn(await stage.run(everything, env), registry(), "public.ecr.aws");
    assertOwn(stage);
  });

  test(`endpoint: ${id.toLowerCase()} in the services section is for that service`, async () => {
    await using stage = await setStage();
    const { aws, run, home } = stage;
    await home.write(
      ".aws/config",
      `[default]\nservices = mine\n[services mine]\n${id.toLowerCase()} =\n` +
        `  endpoint_url = ${aws.url}\n`,
    );
    assertLoggedIn(await run(everything, directly), registry(), "public.ecr.aws");
    assertOwn(stage);
  });
}

/** Where the endpoint of ECR is looked for, first to last. */
const endpointOrder = ["AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL", "services", "endpoint_url"];

for (const [index, winner] of endpointOrder.entries()) {
  test(`endpoint: ${winner} comes before what is behind it in the order`, async () => {
    await using stage = await setStage();
    const { aws, run, home, asked } = stage;
    const url = (name: string): string => name === winner ? aws.url : "https://aws.example";
    const isSet = (name: string): boolean => endpointOrder.indexOf(name) >= index;
    const env = Object.fromEntries(
      endpointOrder.slice(0, 2).filter(isSet).map((name) => [name, url(name)]),
    );
    await home.write(
      ".aws/config",
      `[default]\nendpoint_url = ${url("endpoint_url")}\nservices = mine\n[services mine]\n` +
        (isSet("services") ? `ecr =\n  endpoint_url = ${url("services")}\n` : ""),
    );
    assertLoggedIn(await run(login, { ...env, ...directly }), registry());
    assert.deepEqual(asked(), [registry()]);
  });
}

test("endpoint: AWS_ENDPOINT_URL_SSO is for the portal, which is else asked in the SSO region", async () => {
  await using stage = await setStage({ aws: { sso: { region: "eu-central-1" } } });
  const { aws, run, asked, home, proxy } = stage;
  const token = aws.sso.signIn();
  await home.write(
    ".aws/config",
    `[default]
sso_session = corp
sso_account_id = ${account}
sso_role_name = deploy
[sso-session corp]
sso_start_url = ${token.startUrl}
sso_region = eu-central-1
`,
  );
  // the SHA-1 of corp
  await home.write(
    ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json",
    JSON.stringify(token),
  );
  const noKeys = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
  assertLoggedIn(await run(login, noKeys), registry());
  assert.deepEqual(asked(), ["portal.sso.eu-central-1.amazonaws.com", api(), registry()]);

  proxy.asked.length = 0;
  const env = { ...noKeys, AWS_ENDPOINT_URL_SSO: aws.url, ...directly };
  assertLoggedIn(await run(login, env), registry());
  assert.deepEqual(asked(), [api(), registry()]);

  // these FIPS endpoints do not exist outside GovCloud
  proxy.asked.length = 0;
  await run([`${account}.dkr.ecr-fips.us-east-1.amazonaws.com`], {
    ...noKeys,
    AWS_USE_FIPS_ENDPOINT: "true",
  });
  assert.equal(asked()[0], "portal.sso.eu-central-1.amazonaws.com");
});

for (const way of ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"]) {
  test(`endpoint: ${way} turns all of them off`, async () => {
    await using stage = await setStage();
    const { run, home, asked } = stage;
    await home.write(
      ".aws/config",
      `[default]\nendpoint_url = https://aws.example\n` +
        (way === way.toLowerCase() ? `${way} = true\n` : ""),
    );
    const env = {
      AWS_ENDPOINT_URL: "https://aws.example",
      AWS_ENDPOINT_URL_ECR: "https://aws.example",
      ...(way === way.toUpperCase() ? { [way]: "TRUE" } : {}),
    };
    assertLoggedIn(await run(login, env), registry());
    assert.deepEqual(asked(), [api(), registry()]);
  });
}

const badUrls = [
  "localhost:4566",
  "ftp://127.0.0.1",
  "http://",
  "//127.0.0.1",
  "aws",
  "http://a b",
];

for (const url of badUrls) {
  test(`endpoint: ${url} is refused before any request, by the name of its setting`, async () => {
    await using stage = await setStage();
    const { run, home, asked } = stage;
    const role = [...login, "--role", "deploy"];
    assertFailed(await run(role, { AWS_ENDPOINT_URL_ECR: url }), 2, /AWS_ENDPOINT_URL_ECR is /);
    assertFailed(await run(role, { AWS_ENDPOINT_URL: url }), 2, /AWS_ENDPOINT_URL is /);
    await home.write(".aws/config", `[default]\nendpoint_url = ${url}\n`);
    assertFailed(await run([...role, "--dry-run"]), 2, /endpoint_url .*is no/);
    assert.deepEqual(asked(), []);
  });
}

test("endpoint: a password in a URL that is refused is not shown", async () => {
  const env = { AWS_ENDPOINT_URL: "ftp://me:not-a-secret@127.0.0.1", AWS_ACCESS_KEY_ID: "A" };
  const result = await runCli([...login, "--verbose"], {
    env: { ...env, AWS_SECRET_ACCESS_KEY: "B" },
  });
  assert.equal(result.code, 2);
  assert.match(result.stderr, /AWS_ENDPOINT_URL is /);
  assert.doesNotMatch(result.stderr, /not-a-secret/);
});

// FIPS and dual-stack: for the API; the registry's host stays the one named

const variantRows: [
  name: string,
  env: Record<string, string>,
  profile: string,
  apis: string[],
][] = [
  [
    "AWS_USE_FIPS_ENDPOINT",
    { AWS_USE_FIPS_ENDPOINT: "true" },
    "",
    ["sts-fips.us-east-1.amazonaws.com", "api.ecr-fips.us-east-1.amazonaws.com"],
  ],
  [
    "use_fips_endpoint",
    {},
    "use_fips_endpoint = true",
    ["sts-fips.us-east-1.amazonaws.com", "api.ecr-fips.us-east-1.amazonaws.com"],
  ],
  [
    "AWS_USE_DUALSTACK_ENDPOINT",
    { AWS_USE_DUALSTACK_ENDPOINT: "True" },
    "",
    ["sts.us-east-1.api.aws", "ecr.us-east-1.api.aws"],
  ],
  [
    "use_dualstack_endpoint",
    {},
    "use_dualstack_endpoint = true",
    ["sts.us-east-1.api.aws", "ecr.us-east-1.api.aws"],
  ],
  [
    "both",
    { AWS_USE_DUALSTACK_ENDPOINT: "true", AWS_USE_FIPS_ENDPOINT: "true" },
    "",
    ["sts-fips.us-east-1.api.aws", "ecr-fips.us-east-1.api.aws"],
  ],
  [
    "neither, since the variables come before the profile",
    { AWS_USE_DUALSTACK_ENDPOINT: "false", AWS_USE_FIPS_ENDPOINT: "false" },
    "use_fips_endpoint = true\nuse_dualstack_endpoint = true",
    [sts("us-east-1"), api("us-east-1")],
  ],
];

for (const [name, env, profile, apis] of variantRows) {
  test(`FIPS and dual-stack: ${name}`, async () => {
    await using stage = await setStage();
    const { run, asked, home } = stage;
    await home.write(".aws/config", `[default]\n${profile}\n`);
    const args = ["--account", account, "--region", "us-east-1", "--role", "deploy"];
    assertLoggedIn(await run(args, env), registry("us-east-1"));
    assert.deepEqual(asked(), [...apis, registry("us-east-1")]);
    assert.deepEqual(await storedHosts(home), [registry("us-east-1")]);
  });
}

/** Registry hosts as a user names them, and the API that each goes with. */
const hostRows: [host: string, api: string][] = [
  [`${account}.dkr.ecr-fips.us-east-1.amazonaws.com`, "api.ecr-fips.us-east-1.amazonaws.com"],
  [`${account}.dkr-ecr.${region}.on.aws`, `ecr.${region}.api.aws`],
  [`${account}.dkr-ecr-fips.us-east-1.on.aws`, "ecr-fips.us-east-1.api.aws"],
  ["ecr-public.aws.com", "ecr-public.us-east-1.api.aws"],
];

for (const [host, askedApi] of hostRows) {
  test(`FIPS and dual-stack: ${host} asks ${askedApi}, and is the key stored`, async () => {
    await using stage = await setStage();
    const { run, asked, home } = stage;
    assertLoggedIn(await run([`https://${host}/app:latest`]), host);
    assert.deepEqual(asked(), [askedApi, host]);
    assert.deepEqual(await storedHosts(home), [host]);
  });
}

test("FIPS and dual-stack: a plain and a dual-stack host in one run each ask their own API", async () => {
  await using stage = await setStage();
  const dual = `${account}.dkr-ecr.${region}.on.aws`;
  assertLoggedIn(await stage.run([registry(), dual]), registry(), dual);
  assert.deepEqual(stage.asked(), [api(), registry(), `ecr.${region}.api.aws`, dual]);
});

// files

test("files: AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE", async () => {
  await using stage = await setStage({
    files: { ".aws/config": "not a config file", ".aws/credentials": "nor this" },
  });
  const { home, run, aws } = stage;
  const { accessKeyId, secretAccessKey } = aws.keys.add();
  const env = {
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_CONFIG_FILE: await home.write("a/config", "[profile blog]\nregion = us-west-2\n"),
    AWS_SHARED_CREDENTIALS_FILE: await home.write(
      "b/credentials",
      `[blog]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`,
    ),
    AWS_PROFILE: "blog",
  };
  assertLoggedIn(await run(["--account", account], env), registry("us-west-2"));
  assert.deepEqual(aws.requests.map((request) => request.accessKeyId), [accessKeyId]);
  assert.equal((await run(["--account", account], { ...env, AWS_CONFIG_FILE: undefined })).code, 2);
});

test("files: DOCKER_CONFIG", async () => {
  await using stage = await setStage();
  const { home, run } = stage;
  assertLoggedIn(await run(login, { DOCKER_CONFIG: home.at("of/docker") }), registry());
  assert.deepEqual(await storedHosts(home, "of/docker/config.json"), [registry()]);
  assert.equal(await home.exists(".docker"), false);
  const { mode } = await Deno.stat(home.at("of/docker/config.json"));
  assert.equal((mode ?? 0) & 0o777, 0o600);
});

test("NO_COLOR keeps colours out where FORCE_COLOR asks for them", async () => {
  const colored = await runCli(["--account", account], { env: { FORCE_COLOR: "1" } });
  // deno-lint-ignore no-control-regex
  assert.match(colored.stderr, /\x1b\[31;1merror\x1b\[0m: no region/);
  for (const [args, env] of [[[], { NO_COLOR: "1" }], [["--no-color"], {}]] as const) {
    const plain = await runCli(["--account", account, ...args], {
      env: { FORCE_COLOR: "1", ...env },
    });
    assert.match(plain.stderr, /^ecrin: error: no region/);
    assert(!plain.stderr.includes("\x1b"));
  }
});

// the registry's host

const foreign = [
  "https://registry.attacker.example",
  `https://${registry()}.attacker.example`,
  `https://${account}.dkr.ecr.cn-north-1.amazonaws.com.cn`,
  `http://${registry()}`,
  `https://me@${registry()}`,
  "https://--help",
  "nonsense",
];

for (const proxyEndpoint of foreign) {
  test(`host: a proxyEndpoint ${proxyEndpoint} is refused, and gets no password`, async () => {
    await using stage = await setStage({ aws: { proxyEndpoint } });
    const { run, asked, home, aws } = stage;
    for (const args of [login, ["--region", region]]) {
      assertFailed(await run(args), 5, /outside its own names: "/);
      assert.deepEqual(asked(), [api()]);
    }
    assert.deepEqual(aws.registry.requests, []);
    assert.equal(await home.exists(".docker"), false);
  });
}

test("host: the named one is kept whatever registry of ECR the proxyEndpoint names", async () => {
  // the API names the caller's account, which is another one
  await using stage = await setStage();
  const { run, asked, home, aws } = stage;
  assertLoggedIn(await run(login), registry());
  assertLoggedIn(await run(login, { AWS_ENDPOINT_URL_ECR: aws.url, ...directly }), registry());
  assert.deepEqual(asked(), [api(), registry()]);
  assert.deepEqual(await storedHosts(home), [registry()]);
});

test("host: with nothing named it is the caller's own, as the proxyEndpoint says", async () => {
  await using stage = await setStage();
  const { run, asked, home } = stage;
  const own = `111111111111.dkr.ecr.${region}.amazonaws.com`;
  const { code, stdout, stderr } = await run(["--region", region, "--json"]);
  assert.equal(code, 0, stderr);
  const [{ registry: host, account: caller, ok }] = JSON.parse(stdout).logins;
  assert.deepEqual([host, caller, ok], [own, "111111111111", true]);
  assert.deepEqual(asked(), [api(), own]);
  assert.deepEqual(await storedHosts(home), [own]);
});

test("host: an ECR endpoint of the user's may name a registry of its own", async () => {
  await using stage = await setStage({ aws: { proxyEndpoint: "registry" } });
  const { run, asked, home, aws } = stage;
  const env = { AWS_ENDPOINT_URL_ECR: aws.url, ...directly };
  assertLoggedIn(await run(login, env), aws.registry.host);
  assertLoggedIn(await run(["--region", region], env), aws.registry.host);
  assert.deepEqual(asked(), []);
  assert.deepEqual(await storedHosts(home), [aws.registry.host]);
  // an endpoint of another service is no such permission
  assertFailed(await run(login, { AWS_ENDPOINT_URL_STS: aws.url }), 5, /outside its own names/);
});

for (
  const proxyEndpoint of ["nonsense", "ftp://127.0.0.1", "http://me:x@127.0.0.1", "https://--help"]
) {
  test(`host: an ECR endpoint of the user's that names ${proxyEndpoint} is refused`, async () => {
    await using stage = await setStage({ aws: { proxyEndpoint } });
    const { run, aws, home } = stage;
    const result = await run(login, { AWS_ENDPOINT_URL_ECR: aws.url, ...directly });
    assertFailed(result, 2, /answered with a registry that/);
    assert.equal(await home.exists(".docker"), false);
  });
}
