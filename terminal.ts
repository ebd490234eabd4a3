/**
 * What people see. The rule for every line: it starts with `ecrin: `, is lower case, has no full
 * stop and no emoji, and goes to stderr; stdout is for data alone. A failure has two lines, the
 * second being the hint. Colours and cursor codes only for a terminal.
 *
 * @module
 */

import type { OutputOptions } from "./command_line.ts";
import type { UserError } from "./errors.ts";
import { scrub } from "./secret.ts";
import type { System } from "./system.ts";

/** Work that takes longer than this shows what it is, in milliseconds. */
const progressDelay = 1000;

const colors = { error: "31;1", hint: "36", warning: "33" } as const;

/** What a run says. */
export interface Voice {
  /** A result. Silent with `--quiet`. */
  readonly say: (line: string) => void;
  /** What a person has to do now. Never silent. */
  readonly demand: (line: string) => void;
  /** A step, for `--verbose`. */
  readonly detail: (line: string) => void;
  readonly warn: (line: string) => void;
  /** A failure, and its hint. Never silent. */
  readonly fail: (error: UserError) => void;
}

/** The voice of a run, its progress, and the right to ask a person. */
export interface Terminal extends Voice {
  /**
   * On a terminal, shows `line` while `work` takes longer than a second. A function is asked anew
   * after each line that is said meanwhile.
   */
  readonly during: <T>(line: string | (() => string), work: Promise<T>) => Promise<T>;
  /**
   * Lets `work` ask a person something: one at a time, with progress away and all that is said
   * meanwhile held back, but for what `work` says itself.
   */
  readonly asking: <T>(work: (voice: Voice) => Promise<T>) => Promise<T>;
  /** Says what is held back, since the run ends and so does the asking. */
  readonly flush: () => void;
}

/** Makes the {@linkcode Terminal} of a run. */
export function openTerminal(system: System, options: OutputOptions): Terminal {
  const { env } = system;
  const obeys = system.stderrIsTerminal && env.TERM !== "dumb";
  const colored = options.color && !env.NO_COLOR && (obeys || Boolean(env.FORCE_COLOR));
  const progress: (() => string)[] = [];
  let progressShown = false;
  let asking = false;
  let asked: Promise<unknown> = Promise.resolve();
  const held: string[] = [];
  const eraseProgress = () => {
    if (progressShown) system.stderr("\r\x1b[2K");
    progressShown = false;
  };
  const drawProgress = () => {
    const line = progress.at(-1);
    if (line === undefined || asking) return;
    eraseProgress();
    progressShown = true;
    // a line that the terminal wraps could not be erased
    const room = system.columns() - "ecrin:  …".length - 1;
    system.stderr(`ecrin: ${printable(line()).slice(0, Math.max(room, 0))} …`);
  };
  const print = (text: string) => {
    eraseProgress();
    system.stderr(text);
    drawProgress();
  };
  const flush = () => {
    asking = false;
    if (held.length > 0) print(held.splice(0).join(""));
    else drawProgress();
  };
  const voice = (write: (text: string) => void): Voice => {
    const line = (text: string, label?: keyof typeof colors) => {
      const lines = printable(scrub(text)).split("\n");
      const painted = label &&
        (colored ? `\x1b[${colors[label]}m${label}\x1b[0m: ` : `${label}: `);
      write(lines.map((line, i) => `ecrin: ${(i === 0 && painted) || ""}${line}\n`).join(""));
    };
    return {
      say: (text) => options.quiet || line(text),
      demand: (text) => line(text),
      detail: (text) => options.verbose && line(onOneLine(text)),
      warn: (text) => options.quiet || line(onOneLine(text), "warning"),
      fail: (error) => {
        line(onOneLine(error.message), "error");
        if (error.hint !== undefined) line(onOneLine(error.hint), "hint");
      },
    };
  };
  return {
    ...voice((text) => asking ? held.push(text) : print(text)),
    during: async (line, work) => {
      if (!obeys || options.quiet) return await work;
      const current = typeof line === "string" ? () => line : line;
      const timer = setTimeout(() => {
        progress.push(current);
        drawProgress();
      }, progressDelay);
      try {
        return await work;
      } finally {
        clearTimeout(timer);
        if (progress.includes(current)) progress.splice(progress.indexOf(current), 1);
        eraseProgress();
        drawProgress();
      }
    },
    asking: (work) => {
      const result = asked.then(async () => {
        eraseProgress();
        asking = true;
        try {
          return await work(voice(print));
        } finally {
          flush();
        }
      });
      asked = result.catch(() => {});
      return result;
    },
    flush,
  };
}

/** What others say may hold line breaks, and a line of theirs must not look like one of ours. */
function onOneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ");
}

/**
 * `text` without what a terminal would obey: whole control sequences (ECMA-48), what is left of
 * them, and marks that turn the direction of writing.
 */
export function printable(text: string): string {
  return text
    // deno-lint-ignore no-control-regex
    .replace(/(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\n]*(?:\x07|\x1b\\)?/g, "")
    // deno-lint-ignore no-control-regex
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, "")
    .replaceAll("\t", " ");
}

/** `until 21:12`, `until 09:12 tomorrow` or `until 2026-11-22 09:12`, in local time. */
export function until(end: Date, now: Date): string {
  return `until ${shortTime(end, now)}`;
}

/** `21:12`, `09:12 tomorrow` or `2026-11-22 09:12`, in local time. */
export function shortTime(time: Date, now: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}`;
  const day = (date: Date) => [date.getFullYear(), date.getMonth(), date.getDate()].join("-");
  if (day(time) === day(now)) return clock;
  const tomorrow = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
  if (day(time) === day(tomorrow)) return `${clock} tomorrow`;
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock}`;
}
