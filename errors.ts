/**
 * What can go wrong: errors meant for a person, with the command that mends them, and exit codes.
 *
 * @module
 */

/** Exit codes, as documented in the README and in `ecrin help`. */
export const exitCodes = {
  ok: 0,
  /** A defect in ecrin. */
  bug: 1,
  /** Usage, bad input or bad configuration. */
  usage: 2,
  /** A container tool or its credential store: missing, refused, malformed. */
  tool: 3,
  /** AWS credentials or permissions. */
  credentials: 4,
  /** AWS or the network cannot be reached. */
  network: 5,
  timeout: 124,
  /** `exec`: the command is there and cannot be run, as in a shell. */
  notExecutable: 126,
  /** `exec`: there is no such command, as in a shell. */
  notFound: 127,
  interrupted: 130,
} as const;

/** One of {@linkcode exitCodes}. */
export type ExitCode = typeof exitCodes[keyof typeof exitCodes];

/** What {@linkcode UserError} holds besides its message. */
export interface UserErrorOptions {
  /** Stable, kebab-case name for scripts that read `--json`: `"sso-session-expired"`. */
  code: string;
  exitCode: ExitCode;
  /** What mends it, best a command: `"run: ecrin sso login --profile blog"`. */
  hint?: string | undefined;
  cause?: unknown;
}

/**
 * A failure that the user can understand and mend. `message` says in lower case and without a full
 * stop what could not be done and with which value; it never holds a secret. Anything thrown that
 * is not a `UserError` is a bug in ecrin.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(message: string, options: UserErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.exitCode = options.exitCode;
    this.hint = options.hint;
  }
}

/** A {@linkcode UserError} for bad input: exit code 2. */
export function usageError(
  code: string,
  message: string,
  hint?: string,
  cause?: unknown,
): UserError {
  return new UserError(message, { code, exitCode: exitCodes.usage, hint, cause });
}

/**
 * A {@linkcode UserError} for what Deno was started without the permission for.
 *
 * @param what as in `"may not start sh"`
 * @param flag as in `"--allow-run"`; with a list it would take the place of the set's own list
 */
export function permissionError(what: string, flag: string, cause: unknown): UserError {
  return usageError(
    "permission-missing",
    `${what}: Deno was started without the permission`,
    `add ${flag}, or -A, to the deno command`,
    cause,
  );
}

/**
 * `text` in double quotes for a message: what is not printable ASCII escaped, so that neither a
 * control sequence nor a look-alike letter gets by, and cut after 80 characters.
 */
export function quote(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  const escaped = cut.replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${escaped}"`;
}

/**
 * A name that may hold any letter, in double quotes: on one line, cut when very long, and without
 * characters that a terminal would obey.
 */
export function quoteName(name: string): string {
  const shown = name.length > 100 ? `${name.slice(0, 100)}…` : name;
  const unsafe = /[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  return JSON.stringify(shown).replace(
    unsafe,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** `word` as a POSIX shell takes it, for commands in hints. */
export function shellWord(word: string): string {
  return /^[\w.@:/+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
