/**
 * What to log in to, and as whom: accounts × regions, named registries, ECR Public, or the caller's
 * own registry. Pure.
 *
 * @module
 */

import { exitCodes, quote, usageError, UserError } from "./errors.ts";
import {
  type EndpointVariant,
  parseProxyEndpoint,
  publicRegistry,
  type Registry,
  registryFor,
} from "./registry.ts";
import { partitionOf } from "./partition.ts";
import type { TargetOptions as Targets } from "./cli.ts";

/** One registry to log in to. */
export interface Target {
  /** `undefined` for the caller's own registry, which only the API can name. */
  readonly registry: Registry | undefined;
  readonly region: string;
  readonly public: boolean;
  /** The account in which a role without an account is assumed. */
  readonly account: string | undefined;
  readonly variant: EndpointVariant;
}

/** Where the tools log in. */
export interface LoginHost {
  /** Host, with a port only where an endpoint override says so. */
  readonly host: string;
  readonly account: string | undefined;
  /** `"http:"` only for a registry behind an endpoint override. */
  readonly protocol: "http:" | "https:";
}

type TargetOptions = Omit<Targets, "warnings">;

/**
 * The targets of a run, each once: accounts × regions, then the named registries, then public.
 *
 * @param region the one from the environment, the profile or the machine
 * @throws {UserError} when a region is needed and none is given
 */
export function planTargets(options: TargetOptions, region: string | undefined): Target[] {
  const { accounts, registries } = options;
  const regions = () => {
    if (options.regions.length > 0) return options.regions;
    if (region !== undefined) return [region];
    throw usageError(
      "region-needed",
      "no region: none in --region, AWS_REGION, AWS_DEFAULT_REGION or the profile",
      "add: --region REGION",
    );
  };
  const byAccount = accounts.length === 0
    ? []
    : accounts.flatMap((account) => regions().map((region) => registryFor(account, region)));
  const named = [...byAccount, ...registries, ...(options.public ? [publicRegistry] : [])];
  if (named.length === 0) return regions().map(ownRegistry);
  const unique = new Map(named.map((registry) => [registry.host, registry]));
  const anyAccount = named.find((registry) => !registry.public)?.account;
  return [...unique.values()].map((registry) => ({
    registry,
    region: registry.region,
    public: registry.public,
    account: registry.account ?? anyAccount,
    variant: { fips: registry.fips, dualStack: registry.dualStack },
  }));
}

function ownRegistry(region: string): Target {
  return { registry: undefined, region, public: false, account: undefined, variant: {} };
}

/**
 * The host to log in to. It is the target's own; the API's `proxyEndpoint` counts only for the
 * caller's own registry, and where the user put another server in the API's place.
 *
 * @param overridden whether the ECR endpoint is the user's
 * @throws {UserError} when the API names a host that is not of the partition's registries
 */
export function loginHost(
  target: Target,
  proxyEndpoint: string | undefined,
  overridden: boolean,
): LoginHost {
  const { registry, region } = target;
  const proposed = proxyEndpoint === undefined ? undefined : parseProxyEndpoint(proxyEndpoint);
  const own = registry ?? proposed;
  const foreign = proxyEndpoint !== undefined && proposed === undefined;
  if (foreign && overridden) return overrideHost(proxyEndpoint);
  if (
    foreign || own === undefined ||
    (proposed !== undefined && proposed.partition.name !== partitionOf(region).name)
  ) {
    throw new UserError(
      own === undefined && !foreign
        ? "ECR did not say which registry is yours"
        : `ECR answered with a registry outside its own names: ${quote(proxyEndpoint ?? "")}`,
      {
        code: "foreign-proxy-endpoint",
        exitCode: exitCodes.network,
        hint: registry === undefined
          ? "name the registry: --account ID --region REGION"
          : "something answers in AWS's place: check proxies and the network",
      },
    );
  }
  return { host: own.host, account: own.account, protocol: "https:" };
}

/** The host of a `proxyEndpoint` that another server than AWS gave. */
function overrideHost(proxyEndpoint: string): LoginHost {
  const url = URL.parse(proxyEndpoint);
  const plain = url !== null && url.username === "" && url.password === "" &&
    // the host becomes an argument, so "--help" is no name
    /^[a-z0-9[]/.test(url.host);
  if (!plain || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw usageError(
      "bad-endpoint",
      `the endpoint set for ECR answered with a registry that is no http or https URL: ${
        quote(proxyEndpoint)
      }`,
      "check AWS_ENDPOINT_URL_ECR, AWS_ENDPOINT_URL and endpoint_url, and the server there",
    );
  }
  return { host: url.host, account: undefined, protocol: url.protocol };
}
