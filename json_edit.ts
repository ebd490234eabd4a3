/**
 * JSON that belongs to someone else: where its members are, where its fault is, and how to change
 * one member so that every other byte stays as it was.
 *
 * ```ts
 * setMember('{ "a": 1.0 }', ["b", "c"], true); // '{ "a": 1.0, "b": {"c":true} }'
 * ```
 *
 * `JSON.parse` and `JSON.stringify` would reorder keys like "1", drop duplicates, round long
 * numbers and lay the file out anew; `JSON.parse` also quotes the text, secrets included, in its
 * errors.
 *
 * @module
 */

/** A value of a JSON text, from `start` up to but not including `end`. */
export type JsonNode = JsonObject | { kind: "array" | "scalar"; start: number; end: number };

/** An object, with its members in the order of the text, duplicates included. */
export interface JsonObject {
  kind: "object";
  start: number;
  end: number;
  members: JsonMember[];
}

/** `"key": value`; `start` and `keyEnd` enclose the key with its quotes. */
export interface JsonMember {
  key: string;
  start: number;
  keyEnd: number;
  value: JsonNode;
}

/** A text that is no JSON. The message tells what was expected and never quotes the text. */
export class JsonFault extends Error {
  override readonly name = "JsonFault";

  constructor(message: string, readonly offset: number) {
    super(message);
  }
}

/** Deeper than any file that a person or a tool writes, and shallow enough for the stack. */
const deepest = 500;

/**
 * The tree of `text`, which has to be strict JSON.
 *
 * @throws {JsonFault} at the first character that does not fit.
 */
export function parseJson(text: string): JsonNode {
  let at = 0;
  const root = value(0);
  skipSpace();
  if (at < text.length) throw fault("expected nothing after the closing bracket");
  return root;

  function value(depth: number): JsonNode {
    skipSpace();
    if (depth > deepest) throw fault(`nested more than ${deepest} levels deep`);
    const start = at;
    if (skip("{")) return { kind: "object", start, members: members(depth), end: at };
    if (skip("[")) {
      list("]", () => void value(depth + 1));
      return { kind: "array", start, end: at };
    }
    if (text[at] === '"') string("a value");
    else scalar();
    return { kind: "scalar", start, end: at };
  }

  function members(depth: number): JsonMember[] {
    const found: JsonMember[] = [];
    list("}", () => {
      const start = at;
      const key = string("a name in double quotes");
      const keyEnd = at;
      skipSpace();
      if (!skip(":")) throw fault("expected a colon");
      found.push({ key, start, keyEnd, value: value(depth + 1) });
    });
    return found;
  }

  function list(close: "]" | "}", item: () => void): void {
    skipSpace();
    if (skip(close)) return;
    do {
      skipSpace();
      item();
      skipSpace();
    } while (skip(","));
    if (!skip(close)) throw fault(`expected a comma or ${close}`);
  }

  function string(expected: string): string {
    const token = match(/"[^"\\]*(?:\\[^][^"\\]*)*"/y);
    if (token === undefined) {
      throw fault(text[at] === '"' ? "a string is not closed" : `expected ${expected}`);
    }
    try {
      return JSON.parse(token);
    } catch { // its message quotes the string
      throw fault("a string is not closed, or holds a control character or an unknown escape");
    } finally {
      at += token.length;
    }
  }

  function scalar(): void {
    const token = match(/[\w.+-]+/y) ?? "";
    try {
      JSON.parse(token);
    } catch { // its message quotes the value
      throw fault("expected a value");
    }
    at += token.length;
  }

  function match(pattern: RegExp): string | undefined {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  }

  function skip(character: string): boolean {
    if (text[at] !== character) return false;
    at++;
    return true;
  }

  function skipSpace(): void {
    at += match(/[ \t\n\r]*/y)?.length ?? 0;
  }

  function fault(message: string): JsonFault {
    return new JsonFault(at < text.length ? message : `${message}, found the end`, at);
  }
}

/** The line and the column of `offset` in `text`, both counted from 1 as editors do. */
export function positionAt(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return {
    line: before.split("\n").length,
    column: offset - before.lastIndexOf("\n"),
  };
}

/**
 * `text` with the member at `path` set to `value`: replaced where it is, else added as the last
 * one, in the layout that its neighbours have. An object that is missing on the way is made, also
 * in place of a value that is no object. A value that is there already is not laid out anew. Of
 * duplicate keys the last one counts, as for every reader.
 *
 * @throws {JsonFault} when `text` is no JSON.
 */
export function setMember(text: string, path: readonly string[], value: unknown): string {
  const root = parseJson(text);
  const layout = layoutOf(text, root);
  let node = root;
  for (const [depth, key] of path.entries()) {
    if (node.kind !== "object") return replace(node, nest(path.slice(depth), value));
    const member = node.members.findLast((member) => member.key === key);
    if (member === undefined) return insert(node, key, nest(path.slice(depth + 1), value));
    node = member.value;
  }
  return replace(node, value);

  function replace(old: JsonNode, value: unknown): string {
    const current = JSON.stringify(JSON.parse(text.slice(old.start, old.end)));
    if (current === JSON.stringify(value)) return text;
    const indent = /^[ \t]*/.exec(lineOf(text, old.start))?.[0] ?? "";
    return splice(text, old.start, old.end, render(value, layout, indent));
  }

  function insert(object: JsonObject, key: string, value: unknown): string {
    const last = object.members.at(-1);
    if (last === undefined) return replace(object, { [key]: value });
    const before = object.members.at(-2)?.value.end ?? object.start;
    const lead = text.slice(before, last.start).replace(/^\s*[,{]/, "");
    const colon = text.slice(last.keyEnd, last.value.start);
    const indent = /\n([ \t]*)$/.exec(lead)?.[1];
    const rendered = render(value, indent === undefined ? undefined : layout, indent ?? "");
    // the only member of `{"a": 1}` has no space before it; the next one has
    const gap = lead || colon.slice(colon.indexOf(":") + 1);
    const added = `,${gap}${JSON.stringify(key)}${colon}${rendered}`;
    return splice(text, last.value.end, last.value.end, added);
  }
}

/**
 * `text` without the member at `path`, duplicates of it included; `text` itself when there is none.
 *
 * @throws {JsonFault} when `text` is no JSON.
 */
export function removeMember(text: string, path: readonly string[]): string {
  return removeMembers(text, path.slice(0, -1), new Set(path.slice(-1)));
}

/**
 * `text` without those members of the object at `path` that have one of `keys`.
 *
 * @throws {JsonFault} when `text` is no JSON.
 */
export function removeMembers(
  text: string,
  path: readonly string[],
  keys: ReadonlySet<string>,
): string {
  let node: JsonNode | undefined = parseJson(text);
  for (const key of path) {
    if (node?.kind !== "object") return text;
    node = node.members.findLast((member) => member.key === key)?.value;
  }
  if (node?.kind !== "object") return text;
  const { members, start, end } = node;
  const kept = members.filter(({ key }) => !keys.has(key));
  const [first, last] = [members[0], members.at(-1)];
  if (kept.length === members.length || first === undefined || last === undefined) return text;
  if (kept.length === 0) return splice(text, start, end, "{}");
  const parts = members.map((member, index) => {
    if (keys.has(member.key)) return "";
    // with what separates it from the one before, unless it is the first now
    const from = member === kept[0] ? member.start : members[index - 1]?.value.end;
    return text.slice(from, member.value.end);
  });
  return splice(text, first.start, last.value.end, parts.join(""));
}

/** How a text of several lines is laid out: its line end and one step of its indentation. */
interface Layout {
  lineEnd: string;
  step: string;
}

/** The layout that the first member shows; docker's own, tabs, for `{}`; undefined for one line. */
function layoutOf(text: string, root: JsonNode): Layout | undefined {
  const first = root.kind === "object" ? root.members[0] : undefined;
  if (first === undefined) return { lineEnd: "\n", step: "\t" };
  const [, lineEnd, step] = /(\r?\n)([ \t]*)$/.exec(text.slice(0, first.start)) ?? [];
  return lineEnd === undefined || step === undefined ? undefined : { lineEnd, step };
}

/** `value` as JSON; every line after the first starts with `indent`. */
function render(value: unknown, layout: Layout | undefined, indent: string): string {
  if (layout === undefined) return JSON.stringify(value);
  return JSON.stringify(value, null, layout.step).replaceAll("\n", layout.lineEnd + indent);
}

function nest(path: readonly string[], value: unknown): unknown {
  return path.reduceRight((inner, key) => ({ [key]: inner }), value);
}

function lineOf(text: string, offset: number): string {
  return text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
}

function splice(text: string, start: number, end: number, replacement: string): string {
  return text.slice(0, start) + replacement + text.slice(end);
}
