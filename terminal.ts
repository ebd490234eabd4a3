/**
 * What people see. The rule for every line: it starts with `ecrin: `, is lower case, has no full
 * stop and no emoji, and goes to stderr; stdout is for data alone. A failure has two lines, the
 * second being the hint. Colours and cursor codes only for a terminal.
 *
 * @module
 */

import type { OutputOptions } from "./cli.ts";
import type { UserError } from "./errors.ts";
import { scrub } from "./secret.ts";
import type { System } from "./system.ts";

/** Work that takes longer than this shows what it is, in milliseconds. */
const progressDelay = 1000;

const colors = { error: "31;1", hint: "36", warning: "33" } as const;

/** The voice of a run. */
export interface Terminal {
  /** A result. Silent with `--quiet`. */
  readonly say: (line: string) => void;
  /** A step, for `--verbose`. */
  readonly detail: (line: string) => void;
  readonly warn: (line: string) => void;
  /** A failure, and its hint. Never silent. */
  readonly fail: (error: UserError) => void;
  /** On a terminal, shows `line` while `work` takes longer than a second. */
  readonly during: <T>(line: string, work: Promise<T>) => Promise<T>;
}

/** Makes the {@linkcode Terminal} of a run. */
export function openTerminal(system: System, options: OutputOptions): Terminal {
  const { env, stderrIsTerminal } = system;
  const colored = options.color && !env.NO_COLOR && (stderrIsTerminal || Boolean(env.FORCE_COLOR));
  const paint = (name: keyof typeof colors) =>
    colored ? `\x1b[${colors[name]}m${name}\x1b[0m` : name;
  const print = (text: string) => {
    const lines = printable(scrub(text)).split("\n");
    system.stderr(lines.map((line) => `ecrin: ${line}\n`).join(""));
  };
  return {
    say: (line) => options.quiet || print(line),
    detail: (line) => options.verbose && print(line),
    warn: (line) => options.quiet || print(`${paint("warning")}: ${line}`),
    fail: (error) => {
      print(`${paint("error")}: ${error.message}`);
      if (error.hint !== undefined) print(`${paint("hint")}: ${error.hint}`);
    },
    during: async (line, work) => {
      if (!stderrIsTerminal || options.quiet) return await work;
      let shown = false;
      const timer = setTimeout(() => {
        shown = true;
        system.stderr(`ecrin: ${line} …`);
      }, progressDelay);
      try {
        return await work;
      } finally {
        clearTimeout(timer);
        if (shown) system.stderr("\r\x1b[2K");
      }
    },
  };
}

/** `text` without what a terminal would obey; only our own colours stay. */
function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]/g, "");
}

/** `until 21:12`, `until 09:12 tomorrow` or `until 2026-11-22 09:12`, in local time. */
export function until(end: Date, now: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const time = `${two(end.getHours())}:${two(end.getMinutes())}`;
  const day = (date: Date) => [date.getFullYear(), date.getMonth(), date.getDate()].join("-");
  if (day(end) === day(now)) return `until ${time}`;
  const tomorrow = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
  if (day(end) === day(tomorrow)) return `until ${time} tomorrow`;
  return `until ${end.getFullYear()}-${two(end.getMonth() + 1)}-${two(end.getDate())} ${time}`;
}
