/**
 * The wire forms of the AWS services: which operation a request asks for, and how an answer or a
 * refusal of that service is written (JSON 1.1, query XML, REST JSON, OAuth).
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import type { AwsFault } from "./aws_fault.ts";
import type { AwsKey } from "./keys.ts";
import type { WireRequest } from "./sigv4.ts";

/** A service of the fake AWS; `github` is GitHub's token endpoint for web identities. */
export type Service =
  | "ecr"
  | "ecr-public"
  | "sts"
  | "sso"
  | "sso-oidc"
  | "imds"
  | "container"
  | "github";

/** An operation that a request asks for. */
export interface Operation {
  service: Service;
  /** `"GetAuthorizationToken"`, `"AssumeRole"`, `"CreateToken"`. */
  operation: string;
  /** The JSON body, the form fields or the query parameters. */
  params: Record<string, unknown>;
}

/** An operation to be done, with who asks. */
export interface Call extends Operation {
  /** Of the credential scope, else of the host name, else us-east-1. */
  region: string;
  /** The key that signed it; undefined for operations that are not signed. */
  key: AwsKey | undefined;
  request: WireRequest;
  /** The server's clock in milliseconds since 1970. */
  now: number;
  /** `http://127.0.0.1:PORT` of the server asked. */
  url: string;
}

const targets: Record<string, Service> = {
  AmazonEC2ContainerRegistry_V20150921: "ecr",
  SpencerFrontendService: "ecr-public",
};

/** Method and path of the operations that have a path of their own. */
const routes: [method: string, path: RegExp, service: Service, operation: string][] = [
  ["GET", /^\/federation\/credentials$/, "sso", "GetRoleCredentials"],
  ["GET", /^\/assignment\/accounts$/, "sso", "ListAccounts"],
  ["GET", /^\/assignment\/roles$/, "sso", "ListAccountRoles"],
  ["POST", /^\/logout$/, "sso", "Logout"],
  ["POST", /^\/client\/register$/, "sso-oidc", "RegisterClient"],
  ["POST", /^\/device_authorization$/, "sso-oidc", "StartDeviceAuthorization"],
  ["POST", /^\/token$/, "sso-oidc", "CreateToken"],
  ["GET", /^\/authorize$/, "sso-oidc", "Authorize"],
  ["GET", /^\/verify$/, "sso-oidc", "Verify"],
  ["GET", /^\/creds$/, "container", "GetCredentials"],
  ["PUT", /^\/latest\/api\/token$/, "imds", "GetToken"],
  ["GET", /^\/latest\//, "imds", "GetMetadata"],
  ["GET", /^\/github\/token$/, "github", "GetToken"],
];

/** Operations that carry no signature; all others of ECR, ECR Public and STS do. */
const unsigned = new Set(["AssumeRoleWithWebIdentity"]);

/** The signing name of an operation's service, or undefined when it is not signed. */
export function signingName({ service, operation }: Operation): string | undefined {
  const signs = service === "ecr" || service === "ecr-public" || service === "sts";
  return signs && !unsigned.has(operation) ? service : undefined;
}

/** The operation that `request` asks for, or undefined when no service has it. */
export function identify(request: WireRequest): Operation | undefined {
  const url = new URL(request.url);
  const body = new TextDecoder().decode(request.body);
  const [prefix = "", operation = ""] = request.headers.get("x-amz-target")?.split(".") ?? [];
  const target = targets[prefix];
  if (target !== undefined) return { service: target, operation, params: parseJson(body) };

  const query = Object.fromEntries(url.searchParams);
  const route = routes.find(([method, path]) =>
    method === request.method && path.test(url.pathname)
  );
  if (route !== undefined) {
    const [, , service, operation] = route;
    return { service, operation, params: { ...query, ...parseJson(body) } };
  }

  const form = { ...query, ...Object.fromEntries(new URLSearchParams(body)) };
  if (form["Action"] === undefined) return undefined;
  return { service: "sts", operation: form["Action"], params: form };
}

/** The region in a host name (`api.ecr.eu-west-1.amazonaws.com`), or undefined. */
export function hostRegion(host: string): string | undefined {
  if (host === "sts.amazonaws.com") return "us-east-1";
  return host.split(".").find((label) => /^[a-z]{2,4}(-[a-z]+)+-\d+$/.test(label));
}

/** A parameter that is a string, or undefined. */
export function text(params: Record<string, unknown>, name: string): string | undefined {
  const value = params[name];
  return typeof value === "string" ? value : undefined;
}

/** `body` as the answer of `operation`. */
export function answer({ service, operation }: Operation, body: unknown): Response {
  if (service === "sts") {
    const result = `<${operation}Result>${xml(body)}</${operation}Result>`;
    return xmlResponse(200, `${operation}Response`, result, "ResponseMetadata");
  }
  const type = service === "ecr" || service === "ecr-public"
    ? "application/x-amz-json-1.1"
    : "application/json";
  return Response.json(body, {
    headers: { "content-type": type, "x-amzn-requestid": randomUUID() },
  });
}

/** `fault` as `service` writes it. */
export function refusal(service: Service | "unknown", fault: AwsFault): Response {
  const { status, code, message } = fault;
  if (service === "sts") {
    const type = status < 500 ? "Sender" : "Receiver";
    const error = xml({ Error: { Type: type, Code: code, Message: message } });
    return xmlResponse(status, "ErrorResponse", error);
  }
  const bodies: Partial<Record<Service | "unknown", unknown>> = {
    "sso-oidc": { error: oauthError(code), error_description: message },
    container: { code, message },
    github: { message },
    sso: { message, __type: `com.amazonaws.switchboard.portal#${code}` },
  };
  return Response.json(bodies[service] ?? { __type: code, message }, {
    status,
    headers: {
      "content-type": service.startsWith("sso") ? "application/json" : "application/x-amz-json-1.1",
      "x-amzn-errortype": code,
      "x-amzn-requestid": randomUUID(),
    },
  });
}

/** `AuthorizationPendingException` as OAuth spells it: `authorization_pending`. */
function oauthError(code: string): string {
  const name = code.replace(/Exception$/, "");
  return name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

function xmlResponse(status: number, root: string, inner: string, metadata = ""): Response {
  const id = `<RequestId>${randomUUID()}</RequestId>`;
  const tail = metadata === "" ? id : `<${metadata}>${id}</${metadata}>`;
  const namespace = "https://sts.amazonaws.com/doc/2011-06-15/";
  return new Response(`<${root} xmlns="${namespace}">${inner}${tail}</${root}>\n`, {
    status,
    headers: { "content-type": "text/xml", "x-amzn-requestid": randomUUID() },
  });
}

/** An object as XML elements. Absent values are left out, null ones are empty elements. */
function xml(value: unknown): string {
  if (typeof value !== "object" || value === null) {
    const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
    return String(value ?? "").replaceAll(/[&<>]/g, (char) => entities[char] ?? char);
  }
  return Object.entries(value)
    .filter(([, child]) => child !== undefined)
    .map(([name, child]) => `<${name}>${xml(child)}</${name}>`)
    .join("");
}

function parseJson(body: string): Record<string, unknown> {
  if (!body.startsWith("{")) return {};
  try {
    return JSON.parse(body);
  } catch {
    return {};
  }
}
