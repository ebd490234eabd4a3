/**
 * The retry strategy of the SDK's clients: theirs tries three times within a second, which no crowd
 * gets through.
 *
 * @module
 */

import { NetworkError } from "./http.ts";
import { networkTrouble, type Retries, type Trouble } from "./retry.ts";

/** What the SDK asks after a failed try (`RetryStrategyV2` of @smithy/types). */
export interface SdkRetryStrategy {
  readonly acquireInitialRetryToken: () => Promise<SdkRetryToken>;
  /** @throws when there is to be no other try */
  readonly refreshRetryTokenForRetry: (
    token: SdkRetryToken,
    failure: SdkFailure,
  ) => Promise<SdkRetryToken>;
  readonly recordSuccess: (token: SdkRetryToken) => void;
}

interface SdkRetryToken {
  readonly getRetryCount: () => number;
  /** Milliseconds that the SDK is to wait, on top. */
  readonly getRetryDelay: () => number;
}

interface SdkFailure {
  readonly error?: unknown;
  /** The SDK's own sorting of its errors. */
  readonly errorType: string;
  readonly retryAfterHint?: Date;
}

/** How a request may be repeated. */
export interface SdkRetryOptions {
  /**
   * Whether what the request brings is used up by it: it is then only repeated where it has surely
   * not been carried out.
   */
  readonly singleUse: boolean;
}

/** The {@linkcode Retries} as the SDK's clients take them. */
export function sdkRetryStrategy(
  retries: Retries,
  { singleUse }: SdkRetryOptions,
): SdkRetryStrategy {
  const requests = new WeakMap<SdkRetryToken, object>();
  const tokenOf = (request: object, retryCount: number): SdkRetryToken => {
    const token = { getRetryCount: () => retryCount, getRetryDelay: () => 0 };
    requests.set(token, request);
    return token;
  };
  return {
    acquireInitialRetryToken: () => Promise.resolve(tokenOf({}, 0)),
    refreshRetryTokenForRetry: async (token, { error, errorType, retryAfterHint }) => {
      const request = requests.get(token) ?? {};
      const tried = token.getRetryCount() + 1;
      // the SDK has set its clock by the answer: there is nothing to wait for
      if (isClockCorrected(error) && tried < retries.most) return tokenOf(request, tried);
      const trouble = sdkTrouble(error, errorType);
      const lost = trouble === "timeout" || trouble === "closed";
      const again = trouble !== undefined && !(singleUse && lost) &&
        await retries.again(request, trouble, {
          tried,
          said: saidBy(error),
          retryAfter: retryAfterHint === undefined
            ? undefined
            : retryAfterHint.getTime() - Date.now(),
        });
      if (!again) throw new Error("no other try");
      return tokenOf(request, tried);
    },
    recordSuccess: (token) => retries.succeeded(requests.get(token) ?? token),
  };
}

/** The trouble that made a request of the SDK's fail; `undefined` for one that is hopeless. */
function sdkTrouble(error: unknown, errorType: string): Trouble | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof NetworkError) return networkTrouble(cause.fault);
  }
  if (errorType === "THROTTLING") return "throttled";
  return errorType === "CLIENT_ERROR" ? undefined : "failing";
}

function isClockCorrected(error: unknown): boolean {
  if (!(error instanceof Error) || !("$metadata" in error)) return false;
  const { $metadata } = error as { $metadata: { clockSkewCorrected?: boolean } | undefined };
  return $metadata?.clockSkewCorrected === true;
}

function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof NetworkError ? error.message : `${error.name}: ${error.message}`;
}
