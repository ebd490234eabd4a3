/**
 * The time limit of a run, which stands still while a person is asked something: `--timeout` is for
 * machines and networks. A person has a limit of their own, so that a question that nobody sees ends.
 *
 * @module
 */

/** The most milliseconds that setTimeout takes: 24 days. It makes 1 of what is more. */
const longestTimer = 2 ** 31 - 1;

/** A running time limit. */
export interface TimeLimit {
  /** Ends it without anything happening. */
  readonly lift: () => void;
  /** Stops the clock during `work`, which asks a person. */
  readonly asking: <T>(work: () => Promise<T>) => Promise<T>;
}

/** What {@linkcode startTimeLimit} is told. Times are in seconds. */
export interface TimeLimitOptions {
  readonly seconds: number;
  /** Called when the time is over. */
  readonly over: () => void;
  /** How long one question may take; never less than what is left of the run. */
  readonly personSeconds: number;
  /** Called when a question took longer. */
  readonly unanswered: () => void;
}

/** Starts a time limit. */
export function startTimeLimit(options: TimeLimitOptions): TimeLimit {
  let left = options.seconds * 1000;
  let since = performance.now();
  let questions = 0;
  let lifted = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const start = (milliseconds: number, then: () => void) => {
    clearTimeout(timer);
    if (!lifted) timer = setTimeout(then, Math.min(Math.max(milliseconds, 0), longestTimer));
  };
  start(left, options.over);
  return {
    lift: () => {
      lifted = true;
      clearTimeout(timer);
    },
    asking: async (work) => {
      if (questions++ === 0) {
        left -= performance.now() - since;
        start(Math.max(left, options.personSeconds * 1000), options.unanswered);
      }
      try {
        return await work();
      } finally {
        if (--questions === 0) {
          since = performance.now();
          start(left, options.over);
        }
      }
    },
  };
}
