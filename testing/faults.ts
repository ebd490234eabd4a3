/**
 * Faults on demand: what can go wrong between a client and AWS, chosen by the test.
 *
 * @module
 */

import { accessDenied, AwsFault } from "./aws_fault.ts";
import type { Call, Service } from "./protocol.ts";
import { clockRefusal, formatAmzDate, signatureFault } from "./sigv4.ts";

/**
 * - `throttle`, `5xx`, `expired`, `clock-skew`: refused before the signature is looked at
 * - `reset`: the connection is closed without an answer
 * - `hang`: no answer until the server is disposed
 * - `access-denied`: refused after the signature was verified, naming the caller
 * - `error`: any AWS error, by `code`, `message` and `status`
 * - `garbage`: status 200 and a web page, as captive portals give
 * - `empty-list`: the right answer with its lists emptied
 * - `null-fields`: the right answer with every value null
 * - `foreign-proxy-endpoint`: an ECR answer that names a registry outside AWS
 */
export type FaultKind =
  | "throttle"
  | "5xx"
  | "reset"
  | "hang"
  | "expired"
  | "clock-skew"
  | "access-denied"
  | "error"
  | "garbage"
  | "empty-list"
  | "null-fields"
  | "foreign-proxy-endpoint";

/** A fault and the requests that it hits. */
export interface Fault {
  kind: FaultKind;
  /** Only this service; default all. */
  service?: Service;
  /** Only this operation; default all. */
  operation?: string;
  /** How many requests it hits; default every one until {@linkcode Faults.clear}. */
  times?: number;
  /** Instead of the kind's own error code, message and status. */
  code?: string;
  message?: string;
  status?: number;
  /** For `foreign-proxy-endpoint`: the registry to name. */
  proxyEndpoint?: string;
}

/** The faults that wait for a request. */
export class Faults {
  #waiting: (Fault & { times: number })[] = [];

  /** Adds a fault. Of several that match, the first added hits first. */
  add(fault: Fault): void {
    this.#waiting.push({ times: Infinity, ...fault });
  }

  /** Takes back all faults. */
  clear(): void {
    this.#waiting = [];
  }

  /** The fault that hits this request, counted down; undefined when none does. */
  take(service: string, operation: string): Fault | undefined {
    const fault = this.#waiting.find((fault) =>
      fault.times > 0 &&
      (fault.service === undefined || fault.service === service) &&
      (fault.operation === undefined || fault.operation === operation)
    );
    if (fault !== undefined) fault.times--;
    return fault;
  }
}

/** The refusal that `fault` answers before the caller is known, or undefined for other kinds. */
export function earlyRefusal(fault: Fault, call: Call): AwsFault | undefined {
  const own = earlyFault(fault, call);
  return own === undefined ? undefined : overridden(fault, own);
}

/** The refusal that `fault` answers once the caller is known, or undefined for other kinds. */
export function lateRefusal(fault: Fault, call: Call): AwsFault | undefined {
  if (fault.kind !== "access-denied") return undefined;
  const { service, operation, key } = call;
  const own = service === "sso"
    ? new AwsFault(403, "ForbiddenException", "No access")
    : accessDenied(service, key?.arn ?? "anonymous", `${service}:${operation}`, resource(call));
  return overridden(fault, own);
}

/** `body` as the fault leaves it. */
export function spoil(fault: Fault | undefined, body: unknown): unknown {
  switch (fault?.kind) {
    case "empty-list":
      return emptied(body);
    case "null-fields":
      return nulled(body);
    case "foreign-proxy-endpoint": {
      const proxyEndpoint = fault.proxyEndpoint ?? "https://registry.attacker.example";
      const { authorizationData } = body as { authorizationData: unknown };
      if (!Array.isArray(authorizationData)) return body;
      return { authorizationData: authorizationData.map((data) => ({ ...data, proxyEndpoint })) };
    }
    default:
      return body;
  }
}

/** What a captive portal answers whatever is asked. */
export function garbage(): Response {
  return new Response("<!DOCTYPE html><title>Guest network</title><p>Please accept the terms.\n", {
    headers: { "content-type": "text/html" },
  });
}

function earlyFault(fault: Fault, { service, request, now }: Call): AwsFault | undefined {
  const restJson = service === "sso" || service === "sso-oidc";
  switch (fault.kind) {
    case "error":
      return new AwsFault(400, "ValidationException", "The request is not valid.");
    case "throttle":
      if (service === "sts") return new AwsFault(400, "Throttling", "Rate exceeded");
      return restJson
        ? new AwsFault(429, "TooManyRequestsException", "HTTP 429 Unknown Code")
        : new AwsFault(400, "ThrottlingException", "Rate exceeded");
    case "5xx":
      return service === "sts"
        ? new AwsFault(503, "ServiceUnavailable", "Service is unavailable.")
        : new AwsFault(
          500,
          restJson ? "InternalServerException" : "ServerException",
          "Internal error",
        );
    case "expired":
      if (service === "sso") {
        return new AwsFault(401, "UnauthorizedException", "Session token not found or invalid");
      }
      return service === "sso-oidc"
        ? new AwsFault(400, "ExpiredTokenException", "Token has expired")
        : signatureFault(
          service,
          "expired",
          "The security token included in the request is expired",
        );
    case "clock-skew": {
      // as if the server were twenty minutes ahead; its Date header says otherwise, so that the
      // SDK cannot correct its clock and the refusal reaches the user
      const signed = request.headers.get("x-amz-date") ?? formatAmzDate(now);
      const message = clockRefusal(signed, now, now + 20 * 60 * 1000) ?? "";
      return signatureFault(service, "signature", message);
    }
    default:
      return undefined;
  }
}

function overridden(fault: Fault, own: AwsFault): AwsFault {
  const { status = own.status, code = own.code, message = own.message } = fault;
  return new AwsFault(status, code, message);
}

/** The resource that AWS names in a denial: the role, else everything. */
function resource(call: Call): string {
  return typeof call.params["RoleArn"] === "string" ? call.params["RoleArn"] : "*";
}

/** Lists become empty lists; an answer without a list loses what it holds. */
function emptied(body: unknown): unknown {
  return mapValues(body, (value) => Array.isArray(value) ? [] : {});
}

function nulled(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(nulled);
  return typeof body === "object" && body !== null ? mapValues(body, nulled) : null;
}

function mapValues(object: unknown, change: (value: unknown) => unknown): unknown {
  return Object.fromEntries(
    Object.entries(object as Record<string, unknown>).map(([name, value]) => [name, change(value)]),
  );
}
