/**
 * What most of ecrin touches of the world, passed as an argument, so that a test can stand in for it.
 *
 * @module
 */

import type { Env } from "./aws_config.ts";
import { usageError } from "./errors.ts";

/** The machine, the clock and the two output streams. */
export interface System {
  readonly env: Env;
  /** `"linux"`, `"darwin"`, `"windows"`, … */
  readonly os: string;
  /** The number of the user; undefined on Windows, and where Deno may not tell. */
  readonly uid: () => number | undefined;
  readonly readTextFile: (path: string) => Promise<string>;
  readonly isFile: (path: string) => boolean;
  readonly now: () => Date;
  /** Writes data. */
  readonly stdout: (text: string) => void;
  /** Writes what people read; only ever whole lines. */
  readonly stderr: (text: string) => void;
  readonly stderrIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  /** Width of that terminal, in characters. */
  readonly columns: () => number;
}

/** This process. */
export function realSystem(): System {
  return {
    env: Deno.env.toObject(),
    os: Deno.build.os,
    uid: () => {
      // asked before, or Deno would ask the user
      const { state } = Deno.permissions.querySync({ name: "sys", kind: "uid" });
      return state === "granted" ? Deno.uid() ?? undefined : undefined;
    },
    readTextFile: (path) => Deno.readTextFile(path),
    isFile: (path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    },
    now: () => new Date(),
    stdout: toStdout(),
    stderr: (text) => writeAll(Deno.stderr, text),
    stderrIsTerminal: Deno.stderr.isTerminal(),
    stdoutIsTerminal: Deno.stdout.isTerminal(),
    columns: () => {
      try {
        return Deno.consoleSize().columns || 80;
      } catch {
        return 80;
      }
    },
  };
}

/** Writes to stdout; that this failed is said once. */
function toStdout(): System["stdout"] {
  let failed = false;
  return (text) => {
    if (failed) return;
    try {
      writeAll(Deno.stdout, text);
    } catch (cause) {
      failed = true;
      throw usageError(
        "output-unwritable",
        `cannot write to stdout: ${(cause as Error).message}`,
        "check where it goes",
        cause,
      );
    }
  };
}

/** Writes all of `text`, at once. A reader that has gone is no error, as for any tool in a pipe. */
function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let written = 0; written < bytes.length;) {
      written += stream.writeSync(bytes.subarray(written));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
