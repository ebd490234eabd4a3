/**
 * Runs the real CLI as a child process, in a clean environment and a temporary home.
 *
 * ```ts
 * const { code, stderr } = await runCli(["login"], { env: { ...aws.env(), ...aws.keys.env() } });
 * ```
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { tempHome } from "./temp_home.ts";

export { requirePrograms } from "./programs.ts";
export { type TempHome, tempHome } from "./temp_home.ts";

/** How to run the CLI. */
export interface CliOptions {
  /** Added to the clean environment; a variable that is undefined is left out of it. */
  env?: Record<string, string | undefined>;
  /** Text for standard input; default nothing. */
  stdin?: string | Uint8Array;
  /** Default the home folder. */
  cwd?: string;
  /** The home folder; default a temporary one that is removed when the CLI ended. */
  home?: string;
  /** After how many milliseconds it is killed; default one minute. */
  timeoutMs?: number;
  /** Arguments of `deno run`, instead of `-A`. */
  denoArgs?: string[];
  /** What to run instead of the repository's main.ts. */
  script?: string;
  /** What to run instead of `deno run` with all of that: a program and its first arguments. */
  command?: [string, ...string[]];
  /** Whether it lets other programs go first: for the many at once, beside which other tests run. */
  yielding?: boolean;
}

/** What the CLI did. */
export interface CliResult {
  code: number;
  signal: Deno.Signal | null;
  stdout: string;
  stderr: string;
  milliseconds: number;
}

/** A running CLI. Disposing kills it, if it still runs, and waits for its end. */
export interface RunningCli extends AsyncDisposable {
  process: Deno.ChildProcess;
  pid: number;
  /** Writes to its standard input. Only with `stdin` absent. */
  write: (text: string) => Promise<void>;
  /** Ends its standard input. */
  closeStdin: () => Promise<void>;
  kill: (signal: Deno.Signal) => void;
  /**
   * Resolves with what `stream` wrote so far once `pattern` is found in it; throws, with all output,
   * when the CLI ends without.
   */
  waitFor: (stream: "stdout" | "stderr", pattern: string | RegExp) => Promise<string>;
  /** Resolves once `fact` holds; throws, with all output, when the CLI ends without. */
  until: (fact: () => boolean | Promise<boolean>) => Promise<void>;
  /** Resolves when it ended. */
  result: () => Promise<CliResult>;
}

const mainScript = fileURLToPath(new URL("../main.ts", import.meta.url));
const configFile = fileURLToPath(new URL("../deno.json", import.meta.url));

// the configuration is named because the folder is elsewhere; nothing may be downloaded
const denoRun = ["run", "--quiet", "--config", configFile, "--cached-only"];

let denoDir: Promise<string> | undefined;

/** The command line that lets other programs go first. */
export const nice = ["nice", "-n", "19"];

/** The command line that runs the CLI, for programs that start it themselves. */
export function ecrinCommand(): string[] {
  return [Deno.execPath(), ...denoRun, "-A", mainScript];
}

/** Runs the CLI to its end. */
export async function runCli(args: string[], options: CliOptions = {}): Promise<CliResult> {
  await using cli = await startCli(args, { stdin: "", ...options });
  return await cli.result();
}

/** Starts the CLI. Its standard input stays open unless `stdin` is given. */
export async function startCli(args: string[], options: CliOptions = {}): Promise<RunningCli> {
  const home = options.home === undefined ? await tempHome() : undefined;
  const homePath = options.home ?? home?.path ?? "";
  const { denoArgs = ["-A"], script = mainScript, cwd = homePath } = options;
  const [program, ...words] = [
    ...(options.yielding === true && Deno.build.os !== "windows" ? nice : []),
    ...(options.command ?? [Deno.execPath(), ...denoRun, ...denoArgs, script]),
  ] as [string, ...string[]];
  const started = performance.now();
  const process = new Deno.Command(program, {
    args: [...words, ...args],
    clearEnv: true,
    env: await cliEnvironment(homePath, options.env),
    cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();

  const stdout = collect(process.stdout);
  const stderr = collect(process.stderr);
  const timer = setTimeout(() => kill(process, "SIGKILL"), options.timeoutMs ?? 60_000);
  const writer = process.stdin.getWriter();
  const end = async (): Promise<CliResult> => {
    const { code, signal } = await process.status;
    const milliseconds = performance.now() - started;
    await Promise.all([stdout.ended, stderr.ended]);
    clearTimeout(timer);
    await writer.close().catch(() => {}); // it may have closed its end
    await home?.[Symbol.asyncDispose]();
    return { code, signal, stdout: stdout.text(), stderr: stderr.text(), milliseconds };
  };
  let running = true;
  const ended = end().finally(() => running = false);
  const endedWithout = async (what: string): Promise<Error> => {
    const { code } = await ended;
    return new Error(
      `ecrin ended with ${code} and ${what}\n` +
        `stdout:\n${stdout.text()}\nstderr:\n${stderr.text()}`,
    );
  };

  const write = async (input: string | Uint8Array): Promise<void> => {
    await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
  };
  if (options.stdin !== undefined) {
    // a CLI that does not read its input is no failure of the test
    await (options.stdin.length > 0 ? write(options.stdin) : Promise.resolve()).catch(() => {});
    await writer.close().catch(() => {});
  }
  return {
    process,
    pid: process.pid,
    write,
    closeStdin: () => writer.close(),
    kill: (signal) => kill(process, signal),
    waitFor: async (stream, pattern) => {
      const output = stream === "stdout" ? stdout : stderr;
      if (await output.find(pattern)) return output.text();
      throw await endedWithout(`never wrote ${pattern} to ${stream}`);
    },
    until: async (fact) => {
      while (!await fact()) {
        if (!running) throw await endedWithout("what the test waits for never came");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    result: () => ended,
    async [Symbol.asyncDispose](): Promise<void> {
      kill(process, "SIGKILL");
      await ended;
    },
  };
}

/** The environment of a program that inherits nothing but where to find programs and modules. */
export async function cliEnvironment(
  home: string,
  extra: Record<string, string | undefined> = {},
): Promise<Record<string, string>> {
  const kept = ["PATH", "TMPDIR", "TEMP", "TMP", "SystemRoot", "PATHEXT"];
  const env: Record<string, string | undefined> = {
    ...Object.fromEntries(kept.map((name) => [name, Deno.env.get(name)])),
    HOME: home,
    ...(Deno.build.os === "windows" ? { USERPROFILE: home } : {}),
    // its default is below HOME
    DENO_DIR: await (denoDir ??= findDenoDir()),
    DENO_NO_UPDATE_CHECK: "1",
    ...extra,
  };
  const entries = Object.entries(env);
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

async function findDenoDir(): Promise<string> {
  const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] });
  const { stdout } = await info.output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

function kill(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch (error) {
    // it has ended already
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Output as it comes in. */
interface Collected {
  text: () => string;
  ended: Promise<void>;
  /** Resolves with true once `pattern` is in the text, false when it ends without. */
  find: (pattern: string | RegExp) => Promise<boolean>;
}

function collect(stream: ReadableStream<Uint8Array>): Collected {
  let text = "";
  let changed = Promise.withResolvers<void>();
  let open = true;
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      changed.resolve();
      changed = Promise.withResolvers<void>();
    }
    text += decoder.decode();
    open = false;
    changed.resolve();
  };
  const ended = read();
  return {
    text: () => text,
    ended,
    async find(pattern): Promise<boolean> {
      const found = (): boolean =>
        typeof pattern === "string" ? text.includes(pattern) : text.search(pattern) >= 0;
      while (!found() && open) await changed.promise;
      return found();
    },
  };
}
