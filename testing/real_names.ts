/**
 * AWS under its own host names: a fake AWS and its registry behind TLS, and a proxy on loopback that
 * leads the names there and says which were asked for.
 *
 * ```ts
 * await using stage = await realNames();
 * await stage.run(["--account", account, "--region", region]);
 * stage.asked(); // ["api.ecr.ap-northeast-1.amazonaws.com", "222222222222.dkr.ecr.…"]
 * ```
 *
 * @module
 */

import { type AwsOptions, type FakeAws, startAws } from "./aws.ts";
import { type CliResult, runCli, type TempHome, tempHome } from "./cli.ts";
import type { Env } from "./ecrin.ts";
import { requirePrograms } from "./programs.ts";
import { type ProxyOptions, startProxy, type TestProxy } from "./proxy.ts";
import { makeCertificate, type TestCertificate } from "./tls.ts";

/** The account and the region of most registries in these tests. */
export const account = "222222222222";
export const region = "ap-northeast-1";

/** Hosts of the private services in a region. */
export const api = (where = region): string => `api.ecr.${where}.amazonaws.com`;
export const sts = (where = region): string => `sts.${where}.amazonaws.com`;
export const registry = (where = region): string => `${account}.dkr.ecr.${where}.amazonaws.com`;

/** The host of ECR Public's API; its registry is `public.ecr.aws`. */
export const publicApi = "api.ecr-public.us-east-1.amazonaws.com";

/** A log-in to {@linkcode registry}. */
export const login = ["--account", account, "--region", region];

/** The environment in which the fake AWS is asked by its loopback address, and not by the proxy. */
export const directly = { NO_PROXY: "127.0.0.1" };

/** Every name that the fake AWS answers to, besides the plain ones of {@linkcode regions}. */
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

/** Whether a host is a registry's, and not one of an API. */
export function isRegistry(host: string): boolean {
  return /\.dkr[.-]ecr|^public\.ecr\.aws$|^ecr-public\.aws\.com$/.test(host);
}

/** One for all tests of a file: openssl takes longer than most tests. */
let certificate: Promise<TestCertificate> | undefined;

/** The fake AWS under AWS's names, and ecrin before it. */
export interface RealNames extends AsyncDisposable {
  aws: FakeAws;
  proxy: TestProxy;
  tls: TestCertificate;
  home: TempHome;
  /** The environment that leads there: proxy, CA and keys. */
  env: Record<string, string>;
  /** Runs ecrin there, with `--tool file`. */
  run: (args: string[], env?: Env) => Promise<CliResult>;
  /** The hosts that the proxy was asked for, each once, in order. */
  asked: () => string[];
}

/** Starts an AWS that answers to its real names. Needs openssl. */
export async function realNames(
  { aws: awsOptions = {}, login, files = {} }: {
    aws?: AwsOptions;
    /** Of the proxy. */
    login?: NonNullable<ProxyOptions["login"]>;
    /** Of the home folder, by relative path. */
    files?: Record<string, string>;
  } = {},
): Promise<RealNames> {
  await using made = new AsyncDisposableStack();
  const tls = await (certificate ??= makeCertificate(allNames));
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

/** Options of a test with {@linkcode realNames}: skipped where openssl is missing. */
export const withOpenssl = { ignore: !requirePrograms(["openssl"]) };

/** The registries that a file of logins has an entry for. */
export async function storedHosts(home: TempHome, path = ".docker/config.json"): Promise<string[]> {
  return Object.keys(JSON.parse(await home.read(path)).auths);
}

Deno.test.afterAll(async () => {
  await (await certificate)?.[Symbol.asyncDispose]();
});
