/**
 * A registry that takes logins as ECR does, and nothing else: user AWS, with a password that the
 * fake ECR issued for this kind of registry and region and that has not expired.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type Certificate, type Connection, serveLoopback } from "./loopback.ts";
import type { IssuedPassword } from "./passwords.ts";

/** What can go wrong at a registry, on demand. `refuse` is 401 whatever the password. */
export type RegistryFault = "hang" | "reset" | "5xx" | "throttle" | "refuse" | "denied" | "garbage";

/** How a fake registry is made. */
export interface RegistryOptions {
  /** What a password was issued for. */
  issued: (password: string) => IssuedPassword | undefined;
  /** The clock in milliseconds since 1970. */
  now?: () => number;
  /** Whether this is ECR Public; default when it is asked by the name of one. */
  public?: boolean;
  /** Its region; default the one in the name that it is asked by, else any. */
  region?: string;
  tls?: Certificate;
  /** Holds a request back, told by its method and path. */
  held?: (request: string) => Promise<void>;
}

/** A request that a registry got. */
export interface RegistryRequest {
  method: string;
  /** The Host header. */
  host: string;
  path: string;
  /** The user name that was given. */
  user: string | undefined;
  status: number;
}

/** A running fake registry. */
export interface FakeRegistry extends AsyncDisposable {
  url: string;
  /** `127.0.0.1:PORT` */
  host: string;
  port: number;
  requests: RegistryRequest[];
  /** Makes the next `times` requests (default every one) fail. */
  fault: (kind: RegistryFault, times?: number) => void;
}

/** Status, body and headers of an answer. */
type Answer = [status: number, body: string, headers?: Record<string, string>];

const publicHosts = ["public.ecr.aws", "ecr-public.aws.com"];

/** Starts a fake registry on a free loopback port. */
export function startRegistry(options: RegistryOptions): FakeRegistry {
  const requests: RegistryRequest[] = [];
  const faults: { kind: RegistryFault; times: number }[] = [];
  const released = Promise.withResolvers<void>();

  const respond = async (request: Request, connection: Connection): Promise<Response> => {
    const host = request.headers.get("host") ?? new URL(request.url).host;
    const login = parseBasic(request.headers.get("authorization"));
    const record = {
      method: request.method,
      host,
      path: new URL(request.url).pathname,
      user: login?.user,
      status: 0,
    };
    requests.push(record);
    await options.held?.(`${record.method} ${record.path}`);
    const fault = faults.find(({ times }) => times > 0);
    if (fault !== undefined) fault.times--;
    if (fault?.kind === "reset") connection.reset();
    if (fault?.kind === "hang") await released.promise;
    const [status, body, headers] = faultAnswer(fault?.kind, host, options.tls !== undefined) ??
      answer(request, host, login, options);
    record.status = status;
    return new Response(request.method === "HEAD" ? null : body, {
      status,
      headers: { "docker-distribution-api-version": "registry/2.0", ...headers },
    });
  };

  const server = serveLoopback(respond, options.tls);
  return {
    url: server.url,
    host: `127.0.0.1:${server.port}`,
    port: server.port,
    requests,
    fault(kind, times = Infinity): void {
      faults.push({ kind, times });
    },
    async [Symbol.asyncDispose](): Promise<void> {
      released.resolve();
      await server[Symbol.asyncDispose]();
    },
  };
}

function answer(
  request: Request,
  host: string,
  login: Login | undefined,
  options: RegistryOptions,
): Answer {
  const { issued, now = Date.now } = options;
  const hostname = host.replace(/:\d+$/, "");
  const isPublic = options.public ?? publicHosts.includes(hostname);
  const { pathname } = new URL(request.url);
  const isToken = isPublic && pathname.replace(/\/$/, "") === "/token";
  if (!isToken && pathname !== "/v2/" && pathname !== "/v2") return [404, "404 page not found\n"];
  const wrongScheme = isPublic && login?.scheme !== (isToken ? "basic" : "bearer");
  if (login === undefined || wrongScheme) {
    return challenge(host, isPublic, options.tls !== undefined);
  }

  const password = login.user === "AWS" ? issued(login.password) : undefined;
  if (isPublic) {
    if (password === undefined || !password.public) return denied("Not Authorized");
  } else {
    const region = options.region ?? hostname.match(/\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\./)?.[1];
    // ECR cannot read a password that another region, or another service, encrypted
    if (
      password === undefined || password.public ||
      (region !== undefined && region !== password.region)
    ) return [400, ""];
  }
  if (password.expiresAt <= now()) {
    return denied("Your authorization token has expired. Reauthenticate and try again.");
  }
  return isToken
    ? [200, JSON.stringify({ token: btoa(`AWS:${login.password}`) }), {
      "content-type": "application/json",
    }]
    : [200, ""];
}

function faultAnswer(
  kind: RegistryFault | undefined,
  host: string,
  tls: boolean,
): Answer | undefined {
  switch (kind) {
    case undefined:
      return undefined;
    case "refuse":
      return challenge(host, false, tls);
    case "denied":
      return denied("Not Authorized");
    case "throttle":
      return [429, errors("TOOMANYREQUESTS", "Rate exceeded"), json];
    case "garbage":
      return [200, "<!DOCTYPE html><title>Guest network</title>\n", {
        "content-type": "text/html",
      }];
    default:
      return [503, errors("UNAVAILABLE", "Service Unavailable"), json];
  }
}

const json = { "content-type": "application/json; charset=utf-8" };

/** The body that docker prints as `denied: MESSAGE`. */
function denied(message: string): Answer {
  return [403, errors("DENIED", message), json];
}

function errors(code: string, message: string): string {
  return JSON.stringify({ errors: [{ code, message }] });
}

/** Private registries want Basic authentication, ECR Public hands out tokens. */
function challenge(host: string, isPublic: boolean, tls: boolean): Answer {
  const scheme = tls ? "https" : "http";
  const value = isPublic
    ? `Bearer realm="${scheme}://${host}/token/",service="public.ecr.aws",scope="aws"`
    : `Basic realm="${scheme}://${host}/",service="ecr.amazonaws.com"`;
  return [401, "Not Authorized\n", {
    "content-type": "text/plain; charset=utf-8",
    "www-authenticate": value,
  }];
}

interface Login {
  scheme: string;
  user: string;
  password: string;
}

/** User and password of Basic, or of Bearer with the same text, which ECR Public takes as well. */
function parseBasic(header: string | null): Login | undefined {
  const [, scheme, encoded] = header?.match(/^(basic|bearer) +(\S+)$/i) ?? [];
  if (scheme === undefined || encoded === undefined) return undefined;
  const [user = "", ...password] = Buffer.from(encoded, "base64").toString().split(":");
  return { scheme: scheme.toLowerCase(), user, password: password.join(":") };
}
