/**
 * The real CLI on a real terminal, which util-linux' `script` makes.
 *
 * ```ts
 * await using cli = await startOnTerminal(["--profile", "blog"], { home: home.path });
 * await cli.waitFor("stdout", "MFA code");
 * await cli.write("123456\n");
 * ```
 *
 * @module
 */

import {
  type CliOptions,
  type CliResult,
  ecrinCommand,
  requirePrograms,
  type RunningCli,
  startCli,
} from "./cli.ts";

/** For tests that need a terminal. */
export const onTerminal = {
  ignore: Deno.build.os !== "linux" || !requirePrograms(["script", "stty"]),
};

/** How to run the CLI on a terminal. */
export interface OnTerminal extends Pick<CliOptions, "home" | "env"> {
  /** Around ecrin in the shell: `: | ECRIN 2>/dev/null`. */
  shell?: string;
  /** Arguments of `deno run`; default `-A`. */
  denoArgs?: string[];
  /** Width of the terminal; default 100. */
  columns?: number;
}

/** Starts ecrin on a terminal; what is written to it is typed there, and its stdout is the screen. */
export async function startOnTerminal(
  args: string[],
  { shell = "exec ECRIN", denoArgs = ["-A"], columns = 100, home, env }: OnTerminal,
): Promise<RunningCli> {
  const words = ecrinCommand();
  const all = words.indexOf("-A");
  const command = [...words.slice(0, all), ...denoArgs, ...words.slice(all + 1), ...args]
    .map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const line = `stty cols ${columns}; ${shell.replaceAll("ECRIN", command)}`;
  const cli = await startCli([], {
    command: ["script", "-qec", line, "/dev/null"],
    ...(home === undefined ? {} : { home }),
    env: { TERM: "xterm-256color", SHELL: "/bin/sh", ...env },
  });
  return {
    ...cli,
    async [Symbol.asyncDispose](): Promise<void> {
      // a kill would not reach what runs on the terminal
      await cli.write("\x03").catch(() => {});
      cli.kill("SIGTERM");
      await cli.result();
    },
  };
}

/** Runs ecrin on a terminal to its end, with nothing typed. */
export async function runOnTerminal(args: string[], options: OnTerminal = {}): Promise<CliResult> {
  await using cli = await startOnTerminal(args, options);
  return await cli.result();
}
