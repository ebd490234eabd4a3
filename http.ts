/**
 * Requests: one `fetch` for the SDK's clients and for the registry check, with the user's CA
 * bundle, a time limit and errors that say which host failed and how. Proxies (HTTPS_PROXY,
 * HTTP_PROXY, NO_PROXY) are Deno's own work.
 *
 * @module
 */

import { type FetchHttpHandler, loadFetchHandler } from "./deps.ts";
import { permissionError, usageError } from "./errors.ts";
import { openPool } from "./pool.ts";
import { networkTrouble, openRetries, type Retries } from "./retry.ts";

/** How long one request may take before it is given up and tried again, in milliseconds. */
const requestTimeout = 15_000;

/** How many requests may wait for an answer at once: `fetch` opens a connection for each. */
const mostRequests = 32;

/** What went wrong on the way to a host. */
export type NetworkFault =
  | "certificate"
  | "closed"
  | "dns"
  | "proxy"
  | "refused"
  | "timeout"
  | "unreachable";

/** Parts of Deno's messages (deno_fetch, hyper, rustls) that tell the faults apart, in order. */
const faultPatterns: readonly (readonly [RegExp, NetworkFault])[] = [
  [/certificate|UnknownIssuer|CertNotValid|CaUsedAsEndEntity/i, "certificate"],
  [/unsuccessful tunnel|proxy/i, "proxy"],
  [/dns error|failed to lookup/i, "dns"],
  [/connection refused/i, "refused"],
  [/reset by peer|connection closed|broken pipe|incomplete message|unexpected eof|body/i, "closed"],
  [/timed out|timeout/i, "timeout"],
];

/** A request that got no answer. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
  /** Read by the SDK's own retry strategies (`isRetryableByTrait` in smithy's retry module). */
  readonly $retryable: { throttling: false } | undefined;

  constructor(readonly host: string, readonly fault: NetworkFault, cause: unknown) {
    super(`could not reach ${host} (${fault})`, { cause });
    this.$retryable = networkTrouble(fault) === undefined ? undefined : { throttling: false };
  }
}

/** What {@linkcode openHttp} takes. */
export interface HttpOptions {
  /** Path of a PEM file with certificate authorities to trust besides the usual ones. */
  readonly caBundle?: string | undefined;
  /** Ends every request of the run. */
  readonly signal: AbortSignal;
  readonly readTextFile: (path: string) => Promise<string>;
  /** AWS_MAX_ATTEMPTS. */
  readonly maxAttempts?: string | undefined;
  /** Takes the lines of `--verbose`. */
  readonly report?: (line: string) => void;
}

/** The way out of this process. */
export interface Http {
  /** As the global `fetch`, but fails with a {@linkcode NetworkError}, and never follows a redirect. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Request handler for the SDK's clients. */
  readonly requestHandler: () => Promise<FetchHttpHandler>;
  /** Settles when the first request is on its way. */
  readonly firstRequest: Promise<void>;
  /** Which of them are made again. */
  readonly retries: Retries;
}

/** Makes the {@linkcode Http} of a run. The CA bundle is read at the first https request. */
export function openHttp(options: HttpOptions): Http {
  const first = Promise.withResolvers<void>();
  let client: Promise<Deno.HttpClient | undefined> | undefined;
  const pool = openPool(mostRequests);

  const send = async (
    input: Parameters<Http["fetch"]>[0],
    init: RequestInit = {},
  ): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.protocol === "https:") client ??= trusting(options);
    const limit = AbortSignal.timeout(requestTimeout);
    const signals = [options.signal, limit];
    if (init.signal) signals.push(init.signal);
    const request = { ...init, redirect: "manual" as const, signal: AbortSignal.any(signals) };
    const trusted = await client;
    try {
      const answer = fetch(
        input,
        trusted === undefined ? request : { ...request, client: trusted },
      );
      first.resolve();
      return await answer;
    } catch (error) {
      options.signal.throwIfAborted();
      init.signal?.throwIfAborted();
      if (error instanceof Deno.errors.NotCapable) {
        throw permissionError(`may not contact ${url.host}`, "--allow-net", error);
      }
      throw new NetworkError(url.host, limit.aborted ? "timeout" : faultOf(error), error);
    }
  };

  const pooled: Http["fetch"] = (input, init) => pool(() => send(input, init));
  return {
    fetch: pooled,
    firstRequest: first.promise,
    retries: openRetries({
      maxAttempts: options.maxAttempts,
      signal: options.signal,
      report: options.report ?? (() => {}),
    }),
    requestHandler: async () => {
      const { FetchHttpHandler } = await loadFetchHandler();
      return new FetchHttpHandler({ customFetch: pooled as typeof fetch });
    },
  };
}

/** The fault that an error of `fetch` stands for. */
export function faultOf(error: unknown): NetworkFault {
  const texts: string[] = [];
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    texts.push(`${cause.name}: ${cause.message}`);
  }
  const text = texts.join("\n");
  return faultPatterns.find(([pattern]) => pattern.test(text))?.[1] ?? "unreachable";
}

async function trusting(
  { caBundle, readTextFile }: HttpOptions,
): Promise<Deno.HttpClient | undefined> {
  if (caBundle === undefined) return undefined;
  const pem = await readTextFile(caBundle).catch((cause: unknown) => {
    throw caBundleError(caBundle, "cannot be read", cause);
  });
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (certificates === null) throw caBundleError(caBundle, "holds no PEM certificate");
  try {
    return Deno.createHttpClient({ caCerts: certificates });
  } catch (cause) {
    throw caBundleError(caBundle, "holds a certificate that cannot be read", cause);
  }
}

function caBundleError(path: string, what: string, cause?: unknown): Error {
  return usageError(
    "bad-ca-bundle",
    `the CA bundle ${path} ${what}`,
    "check AWS_CA_BUNDLE and ca_bundle in the AWS config file",
    cause,
  );
}
