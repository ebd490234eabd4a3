/**
 * From what the SDK throws to an error that says what to do.
 *
 * @module
 */

import { exitCodes, UserError } from "./errors.ts";
import { NetworkError, type NetworkFault } from "./http.ts";
import { explain, type Situation } from "./messages.ts";
import { triesOf } from "./retry.ts";
import { scrub } from "./secret.ts";

/** What each {@linkcode NetworkFault} is called, and what mends it. */
const networkFaults: Readonly<Record<NetworkFault, readonly [what: string, hint: string]>> = {
  certificate: [
    "its certificate is not trusted",
    "behind a proxy that intercepts TLS, set AWS_CA_BUNDLE to the file of its certificate authority",
  ],
  closed: ["the connection was closed before the answer", "try again"],
  dns: [
    "there is no such host name",
    "check the region, the network, DNS and HTTPS_PROXY",
  ],
  proxy: ["the proxy refused the connection", "check HTTPS_PROXY and NO_PROXY"],
  refused: [
    "the connection was refused",
    "check the network, HTTPS_PROXY and the endpoint variables",
  ],
  timeout: ["no answer in time", "check the network; behind a proxy, set HTTPS_PROXY"],
  unreachable: ["the network is unreachable", "check the network; behind a proxy, set HTTPS_PROXY"],
};

/** The parts of the SDK's exceptions that count (`ServiceException` of smithy, by its fields). */
interface ServiceException extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
}

/** The HTTP status of the answer that the SDK threw an exception for; undefined for other errors. */
export function statusOf(error: unknown): number | undefined {
  return (error as ServiceException).$metadata?.httpStatusCode;
}

/**
 * The {@linkcode UserError} for whatever an AWS call threw. An abort of the run and errors that are
 * made for people already are passed through.
 *
 * @param action what was asked for, as the API calls it: `"AssumeRole"`
 */
export function awsError(error: unknown, action: string, situation: Situation): unknown {
  if (error instanceof UserError || !(error instanceof Error)) return error;
  const network = causeOf(error, (cause) => cause instanceof NetworkError);
  if (network instanceof NetworkError) return networkError(network, error);
  const known = causeOf(error, (cause) => cause instanceof UserError);
  if (known !== undefined) return known;
  const status = statusOf(error);
  if (error.name === "AbortError") return error.cause ?? error;
  // what a server sends as a message need not be a text
  const message = String(error.message);
  const explained = explain(`${error.name}: ${message}`, situation);
  if (explained !== undefined) return afterTries(explained, triesBy(error));
  if (error.name === "TimeoutError") {
    return networkError(new NetworkError(`AWS (${action})`, "timeout", error), error);
  }
  // The SDK's parsers and providers throw these for a body that is not of the protocol
  const invalid = message.startsWith("Invalid response from STS");
  if (invalid || error instanceof SyntaxError || error instanceof TypeError || status === 200) {
    return new UserError(`the answer to ${action} is not what AWS sends`, {
      code: "unreadable-answer",
      exitCode: exitCodes.network,
      hint:
        "check the endpoint variables (AWS_ENDPOINT_URL…) and whether a proxy answers in AWS's place",
      cause: scrub(String(error)),
    });
  }
  const said = scrub(`${error.name}: ${message}`).replace(/\.\s*$/, "");
  if (status !== undefined && status >= 500) {
    return new UserError(
      `AWS could not do ${action}: ${status} ${said}${triesOf(triesBy(error))}`,
      {
        code: "aws-unavailable",
        exitCode: exitCodes.network,
        hint: "try again in a minute",
        cause: said,
      },
    );
  }
  // neither AWS nor the SDK's providers said it: a defect, which keeps its stack
  if (status === undefined && !error.name.endsWith("ProviderError")) return error;
  return new UserError(`AWS refused ${action}: ${said}`, {
    code: "aws-refused",
    exitCode: exitCodes.credentials,
    hint: "--verbose shows the identity that asked",
    cause: said,
  });
}

function networkError(error: NetworkError, thrown: Error): UserError {
  const [what, hint] = networkFaults[error.fault];
  return new UserError(`could not reach ${error.host}: ${what}${triesOf(triesBy(thrown))}`, {
    code: `network-${error.fault}`,
    exitCode: exitCodes.network,
    hint,
    cause: error,
  });
}

function triesBy(error: ServiceException): number {
  return error.$metadata?.attempts ?? 1;
}

/** An error that more tries did not mend, with their number: one of the network or the server. */
export function afterTries(error: UserError, tried: number): UserError {
  const { message, code, exitCode, hint } = error;
  if (exitCode !== exitCodes.network || tried < 2) return error;
  return new UserError(`${message}${triesOf(tried)}`, { code, exitCode, hint, cause: error });
}

function causeOf(error: Error, fits: (cause: Error) => boolean): Error | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (fits(cause)) return cause;
  }
  return undefined;
}
