/**
 * Checks AWS Signature Version 4 as the services do: the signature is computed again from the secret
 * of the access key that the request names, so a request signed by any other identity is refused.
 *
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { AwsFault } from "./aws_fault.ts";
import type { AwsKey } from "./keys.ts";

/** A request as it came over the wire. */
export interface WireRequest {
  method: string;
  /** Absolute, with path and query as sent. */
  url: string;
  headers: Headers;
  body: Uint8Array;
}

/** What {@linkcode verifySignature} checks against. */
export interface VerifyOptions {
  lookup: (accessKeyId: string) => AwsKey | undefined;
  /** The signing name of the service asked: `"ecr"`, `"sts"`. */
  service: string;
  /** The only region accepted; without it any. */
  region?: string | undefined;
  /** The server's clock in milliseconds since 1970. */
  now: number;
}

/** The parts of an `Authorization: AWS4-HMAC-SHA256 …` header. */
export interface Authorization {
  accessKeyId: string;
  /** `YYYYMMDD` */
  date: string;
  region: string;
  service: string;
  signedHeaders: string[];
  signature: string;
}

/** How far a client's clock may be off, in milliseconds. */
const allowedSkew = 5 * 60 * 1000;

/** Codes and statuses differ between the query protocol (STS) and the JSON services. */
const refusals = {
  missing: {
    json: [400, "MissingAuthenticationTokenException"],
    sts: [403, "MissingAuthenticationToken"],
  },
  incomplete: { json: [400, "IncompleteSignatureException"], sts: [400, "IncompleteSignature"] },
  unknownKey: { json: [400, "UnrecognizedClientException"], sts: [403, "InvalidClientTokenId"] },
  expired: { json: [400, "ExpiredTokenException"], sts: [403, "ExpiredToken"] },
  signature: { json: [400, "InvalidSignatureException"], sts: [403, "SignatureDoesNotMatch"] },
} as const;

const invalidToken = "The security token included in the request is invalid.";

const mismatch = "The request signature we calculated does not match the signature you provided. " +
  "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

/** An AWS refusal of a kind in the wording of `service`. */
export function signatureFault(
  service: string,
  kind: keyof typeof refusals,
  message: string,
): AwsFault {
  const [status, code] = refusals[kind][service === "sts" ? "sts" : "json"];
  return new AwsFault(status, code, message);
}

/**
 * The key that signed `request`, or the refusal that AWS would answer with.
 *
 * The order of the checks is AWS's: the key, its session token, the credential scope, the clock, and
 * the signature last.
 */
export function verifySignature(request: WireRequest, options: VerifyOptions): AwsKey | AwsFault {
  const { service } = options;
  const header = request.headers.get("authorization");
  if (header === null) {
    return signatureFault(service, "missing", "Request is missing Authentication Token");
  }
  const authorization = parseAuthorization(header);
  const amzDate = request.headers.get("x-amz-date") ?? "";
  const signedAt = parseAmzDate(amzDate);
  if (authorization === undefined || signedAt === undefined) {
    const message = "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' " +
      "parameters, and the request a 'X-Amz-Date' header.";
    return signatureFault(service, "incomplete", message);
  }

  const key = options.lookup(authorization.accessKeyId);
  if (key === undefined) return signatureFault(service, "unknownKey", invalidToken);
  if ((request.headers.get("x-amz-security-token") ?? undefined) !== key.sessionToken) {
    return signatureFault(service, "unknownKey", invalidToken);
  }
  if (key.expiresAt !== undefined && key.expiresAt <= options.now) {
    const message = "The security token included in the request is expired";
    return signatureFault(service, "expired", message);
  }

  const refusal = scopeRefusal(authorization, amzDate, options) ??
    clockRefusal(amzDate, signedAt, options.now) ??
    (authorization.signedHeaders.includes("host")
      ? undefined
      : "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  if (refusal !== undefined) return signatureFault(service, "signature", refusal);

  const expected = signature(
    key.secretAccessKey,
    authorization,
    stringToSign(request, authorization),
  );
  return sameHex(expected, authorization.signature)
    ? key
    : signatureFault(service, "signature", mismatch);
}

/**
 * Signs `request`, for tests of operations that no SDK client at hand has. Sets the headers
 * `X-Amz-Date`, `X-Amz-Security-Token` and `Authorization`.
 */
export function signRequest(
  request: WireRequest,
  key: AwsKey,
  { service, region, now }: { service: string; region: string; now: number },
): void {
  const { headers } = request;
  const amzDate = formatAmzDate(now);
  headers.set("x-amz-date", amzDate);
  if (key.sessionToken !== undefined) headers.set("x-amz-security-token", key.sessionToken);
  const date = amzDate.slice(0, 8);
  const signedHeaders = ["host", ...headers.keys()].filter((name) =>
    name === "host" || name.startsWith("x-amz-")
  );
  const { accessKeyId } = key;
  const scope = { accessKeyId, date, region, service, signedHeaders, signature: "" };
  const signed = signature(key.secretAccessKey, scope, stringToSign(request, scope));
  headers.set(
    "authorization",
    `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${date}/${region}/${service}/aws4_request, ` +
      `SignedHeaders=${signedHeaders.join(";")}, Signature=${signed}`,
  );
}

/** The parts of an Authorization header, or undefined when it is no complete SigV4 one. */
export function parseAuthorization(header: string): Authorization | undefined {
  const fields = header.match(/^AWS4-HMAC-SHA256\s+(.*)$/)?.[1];
  if (fields === undefined) return undefined;
  const values = new Map(
    fields.split(",").map((field) => {
      const [name = "", ...rest] = field.trim().split("=");
      return [name, rest.join("=")] as const;
    }),
  );
  const credential = values.get("Credential")?.split("/") ?? [];
  const [accessKeyId, date, region, service, terminator] = credential;
  const signedHeaders = values.get("SignedHeaders");
  const given = values.get("Signature");
  if (
    !accessKeyId || !date || !region || !service || terminator !== "aws4_request" ||
    !signedHeaders || !given || credential.length !== 5
  ) return undefined;
  return {
    accessKeyId,
    date,
    region,
    service,
    signedHeaders: signedHeaders.split(";"),
    signature: given,
  };
}

/** The canonical request: method, path, query, headers and body hash in one exact spelling. */
export function canonicalRequest(request: WireRequest, signedHeaders: string[]): string {
  const url = new URL(request.url);
  const headers = signedHeaders.map((name) => {
    const value = request.headers.get(name) ?? (name === "host" ? url.host : "");
    return `${name}:${value.trim().replaceAll(/ +/g, " ")}\n`;
  });
  return [
    request.method,
    canonicalPath(url.pathname),
    canonicalQuery(url.search),
    headers.join(""),
    signedHeaders.join(";"),
    sha256(request.body),
  ].join("\n");
}

/** The time of `X-Amz-Date` (`20150830T123600Z`) in milliseconds, or undefined. */
export function parseAmzDate(text: string): number | undefined {
  const parts = text.match(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** Milliseconds since 1970 as `20150830T123600Z`. */
export function formatAmzDate(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replaceAll(/[-:]|\.\d+/g, "");
}

/**
 * What AWS says when a request was signed too long before or after the server's `now`, or undefined.
 * Clients (and ecrin) recognise the words "is now earlier than".
 */
export function clockRefusal(amzDate: string, signedAt: number, now: number): string | undefined {
  const server = formatAmzDate(now);
  if (signedAt < now - allowedSkew) {
    const earliest = formatAmzDate(now - allowedSkew);
    return `Signature expired: ${amzDate} is now earlier than ${earliest} (${server} - 5 min.)`;
  }
  if (signedAt > now + allowedSkew) {
    const latest = formatAmzDate(now + allowedSkew);
    return `Signature not yet current: ${amzDate} is still later than ${latest} (${server} + 5 min.)`;
  }
  return undefined;
}

function scopeRefusal(
  authorization: Authorization,
  amzDate: string,
  options: VerifyOptions,
): string | undefined {
  if (!amzDate.startsWith(authorization.date)) {
    return "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
      `'${authorization.date}' != '${amzDate.slice(0, 8)}', from '${amzDate}'.`;
  }
  if (authorization.service !== options.service) {
    return `Credential should be scoped to correct service: '${options.service}'.`;
  }
  if (
    !/^[a-z]{2,4}(-[a-z]+)+-\d+$/.test(authorization.region) ||
    (options.region !== undefined && authorization.region !== options.region)
  ) return "Credential should be scoped to a valid region.";
  return undefined;
}

function stringToSign(request: WireRequest, authorization: Authorization): string {
  const { date, region, service, signedHeaders } = authorization;
  return [
    "AWS4-HMAC-SHA256",
    request.headers.get("x-amz-date"),
    `${date}/${region}/${service}/aws4_request`,
    sha256(canonicalRequest(request, signedHeaders)),
  ].join("\n");
}

function signature(secret: string, authorization: Authorization, text: string): string {
  const { date, region, service } = authorization;
  const key = [date, region, service, "aws4_request"].reduce<Uint8Array | string>(
    (key, part) => hmac(key, part),
    `AWS4${secret}`,
  );
  return hmac(key, text).toString("hex");
}

/** Every service but S3 escapes each segment once more than the wire does. */
function canonicalPath(pathname: string): string {
  return pathname.replaceAll(/\/+/g, "/").split("/").map(escape).join("/");
}

function canonicalQuery(search: string): string {
  if (search.length < 2) return "";
  return search.slice(1).split("&")
    .map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return [name, value.join("=")].map((part) => escape(decodeURIComponent(part))).join("=");
    })
    .sort()
    .join("&");
}

/** RFC 3986: everything but unreserved characters is escaped. */
function escape(text: string): string {
  return encodeURIComponent(text)
    .replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

function hmac(key: string | Uint8Array, text: string): Buffer<ArrayBufferLike> {
  return createHmac("sha256", key).update(text).digest();
}

function sameHex(a: string, b: string): boolean {
  const [left, right] = [new TextEncoder().encode(a), new TextEncoder().encode(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
