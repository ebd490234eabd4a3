/**
 * Names: accounts, regions, partitions, registry hosts and API endpoints. Text that a user typed
 * goes in, checked values come out, and nothing behind this file parses a name again. Pure.
 *
 * ```ts
 * const registry = parseRegistry("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.2");
 * registry.host; // "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
 * endpoint("ecr", registry.region, registry); // "https://api.ecr.eu-west-1.amazonaws.com"
 * ```
 *
 * @module
 */

import { usageError, type UserError } from "./errors.ts";
import { nearest } from "./nearest.ts";

/** A separate AWS: its own accounts, its own regions and its own domains. */
export interface Partition {
  /** As in the second field of an ARN: `"aws-cn"`. */
  readonly name: string;
  /** Domain of the registries, and of the API endpoints that are not dual-stack. */
  readonly registrySuffix: string;
  /** Domain of the registries that answer on IPv6 too. */
  readonly dualStackRegistrySuffix: string;
  /** Domain of the API endpoints that answer on IPv6 too. */
  readonly dualStackApiSuffix: string;
  /** Matches the whole name of each of its regions, also of those to come. */
  readonly regionPattern: RegExp;
}

/** The last two parts of every region's name so far. The SDK takes any word, so also a typo. */
const compassAndNumber = "(?:north|south|east|west|central|(?:north|south)(?:east|west))-[1-9]\\d?";

/**
 * Every partition. Names, regions and the suffixes of the API are those of the SDK
 * (`@aws-sdk/core`, `partitions.js`), the suffixes of dual-stack registries those of the Amazon ECS
 * agent (`ecs-agent/utils/uri`) and Renovate (`datasource/docker/ecr`).
 */
export const partitions: readonly Partition[] = [
  {
    name: "aws",
    registrySuffix: "amazonaws.com",
    dualStackRegistrySuffix: "on.aws",
    dualStackApiSuffix: "api.aws",
    regionPattern: regions("(?:us|eu|ap|sa|ca|me|af|il|mx)"),
  },
  {
    name: "aws-us-gov",
    registrySuffix: "amazonaws.com",
    dualStackRegistrySuffix: "on.aws",
    dualStackApiSuffix: "api.aws",
    regionPattern: regions("us-gov"),
  },
  {
    name: "aws-cn",
    registrySuffix: "amazonaws.com.cn",
    dualStackRegistrySuffix: "on.amazonwebservices.com.cn",
    dualStackApiSuffix: "api.amazonwebservices.com.cn",
    regionPattern: regions("cn"),
  },
  {
    name: "aws-eusc",
    registrySuffix: "amazonaws.eu",
    dualStackRegistrySuffix: "on.amazonwebservices.eu",
    dualStackApiSuffix: "api.amazonwebservices.eu",
    regionPattern: regions("eusc-de"),
  },
  {
    name: "aws-iso",
    registrySuffix: "c2s.ic.gov",
    dualStackRegistrySuffix: "on.aws.ic.gov",
    dualStackApiSuffix: "api.aws.ic.gov",
    regionPattern: regions("us-iso"),
  },
  {
    name: "aws-iso-b",
    registrySuffix: "sc2s.sgov.gov",
    dualStackRegistrySuffix: "on.aws.scloud",
    dualStackApiSuffix: "api.aws.scloud",
    regionPattern: regions("us-isob"),
  },
  {
    name: "aws-iso-e",
    registrySuffix: "cloud.adc-e.uk",
    dualStackRegistrySuffix: "on.cloud-aws.adc-e.uk",
    dualStackApiSuffix: "api.cloud-aws.adc-e.uk",
    regionPattern: regions("eu-isoe"),
  },
  {
    name: "aws-iso-f",
    registrySuffix: "csp.hci.ic.gov",
    dualStackRegistrySuffix: "on.aws.hci.ic.gov",
    dualStackApiSuffix: "api.aws.hci.ic.gov",
    regionPattern: regions("us-isof"),
  },
];

const [commercial] = partitions as readonly [Partition, ...Partition[]];

function regions(prefix: string): RegExp {
  return new RegExp(`^${prefix}-${compassAndNumber}$`);
}

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
  partition: commercial,
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

/** Only for "did you mean": a region that is not listed here is accepted like any other. */
const knownRegions = (
  "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 " +
  "ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 " +
  "ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 " +
  "eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 " +
  "us-east-2 us-west-1 us-west-2 us-gov-east-1 us-gov-west-1 cn-north-1 cn-northwest-1 " +
  "eusc-de-east-1"
).split(" ");

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
 * `text` itself when it has the shape of a region of one of the {@linkcode partitions}.
 *
 * @throws {UserError} `bad-region`, naming the nearest region when it looks like a typo.
 */
export function parseRegion(text: string): string {
  partitionOf(text);
  return text;
}

/**
 * The partition that `region` is in.
 *
 * @throws {UserError} `bad-region` when it is in none.
 */
export function partitionOf(region: string): Partition {
  const partition = findPartition(region);
  if (partition !== undefined) return partition;
  throw usageError(
    "bad-region",
    `${quote(region)} is not an AWS region`,
    regionHint(region, "a region looks like us-east-1 or eu-central-1"),
  );
}

function findPartition(region: string): Partition | undefined {
  return partitions.find((partition) => partition.regionPattern.test(region));
}

function regionHint(text: string, otherwise: string): string {
  const match = nearest(text, knownRegions);
  return match === undefined ? otherwise : `did you mean ${match}?`;
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

/** The APIs that ecrin calls. */
export type Service = "ecr" | "ecr-public" | "sts" | "sso" | "sso-oidc";

/** The first labels of an API's host, for each {@linkcode EndpointVariant}. */
interface EndpointNames {
  readonly plain: string;
  readonly fips: string;
  readonly dualStack: string;
  readonly fipsDualStack: string;
}

/** As in the `endpoint/bdd.js` of each client of the SDK. */
const endpointNames: Readonly<Record<Service, EndpointNames>> = {
  "ecr": {
    plain: "api.ecr",
    fips: "api.ecr-fips",
    dualStack: "ecr",
    fipsDualStack: "ecr-fips",
  },
  "ecr-public": {
    plain: "api.ecr-public",
    fips: "api.ecr-public-fips",
    dualStack: "ecr-public",
    fipsDualStack: "api.ecr-public-fips",
  },
  "sts": {
    plain: "sts",
    fips: "sts-fips",
    dualStack: "sts",
    fipsDualStack: "sts-fips",
  },
  "sso": {
    plain: "portal.sso",
    fips: "portal.sso-fips",
    dualStack: "portal.sso",
    fipsDualStack: "portal.sso-fips",
  },
  "sso-oidc": {
    plain: "oidc",
    fips: "oidc-fips",
    dualStack: "oidc",
    fipsDualStack: "oidc-fips",
  },
};

/**
 * The https URL, without a final slash, of a service's API in `region`. It is what the SDK would
 * choose, except that FIPS is ignored for IAM Identity Center outside GovCloud, where such
 * endpoints do not exist.
 *
 * @throws {UserError} `bad-region`, also for ECR Public anywhere but in us-east-1.
 */
export function endpoint(
  service: Service,
  region: string,
  variant: EndpointVariant = {},
): string {
  const partition = partitionOf(region);
  if (service === "ecr-public" && region !== publicRegistry.region) {
    throw usageError(
      "bad-region",
      `ECR Public has no API in ${region}`,
      `use ${publicRegistry.region}, whatever the region of everything else is`,
    );
  }
  const { dualStack = false } = variant;
  const fips = hasFipsName(service, partition, dualStack) && variant.fips === true;
  const names = endpointNames[service];
  return dualStack
    ? `https://${
      fips ? names.fipsDualStack : names.dualStack
    }.${region}.${partition.dualStackApiSuffix}`
    : `https://${fips ? names.fips : names.plain}.${region}.${partition.registrySuffix}`;
}

/** Whether there is a FIPS endpoint with a name of its own. */
function hasFipsName(service: Service, partition: Partition, dualStack: boolean): boolean {
  if (service === "ecr" || service === "ecr-public") return true;
  // In GovCloud the plain endpoints of these services are the FIPS endpoints
  if (partition.name === "aws-us-gov") return dualStack;
  return service === "sts";
}

/**
 * `text` in double quotes for a message: what is not printable ASCII escaped, so that neither a
 * control sequence nor a look-alike letter gets by, and cut after 80 characters.
 */
export function quote(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  const escaped = cut.replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${escaped}"`;
}
