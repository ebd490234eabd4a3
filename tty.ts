/**
 * The terminal itself, for questions: stdin may be a pipe that somebody else's data comes from, and
 * stderr a file.
 *
 * @module
 */

import type { Env } from "./aws_config.ts";

/** A terminal that a person can be asked on. Disposing closes it. */
export interface Tty extends Disposable {
  /** The next line that is typed, without its end; `undefined` at the end of input. */
  readonly ask: (question: string, signal: AbortSignal) => Promise<string | undefined>;
  readonly write: (text: string) => void;
}

interface Input {
  read(bytes: Uint8Array): Promise<number | null>;
}

interface Output {
  writeSync(bytes: Uint8Array): number;
}

/** The terminal, if a person may be asked there: also in CI a job may have one. */
export function terminalToAsk(
  { input, system: { env } }: { readonly input: boolean; readonly system: { readonly env: Env } },
): Tty | undefined {
  return input && !isCi(env) ? openTty() : undefined;
}

/** Whether this is a job of a CI platform, where nobody sits. */
export function isCi({ CI }: Env): boolean {
  return Boolean(CI) && CI !== "false";
}

/**
 * Opens the terminal that this process belongs to, or returns `undefined` when it has none, as in a
 * cron job.
 */
function openTty(): Tty | undefined {
  const opened = openDevice();
  if (opened !== undefined) return tty(opened.input, opened.output, opened.close);
  // Deno opens devices with --allow-all only
  if (!Deno.stdin.isTerminal() || !Deno.stderr.isTerminal()) return undefined;
  return tty(Deno.stdin, Deno.stderr, () => {});
}

function openDevice(): { input: Input; output: Output; close: () => void } | undefined {
  try {
    if (Deno.build.os !== "windows") {
      const file = Deno.openSync("/dev/tty", { read: true, write: true });
      return { input: file, output: file, close: () => file.close() };
    }
    // both handles want both rights
    const options = { read: true, write: true };
    const input = Deno.openSync("\\\\.\\CONIN$", options);
    const output = Deno.openSync("\\\\.\\CONOUT$", options);
    return {
      input,
      output,
      close: () => {
        input.close();
        output.close();
      },
    };
  } catch {
    return undefined;
  }
}

function tty(input: Input, output: Output, close: () => void): Tty {
  const write = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    for (let written = 0; written < bytes.length;) {
      written += output.writeSync(bytes.subarray(written));
    }
  };
  return {
    write,
    // where no line was typed, what is said next starts one all the same
    ask: async (question, signal) => {
      signal.throwIfAborted();
      write(question);
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const abort = () => {
        write("\n");
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      try {
        const line = await Promise.race([readLine(input), aborted]);
        if (line === undefined) write("\n");
        return line;
      } finally {
        signal.removeEventListener("abort", abort);
      }
    },
    [Symbol.dispose]: close,
  };
}

/** The terminal gives a line at a time, edited by its own rules. */
async function readLine(input: Input): Promise<string | undefined> {
  const decoder = new TextDecoder();
  const bytes = new Uint8Array(1024);
  let line = "";
  while (!line.includes("\n")) {
    const length = await input.read(bytes);
    if (length === null) return line === "" ? undefined : line;
    line += decoder.decode(bytes.subarray(0, length), { stream: true });
  }
  return line.slice(0, line.indexOf("\n")).replace(/\r$/, "");
}
