import assert from "node:assert/strict";
import {
  JsonFault,
  parseJson,
  positionAt,
  removeMember,
  removeMembers,
  setMember,
} from "./json_edit.ts";

const sets: { name: string; text: string; path: string[]; value: unknown; expected: string }[] = [
  {
    name: "an empty object is laid out as docker does it",
    text: "{}",
    path: ["a", "b"],
    value: "x",
    expected: '{\n\t"a": {\n\t\t"b": "x"\n\t}\n}',
  },
  {
    name: "one line stays one line",
    text: '{"a":{"b":1}}\n',
    path: ["a", "c"],
    value: { d: 2 },
    expected: '{"a":{"b":1,"c":{"d":2}}}\n',
  },
  {
    name: "spaces within one line are copied",
    text: '{ "a": { "b": 1 } }',
    path: ["a", "c"],
    value: 2,
    expected: '{ "a": { "b": 1, "c": 2 } }',
  },
  {
    name: "two spaces",
    text: '{\n  "a": {\n    "b": 1\n  }\n}\n',
    path: ["a", "c"],
    value: { d: 2 },
    expected: '{\n  "a": {\n    "b": 1,\n    "c": {\n      "d": 2\n    }\n  }\n}\n',
  },
  {
    name: "four spaces, an empty object inside",
    text: '{\n    "a": {},\n    "z": 1\n}',
    path: ["a", "c"],
    value: 2,
    expected: '{\n    "a": {\n        "c": 2\n    },\n    "z": 1\n}',
  },
  {
    name: "tabs and CRLF",
    text: '{\r\n\t"a": {\r\n\t\t"b": 1\r\n\t}\r\n}\r\n',
    path: ["x", "y"],
    value: 2,
    expected: '{\r\n\t"a": {\r\n\t\t"b": 1\r\n\t},\r\n\t"x": {\r\n\t\t"y": 2\r\n\t}\r\n}\r\n',
  },
  {
    name: "an object on one line in a file of many stays there",
    text: '{\n  "a": {"b": 1}\n}',
    path: ["a", "c"],
    value: { d: 2 },
    expected: '{\n  "a": {"b": 1, "c": {"d":2}}\n}',
  },
  {
    name: "a value is replaced where it is, and nothing else",
    text: '{"2":1.0, "1":12345678901234567890,\t"a":"\\u0041" , "b" : [ ]}',
    path: ["a"],
    value: "B",
    expected: '{"2":1.0, "1":12345678901234567890,\t"a":"B" , "b" : [ ]}',
  },
  {
    name: "null on the way becomes an object",
    text: '{"a":null}',
    path: ["a", "b"],
    value: 1,
    expected: '{"a":{"b":1}}',
  },
  {
    name: "the last of duplicates counts",
    text: '{"a":1,"a":2}',
    path: ["a"],
    value: 3,
    expected: '{"a":1,"a":3}',
  },
  {
    name: "a key that needs escapes, and __proto__",
    text: '{"__proto__":{"x":1}}',
    path: ["__proto__", 'a"\n'],
    value: 1,
    expected: '{"__proto__":{"x":1,"a\\"\\n":1}}',
  },
];

for (const { name, text, path, value, expected } of sets) {
  Deno.test(`setMember: ${name}`, () => {
    const changed = setMember(text, path, value);
    assert.equal(changed, expected);
    assert.equal(setMember(changed, path, value), changed, "a second time changes nothing");
  });
}

const removals: { name: string; text: string; path: string[]; expected: string }[] = [
  { name: "the first", text: '{ "a": 1, "b": 2 }', path: ["a"], expected: '{ "b": 2 }' },
  { name: "the last", text: '{\n\t"a": 1,\n\t"b": 2\n}', path: ["b"], expected: '{\n\t"a": 1\n}' },
  { name: "the middle", text: '{"a":1,"b":2,"c":3}', path: ["b"], expected: '{"a":1,"c":3}' },
  {
    name: "the only one",
    text: '{\n\t"a": {\n\t\t"b": 1\n\t}\n}',
    path: ["a", "b"],
    expected: '{\n\t"a": {}\n}',
  },
  { name: "duplicates", text: '{"a":1,"b":2,"a":3}', path: ["a"], expected: '{"b":2}' },
  { name: "none", text: '{"a":1}', path: ["b"], expected: '{"a":1}' },
  { name: "none on the way", text: '{"a":1}', path: ["a", "b"], expected: '{"a":1}' },
];

for (const { name, text, path, expected } of removals) {
  Deno.test(`removeMember: ${name}`, () => assert.equal(removeMember(text, path), expected));
}

/** Each removal of several members, as the removals of one after the other would leave it. */
const text = '{\n  "x": {"a": 1,\n    "b": {"c": [2]},\n\n    "c": 3, "d": 4 ,"b": 5 }\n}';
const keySets = ["", "a", "d", "b", "ab", "cd", "abd", "bcd", "abcd", "acz"];

for (const keys of keySets) {
  Deno.test(`removeMembers: ${keys || "none"}`, () => {
    const oneByOne = [...keys].reduce((left, key) => removeMember(left, ["x", key]), text);
    const removed = removeMembers(text, ["x"], new Set(keys));
    assert.equal(removed, oneByOne);
    const left = Object.keys(JSON.parse(removed).x);
    assert.deepEqual(left, ["a", "b", "c", "d"].filter((key) => !keys.includes(key)));
  });
}

const faults: [text: string, offset: number, message: string][] = [
  ["", 0, "expected a value, found the end"],
  ['{"a":1,}', 7, "expected a name in double quotes"],
  ['{"a" 1}', 5, "expected a colon"],
  ['{"a":1 "b":2}', 7, "expected a comma or }"],
  ["[1 2]", 3, "expected a comma or ]"],
  ['{"a":1}}', 7, "expected nothing after the closing bracket"],
  ['{"a":"b', 5, "a string is not closed"],
  ['{"a":"b\n"}', 5, "a string is not closed, or holds a control character or an unknown escape"],
  ["{a:1}", 1, "expected a name in double quotes"],
  ["// x\n{}", 0, "expected a value"],
  ['{"a":01}', 5, "expected a value"],
  ["[NaN]", 1, "expected a value"],
  ["{", 1, "expected a name in double quotes, found the end"],
  ["[".repeat(100_000), 501, "nested more than 500 levels deep"],
];

for (const [text, offset, message] of faults) {
  Deno.test(`parseJson finds the fault of ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.throws(() => parseJson(text), (error) => {
      assert.ok(error instanceof JsonFault);
      assert.deepEqual([error.offset, error.message], [offset, message]);
      return true;
    });
  });
}

Deno.test("parseJson takes what JSON.parse takes, and nothing else", () => {
  const seed = '{"a": [1, -2.5e+3, true, null, "x\\u00e9\\n"], "b": {"c": {}, "d": []}}';
  const pieces = [
    '"',
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "0",
    "-",
    ".",
    "e",
    "t",
    " ",
    "\n",
    "\v",
    "\u00a0",
    "",
  ];
  let accepted = 0;
  for (let i = 0; i < 20_000; i++) {
    const at = Math.floor(Math.random() * seed.length);
    const piece = pieces[Math.floor(Math.random() * pieces.length)];
    const text = seed.slice(0, at) + piece + seed.slice(at + Math.floor(Math.random() * 2));
    const expected = takes(JSON.parse, text);
    if (expected) accepted++;
    assert.equal(takes(parseJson, text), expected, text);
  }
  assert.ok(accepted > 1000, `only ${accepted} texts were JSON`);
});

Deno.test("positionAt counts lines and columns from 1", () => {
  assert.deepEqual(positionAt("ab\ncd", 0), { line: 1, column: 1 });
  assert.deepEqual(positionAt("ab\r\ncd", 5), { line: 2, column: 2 });
});

function takes(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}
