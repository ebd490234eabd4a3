/**
 * How every client of the SDK is set up: with the user's settings said outright, so that the SDK
 * looks for none of its own.
 *
 * @module
 */

import type { FetchHttpHandler } from "./deps.ts";
import { exitCodes, usageError, UserError } from "./errors.ts";
import type { Http } from "./http.ts";
import { type EndpointVariant } from "./registry.ts";
import { parseRegion, partitionOf } from "./partition.ts";
import { type Service } from "./endpoint.ts";
import { type SdkRetryStrategy, sdkRetryStrategy } from "./sdk_retry.ts";
import { conceal } from "./secret.ts";
import { type AwsSettings, serviceEndpoint } from "./settings.ts";

/** Credentials as the SDK's clients take them. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly expiration?: Date | undefined;
}

/** The configuration of one client. */
export interface ClientConfig {
  readonly region: string;
  readonly endpoint: string;
  readonly requestHandler: FetchHttpHandler;
  readonly maxAttempts: number;
  readonly retryStrategy: SdkRetryStrategy;
  readonly useFipsEndpoint: false;
  readonly useDualstackEndpoint: false;
  readonly customUserAgent: string;
}

/** Makes the {@linkcode ClientConfig} of a service in a region. */
export interface ClientSettings {
  readonly of: (
    service: Service,
    region: string,
    variant?: EndpointVariant,
  ) => Promise<ClientConfig>;
  /**
   * The same for a request that uses up what it brings, as a refresh token or a code: it is not
   * repeated where AWS may have carried it out.
   */
  readonly singleUse: (service: Service, region: string) => Promise<ClientConfig>;
}

/** The {@linkcode ClientSettings} of a run. */
export function clientSettings(
  settings: AwsSettings,
  http: Pick<Http, "requestHandler" | "retries">,
  { version }: { version: string },
): ClientSettings {
  let handler: Promise<FetchHttpHandler> | undefined;
  const config = async (
    service: Service,
    region: string,
    { variant, singleUse }: { variant?: EndpointVariant | undefined; singleUse: boolean },
  ): Promise<ClientConfig> => ({
    region,
    endpoint: serviceEndpoint(settings, service, region, variant),
    requestHandler: await (handler ??= http.requestHandler()),
    maxAttempts: http.retries.most,
    retryStrategy: sdkRetryStrategy(http.retries, { singleUse }),
    // the variant is in the endpoint already, and the SDK refuses both together
    useFipsEndpoint: false,
    useDualstackEndpoint: false,
    customUserAgent: `ecrin/${version}`,
  });
  return {
    of: (service, region, variant) => config(service, region, { variant, singleUse: false }),
    singleUse: (service, region) => config(service, region, { singleUse: true }),
  };
}

/**
 * The credentials of an answer, which may lack any of its fields.
 *
 * @param action the API call that gave them
 * @throws {UserError} when they are not complete
 */
export function checkedCredentials(
  answer: {
    accessKeyId?: string | undefined;
    secretAccessKey?: string | undefined;
    sessionToken?: string | undefined;
    expiration?: Date | undefined;
  } | undefined,
  action: string,
): AwsCredentials {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = answer ?? {};
  if (!accessKeyId || !secretAccessKey) {
    throw unreadableAnswer(action, "credentials");
  }
  conceal(secretAccessKey);
  if (sessionToken) conceal(sessionToken);
  return { accessKeyId, secretAccessKey, sessionToken: sessionToken || undefined, expiration };
}

/** The error of an answer that lacks what it is for. */
export function unreadableAnswer(action: string, what: string): UserError {
  return new UserError(`the answer to ${action} holds no ${what}`, {
    code: "unreadable-answer",
    exitCode: exitCodes.network,
    hint: "check the endpoint variables (AWS_ENDPOINT_URL…)",
  });
}

/** The SDK's types know no optional field that is there and `undefined`. */
export function definedOnly(
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
): { accessKeyId: string; secretAccessKey: string; sessionToken?: string } {
  conceal(secretAccessKey);
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

/**
 * The region whose STS is asked for a role: the first given one of the role's own partition.
 *
 * @throws {UserError} when none is
 */
export function stsRegion(roleArn: string, candidates: readonly (string | undefined)[]): string {
  const partition = roleArn.split(":")[1];
  const fits = (region: string) => partitionOf(region).name === partition;
  const region = candidates
    .filter((candidate) => candidate !== undefined)
    .map(parseRegion)
    .find(fits);
  if (region !== undefined) return region;
  if (partition === "aws") return "us-east-1";
  throw usageError(
    "region-needed",
    `${roleArn} is in the partition ${partition}, and no region of it is given`,
    "add: --region REGION",
  );
}
