/**
 * Questions to a person on the terminal: a line of text, one of a list, yes or no.
 *
 * @module
 */

import { loadDax } from "./deps.ts";
import { exitCodes, UserError } from "./errors.ts";
import type { System } from "./system.ts";
import { printable, type Terminal } from "./terminal.ts";
import { terminalToAsk, type Tty } from "./tty.ts";

/** A person who can be asked. Disposing lets go of the terminal. */
export interface Questions extends Disposable {
  /**
   * A line of text, as `parse` takes it. What it refuses is asked for again, a few times.
   *
   * @param preset what an empty line stands for
   */
  readonly text: <T>(
    question: string,
    options: { readonly preset?: string | undefined; readonly parse: (text: string) => T },
  ) => Promise<T>;
  /** The index of the one that was chosen. Long lists are searched first. */
  readonly choice: (question: string, labels: readonly string[]) => Promise<number>;
  /** Yes or no; an empty line is no. */
  readonly confirm: (question: string) => Promise<boolean>;
}

/** What asking may touch. */
export interface QuestionContext {
  /** Whether a person may be asked. */
  readonly input: boolean;
  readonly system: System;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** How often a text is asked for that cannot be taken. */
const mostTries = 5;

/** Lines of the screen that a list leaves free: its question, two entries of our own, the cursor. */
const otherRows = 4;

/** Opens the {@linkcode Questions}; undefined where nobody sits at the terminal. */
export function openQuestions(context: QuestionContext): Questions | undefined {
  // lists are drawn on stderr
  if (!context.system.stderrIsTerminal) return undefined;
  const tty = terminalToAsk(context);
  if (tty === undefined) return undefined;
  const { terminal } = context;
  const ask = (question: string) => terminal.asking(() => line(tty, question, context));
  return {
    text: async (question, { preset, parse }) => {
      const shown = preset === undefined ? "" : ` [${printable(preset)}]`;
      for (let left = mostTries - 1;; left--) {
        const typed = (await ask(`ecrin: ${question}${shown}: `)).trim();
        try {
          return parse(typed || (preset ?? ""));
        } catch (error) {
          if (!(error instanceof UserError) || left === 0) throw error;
          terminal.demand(
            error.hint === undefined ? error.message : `${error.message}: ${error.hint}`,
          );
        }
      }
    },
    choice: async (question, labels) => {
      const most = Math.max(screenRows() - otherRows, 3);
      if (labels.length <= most) {
        const all = labels.map((_, index) => index);
        return await select(question, { labels, shown: all, others: [] }, context);
      }
      return await search(question, labels, { ask, most, context });
    },
    confirm: async (question) => {
      const typed = await ask(`ecrin: ${question} (y/n) `);
      return /^\s*(?:y|yes)\s*$/i.test(typed);
    },
    [Symbol.dispose]: () => tty[Symbol.dispose](),
  };
}

async function line(tty: Tty, question: string, { signal }: QuestionContext): Promise<string> {
  const typed = await tty.ask(question, signal);
  if (typed !== undefined) return typed;
  throw new UserError("nothing was typed", {
    code: "no-answer",
    exitCode: exitCodes.usage,
    hint: "answer the question, or give the values as flags: ecrin sso configure --help",
  });
}

/** dax's list does not scroll: what is too long for the screen is searched, and seen in pages. */
async function search(
  question: string,
  labels: readonly string[],
  { ask, most, context }: {
    readonly ask: (question: string) => Promise<string>;
    readonly most: number;
    readonly context: QuestionContext;
  },
): Promise<number> {
  while (true) {
    const typed = await ask(
      `ecrin: ${question}: type a part of one of the ${labels.length}, or nothing to see all: `,
    );
    const words = typed.toLowerCase().split(/\s+/);
    const found = labels.map((label, index) => ({ label: label.toLowerCase(), index }))
      .filter(({ label }) => words.every((word) => label.includes(word)))
      .map(({ index }) => index);
    if (found.length === 0) {
      context.terminal.demand("there is none like that");
      continue;
    }
    for (let start = 0;;) {
      const shown = found.slice(start, start + most);
      const next = start + most < found.length ? start + most : 0;
      const more = found.length > most
        ? [`(more: ${start + 1} to ${start + shown.length} of ${found.length} are here)`]
        : [];
      const chosen = await select(
        question,
        { labels, shown, others: [...more, "(search again)"] },
        context,
      );
      if (chosen >= 0) return chosen;
      if (more.length === 0 || chosen === -2) break;
      start = next;
    }
  }
}

/**
 * Lets a person choose with the arrow keys.
 *
 * @returns an index of `labels`; -1 for the first of `others`, -2 for the second
 */
async function select(
  message: string,
  { labels, shown, others }: {
    readonly labels: readonly string[];
    readonly shown: readonly number[];
    readonly others: readonly string[];
  },
  { terminal, signal, system }: QuestionContext,
): Promise<number> {
  signal.throwIfAborted();
  const { default: $ } = await loadDax();
  // a line that the terminal wraps would take the room of another
  const room = system.columns() - "    > ".length - 1;
  const options = [...shown.map((index) => labels[index] ?? ""), ...others]
    .map((label) => cut(printable(label).replaceAll("\n", " "), room));
  const selected = await terminal.asking(() =>
    $.maybeSelect({ message: `${message} (arrow keys, then enter)`, options, signal })
  );
  signal.throwIfAborted();
  if (selected === undefined) {
    throw new UserError("interrupted", { code: "interrupted", exitCode: exitCodes.interrupted });
  }
  return shown[selected.index] ?? shown.length - selected.index - 1;
}

/** `text` in at most so many columns, where letters beyond the Latin ones may take two. */
function cut(text: string, columns: number): string {
  let width = 0;
  let kept = "";
  for (const char of text) {
    width += (char.codePointAt(0) ?? 0) < 0x1100 ? 1 : 2;
    if (width > columns) return kept.slice(0, -1) + "…";
    kept += char;
  }
  return kept;
}

function screenRows(): number {
  try {
    return Deno.consoleSize().rows || 24;
  } catch {
    return 24;
  }
}
