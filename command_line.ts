/**
 * From arguments to a command with the values of its flags, by the tables of commands.ts and
 * flags.ts. Pure; cli.ts checks the values.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { beforeEnd, type Command, commands, lookUp } from "./commands.ts";
import { quote, usageError } from "./errors.ts";
import { type Flag, flags } from "./flags.ts";
import { nearest } from "./nearest.ts";

/** A command line, its values not looked at yet. */
export interface CommandLine {
  readonly command: Command;
  /** Values by flag name; a switch has `["true"]`. The last one wins where one is asked for. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** What follows the command's name and is no flag. */
  readonly words: readonly string[];
  /** What follows `--`; undefined without one. */
  readonly rest: readonly string[] | undefined;
}

/** How a run speaks, whatever the command. */
export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
}

/**
 * Finds the command and its flags. Whatever follows `--` belongs to `exec`'s command, and is words
 * for all others.
 *
 * @throws {UserError} with exit code 2 for an unknown command or flag, or a value missing
 */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const end = args.indexOf("--");
  const rest = end < 0 ? undefined : args.slice(end + 1);
  const { given, positionals } = tokenize(end < 0 ? args : args.slice(0, end));
  const { command, words } = findCommand(positionals);
  const values = new Map<string, string[]>();
  for (const { flag, value, rawName } of given) {
    if (!command.flags.includes(flag.name)) throw foreignFlag(rawName, flag, command);
    const earlier = values.get(flag.name) ?? [];
    values.set(flag.name, flag.repeatable ? [...earlier, value] : [value]);
  }
  if (command.name === "exec") return { command, values, words, rest };
  return { command, values, words: [...words, ...rest ?? []], rest: undefined };
}

/**
 * Refuses words after a command that takes flags only: `ecrin sso logout corp` is not to mean all
 * sessions.
 *
 * @throws {UserError} `unexpected-argument`
 */
export function refuseWords({ command: { name, usage }, words: [word] }: CommandLine): void {
  if (word === undefined || usage.includes("REGISTRY")) return;
  // a URL may hold a password
  const shown = quote(word.replace(/\/\/.*@/s, "//***@"));
  throw usageError(
    "unexpected-argument",
    `ecrin ${name} does not expect ${shown}`,
    name.startsWith("sso ")
      ? "a session is named by: --sso-session NAME"
      : "an account is given by: --account ID",
  );
}

/**
 * How the output was asked for, read without any check: for reporting that the command line is
 * wrong.
 */
export function outputOptions(args: readonly string[]): OutputOptions {
  const ours = beforeEnd(args);
  const shorts = ours.filter((arg) => /^-[a-z]+$/.test(arg)).join("");
  return {
    json: ours.includes("--json"),
    quiet: ours.includes("--quiet") || shorts.includes("q"),
    verbose: ours.includes("--verbose") || shorts.includes("v"),
    color: !ours.includes("--no-color"),
  };
}

/** The command whose name the words begin with; without one it is the first of the table. */
function findCommand(positionals: string[]): { command: Command; words: string[] } {
  const { command, group } = lookUp(positionals);
  if (command !== undefined) {
    return { command, words: positionals.slice(command.name.split(" ").length) };
  }
  const [first = "", second = ""] = positionals;
  if (group.length > 0) throw unknownCommand(first, second, group);
  if (/^[a-z]+$/.test(first)) throw notACommand(first);
  const [login] = commands;
  if (login === undefined) throw new Error("there is no command");
  return { command: login, words: positionals };
}

/** For a word in the place of a registry that could only be a command. */
export function notACommand(word: string): Error {
  const firstWords = new Set(commands.map(({ name }) => name.split(" ")[0] ?? ""));
  const match = nearest(word, [...firstWords, "help"]);
  return usageError(
    "unknown-command",
    `${quote(word)} is neither a command nor an ECR registry`,
    match === undefined ? "run: ecrin --help" : `did you mean: ecrin ${match}?`,
  );
}

function unknownCommand(first: string, second: string, group: readonly Command[]): Error {
  const names = group.map(({ name }) => name.slice(first.length + 1));
  const match = nearest(second, names);
  return usageError(
    "unknown-command",
    second === ""
      ? `ecrin ${first} needs a command: ${names.join(", ")}`
      : `ecrin ${first} has no command ${quote(second)}`,
    match === undefined ? `run: ecrin ${first} --help` : `did you mean: ecrin ${first} ${match}?`,
  );
}

/** A flag as it was given. */
interface Given {
  readonly flag: Flag;
  readonly value: string;
  readonly rawName: string;
}

function tokenize(args: readonly string[]): { given: Given[]; positionals: string[] } {
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      flags.map(({ name, short, value }) => [name, {
        type: value === undefined ? "boolean" as const : "string" as const,
        ...(short === undefined ? {} : { short }),
      }]),
    ),
    strict: false,
    tokens: true,
  });
  const given: Given[] = [];
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const flag = flags.find(({ name }) => name === token.name);
    if (flag === undefined) throw unknownFlag(token.rawName);
    given.push({ flag, value: checkedValue(flag, token), rawName: token.rawName });
  }
  return { given, positionals };
}

function checkedValue(
  flag: Flag,
  token: { rawName: string; value?: string | undefined; inlineValue?: boolean | undefined },
): string {
  if (flag.value === undefined) {
    if (token.value === undefined) return "true";
    throw usageError(
      "unexpected-value",
      `${token.rawName} takes no value`,
      `write just ${token.rawName}`,
    );
  }
  // parseArgs takes "--role --json" as a role named "--json"; "--role=--json" says it on purpose
  const swallowed = token.inlineValue === false && token.value?.startsWith("-");
  if (token.value === undefined || token.value === "" || swallowed) {
    throw usageError(
      "missing-value",
      `${token.rawName} needs a value: ${token.rawName} ${flag.value}`,
      swallowed
        ? `to give it ${quote(token.value ?? "")}, write ${token.rawName}=…`
        : "run: ecrin --help",
    );
  }
  return token.value;
}

function unknownFlag(rawName: string): Error {
  const match = nearest(rawName.replace(/^-+/, ""), flags.map(({ name }) => name));
  return usageError(
    "unknown-flag",
    `unknown flag ${quote(rawName)}`,
    match === undefined ? "run: ecrin --help" : `did you mean --${match}?`,
  );
}

/** For a flag of other commands. */
function foreignFlag(rawName: string, flag: Flag, command: Command): Error {
  const others = commands.filter(({ flags }) => flags.includes(flag.name));
  return usageError(
    "unknown-flag",
    `ecrin ${command.name} has no flag ${rawName}`,
    `it is one of: ${others.map(({ name }) => `ecrin ${name}`).join(", ")}`,
  );
}
