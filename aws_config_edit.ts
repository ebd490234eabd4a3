/**
 * Changes to the text of `~/.aws/config` that leave everything else in it as it was: comments,
 * order, blank lines, indentation, line ends. Pure.
 *
 * ```ts
 * const wanted = { kind: "profile", name: "blog", settings: new Map([["region", "eu-west-1"]]) };
 * const { text, lines } = editAwsConfig({ text: before, path }, [wanted]);
 * ```
 *
 * @module
 */

import {
  type ConfigEntry,
  type ConfigFile,
  type ConfigLines,
  lineEnd,
  parseAwsConfig,
  parseHeader,
  readConfigLines,
  type Settings,
} from "./aws_config.ts";
import { quoteName, usageError, type UserError } from "./errors.ts";

/** A section as it shall be. Settings that it has beside these stay. */
export interface WantedSection {
  readonly kind: "profile" | "sso-session";
  readonly name: string;
  /** In lower case, none of them nested. */
  readonly settings: Settings;
}

/** A line of the change, without its end; those that stay are the headers of changed sections. */
export interface ChangedLine {
  readonly kind: "stays" | "goes" | "comes";
  readonly text: string;
}

/** The new text of a file, and what is different about it. */
export interface AwsConfigEdit {
  readonly text: string;
  /** Empty: nothing. */
  readonly lines: readonly ChangedLine[];
}

/**
 * Sets the settings of sections: in the line where a key is, at the end of a section that has it
 * not, and in a new section at the end of the file. The result is read again before it is returned.
 *
 * @throws {UserError} for a file that cannot be read ({@linkcode parseAwsConfig}), a name or a value
 * that no file could hold, and a place that cannot be changed without a change of other settings
 */
export function editAwsConfig(file: ConfigFile, wanted: readonly WantedSection[]): AwsConfigEdit {
  wanted.forEach(checkWanted);
  const { text, path } = file;
  const mark = text.startsWith("\uFEFF") ? "\uFEFF" : "";
  const lines = splitLines(text.slice(mark.length));
  const found = readConfigLines(file);
  const changes = new Changes(lines);
  for (const section of wanted) {
    const place = findSection(found, section);
    if (place === undefined) changes.append(section);
    else changes.set(place, section.settings);
  }
  const edit = changes.done();
  const edited = { text: mark + edit.text, lines: edit.lines };
  const problem = wrongSetting(settingsOf(file), settingsOf({ text: edited.text, path }), {
    wanted,
    defaults: [...found.defaults.keys()],
  });
  if (problem !== undefined) {
    throw usageError(
      "aws-config-not-editable",
      `${path} cannot be changed without harm: ${problem} would not be right afterwards`,
      "change it in an editor, or make the section simpler first",
    );
  }
  return edited;
}

function findSection(
  { sections }: ConfigLines,
  { kind, name }: WantedSection,
): Place | undefined {
  // of several headers that mean the same the last one counts, as for botocore
  const headers = [...sections.keys()].filter((header) => {
    const parsed = parseHeader(header);
    return parsed.kind === kind && parsed.name === name;
  });
  return sections.get(headers.at(-1) ?? "");
}

type Place = { readonly line: number; readonly entries: ReadonlyMap<string, ConfigEntry> };

/** A line and what ends it. */
interface Line {
  readonly text: string;
  readonly end: string;
}

function splitLines(text: string): Line[] {
  const ends = [...text.matchAll(new RegExp(lineEnd, "g"))].map(([end]) => end);
  return text.split(lineEnd).map((line, index) => ({ text: line, end: ends[index] ?? "" }));
}

/** The changes of a file, by the numbers of its lines, which start with 1. */
class Changes {
  readonly #lines: readonly Line[];
  /** The line end of the file. */
  readonly #end: string;
  /** Instead of a line; undefined: it goes. */
  readonly #instead = new Map<number, string | undefined>();
  /** Behind a line. */
  readonly #behind = new Map<number, string[]>();
  readonly #headers = new Map<number, { from: number; to: number }>();
  readonly #appended: string[] = [];

  constructor(lines: readonly Line[]) {
    this.#lines = lines;
    this.#end = lines[0]?.end || "\n";
  }

  /** Sets the settings of a section that is there. */
  set({ line, entries }: Place, settings: Settings): void {
    const last = [...entries.values()].at(-1);
    const added: string[] = [];
    for (const [key, value] of settings) {
      const entry = entries.get(key);
      if (entry === undefined) added.push(`${this.#indentOf(last?.line ?? line)}${key} = ${value}`);
      else if (entry.lines.join("\n").trimEnd() !== value) this.#replace(entry, value);
    }
    const end = last?.lastLine ?? line;
    if (added.length > 0) this.#behind.set(end, added);
    this.#headers.set(line, { from: line, to: end });
  }

  /** Puts a section at the end of the file. */
  append({ kind, name, settings }: WantedSection): void {
    const above = this.#appended.at(-1) ?? this.#lastLine();
    if (above !== undefined && above.trim() !== "") this.#appended.push("");
    this.#appended.push(`[${sectionHeader(kind, name)}]`);
    for (const [key, value] of settings) this.#appended.push(`${key} = ${value}`);
  }

  done(): AwsConfigEdit {
    let text = "";
    const changed: ChangedLine[] = [];
    const add = (line: string, end: string) => {
      // the last line of a file may have no end
      if (text !== "" && !/[\r\n]$/.test(text)) text += this.#end;
      text += line + end;
    };
    for (const [index, { text: line, end }] of this.#lines.entries()) {
      const number = index + 1;
      const range = this.#headers.get(number);
      if (range !== undefined && this.#isChanged(range)) {
        changed.push({ kind: "stays", text: line });
      }
      if (this.#instead.has(number)) {
        const instead = this.#instead.get(number);
        changed.push({ kind: "goes", text: line });
        if (instead !== undefined) {
          changed.push({ kind: "comes", text: instead });
          add(instead, end);
        }
      } else if (line !== "" || end !== "") add(line, end);
      for (const added of this.#behind.get(number) ?? []) {
        changed.push({ kind: "comes", text: added });
        add(added, this.#end);
      }
    }
    for (const added of this.#appended) {
      if (added !== "") changed.push({ kind: "comes", text: added });
      add(added, this.#end);
    }
    return { text, lines: changed };
  }

  /** Puts `value` where the old one is; comments between the lines of the old one stay. */
  #replace({ line, lastLine }: ConfigEntry, value: string): void {
    const { text } = this.#lines[line - 1] ?? { text: "" };
    const [, key = "", space = ""] = /^([^=:]*[=:])(\s*)/.exec(text) ?? [];
    const old = text.slice(key.length).trim();
    const gap = space === "" && old === "" && /\s[=:]$/.test(key) ? " " : space;
    this.#instead.set(line, key + gap + value);
    for (let number = line + 1; number <= lastLine; number++) {
      const isComment = /^\s*[#;]/.test(this.#lines[number - 1]?.text ?? "");
      if (!isComment) this.#instead.set(number, undefined);
    }
  }

  #lastLine(): string | undefined {
    // what follows the last line end is no line
    return (this.#lines.at(-1)?.text === "" ? this.#lines.at(-2) : this.#lines.at(-1))?.text;
  }

  #indentOf(line: number): string {
    return /^\s*/.exec(this.#lines[line - 1]?.text ?? "")?.[0] ?? "";
  }

  #isChanged({ from, to }: { from: number; to: number }): boolean {
    for (let number = from; number <= to; number++) {
      if (this.#instead.has(number) || this.#behind.has(number)) return true;
    }
    return false;
  }
}

/**
 * A section's header, without its brackets. A name that a shell would not take as one word is quoted
 * as the AWS CLI does it (`get_section_header`, Python's `shlex.quote`).
 */
export function sectionHeader(kind: WantedSection["kind"], name: string): string {
  if (kind === "profile" && name === "default") return name;
  return `${kind} ${/[\s'"\\]/.test(name) ? `'${name.replaceAll("'", `'"'"'`)}'` : name}`;
}

/**
 * Checks the name of a section: what a line can hold, and neither brackets nor comment signs, which
 * some of the programs that read the file would trip over.
 *
 * @throws {UserError} `bad-section-name`
 */
export function parseSectionName(text: string): string {
  if (text !== "" && text === text.trim() && isPlain(text) && !/[[\]#;]/.test(text)) return text;
  throw usageError(
    "bad-section-name",
    `${quoteName(text)} cannot be the name of a section in the AWS config file`,
    "use letters, digits and . _ - @ + /",
  );
}

function checkWanted({ name, settings }: WantedSection): void {
  parseSectionName(name);
  for (const [key, value] of settings) {
    // botocore would take "#" for a part of the value, the SDKs for a comment
    const good = value !== "" && value === value.trim() && isPlain(value) &&
      !/(?:^|\s)[#;]/.test(value) && /^[a-z0-9_]+$/.test(key);
    if (!good) throw badValue(key, value);
  }
}

function badValue(key: string, value: string): UserError {
  return usageError(
    "bad-setting",
    `${quoteName(value)} cannot stand in the AWS config file as ${key}`,
    "it may neither be empty nor hold line breaks, control characters or a comment sign",
  );
}

/** Whether `text` holds nothing that ends a line for one program or another, or is not seen. */
function isPlain(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return !/[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/.test(text) &&
    text.isWellFormed();
}

/** Every setting of a file, by the kind and name of its section. */
function settingsOf(file: ConfigFile): Map<string, Settings> {
  const config = parseAwsConfig({ config: file, credentials: { text: "", path: "" } });
  const all = new Map<string, Settings>();
  for (const [name, settings] of config.profiles) all.set(keyOf("profile", name), settings);
  for (const [name, settings] of config.ssoSessions) all.set(keyOf("sso-session", name), settings);
  for (const [name, services] of config.services) {
    for (const [id, settings] of services) all.set(keyOf(`services ${id}`, name), settings);
  }
  for (const name of config.strays) all.set(keyOf("stray", name), new Map());
  return all;
}

function keyOf(kind: string, name: string): string {
  return `${kind} ${JSON.stringify(name)}`;
}

/** The first setting that is not what it should be, or undefined. */
function wrongSetting(
  before: Map<string, Settings>,
  after: Map<string, Settings>,
  { wanted, defaults }: { wanted: readonly WantedSection[]; defaults: readonly string[] },
): string | undefined {
  const expected = new Map([...before].map(([name, settings]) => [name, new Map(settings)]));
  for (const { kind, name, settings } of wanted) {
    const key = keyOf(kind, name);
    // a new section has what [DEFAULT] gives to all
    const inherited = [...after.get(key) ?? []].filter(([name]) =>
      defaults.includes(name.split(".")[0] ?? "")
    );
    expected.set(key, new Map([...expected.get(key) ?? inherited, ...settings]));
  }
  for (const name of new Set([...expected.keys(), ...after.keys()])) {
    const [one, other] = [expected.get(name), after.get(name)];
    if (one === undefined || other === undefined) return `[${name}]`;
    for (const key of new Set([...one.keys(), ...other.keys()])) {
      if (one.get(key) !== other.get(key)) return `${key} of [${name}]`;
    }
  }
  return undefined;
}
