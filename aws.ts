/**
 * Authorization tokens: from an identity and a region to the password of a registry.
 *
 * @module
 */

import { awsError } from "./aws_errors.ts";
import { type ClientSettings, definedOnly } from "./clients.ts";
import type { Identity } from "./role_hops.ts";
import { loadBase64, loadEcr, loadEcrPublic } from "./deps.ts";
import { exitCodes, UserError } from "./errors.ts";
import { type EndpointVariant, publicRegistry } from "./registry.ts";
import { Secret } from "./secret.ts";

/** What ECR answers, decoded. */
export interface AuthorizationToken {
  readonly password: Secret;
  /** `undefined` when the answer does not say. */
  readonly expiresAt: Date | undefined;
  /** URL of the caller's own registry; ECR Public names none. */
  readonly proxyEndpoint: string | undefined;
}

/** An `authorizationData` of either API; any field may be missing. */
interface AuthorizationData {
  readonly authorizationToken?: string | undefined;
  readonly expiresAt?: Date | undefined;
  readonly proxyEndpoint?: string | undefined;
}

/**
 * A token for every private registry of `region` that the identity may use.
 *
 * @throws {UserError} when AWS gives none
 */
export async function privateToken(
  identity: Identity,
  clients: ClientSettings,
  { region, variant }: { region: string; variant: EndpointVariant },
): Promise<AuthorizationToken> {
  const { ECRClient, GetAuthorizationTokenCommand } = await loadEcr();
  const client = new ECRClient({
    ...await clients.of("ecr", region, variant),
    credentials: definedOnly(identity.credentials),
  });
  return await request(identity, async () => {
    const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
    return authorizationData?.[0];
  });
}

/**
 * A token for ECR Public, which only us-east-1 gives.
 *
 * @throws {UserError} when AWS gives none
 */
export async function publicToken(
  identity: Identity,
  clients: ClientSettings,
  { variant = {} }: { variant?: EndpointVariant } = {},
): Promise<AuthorizationToken> {
  const { ECRPUBLICClient, GetAuthorizationTokenCommand } = await loadEcrPublic();
  const client = new ECRPUBLICClient({
    ...await clients.of("ecr-public", publicRegistry.region, variant),
    credentials: definedOnly(identity.credentials),
  });
  return await request(identity, async () => {
    const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
    return authorizationData;
  });
}

async function request(
  identity: Identity,
  send: () => Promise<AuthorizationData | undefined>,
): Promise<AuthorizationToken> {
  try {
    return await readToken(await send());
  } catch (error) {
    throw awsError(error, "GetAuthorizationToken", {
      identity: identity.name,
      renew: identity.renew,
    });
  }
}

async function readToken(data: AuthorizationData | undefined): Promise<AuthorizationToken> {
  if (!data?.authorizationToken) throw tokenError("ECR answered without an authorization token");
  const { expiresAt, proxyEndpoint } = data;
  return {
    password: await decodeAuthorizationToken(data.authorizationToken),
    expiresAt: expiresAt instanceof Date && !Number.isNaN(expiresAt.getTime())
      ? expiresAt
      : undefined,
    proxyEndpoint: typeof proxyEndpoint === "string" && proxyEndpoint !== ""
      ? proxyEndpoint
      : undefined,
  };
}

/**
 * The password in an authorization token: base64 of `AWS:password`. The password may hold colons.
 * Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
 *
 * @throws {UserError} when it is anything else
 */
export async function decodeAuthorizationToken(token: string): Promise<Secret> {
  const whole = new Secret(token);
  const { decodeBase64, encodeBase64 } = await loadBase64();
  let text: string;
  try {
    const bytes = decodeBase64(whole.reveal());
    // it would take a token without its padding, or with stray bits at the end: one cut short
    if (encodeBase64(bytes) !== token) throw new TypeError("not canonical base64");
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw tokenError("the authorization token is not base64 text");
  }
  const colon = text.indexOf(":");
  const username = text.slice(0, Math.max(colon, 0));
  const password = new Secret(text.slice(colon + 1));
  if (username !== "AWS") throw tokenError("the authorization token is not for the user AWS");
  // a line break would end the password early on a tool's stdin
  if (!/^[\x21-\x7e]+$/.test(password.reveal())) {
    throw tokenError("the password in the authorization token is empty or holds odd characters");
  }
  return password;
}

function tokenError(message: string): UserError {
  return new UserError(message, {
    code: "unreadable-token",
    exitCode: exitCodes.network,
    hint: "try again; check proxies, and AWS_ENDPOINT_URL_ECR if it is set",
  });
}
