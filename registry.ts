/**
 * Names of accounts and registries. Text that a user typed goes in, checked values come out, and
 * nothing behind this file parses a name again. Pure.
 *
 * ```ts
 * const registry = parseRegistry("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.2");
 * registry.host; // "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
 * registry.region; // "eu-west-1"
 * ```
 *
 * @module
 */

import { quote, usageError, type UserError } from "./errors.ts";
import { findPartition, type Partition, partitionOf, partitions, regionHint } from "./partition.ts";

/** Which kind of endpoint: FIPS 140 validated cryptography, IPv6 besides IPv4. */
export interface EndpointVariant {
  readonly fips?: boolean | undefined;
  readonly dualStack?: boolean | undefined;
}

/** A registry, checked. Its host is what the user named, lower-cased. */
export interface Registry {
  /** Where images are pushed to, and the key under which a login is stored. */
  readonly host: string;
  /** Twelve digits; `undefined` only for ECR Public. */
  readonly account: string | undefined;
  /** Region of the API that signs logins: us-east-1 for ECR Public. */
  readonly region: string;
  readonly partition: Partition;
  readonly public: boolean;
  readonly fips: boolean;
  readonly dualStack: boolean;
}

/** ECR Public, one for the whole world. */
export const publicRegistry: Registry = {
  host: "public.ecr.aws",
  account: undefined,
  region: "us-east-1",
  partition: partitionOf("us-east-1"),
  public: true,
  fips: false,
  dualStack: false,
};

/** The same registry, reachable on IPv6 too; a login for one host is not found for the other. */
const publicDualStackRegistry: Registry = {
  ...publicRegistry,
  host: "ecr-public.aws.com",
  dualStack: true,
};

/** Domains of registries that are not AWS's, which people paste by mistake. */
const otherRegistries = [
  "azurecr.cn",
  "azurecr.io",
  "azurecr.us",
  "docker.com",
  "docker.io",
  "gcr.io",
  "ghcr.io",
  "mcr.microsoft.com",
  "pkg.dev",
  "quay.io",
  "registry.gitlab.com",
];

const exampleHost = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/** Longer than any image reference or ARN of a repository; what is longer is not even looked at. */
const longestName = 2048;

/**
 * The account in `text`, with the leading zeros that YAML and spreadsheets eat put back.
 *
 * @returns twelve digits, and whether zeros had to be added: that deserves a warning.
 * @throws {UserError} `bad-account` unless `text` is 1 to 12 ASCII digits.
 */
export function parseAccount(text: string): { account: string; padded: boolean } {
  if (/^[0-9]{1,12}$/.test(text)) {
    return { account: text.padStart(12, "0"), padded: text.length < 12 };
  }
  const digits = text.slice(0, 40).replace(/[\s-]/g, "");
  throw usageError(
    "bad-account",
    `${quote(text)} is not an AWS account`,
    // the AWS console shows 1234-5678-9012
    /^[0-9]{12}$/.test(digits) ? `did you mean ${digits}?` : "an account is 12 digits",
  );
}

/**
 * The private registry of `account` in `region`.
 *
 * @param account exactly twelve digits, as {@linkcode parseAccount} gives them.
 * @throws {UserError} `bad-account` or `bad-region`.
 */
export function registryFor(
  account: string,
  region: string,
  variant: EndpointVariant = {},
): Registry {
  const partition = partitionOf(region);
  if (!/^[0-9]{12}$/.test(account)) {
    throw usageError(
      "bad-account",
      `${quote(account)} is not an AWS account`,
      "an account is 12 digits",
    );
  }
  const { fips = false, dualStack = false } = variant;
  const service = `${dualStack ? "dkr-ecr" : "dkr.ecr"}${fips ? "-fips" : ""}`;
  const suffix = dualStack ? partition.dualStackRegistrySuffix : partition.registrySuffix;
  return {
    host: `${account}.${service}.${region}.${suffix}`,
    account,
    region,
    partition,
    public: false,
    fips,
    dualStack,
  };
}

/** What {@linkcode parseRegistry} needs to know from elsewhere. */
export interface ParseRegistryOptions {
  /** Region of a registry that is named by its account alone. */
  readonly region?: string | undefined;
}

/**
 * The registry that `text` names: a host, an https URL, an image reference with path, tag or
 * digest, the ARN of a repository, an account of 12 digits, or anything on public.ecr.aws.
 *
 * @throws {UserError} `not-ecr` for a well-known registry of someone else, `region-needed` for an
 * account without a region, `bad-account` for one that has not 12 digits, `bad-region` for an
 * unusable `options.region`, and `bad-registry` for everything else.
 */
export function parseRegistry(text: string, options: ParseRegistryOptions = {}): Registry {
  if (text.length > longestName) {
    throw badRegistry(`${shown(text)} is too long for a registry: ${text.length} characters`);
  }
  // Before anything is lower-cased: the Kelvin sign would become an ASCII k
  if (!/^[\x21-\x7e]*$/.test(text)) {
    throw badRegistry(`${shown(text)} holds characters that no registry name has`);
  }
  if (/^[0-9]+$/.test(text)) return registryOfAccount(text, options.region);
  if (/^arn:/i.test(text)) return registryOfArn(text);

  const { scheme, host, path } = splitReference(text);
  const registry = registryOfHost(host);
  if (registry === undefined) throw explainHost(text, host);
  if (scheme !== "" && scheme !== "https") {
    throw badRegistry(
      `${shown(text)} is not an https URL`,
      `ECR speaks https only: write ${registry.host}`,
    );
  }
  if (!isReferencePath(path)) {
    throw badRegistry(
      `${shown(text)} is neither an image reference nor a URL of a registry`,
      `write ${registry.host}`,
    );
  }
  return registry;
}

/**
 * The registry of the `proxyEndpoint` that came with an authorization token, or `undefined` when
 * that is not an ECR registry's: a test server's, or an attempt to lead the password elsewhere.
 */
export function parseProxyEndpoint(url: string): Registry | undefined {
  const host = /^https:\/\/([a-z0-9.-]{1,253})\/?$/.exec(url)?.[1];
  return host === undefined ? undefined : registryOfHost(host);
}

function registryOfAccount(text: string, region: string | undefined): Registry {
  if (text.length !== 12) {
    throw usageError(
      "bad-account",
      `${quote(text)} is not a registry: an account has 12 digits, not ${text.length}`,
      text.length < 12 ? `if zeros are missing in front, use: --account ${text}` : undefined,
    );
  }
  if (region === undefined) {
    throw usageError(
      "region-needed",
      `registry ${text} needs a region`,
      "add --region, or set AWS_REGION, or give the registry's whole host",
    );
  }
  return registryFor(text, region);
}

/**
 * Formats: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
 * and list_amazonelasticcontainerregistrypublic.html beside it.
 */
function registryOfArn(text: string): Registry {
  const arn =
    /^arn:([a-z-]+):(ecr|ecr-public):([a-z0-9-]*):([0-9]{12}):repository((?:\/[a-z0-9][a-z0-9._-]*)+)$/
      .exec(text);
  const [, partition = "", service = "", region = "", account = ""] = arn ?? [];
  if (arn === null) {
    throw badRegistry(
      `${shown(text)} is not the ARN of an ECR repository`,
      "expected arn:aws:ecr:REGION:ACCOUNT:repository/NAME",
    );
  }
  if (service === "ecr-public") {
    if (partition === publicRegistry.partition.name && region === "") return publicRegistry;
    throw badRegistry(
      `${shown(text)} is not the ARN of an ECR Public repository`,
      "expected arn:aws:ecr-public::ACCOUNT:repository/NAME",
    );
  }
  const found = findPartition(region);
  if (found === undefined) {
    throw badRegistry(
      `${shown(text)} is in no AWS region: ${quote(region)}`,
      regionHint(region, "expected arn:aws:ecr:REGION:ACCOUNT:repository/NAME"),
    );
  }
  if (found.name !== partition) {
    throw badRegistry(
      `${shown(text)} is in partition ${quote(partition)}, but region ${region} is not`,
      `region ${region} is in partition ${found.name}`,
    );
  }
  return registryFor(account, region);
}

/** The parts of `scheme://host/path`, unchecked but for the host's case. */
function splitReference(text: string): { scheme: string; host: string; path: string } {
  const separator = text.indexOf("://");
  const scheme = separator < 0 ? "" : text.slice(0, separator).toLowerCase();
  const rest = separator < 0 ? text : text.slice(separator + 3);
  const slash = rest.indexOf("/");
  return slash < 0
    ? { scheme, host: rest.toLowerCase(), path: "" }
    : { scheme, host: rest.slice(0, slash).toLowerCase(), path: rest.slice(slash) };
}

/**
 * Whether `path` is nothing, a slash, or repository, tag and digest. Looser than docker about the
 * letters in a name, which is docker's to judge, and strict about `//`, `..`, `?`, `#` and `%`.
 */
function isReferencePath(path: string): boolean {
  return /^(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*(?:\/|(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@[a-z0-9+._-]+:[A-Fa-f0-9]{32,128})?)$/
    .test(path);
}

/** The registry whose host is exactly `host`. */
function registryOfHost(host: string): Registry | undefined {
  if (host === publicRegistry.host) return publicRegistry;
  if (host === publicDualStackRegistry.host) return publicDualStackRegistry;

  const match = /^([0-9]{12})\.dkr([.-])ecr(-fips)?\.([a-z0-9-]{1,63})\./.exec(host);
  const [, account = "", separator = "", fips, region = ""] = match ?? [];
  if (match === null || findPartition(region) === undefined) return undefined;
  const registry = registryFor(account, region, {
    fips: fips !== undefined,
    dualStack: separator === "-",
  });
  // The suffix has to be the region's own; comparing with what we would build says so exactly
  return registry.host === host ? registry : undefined;
}

/** Why `host` is not an ECR registry's: the error to throw. */
function explainHost(text: string, host: string): UserError {
  const name = host.replace(/:[0-9]*$/, "");
  const isHostName = /^[a-z0-9.-]+$/.test(name);
  if (isHostName && otherRegistries.some((domain) => isWithin(name, domain))) {
    return usageError(
      "not-ecr",
      `${shown(text)} is not an ECR registry`,
      `ecrin logs in to Amazon ECR only; for this one use: docker login ${name}`,
    );
  }
  if (name === "gallery.ecr.aws") {
    return badRegistry(
      `${shown(text)} is the web site of ECR Public, not its registry`,
      `use ${publicRegistry.host}`,
    );
  }
  if (isHostName && name !== host && registryOfHost(name) !== undefined) {
    return badRegistry(`${shown(text)} has a port, which ECR registries have not`, `use ${name}`);
  }
  const loose = /^([0-9]+)\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.([a-z0-9.-]+)$/.exec(host);
  const [, account = "", region = "", suffix = ""] = loose ?? [];
  if (loose === null || !registrySuffixes.has(suffix)) {
    return badRegistry(`${shown(text)} is not an ECR registry`);
  }
  if (account.length !== 12) {
    return badRegistry(
      `${shown(text)} is not an ECR registry: its account has ${account.length} digits`,
    );
  }
  const partition = findPartition(region);
  if (partition === undefined) {
    return badRegistry(
      `${shown(text)} is in no AWS region: ${quote(region)}`,
      regionHint(region, `expected a host such as ${exampleHost}`),
    );
  }
  return badRegistry(
    `${shown(text)} is not the host of a registry in region ${region}`,
    `did you mean ${registryFor(account, region).host}?`,
  );
}

/** Every domain that private registries are under. */
const registrySuffixes = new Set(
  partitions.flatMap((partition) => [partition.registrySuffix, partition.dualStackRegistrySuffix]),
);

function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}

function badRegistry(message: string, hint = `expected a host such as ${exampleHost}`): UserError {
  return usageError("bad-registry", message, hint);
}

/** `text` quoted, without the user name and password that a URL may hold. */
function shown(text: string): string {
  const [, scheme = "", rest = ""] = /^([a-z]+:\/\/)?(.*)$/is.exec(text) ?? [];
  // an ECR password may hold slashes, so with a colon everything up to the last @ goes
  return quote(scheme + rest.replace(/^(?:[^/@:]*:.*|[^/@]*)@/s, "***@"));
}
