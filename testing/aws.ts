/**
 * A fake AWS on loopback: ECR, ECR Public, STS, IAM Identity Center, instance and container
 * metadata, and a registry that takes the passwords it gives out. Every signature is verified, so a
 * client with the wrong identity is refused as AWS refuses it.
 *
 * ```ts
 * await using aws = await startAws({ roles: [{ arn: "arn:aws:iam::222222222222:role/deploy" }] });
 * const env = { ...aws.env(), ...aws.keys.env() };
 * // run a client with env, then look at aws.requests
 * ```
 *
 * @module
 */

import { AwsFault } from "./aws_fault.ts";
import { ecr, type EcrOptions } from "./ecr.ts";
import { earlyRefusal, type Fault, Faults, garbage, lateRefusal, spoil } from "./faults.ts";
import { type AwsKey, KeyTable } from "./keys.ts";
import { type Certificate, type Connection, serveLoopback } from "./loopback.ts";
import { metadata, type MetadataOptions } from "./metadata.ts";
import { PasswordTable } from "./passwords.ts";
import {
  answer,
  type Call,
  hostRegion,
  identify,
  type Operation,
  refusal,
  signingName,
} from "./protocol.ts";
import { rateLimit } from "./rate.ts";
import { type FakeRegistry, startRegistry } from "./registry.ts";
import { MfaDevices, type Role, Roles } from "./roles.ts";
import { parseAuthorization, verifySignature, type WireRequest } from "./sigv4.ts";
import { ssoOidc } from "./sso_oidc.ts";
import { type SsoOptions, SsoSessions, unique } from "./sso_sessions.ts";
import { sso } from "./sso.ts";
import { sts } from "./sts.ts";
import { WebIdentities } from "./web_identity.ts";

/** How {@linkcode startAws} makes its AWS. Everything has a default. */
export interface AwsOptions extends EcrOptions {
  /** The only roles there are; default every role exists and trusts anyone. */
  roles?: Role[];
  /** One-time codes by MFA device. */
  mfa?: Record<string, string[]>;
  sso?: SsoOptions;
  metadata?: MetadataOptions;
  /** Serves HTTPS (metadata stays HTTP, as its clients cannot do else). */
  tls?: Certificate;
  /** How long each answer takes, in milliseconds; also of the fake registry. */
  latency?: number;
  /** Requests a second above which AWS says that it is too much; default any number. */
  rate?: number;
  /**
   * Holds a request back until it resolves: one of AWS by the name of its operation, one of the fake
   * registry by its method and path.
   */
  hold?: (request: string) => Promise<void> | void;
  /** The registry that ECR names; default a fake registry that is started too. */
  registryUrl?: string;
}

/** A request that the fake AWS got. */
export interface RecordedRequest {
  /** A {@linkcode Operation.service}, or `"unknown"`. */
  service: string;
  operation: string;
  region: string;
  /** The key that it was signed with, verified or not. */
  accessKeyId: string | undefined;
  /** The Host header. */
  host: string;
  params: Record<string, unknown>;
  /** When it came, in milliseconds since 1970. */
  at: number;
  headers: Record<string, string>;
  /** Of the answer; 0 while there is none. */
  status: number;
  /** The error code of the answer. */
  code?: string;
}

/** A running fake AWS. */
export interface FakeAws extends AsyncDisposable {
  url: string;
  port: number;
  /** Where the metadata services are: the same as `url` without TLS. */
  metadataUrl: string;
  keys: KeyTable;
  passwords: PasswordTable;
  webIdentities: WebIdentities;
  sso: SsoSessions;
  registry: FakeRegistry;
  /** Every request, oldest first. */
  requests: RecordedRequest[];
  /** The recorded requests of a service, or of one of its operations. */
  requestsOf: (service: Operation["service"], operation?: string) => RecordedRequest[];
  /** Makes requests fail. */
  fault: (fault: Fault) => void;
  clearFaults: () => void;
  /** Milliseconds that AWS's clock is ahead of this machine's. */
  clockOffset: number;
  /** The environment that points a program at this AWS, without credentials. */
  env: () => Record<string, string>;
  /** The environment of a container with a role. */
  containerEnv: () => Record<string, string>;
  /** The environment of a GitHub Actions job with `id-token: write`. */
  githubEnv: () => Record<string, string>;
}

/** Starts a fake AWS on free loopback ports. */
export function startAws(options: AwsOptions = {}): Promise<FakeAws> {
  // a promise, so that starting may come to wait for something without a change to any test
  return Promise.resolve(start(options));
}

function start(options: AwsOptions): FakeAws {
  const now = (): number => Date.now() + aws.clockOffset;
  const keys = new KeyTable();
  const passwords = new PasswordTable(options.password);
  const webIdentities = new WebIdentities(now);
  const sessions = new SsoSessions(options.sso ?? {}, now);
  const faults = new Faults();
  const released = Promise.withResolvers<void>();
  const tls = options.tls;
  const takes = rateLimit(options.rate ?? Infinity);
  const held = async (request: string): Promise<void> => {
    if (options.latency !== undefined) await pause(options.latency);
    await Promise.race([options.hold?.(request), released.promise]);
  };
  const registry = startRegistry({
    held,
    issued: (password) => passwords.get(password),
    now,
    ...(tls === undefined ? {} : { tls }),
  });
  const tokens = {
    instance: unique("instance-token"),
    container: unique("container-token"),
    github: unique("github-token"),
  };
  const ecrState = { options, passwords, registryUrl: options.registryUrl ?? registry.url };
  const stsState = {
    keys,
    roles: new Roles(options.roles),
    mfa: new MfaDevices(options.mfa),
    webIdentities,
  };
  const metadataState = { options: options.metadata ?? {}, keys, webIdentities, tokens };

  const perform = (call: Call): unknown => {
    switch (call.service) {
      case "ecr":
      case "ecr-public":
        return ecr(call, ecrState);
      case "sts":
        return sts(call, stsState);
      case "sso":
        return sso(call, sessions, keys);
      case "sso-oidc":
        return ssoOidc(call, sessions);
      default:
        return metadata(call, metadataState);
    }
  };

  // ends early when the server is disposed
  const pause = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      void released.promise.then(() => {
        clearTimeout(timer);
        resolve();
      });
    });

  const serve = async (request: Request, connection: Connection): Promise<Response> => {
    const wire: WireRequest = {
      method: request.method,
      url: request.url,
      headers: request.headers,
      body: await request.bytes(),
    };
    const operation = identify(wire);
    const record = recordOf(wire, operation, now());
    aws.requests.push(record);
    await held(record.operation);
    if (operation === undefined) {
      record.status = 404;
      const fault = new AwsFault(404, "UnknownOperationException", "No service has this operation");
      return refusal("unknown", fault);
    }
    const call: Call = {
      ...operation,
      region: record.region,
      key: undefined,
      request: wire,
      now: now(),
      url: aws.url,
    };
    const fault = takes()
      ? faults.take(operation.service, operation.operation)
      : { kind: "throttle" } as const;
    if (fault?.kind === "reset") connection.reset();
    if (fault?.kind === "hang") await released.promise;
    let response: Response;
    try {
      response = respond(call, fault);
    } catch (error) {
      if (!(error instanceof AwsFault)) throw error;
      record.code = error.code;
      response = refusal(operation.service, error);
    }
    record.status = response.status;
    // clients correct their clock by it
    if (aws.clockOffset !== 0) response.headers.set("date", new Date(now()).toUTCString());
    return response;
  };

  const respond = (call: Call, fault: Fault | undefined): Response => {
    const early = fault && earlyRefusal(fault, call);
    if (early !== undefined) throw early;
    const service = signingName(call);
    if (service !== undefined) call.key = authenticated(call, service, keys);
    const late = fault && lateRefusal(fault, call);
    if (late !== undefined) throw late;
    if (fault?.kind === "garbage") return garbage();
    const done = perform(call);
    return done instanceof Response ? done : answer(call, spoil(fault, done));
  };

  const main = serveLoopback(serve, tls);
  const plain = tls === undefined ? main : serveLoopback(serve);

  const aws: FakeAws = {
    url: main.url,
    port: main.port,
    metadataUrl: plain.url,
    keys,
    passwords,
    webIdentities,
    sso: sessions,
    registry,
    requests: [],
    clockOffset: 0,
    requestsOf: (service, operation) =>
      aws.requests.filter((request) =>
        request.service === service &&
        (operation === undefined || request.operation === operation)
      ),
    fault: (fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    env: () => ({
      AWS_ENDPOINT_URL: main.url,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: plain.url,
    }),
    containerEnv: () => ({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${plain.url}/creds`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: tokens.container,
    }),
    githubEnv: () => ({
      GITHUB_ACTIONS: "true",
      ACTIONS_ID_TOKEN_REQUEST_URL: `${plain.url}/github/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: tokens.github,
    }),
    async [Symbol.asyncDispose](): Promise<void> {
      released.resolve();
      await main[Symbol.asyncDispose]();
      if (plain !== main) await plain[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
  return aws;
}

/** The key that signed a call, or throws AWS's refusal. */
function authenticated(call: Call, service: string, keys: KeyTable): AwsKey {
  const host = call.request.headers.get("host") ?? new URL(call.request.url).host;
  const verified = verifySignature(call.request, {
    lookup: (id) => keys.get(id),
    service,
    region: hostRegion(host),
    now: call.now,
  });
  if (verified instanceof AwsFault) throw verified;
  return verified;
}

function recordOf(
  request: WireRequest,
  operation: Operation | undefined,
  at: number,
): RecordedRequest {
  const url = new URL(request.url);
  const host = request.headers.get("host") ?? url.host;
  const signed = parseAuthorization(request.headers.get("authorization") ?? "");
  return {
    service: operation?.service ?? "unknown",
    operation: operation?.operation ?? `${request.method} ${url.pathname}`,
    region: signed?.region ?? hostRegion(host) ?? "us-east-1",
    accessKeyId: signed?.accessKeyId,
    host,
    params: operation?.params ?? {},
    at,
    headers: Object.fromEntries(request.headers),
    status: 0,
  };
}
