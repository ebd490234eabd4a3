/**
 * The AWS settings that users have in their environment and config file, whatever the identity:
 * region, endpoints, FIPS, dual-stack, CA bundle. The SDK for JavaScript ignores half of them, so
 * they are read here, in the AWS CLI's order, and handed to its clients explicitly. Pure.
 *
 * @module
 */

import type { AwsConfig, Env, Settings } from "./aws_config.ts";
import { usageError } from "./errors.ts";
import { endpoint, type Service } from "./endpoint.ts";
import { type EndpointVariant } from "./registry.ts";
import { parseRegion } from "./partition.ts";

/** What {@linkcode awsSettings} found. */
export interface AwsSettings {
  readonly region: string | undefined;
  /** Path of a PEM file, or `undefined`. */
  readonly caBundle: string | undefined;
  readonly fips: boolean;
  readonly dualStack: boolean;
  /** URL of a service that the user set in place of AWS's own, or `undefined`. */
  readonly endpointOverride: (service: Service) => string | undefined;
}

/** Suffix of AWS_ENDPOINT_URL_… and, in lower case, key in a `services` section. */
const serviceIds: Readonly<Record<Service, string>> = {
  "ecr": "ECR",
  "ecr-public": "ECR_PUBLIC",
  "sso": "SSO",
  "sso-oidc": "SSO_OIDC",
  "sts": "STS",
};

/**
 * Reads the settings of a run from the environment and a profile's section.
 *
 * @throws {UserError} when a value cannot be used
 */
export function awsSettings(env: Env, config: AwsConfig, profileName: string): AwsSettings {
  const profile: Settings = config.profiles.get(profileName) ?? new Map();
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION || profile.get("region");
  checkProxies(env);
  return {
    region: region ? parseRegion(region) : undefined,
    caBundle: env.AWS_CA_BUNDLE || profile.get("ca_bundle") || undefined,
    fips: isTrue(env.AWS_USE_FIPS_ENDPOINT || profile.get("use_fips_endpoint")),
    dualStack: isTrue(env.AWS_USE_DUALSTACK_ENDPOINT || profile.get("use_dualstack_endpoint")),
    endpointOverride: endpointOverrides(env, config, profile),
  };
}

/**
 * The URL that `service` is asked at in `region`: the user's, else AWS's own for the variant. A
 * variant holds when the settings or the registry's host ask for it.
 */
export function serviceEndpoint(
  settings: AwsSettings,
  service: Service,
  region: string,
  variant: EndpointVariant = {},
): string {
  return settings.endpointOverride(service) ?? endpoint(service, region, {
    fips: settings.fips || (variant.fips ?? false),
    dualStack: settings.dualStack || (variant.dualStack ?? false),
  });
}

/** Deno would go past a proxy that it cannot make sense of, without a word. */
function checkProxies(env: Env): void {
  for (const name of ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"].flatMap(upperAndLower)) {
    const text = env[name];
    if (!text) continue;
    const url = URL.parse(text.includes("://") ? text : `http://${text}`);
    if (url?.hostname && /^(?:https?|socks5h?):$/.test(url.protocol)) continue;
    // not repeated: it may hold a password
    throw usageError(
      "bad-proxy",
      `${name} is not the URL of a proxy`,
      "it looks like http://proxy.example.com:3128",
    );
  }
}

const upperAndLower = (name: string): string[] => [name, name.toLowerCase()];

/** AWS's order: variable of the service, variable for all, `services` section, profile. */
function endpointOverrides(
  env: Env,
  config: AwsConfig,
  profile: Settings,
): (service: Service) => string | undefined {
  const ignored = isTrue(
    env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS || profile.get("ignore_configured_endpoint_urls"),
  );
  if (ignored) return () => undefined;
  const services = config.services.get(profile.get("services") ?? "");
  const urls = new Map<Service, string>();
  for (const [service, id] of Object.entries(serviceIds) as [Service, string][]) {
    const key = id.toLowerCase();
    const places: (readonly [setting: string, url: string | undefined])[] = [
      [`AWS_ENDPOINT_URL_${id}`, env[`AWS_ENDPOINT_URL_${id}`]],
      ["AWS_ENDPOINT_URL", env.AWS_ENDPOINT_URL],
      [`endpoint_url of ${key} in the services section`, services?.get(key)?.get("endpoint_url")],
      ["endpoint_url of the profile", profile.get("endpoint_url")],
    ];
    const [setting, url] = places.find(([, url]) => url) ?? [];
    if (setting !== undefined && url) urls.set(service, checkedUrl(url, setting));
  }
  return (service) => urls.get(service);
}

function checkedUrl(text: string, setting: string): string {
  const url = URL.parse(text);
  if (url !== null && ["http:", "https:"].includes(url.protocol) && url.hostname !== "") {
    return text.replace(/\/+$/, "");
  }
  throw usageError(
    "bad-endpoint",
    // not repeated: a URL may hold a password
    `${setting} is no http or https URL`,
    "it looks like http://localhost:4566 or https://ecr.example.com",
  );
}

/** Whether the instance metadata service is to be left alone. */
export function metadataDisabled(env: Env): boolean {
  return isTrue(env.AWS_EC2_METADATA_DISABLED);
}

function isTrue(text: string | undefined): boolean {
  return text?.toLowerCase() === "true";
}
