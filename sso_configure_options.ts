/**
 * The options of `ecrin sso configure`, checked. Pure.
 *
 * @module
 */

import { parseSectionName } from "./aws_config_edit.ts";
import { lastValue, optional, targetOptions } from "./cli.ts";
import type { CommandLine } from "./command_line.ts";
import { quote, usageError, type UserError } from "./errors.ts";
import { parseSsoRole } from "./role.ts";
import { type SessionOptions, sessionOptions } from "./sso_session.ts";
import { type SignInOptions, signInOptions } from "./sso_way.ts";

/** What `ecrin sso configure` was asked to do. */
export interface ConfigureOptions extends SessionOptions {
  readonly account: string | undefined;
  readonly role: string | undefined;
  readonly region: string | undefined;
  /** A profile for every account and role; undefined: one profile. */
  readonly all: {
    readonly prefix: string;
    /** Only this role. */
    readonly role: string | undefined;
    /** Only these; empty: every one. */
    readonly accounts: readonly string[];
  } | undefined;
  readonly signIn: SignInOptions;
  readonly dryRun: boolean;
  /** Whether people may be asked. */
  readonly input: boolean;
  readonly warnings: readonly string[];
}

/**
 * The options in the flags.
 *
 * @throws {UserError} when a value is malformed or they contradict each other
 */
export function configureOptions(line: CommandLine): ConfigureOptions {
  refuseMixed(line);
  const { accounts, regions, warnings } = targetOptions(line);
  const all = line.values.has("all");
  if (accounts.length > 1 && !all) throw oneOnly("account");
  if (regions.length > 1) throw oneOnly("region");
  const session = sessionOptions(line);
  return {
    ...session,
    profile: optional(line, "profile", parseSectionName),
    session: optional(line, "sso-session", parseSectionName),
    account: accounts[0],
    role: optional(line, "sso-role", parseSsoRole),
    region: regions[0],
    all: all
      ? {
        prefix: optional(line, "prefix", parsePrefix) ?? "",
        role: optional(line, "role-name", parseSsoRole),
        accounts,
      }
      : undefined,
    signIn: signInOptions(line),
    dryRun: line.values.has("dry-run"),
    input: !line.values.has("no-input"),
    warnings,
  };
}

/** The error for a value that is neither given nor can be asked for. */
export function flagNeeded(flag: string, what: string): UserError {
  return usageError(
    "flag-needed",
    `${what} is not given`,
    `add: --${flag}; or run ecrin on a terminal without --no-input, where it asks`,
  );
}

function parsePrefix(text: string): string {
  if (/^[\w.@+/-]+$/.test(text)) return text;
  throw usageError(
    "bad-prefix",
    `${quote(text)} cannot begin the names of profiles`,
    "use letters, digits and . _ - @ + /",
  );
}

const allOnly = ["prefix", "role-name"];
const singleOnly = ["profile", "sso-role"];

function refuseMixed(line: CommandLine): void {
  const all = line.values.has("all");
  const wrong = (all ? singleOnly : allOnly).find((flag) => lastValue(line, flag) !== undefined);
  if (wrong === undefined) return;
  throw usageError(
    "flags-contradict",
    all ? `--${wrong} is for one profile, and --all for many` : `--${wrong} needs --all`,
    all
      ? `use ${wrong === "profile" ? "--prefix TEXT" : "--role-name NAME"} with --all`
      : `add: --all${wrong === "role-name" ? "; or, for one profile: --sso-role NAME" : ""}`,
  );
}

function oneOnly(flag: string): UserError {
  return usageError(
    "one-only",
    `--${flag} is given more than once`,
    `give one ${flag}${flag === "account" ? ", or add --all" : ""}`,
  );
}
