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
  ecrinCommand,
  requirePrograms,
  type RunningCli,
  startCli,
} from "./cli.ts";
import { tempHome } from "./temp_home.ts";

/** For tests that need a terminal. */
export const onTerminal = {
  ignore: Deno.build.os !== "linux" || !requirePrograms(["script"]),
};

/** Runs a shell command on a terminal, whose bytes are its output, and hangs up in the end. */
const terminalProgram = `
  const child = new Deno.Command("script", {
    args: ["-qec", Deno.args[0], "/dev/null"],
    env: { SHELL: "/bin/sh" },
  }).spawn();
  setTimeout(() => child.kill("SIGTERM"), 50_000);
  Deno.exit((await child.status).code);
`;

/** How to run the CLI on a terminal. */
export interface OnTerminal extends Pick<CliOptions, "home" | "env"> {
  /** Around ecrin in the shell: `: | ECRIN 2>/dev/null`. */
  shell?: string;
  /** Arguments of `deno run`; default `-A`. */
  denoArgs?: string[];
}

/** Starts ecrin on a terminal; what is written to it is typed there, and its stdout is the screen. */
export async function startOnTerminal(
  args: string[],
  { shell = "ECRIN", denoArgs = ["-A"], home, env }: OnTerminal,
): Promise<RunningCli> {
  const folder = await tempHome({ "terminal.ts": terminalProgram });
  const words = ecrinCommand();
  const all = words.indexOf("-A");
  const command = [...words.slice(0, all), ...denoArgs, ...words.slice(all + 1), ...args]
    .map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const cli = await startCli([shell.replaceAll("ECRIN", command)], {
    script: folder.at("terminal.ts"),
    ...(home === undefined ? {} : { home }),
    env: { TERM: "xterm-256color", ...env },
  });
  return {
    ...cli,
    async [Symbol.asyncDispose](): Promise<void> {
      // a kill would not reach what runs on the terminal
      await cli.write("\x03").catch(() => {});
      await cli[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
