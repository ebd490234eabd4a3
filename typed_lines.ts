/**
 * Lines that a person may type, or may not, while something else is waited for.
 *
 * @module
 */

import { closeSync, constants, openSync, readSync } from "node:fs";

/** Between two looks at the terminal, in milliseconds. */
const interval = 100;

/** The terminal of this process, for lines that may come. Disposing closes it. */
export interface TypedLines extends Disposable {
  /** The lines typed from now on, until the signal or the end of input. */
  readonly read: (signal: AbortSignal) => AsyncGenerator<string, void>;
}

/**
 * Opens the terminal, or returns `undefined` where there is none, or none that can be looked at
 * without waiting: a read that waits cannot be taken back, and would take the answer to the next
 * question, so it does not wait (`O_NONBLOCK`), which Windows does not have.
 */
export function openTypedLines(): TypedLines | undefined {
  if (Deno.build.os === "windows") return undefined;
  let terminal: number;
  try {
    const { O_RDWR, O_NONBLOCK, O_NOCTTY } = constants;
    terminal = openSync("/dev/tty", O_RDWR | O_NONBLOCK | O_NOCTTY);
  } catch {
    return undefined;
  }
  return {
    read: (signal) => readLines(terminal, signal),
    [Symbol.dispose]: () => closeSync(terminal),
  };
}

async function* readLines(terminal: number, signal: AbortSignal): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  const bytes = new Uint8Array(4096);
  let text = "";
  while (!signal.aborted) {
    const length = readNow(terminal, bytes);
    if (length === 0) return;
    if (length === undefined) {
      await pause(signal);
      continue;
    }
    text += decoder.decode(bytes.subarray(0, length), { stream: true });
    const lines = text.split(/\r?\n/);
    text = lines.pop() ?? "";
    yield* lines;
  }
}

/** How many bytes there were; 0 at the end of input, `undefined` for none yet. */
function readNow(terminal: number, bytes: Uint8Array): number | undefined {
  try {
    return readSync(terminal, bytes);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EAGAIN" ? undefined : 0;
  }
}

/** Resolves after the interval, or as soon as the signal is aborted. */
function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, interval);
    signal.addEventListener("abort", done);
  });
}
