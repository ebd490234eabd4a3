/**
 * Partitions, the separate AWSes, and the regions of each. Pure.
 *
 * @module
 */

import { quote, usageError } from "./errors.ts";
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

function regions(prefix: string): RegExp {
  return new RegExp(`^${prefix}-${compassAndNumber}$`);
}

/** Only for "did you mean": a region that is not listed here is accepted like any other. */
const knownRegions = (
  "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 " +
  "ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 " +
  "ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 " +
  "eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 " +
  "us-east-2 us-west-1 us-west-2 us-gov-east-1 us-gov-west-1 cn-north-1 cn-northwest-1 " +
  "eusc-de-east-1"
).split(" ");

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

/** The partition that `region` is in, or `undefined`. */
export function findPartition(region: string): Partition | undefined {
  return partitions.find((partition) => partition.regionPattern.test(region));
}

/** A hint for what is no region: the one it looks like, else `otherwise`. */
export function regionHint(text: string, otherwise: string): string {
  const match = nearest(text, knownRegions);
  return match === undefined ? otherwise : `did you mean ${match}?`;
}
