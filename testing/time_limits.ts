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
