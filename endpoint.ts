/**
 * Where the API of a service is, for a region and an {@linkcode EndpointVariant}. Pure.
 *
 * ```ts
 * endpoint("ecr", "eu-west-1"); // "https://api.ecr.eu-west-1.amazonaws.com"
 * ```
 *
 * @module
 */

import { usageError } from "./errors.ts";
import { type Partition, partitionOf } from "./partition.ts";
import { type EndpointVariant, publicRegistry } from "./registry.ts";

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
