/**
 * Environment variables in the syntax of shells and files, safe for every value whatever characters
 * it has. Pure.
 *
 * @module
 */

import { quote, usageError } from "./errors.ts";
import { nearest } from "./nearest.ts";

/** Variables to set by name, and names to unset. */
export interface VariableChanges {
  readonly set: Readonly<Record<string, string>>;
  readonly unset: readonly string[];
}

/** How variables can be printed. */
export type Format = "sh" | "fish" | "powershell" | "dotenv" | "json" | "process" | "github";

/** A shell, or a file that one can read. */
interface Syntax {
  readonly set: (name: string, value: string) => string;
  /** undefined: it knows no such thing. */
  readonly unset: ((name: string) => string) | undefined;
  /** How its user takes the output up. */
  readonly usage: (command: string) => string;
}

/** The formats that are a list of lines. */
const syntaxes: Readonly<Partial<Record<Format, Syntax>>> = {
  // POSIX: nothing in single quotes means anything but the quote (XCU 2.2.2)
  sh: {
    set: (name, value) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`,
    unset: (name) => `unset ${name}`,
    usage: (command) => `eval "$(${command})"`,
  },
  // fish knows two escapes in single quotes
  fish: {
    set: (name, value) => `set -gx ${name} '${value.replace(/[\\']/g, "\\$&")}'`,
    unset: (name) => `set -e ${name}`,
    usage: (command) => `${command} | source`,
  },
  // PowerShell takes typographic quotes for quotes too (its about_Quoting_Rules); two are one
  powershell: {
    set: (name, value) => `$env:${name} = '${value.replace(/['\u2018-\u201b]/g, "$&$&")}'`,
    unset: (name) => `Remove-Item Env:${name} -ErrorAction SilentlyContinue`,
    usage: (command) => `${command} | Out-String | Invoke-Expression`,
  },
  dotenv: {
    set: (name, value) => `${name}=${dotenvValue(name, value)}`,
    unset: undefined,
    usage: (command) => `${command} > .env`,
  },
};

const formats: readonly Format[] = [
  "sh",
  "fish",
  "powershell",
  "dotenv",
  "json",
  "process",
  "github",
];

/** Other names of formats. */
const aliases: ReadonlyMap<string, Format> = new Map([
  ["bash", "sh"],
  ["zsh", "sh"],
  ["pwsh", "powershell"],
]);

/**
 * Checks the value of `--format`.
 *
 * @throws {UserError} when there is no such format
 */
export function parseFormat(text: string): Format {
  const format = aliases.get(text) ?? formats.find((name) => name === text);
  if (format !== undefined) return format;
  const match = nearest(text, [...formats, ...aliases.keys()]);
  throw usageError(
    "unknown-format",
    `unknown format ${quote(text)}`,
    match === undefined
      ? `known formats: ${formats.join(", ")}`
      : `did you mean: --format ${match}?`,
  );
}

/** The format for the shell whose path is in $SHELL. */
export function shellFormat(shell: string | undefined): Format {
  const name = /([^/\\]+?)(?:\.exe)?$/i.exec(shell ?? "")?.[1];
  return name === "fish" ? "fish" : name === "pwsh" ? "powershell" : "sh";
}

/**
 * The lines that make the changes in a format; undefined for those that are no list of lines.
 * What the format cannot unset is left out.
 *
 * @throws {UserError} when a value cannot be written
 */
export function changeLines(format: Format, { set, unset }: VariableChanges): string | undefined {
  const syntax = syntaxes[format];
  if (syntax === undefined) return undefined;
  const lines = [
    ...Object.entries(set).map(([name, value]) => syntax.set(name, value)),
    ...unset.flatMap((name) => syntax.unset === undefined ? [] : [syntax.unset(name)]),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** Whether variables can be unset in a format. */
export function canUnset(format: Format): boolean {
  return syntaxes[format]?.unset !== undefined;
}

/** How the output of `command` is taken up in a format; undefined where that goes without saying. */
export function usageOf(format: Format, command: string): string | undefined {
  return syntaxes[format]?.usage(command);
}

/**
 * Readers of such files differ: `docker run --env-file` takes quotes for a part of the value, so
 * there are none where none are needed, and none of them reads a line break like another.
 */
function dotenvValue(name: string, value: string): string {
  if (/^[\w+=/:.,@%-]*$/.test(value)) return value;
  if (!/['\r\n\0]/.test(value)) return `'${value}'`;
  throw usageError(
    "unwritable-value",
    `the value of ${name} has a quote or a line break, which readers of such files take differently`,
    "use another --format",
  );
}
