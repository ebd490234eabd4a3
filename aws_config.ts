/**
 * The AWS shared config and credentials files, read as the AWS CLI reads them.
 *
 * ```ts
 * const config = await loadAwsConfig(Deno.env.toObject(), Deno.readTextFile);
 * config.profiles.get("blog")?.get("region");
 * config.profiles.get("blog")?.get("s3.addressing_style"); // a nested setting
 * ```
 *
 * The grammar is that of Python's `configparser.RawConfigParser` and of botocore's `configloader.py`:
 * a comment fills a whole line (`key = a # b` has the value `a # b`), `=` and `:` both end a key, a
 * line indented deeper than its key continues the value, and a section or key may come once only.
 * Unlike the AWS CLI, a byte order mark is skipped, and a file that is there but cannot be read is
 * an error.
 *
 * @module
 */

import { usageError, type UserError } from "./errors.ts";
import { conceal } from "./secret.ts";

/** Environment variables by name, as `Deno.env.toObject()` gives them. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * The settings of one section. Keys are lower case. A nested setting has the name of its parent
 * before it, as in `aws configure get`: `s3.addressing_style` (the part after the dot as written).
 */
export type Settings = ReadonlyMap<string, string>;

/** What both files say together. */
export interface AwsConfig {
  /** By name. A key that both files set has the value of the credentials file. */
  readonly profiles: ReadonlyMap<string, Settings>;
  readonly ssoSessions: ReadonlyMap<string, Settings>;
  /** `[services NAME]`: the settings of each service, by its id in the file (`ecr_public`). */
  readonly services: ReadonlyMap<string, ReadonlyMap<string, Settings>>;
  /** The profiles as each file alone has them: static keys are never mixed from both. */
  readonly byFile: {
    readonly config: ReadonlyMap<string, Settings>;
    readonly credentials: ReadonlyMap<string, Settings>;
  };
  /** Sections of the config file that mean nothing to the AWS CLI, such as `[blog]`. */
  readonly strays: ReadonlySet<string>;
  readonly paths: { readonly config: string; readonly credentials: string };
}

/** One of the two files. */
export interface ConfigFile {
  readonly text: string;
  /** For messages. */
  readonly path: string;
}

/** A value, or the settings that are indented under a key without one. */
type Value = string | ReadonlyMap<string, string>;
type Section = ReadonlyMap<string, Value>;

/** Settings that hold a secret. `aws_security_token` is the old name of the session token. */
const secretKeys = ["aws_secret_access_key", "aws_session_token", "aws_security_token"];

/**
 * What the two files say.
 *
 * @throws {UserError} A line that cannot be read, or a section or key that comes twice. The message
 * has the path and the number of the line, and nothing of what the line holds.
 */
export function parseAwsConfig(
  files: { readonly config: ConfigFile; readonly credentials: ConfigFile },
): AwsConfig {
  const inConfig = new Map<string, Section>();
  const ssoSessions = new Map<string, Settings>();
  const services = new Map<string, ReadonlyMap<string, Settings>>();
  const strays = new Set<string>();
  for (const [header, section] of parseSections(files.config)) {
    const { kind, name } = parseHeader(header);
    if (kind === "profile") inConfig.set(name, section);
    else if (kind === "sso-session") ssoSessions.set(name, flatten(section));
    else if (kind === "services") services.set(name, nestedOnly(section));
    else strays.add(name);
  }
  const inCredentials = parseSections(files.credentials);
  const profiles = new Map<string, Settings>();
  for (const name of new Set([...inConfig.keys(), ...inCredentials.keys()])) {
    const merged = new Map([...inConfig.get(name) ?? [], ...inCredentials.get(name) ?? []]);
    profiles.set(name, flatten(merged));
  }
  return {
    profiles,
    ssoSessions,
    services,
    byFile: { config: flattenAll(inConfig), credentials: flattenAll(inCredentials) },
    strays,
    paths: { config: files.config.path, credentials: files.credentials.path },
  };
}

/**
 * Reads the two files where the AWS CLI looks for them: AWS_CONFIG_FILE and
 * AWS_SHARED_CREDENTIALS_FILE, else `config` and `credentials` in `~/.aws`. A missing file is empty.
 *
 * @throws {UserError} A file that is there but cannot be read, and what {@linkcode parseAwsConfig}
 * refuses.
 */
export async function loadAwsConfig(
  env: Env,
  readTextFile: (path: string) => Promise<string>,
): Promise<AwsConfig> {
  const [config, credentials] = await Promise.all([
    readConfigFile(expandPath(env["AWS_CONFIG_FILE"] ?? "~/.aws/config", env), readTextFile),
    readConfigFile(
      expandPath(env["AWS_SHARED_CREDENTIALS_FILE"] ?? "~/.aws/credentials", env),
      readTextFile,
    ),
  ]);
  return parseAwsConfig({ config, credentials });
}

async function readConfigFile(
  path: string,
  readTextFile: (path: string) => Promise<string>,
): Promise<ConfigFile> {
  // a "~" that is left has no home folder to stand for, and a folder of that name is not meant
  if (path === "" || /^~[\\/]/.test(path)) return { path, text: "" };
  try {
    return { path, text: await readTextFile(path) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return { path, text: "" };
    }
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): UserError {
  const code = "aws-config-unreadable";
  if (error instanceof Deno.errors.IsADirectory) {
    const hint = "let AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name files, or unset them";
    return usageError(code, `cannot read ${path}: it is a folder`, hint);
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return usageError(code, `cannot read ${path}: permission denied`, `run: ls -l ${path}`);
  }
  if (error instanceof Deno.errors.NotCapable) {
    return usageError(
      code,
      `cannot read ${path}: Deno was started without the permission`,
      `add --allow-read=${path}, or -A, to the deno command`,
    );
  }
  return usageError(code, `cannot read ${path}: ${error instanceof Error ? error.message : error}`);
}

/** `$NAME`, `${NAME}` and a leading `~`, as Python's `expandvars` and `expanduser` do it. */
export function expandPath(path: string, env: Env): string {
  const expanded = path.replace(
    /\$(?:(\w+)|\{([^}]*)\})/g,
    (written, bare: string | undefined, braced: string | undefined) =>
      env[bare ?? braced ?? ""] ?? written,
  );
  const home = Deno.build.os === "windows"
    ? env["USERPROFILE"] ?? env["HOME"]
    : env["HOME"] ?? env["USERPROFILE"];
  if (!home || !/^~(?:[\\/]|$)/.test(expanded)) return expanded;
  return home.replace(/[\\/]+$/, "") + expanded.slice(1);
}

/** The sections of a file by header, nested settings included. */
function parseSections(file: ConfigFile): Map<string, Section> {
  const { sections, defaults } = readConfigLines(file);
  const parsed = new Map<string, Section>();
  for (const [header, { entries: own }] of sections) {
    // a `[DEFAULT]` section, in capitals, gives its settings to all others of the file
    const entries = [...own, ...[...defaults].filter(([key]) => !own.has(key))];
    parsed.set(
      header,
      new Map(entries.map(([key, entry]) => [key, parseValue(key, entry, file)])),
    );
  }
  return parsed;
}

/** The lines of a value, trimmed, from the one that has the key. Numbers of lines start with 1. */
export interface ConfigEntry {
  readonly line: number;
  /** The last line that is a part of it and holds something. */
  lastLine: number;
  readonly lines: string[];
}

/** Where the sections of a file and their keys (in lower case) are. */
export interface ConfigLines {
  /** By header, without its brackets. */
  readonly sections: ReadonlyMap<string, {
    readonly line: number;
    readonly entries: ReadonlyMap<string, ConfigEntry>;
  }>;
  /** `[DEFAULT]`. */
  readonly defaults: ReadonlyMap<string, ConfigEntry>;
}

/** Between the lines of a file. */
export const lineEnd = /\r\n|\r|\n/;

/**
 * `RawConfigParser._read`.
 *
 * @throws {UserError} as {@linkcode parseAwsConfig} does
 */
export function readConfigLines(file: ConfigFile): ConfigLines {
  const sections = new Map<string, { line: number; entries: Map<string, ConfigEntry> }>();
  const defaults = new Map<string, ConfigEntry>();
  let section: Map<string, ConfigEntry> | undefined;
  let entry: ConfigEntry | undefined;
  let indent = 0;
  let number = 0;
  for (const line of file.text.replace(/^\uFEFF/, "").split(lineEnd)) {
    number++;
    const start = skipSpace(line);
    const content = line.slice(start, endWithoutSpace(line, start));
    if (content === "") {
      entry?.lines.push("");
      continue;
    }
    if (content.startsWith("#") || content.startsWith(";")) continue;
    if (entry !== undefined && start > indent) {
      entry.lines.push(content);
      entry.lastLine = number;
      continue;
    }
    indent = start;
    const headerEnd = content.startsWith("[") ? content.lastIndexOf("]") : -1;
    if (headerEnd > 1) {
      const header = content.slice(1, headerEnd);
      entry = undefined;
      if (header === "DEFAULT") {
        section = defaults;
        continue;
      }
      const earlier = sections.get(header);
      if (earlier !== undefined) throw duplicate(file, "section", number, earlier.line);
      section = new Map();
      sections.set(header, { line: number, entries: section });
      continue;
    }
    if (section === undefined) throw malformed(file, number, "comes before the first [section]");
    const keyEnd = content.search(/[=:]/);
    if (keyEnd < 1) throw malformed(file, number, 'is neither "[section]" nor "key = value"');
    const key = content.slice(0, endWithoutSpace(content.slice(0, keyEnd), 0)).toLowerCase();
    const earlier = section.get(key);
    if (earlier !== undefined) throw duplicate(file, "key", number, earlier.line);
    const lines = [trimSpace(content.slice(keyEnd + 1))];
    entry = { line: number, lastLine: number, lines };
    section.set(key, entry);
  }
  return { sections, defaults };
}

function parseValue(key: string, entry: ConfigEntry, file: ConfigFile): Value {
  const { lines } = entry;
  let length = lines.length;
  while (length > 1 && lines[length - 1] === "") length--;
  const value = length === 1 ? lines[0] ?? "" : lines.slice(0, length).join("\n");
  if (secretKeys.includes(key)) lines.forEach(conceal);
  if (!value.startsWith("\n")) return value;
  const nested = new Map<string, string>();
  // the line ends of Python's `str.splitlines`
  // deno-lint-ignore no-control-regex
  for (const untrimmed of value.split(/[\n\v\f\x1c-\x1e\x85\u2028\u2029]/)) {
    const line = trimSpace(untrimmed);
    if (line === "") continue;
    const keyEnd = line.indexOf("=");
    if (keyEnd < 0) {
      const problem = 'starts nested settings, and one of them is not "key = value"';
      throw malformed(file, entry.line, problem);
    }
    const nestedKey = trimSpace(line.slice(0, keyEnd));
    const nestedValue = trimSpace(line.slice(keyEnd + 1));
    if (secretKeys.includes(nestedKey.toLowerCase())) conceal(nestedValue);
    nested.set(nestedKey, nestedValue);
  }
  return nested;
}

/** What a header of the config file says. */
export interface Header {
  /** Undefined for what means nothing to the AWS CLI. */
  readonly kind: "profile" | "sso-session" | "services" | undefined;
  readonly name: string;
}

/** Which section of the config file a header starts: `build_profile_map` of botocore. */
export function parseHeader(header: string): Header {
  if (header === "default") return { kind: "profile", name: header };
  for (const kind of ["profile", "sso-session", "services"] as const) {
    if (!header.startsWith(kind)) continue;
    const [, name, ...rest] = splitWords(header) ?? [];
    if (name !== undefined && rest.length === 0) return { kind, name };
  }
  return { kind: undefined, name: header };
}

/**
 * The words of a command line: `shlex.split` of Python, which the AWS CLI uses for section headers
 * and for `credential_process`. Undefined when a quote is not closed or a backslash comes last.
 */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let index = 0; index < line.length; index++) {
    const char = line.charAt(index);
    if (char === "\\" && quote !== "'") {
      const next = line.charAt(++index);
      if (next === "") return undefined;
      // between double quotes a backslash stands for itself, except before a quote or a backslash
      const kept = quote !== "" && next !== quote && next !== "\\" ? "\\" : "";
      word = (word ?? "") + kept + next;
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (/[ \t\r\n]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== "") return undefined;
  if (word !== undefined) words.push(word);
  return words;
}

function flattenAll(sections: ReadonlyMap<string, Section>): ReadonlyMap<string, Settings> {
  return new Map([...sections].map(([name, section]) => [name, flatten(section)]));
}

function flatten(section: Section): Settings {
  const settings = new Map<string, string>();
  for (const [key, value] of section) if (typeof value === "string") settings.set(key, value);
  for (const [parent, nested] of nestedOnly(section)) {
    for (const [key, value] of nested) settings.set(`${parent}.${key}`, value);
  }
  return settings;
}

function nestedOnly(section: Section): ReadonlyMap<string, Settings> {
  const nested = new Map<string, Settings>();
  for (const [key, value] of section) if (typeof value !== "string") nested.set(key, value);
  return nested;
}

function malformed(file: ConfigFile, line: number, problem: string): UserError {
  // what PowerShell writes with ">" is UTF-16, which reads as NULs
  const hint = /^\uFFFD|\0/.test(file.text.slice(0, 4))
    ? `save ${file.path} as UTF-8`
    : `mend or remove line ${line} of ${file.path}`;
  return usageError(
    "aws-config-malformed",
    `cannot read ${file.path}: line ${line} ${problem}`,
    hint,
  );
}

function duplicate(file: ConfigFile, what: string, line: number, earlier: number): UserError {
  return usageError(
    "aws-config-duplicate",
    `cannot read ${file.path}: line ${line} repeats the ${what} of line ${earlier}`,
    `keep one of the two, as the AWS CLI refuses this file as well`,
  );
}

/** White space as Python's `str.strip` knows it. */
function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d) || (code >= 0x1c && code <= 0x1f) ||
    (code > 0x7f &&
      (code === 0x85 || code === 0xa0 || code === 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
        code === 0x2028 || code === 0x2029 || code === 0x202f || code === 0x205f ||
        code === 0x3000));
}

function skipSpace(text: string): number {
  let start = 0;
  while (start < text.length && isSpace(text.charCodeAt(start))) start++;
  return start;
}

function endWithoutSpace(text: string, start: number): number {
  let end = text.length;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return end;
}

function trimSpace(text: string): string {
  const start = skipSpace(text);
  return text.slice(start, endWithoutSpace(text, start));
}
