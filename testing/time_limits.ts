/**
 * Requests that are given up a hundred times as fast, so that a test need not wait for the limit.
 *
 * @module
 */

import type { TempHome } from "./cli.ts";

/** A run whose requests are hurried. */
export interface Hurry {
  /** For `deno run`. */
  denoArgs: string[];
  /** The limits that the run asked for, in milliseconds, one a request. */
  limits: () => Promise<number[]>;
}

/** Makes the pauses between tries, and every other timer of a run in `home`, a thousand times as fast. */
export async function hurryPauses(home: TempHome): Promise<Pick<Hurry, "denoArgs">> {
  const script = await home.write(
    "hurry-pauses.ts",
    `const { setTimeout } = globalThis;
    globalThis.setTimeout = (work, milliseconds, ...args) =>
      // what is longer is a time limit
      setTimeout(work, milliseconds > 20_000 ? milliseconds : milliseconds / 1000, ...args);`,
  );
  return { denoArgs: ["-A", "--preload", script] };
}

/** Makes a second of a run's timers in `home` a minute: to its timers, it is never slow. */
export async function slowTimers(home: TempHome): Promise<Pick<Hurry, "denoArgs">> {
  const script = await home.write(
    "slow-timers.ts",
    `const { setTimeout } = globalThis;
    globalThis.setTimeout = (work, milliseconds, ...args) =>
      setTimeout(work, Math.min(60 * milliseconds, 2 ** 31 - 1), ...args);`,
  );
  return { denoArgs: ["-A", "--preload", script] };
}

/** Makes `AbortSignal.timeout` of a run in `home` a hundred times as fast, and keeps what it was asked. */
export async function hurryRequests(home: TempHome): Promise<Hurry> {
  const log = home.at("limits");
  const script = await home.write(
    "hurry.ts",
    `const timeout = AbortSignal.timeout.bind(AbortSignal);
    AbortSignal.timeout = (milliseconds) => {
      Deno.writeTextFileSync(${JSON.stringify(log)}, milliseconds + "\\n", { append: true });
      return timeout(milliseconds / 100);
    };`,
  );
  return {
    denoArgs: ["-A", "--preload", script],
    limits: async () => (await home.read("limits")).trim().split("\n").map(Number),
  };
}

/** Makes the clock by which a run in `home` waits for locks a hundred times as fast. */
export async function hurryLocks(home: TempHome): Promise<Pick<Hurry, "denoArgs">> {
  const script = await home.write(
    "hurry-locks.ts",
    `const now = performance.now.bind(performance);
    performance.now = () => 100 * now();`,
  );
  return { denoArgs: ["-A", "--preload", script] };
}
