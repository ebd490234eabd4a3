/**
 * Which failures are tried again, how often, and after what pause: one rule for AWS, the registries
 * and what the tools say of them. Pauses are random below a bound that doubles ("full jitter"), so
 * that runs that failed together do not come again together.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 *
 * @module
 */

import type { NetworkFault } from "./http.ts";

/** A failure that may pass. What is not one of these would only fail again. */
export type Trouble = "closed" | "failing" | "refused" | "throttled" | "timeout" | "unreachable";

/** The rule for a kind of trouble. */
interface Patience {
  /** How often a request is made in all. */
  readonly tries: number;
  /** Bound of the first pause, in milliseconds. */
  readonly pause: number;
}

/**
 * Who is throttled has only to wait, and in a crowd that takes long. A network that is not there is
 * told within seconds; no answer takes 15 seconds a time.
 */
const patience: Readonly<Record<Trouble, Patience>> = {
  closed: { tries: 4, pause: 300 },
  failing: { tries: 6, pause: 400 },
  refused: { tries: 4, pause: 300 },
  throttled: { tries: 10, pause: 500 },
  timeout: { tries: 3, pause: 300 },
  unreachable: { tries: 4, pause: 300 },
};

/** The longest pause, in milliseconds; also of those that a server asks for. */
const longestPause = 20_000;

/** What is known of a failed try. */
export interface FailedTry {
  /** How many there were, with this one. */
  readonly tried: number;
  /** What came back, in a few words without secrets. */
  readonly said: string;
  /** How long the server wants to be left alone (`Retry-After`), in milliseconds. */
  readonly retryAfter?: number | undefined;
}

/** The tries of a run. */
export interface Retries {
  /** How often a request is made at most, whatever comes back. */
  readonly most: number;
  /**
   * Waits until it is time for another try; false when there is to be none. A run that ends is not
   * waited for: the next try finds out by itself.
   *
   * @param what the request, as the same object each time
   */
  readonly again: (what: object, trouble: Trouble, failed: FailedTry) => Promise<boolean>;
  /** Forgets the failed tries of `what`. */
  readonly succeeded: (what: object) => void;
  /** What came back last of what is being tried again, and how often it was tried. */
  readonly pending: () => string | undefined;
}

/** What {@linkcode openRetries} takes. */
export interface RetryOptions {
  /** AWS_MAX_ATTEMPTS: it wins over our own numbers of tries. */
  readonly maxAttempts: string | undefined;
  readonly signal: AbortSignal;
  /** Takes the lines of `--verbose`. */
  readonly report: (line: string) => void;
  /** From 0 to less than 1. */
  readonly random?: () => number;
}

/** Opens the {@linkcode Retries} of a run. */
export function openRetries(
  { maxAttempts, signal, report, random = Math.random }: RetryOptions,
): Retries {
  const set = /^[1-9][0-9]?$/.test(maxAttempts ?? "") ? Number(maxAttempts) : undefined;
  const pending = new Map<object, string>();
  return {
    most: set ?? Math.max(...Object.values(patience).map(({ tries }) => tries)),
    again: async (what, trouble, { tried, said, retryAfter = 0 }) => {
      pending.delete(what);
      if (tried >= (set ?? patience[trouble].tries) || signal.aborted) return false;
      pending.set(what, `${said}${triesOf(tried)}`);
      const bound = Math.min(patience[trouble].pause * 2 ** (tried - 1), longestPause);
      const pause = Math.min(Math.max(random() * bound, retryAfter), longestPause);
      report(`${said}: trying again in ${(pause / 1000).toFixed(1)} s (try ${tried + 1})`);
      await pauseFor(pause, signal);
      return true;
    },
    succeeded: (what) => {
      pending.delete(what);
    },
    pending: () => [...pending.values()].at(-1),
  };
}

/** What an answer means for another try. */
export type Judgement = Omit<FailedTry, "tried"> & {
  /** Undefined for a good answer, and for one that another try would not mend. */
  readonly trouble: Trouble | undefined;
};

/**
 * Sends a request, again as long as the rule has it.
 *
 * @returns the last answer, good or not, and how often it was asked for
 */
export async function withRetries<T>(
  retries: Retries,
  send: () => Promise<T>,
  judge: (answer: T) => Judgement,
): Promise<{ readonly answer: T; readonly tried: number }> {
  for (let tried = 1;; tried++) {
    const answer = await send();
    const { trouble, ...failed } = judge(answer);
    const again = trouble !== undefined &&
      await retries.again(send, trouble, { tried, ...failed });
    if (again) continue;
    retries.succeeded(send);
    return { answer, tried };
  }
}

/** ` (3 tries)` where there was more than one. */
export function triesOf(tried: number): string {
  return tried > 1 ? ` (${tried} tries)` : "";
}

/** Ends early when the run does. */
function pauseFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}

/** The trouble that a fault of the network is; undefined for one that another try does not mend. */
export function networkTrouble(fault: NetworkFault): Trouble | undefined {
  return fault === "certificate" || fault === "dns" || fault === "proxy" ? undefined : fault;
}

/** The trouble that an HTTP status is. */
export function statusTrouble(status: number): Trouble | undefined {
  if (status === 429) return "throttled";
  return status >= 500 ? "failing" : undefined;
}

/** Milliseconds that a `Retry-After` header asks for: seconds, or a date. */
export function retryAfterOf(header: string | null, now: Date): number | undefined {
  if (header === null) return undefined;
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now.getTime();
  return wait > 0 ? wait : undefined;
}
