/**
 * The command line, parsed by the table of flags.ts. Pure: arguments in, checked options or a
 * {@linkcode UserError} out, before the first effect.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { quote, quoteName, usageError } from "./errors.ts";
import { parseDuration, parseRoleDuration } from "./duration.ts";
import { type Flag, flags } from "./flags.ts";
import { nearest } from "./nearest.ts";
import { parseMfaCode, parseMfaSerial } from "./mfa_code.ts";
import { parseAccount, parseRegistry, type Registry } from "./registry.ts";
import { parseRegion } from "./partition.ts";
import {
  parseExternalId,
  parseRole,
  parseSessionName,
  parseSourceIdentity,
  parseTag,
  type Role,
  type Tag,
} from "./role.ts";
import { parseTool, type ToolName } from "./tools.ts";
import { parseWebIdentity, type WebIdentityChoice } from "./web_identity.ts";

/** Time limit of a whole run, in seconds, without `--timeout`. */
const defaultTimeout = 120;

/** Commands that this version has. Anything else in their place is a registry. */
const commands = ["login", "help"] as const;

/** How a run speaks, whatever the command. */
export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
}

/** What `ecrin login` was asked to do; every value is checked. */
export interface LoginOptions extends OutputOptions {
  readonly accounts: readonly string[];
  readonly regions: readonly string[];
  readonly registries: readonly Registry[];
  readonly public: boolean;
  readonly profile: string | undefined;
  readonly webIdentity: WebIdentityChoice | undefined;
  /** Roles to assume, in order. */
  readonly roles: readonly Role[];
  readonly sessionName: string | undefined;
  /** Seconds; `undefined` when it was left to us. */
  readonly duration: number | undefined;
  readonly externalId: string | undefined;
  readonly sourceIdentity: string | undefined;
  readonly tags: readonly Tag[];
  readonly mfa: {
    /** The device that the first role needs a code of. */
    readonly serial: string | undefined;
    readonly code: string | undefined;
    /** A command that prints a code. */
    readonly command: string | undefined;
  };
  /** Whether role credentials may be taken from the AWS CLI's cache, and left there. */
  readonly cache: boolean;
  /** Whether people may be asked. */
  readonly input: boolean;
  /** Empty: choose by what is installed. */
  readonly tools: readonly ToolName[];
  /** Seconds. */
  readonly timeout: number;
  readonly dryRun: boolean;
  /** What the user should know about the arguments although they were accepted. */
  readonly warnings: readonly string[];
}

/** Values by flag name; a switch has `["true"]`. The last one wins where one is asked for. */
type Values = ReadonlyMap<string, readonly string[]>;

/**
 * Parses and checks the command line of `ecrin [login]`.
 *
 * @throws {UserError} with exit code 2 for whatever cannot be accepted
 */
export function parseLogin(args: readonly string[]): LoginOptions {
  const { values, positionals } = tokenize(args);
  return loginOptions(values, positionals[0] === "login" ? positionals.slice(1) : positionals);
}

/**
 * How the output was asked for, read without any check: for reporting that the command line is
 * wrong.
 */
export function outputOptions(args: readonly string[]): OutputOptions {
  const ours = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  const shorts = ours.filter((arg) => /^-[a-z]+$/.test(arg)).join("");
  return {
    json: ours.includes("--json"),
    quiet: ours.includes("--quiet") || shorts.includes("q"),
    verbose: ours.includes("--verbose") || shorts.includes("v"),
    color: !ours.includes("--no-color"),
  };
}

function tokenize(args: readonly string[]): { values: Values; positionals: string[] } {
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
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const flag = flags.find(({ name }) => name === token.name);
    if (flag === undefined) throw unknownFlag(token.rawName);
    const value = checkedValue(flag, token);
    const earlier = values.get(flag.name) ?? [];
    values.set(flag.name, flag.repeatable ? [...earlier, value] : [value]);
  }
  return { values, positionals };
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

function loginOptions(values: Values, positionals: readonly string[]): LoginOptions {
  const last = (name: string) => values.get(name)?.at(-1);
  const optional = <T>(name: string, parse: (text: string) => T): T | undefined => {
    const text = last(name);
    return text === undefined ? undefined : parse(text);
  };
  const warnings: string[] = [];
  const account = (text: string) => {
    const parsed = parseAccount(text);
    if (parsed.padded) {
      warnings.push(`account ${text} has fewer than 12 digits: using ${parsed.account}`);
    }
    return parsed.account;
  };
  const { accounts, registries } = parseTargets(positionals);
  const roles = (values.get("role") ?? []).map(parseRole);
  refuseTwoIdentities(values);
  refuseWithoutRole(values, roles);
  return {
    accounts: unique([...list(values, "account").map(account), ...accounts]),
    regions: unique(list(values, "region").map(parseRegion)),
    registries,
    public: values.has("public"),
    profile: last("profile"),
    webIdentity: optional("web-identity", parseWebIdentity),
    roles,
    sessionName: optional("session-name", parseSessionName),
    duration: optional("duration", parseRoleDuration),
    externalId: optional("external-id", parseExternalId),
    sourceIdentity: optional("source-identity", parseSourceIdentity),
    tags: parseTags(values.get("tag") ?? []),
    mfa: {
      serial: optional("mfa-serial", parseMfaSerial),
      code: optional("mfa-code", parseMfaCode),
      command: last("mfa-command"),
    },
    cache: !values.has("no-cache"),
    input: !values.has("no-input"),
    tools: unique((values.get("tool") ?? []).map(parseTool)),
    timeout: optional("timeout", parseTimeout) ?? defaultTimeout,
    dryRun: values.has("dry-run"),
    json: values.has("json"),
    quiet: values.has("quiet"),
    verbose: values.has("verbose"),
    color: !values.has("no-color"),
    warnings,
  };
}

/** Registries as named, and bare accounts, which get their region later. */
function parseTargets(
  positionals: readonly string[],
): { accounts: string[]; registries: Registry[] } {
  const accounts = positionals.filter((text) => /^[0-9]{12}$/.test(text));
  const named = positionals.filter((text) => !/^[0-9]{12}$/.test(text));
  return {
    accounts,
    registries: named.map((text) => {
      if (/^[a-z]+$/.test(text)) throw unknownCommand(text);
      return parseRegistry(text);
    }),
  };
}

function unknownCommand(word: string): Error {
  const match = nearest(word, commands);
  return usageError(
    "unknown-command",
    `${quote(word)} is neither a command nor an ECR registry`,
    match === undefined ? "run: ecrin --help" : `did you mean: ecrin ${match}?`,
  );
}

function refuseTwoIdentities(values: Values): void {
  if (!values.has("profile") || !values.has("web-identity")) return;
  throw usageError(
    "two-identities",
    "--profile and --web-identity both say who you are",
    "give one of them; AWS_PROFILE still says which profile's settings hold",
  );
}

/** The flags that describe an AssumeRole call mean nothing without one. */
function refuseWithoutRole(values: Values, roles: readonly Role[]): void {
  if (roles.length > 0) return;
  for (
    const name of [
      "web-identity",
      "session-name",
      "duration",
      "external-id",
      "source-identity",
      "tag",
      "mfa-serial",
    ]
  ) {
    if (values.has(name)) {
      throw usageError("role-needed", `--${name} needs --role`, "add: --role NAME");
    }
  }
}

/** Most session tags that STS takes in one call. */
const mostTags = 50;

const oneEach = "give each key once: STS does not tell upper from lower case";

function parseTags(texts: readonly string[]): Tag[] {
  const tags = texts.map(parseTag);
  const keys = new Set<string>();
  for (const { key } of tags) {
    if (keys.has(key.toLowerCase())) {
      throw usageError("bad-tag", `the tag ${quoteName(key)} is given twice`, oneEach);
    }
    keys.add(key.toLowerCase());
  }
  if (tags.length > mostTags) {
    throw usageError(
      "bad-tag",
      `${tags.length} tags are more than the ${mostTags} that STS takes`,
      "leave some --tag out",
    );
  }
  return tags;
}

function parseTimeout(text: string): number {
  const seconds = parseDuration(text);
  if (seconds < 1) {
    throw usageError("bad-timeout", `a timeout of ${text} is too short`, "try: --timeout 30s");
  }
  return seconds;
}

function list(values: Values, name: string): string[] {
  return (values.get(name) ?? []).flatMap((value) => value.split(",")).map((value) => value.trim());
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
