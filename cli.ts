/**
 * The values of a command line, checked: command_line.ts finds the flags, and here they become typed
 * options or a {@linkcode UserError}, before the first effect. Pure. Commands with flags of their own
 * check those beside their work.
 *
 * @module
 */

import { type CommandLine, notACommand, parseCommandLine } from "./command_line.ts";
import { parseDuration, parseRoleDuration } from "./duration.ts";
import { quoteName, usageError } from "./errors.ts";
import { parseMfaCode, parseMfaSerial } from "./mfa_code.ts";
import { parseRegion } from "./partition.ts";
import { parseAccount, parseRegistry, type Registry } from "./registry.ts";
import {
  parseExternalId,
  parseRole,
  parseSessionName,
  parseSourceIdentity,
  parseSsoRole,
  parseTag,
  type Role,
  type Tag,
} from "./role.ts";
import { parseTool, type ToolName } from "./tools.ts";
import { parseWebIdentity, type WebIdentityChoice } from "./web_identity.ts";

/** What a command line says about who one is. */
export interface IdentityOptions {
  readonly profile: string | undefined;
  /** The `[sso-session]` and the role to take there, in the target's account. */
  readonly sso: { readonly session: string; readonly role: string } | undefined;
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
}

/** What a command line says about registries. */
export interface TargetOptions {
  readonly accounts: readonly string[];
  readonly regions: readonly string[];
  readonly registries: readonly Registry[];
  readonly public: boolean;
  /** What the user should know about the arguments although they were accepted. */
  readonly warnings: readonly string[];
}

/** What `ecrin login` was asked to do; every value is checked. */
export interface LoginOptions extends IdentityOptions, TargetOptions {
  /** Empty: choose by what is installed. */
  readonly tools: readonly ToolName[];
  /** Seconds; logins that last longer are left alone. */
  readonly ifExpiring: number | undefined;
  readonly dryRun: boolean;
}

type Values = CommandLine["values"];

/**
 * Parses and checks the command line of `ecrin [login]`.
 *
 * @throws {UserError} with exit code 2 for whatever cannot be accepted
 */
export function parseLogin(args: readonly string[]): LoginOptions {
  return loginOptions(parseCommandLine(args));
}

/** The options of `ecrin login`. */
export function loginOptions(line: CommandLine): LoginOptions {
  return {
    ...identityOptions(line),
    ...targetOptions(line),
    tools: toolOptions(line),
    ifExpiring: optional(line, "if-expiring", parseDuration),
    dryRun: line.values.has("dry-run"),
  };
}

/** The options of every command that is somebody on AWS. */
export function identityOptions(line: CommandLine): IdentityOptions {
  const { values } = line;
  const roles = (values.get("role") ?? []).map(parseRole);
  refuseTwoIdentities(values);
  refuseWithoutRole(values, roles);
  return {
    profile: lastValue(line, "profile"),
    sso: ssoOptions(line),
    webIdentity: optional(line, "web-identity", parseWebIdentity),
    roles,
    sessionName: optional(line, "session-name", parseSessionName),
    duration: optional(line, "duration", parseRoleDuration),
    externalId: optional(line, "external-id", parseExternalId),
    sourceIdentity: optional(line, "source-identity", parseSourceIdentity),
    tags: parseTags(values.get("tag") ?? []),
    mfa: {
      serial: optional(line, "mfa-serial", parseMfaSerial),
      code: optional(line, "mfa-code", parseMfaCode),
      command: lastValue(line, "mfa-command"),
    },
    cache: !values.has("no-cache"),
    input: !values.has("no-input"),
  };
}

function ssoOptions(line: CommandLine): IdentityOptions["sso"] {
  const session = lastValue(line, "sso-session");
  const role = optional(line, "sso-role", parseSsoRole);
  if (session === undefined && role === undefined) return undefined;
  if (session === undefined) {
    throw usageError(
      "sso-session-needed",
      "--sso-role needs --sso-session",
      "add: --sso-session NAME",
    );
  }
  if (role === undefined) {
    throw usageError("sso-role-needed", "--sso-session needs --sso-role", "add: --sso-role NAME");
  }
  return { session, role };
}

/** The options of every command that has to do with registries, which its words name. */
export function targetOptions(line: CommandLine): TargetOptions {
  const warnings: string[] = [];
  const account = (text: string) => {
    const parsed = parseAccount(text);
    if (parsed.padded) {
      warnings.push(`account ${text} has fewer than 12 digits: using ${parsed.account}`);
    }
    return parsed.account;
  };
  const { accounts, registries } = parseTargets(line.words);
  return {
    accounts: unique([...listed(line, "account").map(account), ...accounts]),
    regions: unique(listed(line, "region").map(parseRegion)),
    registries,
    public: line.values.has("public"),
    warnings,
  };
}

/** The values of `--tool`, each once. */
export function toolOptions({ values }: CommandLine): readonly ToolName[] {
  return unique((values.get("tool") ?? []).map(parseTool));
}

/** Seconds that the run may take. */
export function timeLimit(line: CommandLine): number {
  return optional(line, "timeout", parseTimeout) ?? line.command.timeout;
}

/** The value of a flag, of several the last. */
export function lastValue({ values }: CommandLine, name: string): string | undefined {
  return values.get(name)?.at(-1);
}

/** The value of a flag as `parse` takes it; undefined when it was not given. */
export function optional<T>(
  line: CommandLine,
  name: string,
  parse: (text: string) => T,
): T | undefined {
  const text = lastValue(line, name);
  return text === undefined ? undefined : parse(text);
}

/** Registries as named, and bare accounts, which get their region later. */
function parseTargets(
  words: readonly string[],
): { accounts: string[]; registries: Registry[] } {
  const accounts = words.filter((text) => /^[0-9]{12}$/.test(text));
  const named = words.filter((text) => !/^[0-9]{12}$/.test(text));
  return {
    accounts,
    registries: named.map((text) => {
      if (/^[a-z]+$/.test(text)) throw notACommand(text);
      return parseRegistry(text);
    }),
  };
}

function refuseTwoIdentities(values: Values): void {
  const [one, other] = ["profile", "sso-session", "web-identity"].filter((name) =>
    values.has(name)
  );
  if (other === undefined) return;
  throw usageError(
    "two-identities",
    `--${one} and --${other} both say who you are`,
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

function listed({ values }: CommandLine, name: string): string[] {
  return (values.get(name) ?? []).flatMap((value) => value.split(",")).map((value) => value.trim());
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
