import assert from "node:assert/strict";
import { parseAwsConfig } from "./aws_config.ts";
import {
  type ChangedLine,
  editAwsConfig,
  parseSectionName,
  sectionHeader,
  type WantedSection,
} from "./aws_config_edit.ts";
import { UserError } from "./errors.ts";

const path = "config";

function profile(name: string, settings: Record<string, string>): WantedSection {
  return { kind: "profile", name, settings: new Map(Object.entries(settings)) };
}

function session(name: string, settings: Record<string, string>): WantedSection {
  return { kind: "sso-session", name, settings: new Map(Object.entries(settings)) };
}

function edit(text: string, ...wanted: WantedSection[]): string {
  return editAwsConfig({ text, path }, wanted).text;
}

const edits: [name: string, before: string, wanted: WantedSection[], after: string][] = [
  ["no file yet", "", [profile("a", { region: "r" })], "[profile a]\nregion = r\n"],
  ["an empty line alone", "\n", [profile("a", { region: "r" })], "\n[profile a]\nregion = r\n"],
  [
    "a new section goes to the end, behind an empty line",
    "[default]\nregion = r\n",
    [profile("a", { region: "s" })],
    "[default]\nregion = r\n\n[profile a]\nregion = s\n",
  ],
  [
    "one empty line is enough",
    "[default]\nregion = r\n\n",
    [profile("a", { region: "s" })],
    "[default]\nregion = r\n\n[profile a]\nregion = s\n",
  ],
  [
    "a last line without an end",
    "[default]\nregion = r",
    [profile("default", { output: "json" }), profile("a", { region: "s" })],
    "[default]\nregion = r\noutput = json\n\n[profile a]\nregion = s\n",
  ],
  [
    "Windows' line ends",
    "[default]\r\nregion = r\r\n[profile a]\r\nregion = s\r\n",
    [profile("default", { region: "t", output: "json" }), profile("b", { region: "u" })],
    "[default]\r\nregion = t\r\noutput = json\r\n[profile a]\r\nregion = s\r\n\r\n[profile b]\r\nregion = u\r\n",
  ],
  [
    "a byte order mark",
    "\uFEFF[profile a]\nregion = r\n",
    [profile("a", { region: "s" })],
    "\uFEFF[profile a]\nregion = s\n",
  ],
  [
    "the case of a key and the spaces around its sign",
    "[profile a]\nRegion=r\nOUTPUT   :   json\n",
    [profile("a", { region: "s", output: "text" })],
    "[profile a]\nRegion=s\nOUTPUT   :   text\n",
  ],
  [
    "comments, empty lines and order",
    "# top\n\n[profile a]\n; why\nregion = r\n\n# of b\n[profile b]\nregion = r\n",
    [profile("a", { region: "s", output: "json" })],
    "# top\n\n[profile a]\n; why\nregion = s\noutput = json\n\n# of b\n[profile b]\nregion = r\n",
  ],
  [
    "a key without a value",
    "[profile a]\nregion =\noutput=\n",
    [profile("a", { region: "s", output: "json" })],
    "[profile a]\nregion = s\noutput=json\n",
  ],
  [
    "a value of several lines with a comment between them",
    "[profile a]\nregion = r\n  more\n  # why\n\n  last\n\n[profile b]\n",
    [profile("a", { region: "s" })],
    "[profile a]\nregion = s\n  # why\n\n[profile b]\n",
  ],
  [
    "nested settings",
    "[profile a]\ns3 =\n  addressing_style = path\n\n  max_queue_size = 1\n\n[profile b]\nregion = r\n",
    [profile("a", { region: "s" })],
    "[profile a]\ns3 =\n  addressing_style = path\n\n  max_queue_size = 1\nregion = s\n\n[profile b]\nregion = r\n",
  ],
  [
    "a setting of the same name that is nested in another",
    "[profile a]\ns3 =\n  region = x\n",
    [profile("a", { region: "s" })],
    "[profile a]\ns3 =\n  region = x\nregion = s\n",
  ],
  [
    "indented keys",
    "[profile a]\n\tregion = r\n\n[profile b]\n",
    [profile("a", { output: "json" })],
    "[profile a]\n\tregion = r\n\toutput = json\n\n[profile b]\n",
  ],
  [
    "a section without a key",
    "[profile a]\n# nothing yet\n\n[profile b]\n",
    [profile("a", { region: "s" })],
    "[profile a]\nregion = s\n# nothing yet\n\n[profile b]\n",
  ],
  [
    "a header in quotes",
    `[profile "a b"]\nregion = r\n[sso-session 'c d']\nsso_region = r\n`,
    [profile("a b", { region: "s" }), session("c d", { sso_region: "s" })],
    `[profile "a b"]\nregion = s\n[sso-session 'c d']\nsso_region = s\n`,
  ],
  [
    "odd spaces in a header, and what follows it",
    "[profile   a] # mine\nregion = r\n",
    [profile("a", { region: "s" })],
    "[profile   a] # mine\nregion = s\n",
  ],
  [
    "[default] and [profile default] are the same",
    "[profile default]\nregion = r\n",
    [profile("default", { region: "s" })],
    "[profile default]\nregion = s\n",
  ],
  [
    "of both the last counts",
    "[default]\nregion = r\n[profile default]\nregion = r\n",
    [profile("default", { region: "s" })],
    "[default]\nregion = r\n[profile default]\nregion = s\n",
  ],
  [
    "a session and a profile of one name, and a section that is neither",
    "[profile a]\nregion = r\n[a]\nregion = r\n[sso-session a]\nsso_region = r\n",
    [session("a", { sso_region: "s" })],
    "[profile a]\nregion = r\n[a]\nregion = r\n[sso-session a]\nsso_region = s\n",
  ],
  [
    "what [DEFAULT] gives is set in the section itself",
    "[DEFAULT]\nregion = r\n[profile a]\noutput = json\n",
    [profile("a", { region: "s" }), profile("b", { output: "text" })],
    "[DEFAULT]\nregion = r\n[profile a]\noutput = json\nregion = s\n\n[profile b]\noutput = text\n",
  ],
  [
    "a value with the sign in it",
    "[profile a]\nsso_start_url = https://x/=a:b\n",
    [profile("a", { sso_start_url: "https://y/#/" })],
    "[profile a]\nsso_start_url = https://y/#/\n",
  ],
];

for (const [name, before, wanted, after] of edits) {
  Deno.test(`the config file is changed in place: ${name}`, () => {
    assert.equal(edit(before, ...wanted), after);
    // and is then as wanted
    assert.deepEqual(editAwsConfig({ text: after, path }, wanted), { text: after, lines: [] });
  });
}

Deno.test("the change is told with the headers of its sections", () => {
  const before = "[profile a]\nregion = r\n[profile b]\nregion = r\n[profile c]\nregion = r\n";
  const { lines } = editAwsConfig({ text: before, path }, [
    profile("b", { region: "s", output: "json" }),
    profile("c", { region: "r" }),
    profile("d", { region: "t" }),
  ]);
  const signs = { stays: " ", goes: "-", comes: "+" };
  const shown = lines.map(({ kind, text }: ChangedLine) => `${signs[kind]} ${text}`);
  assert.deepEqual(shown, [
    "  [profile b]",
    "- region = r",
    "+ region = s",
    "+ output = json",
    "+ [profile d]",
    "+ region = t",
  ]);
});

const headers: [name: string, header: string][] = [
  ["default", "default"],
  ["blog", "profile blog"],
  ["a b", "profile 'a b'"],
  ["ann's", `profile 'ann'"'"'s'`],
  [`"x"`, `profile '"x"'`],
  ["a\\b", "profile 'a\\b'"],
  ["Büro", "profile Büro"],
  ["a:b=c", "profile a:b=c"],
];

for (const [name, header] of headers) {
  Deno.test(`the profile ${name} has the header [${header}], which is read as that name`, () => {
    assert.equal(sectionHeader("profile", name), header);
    const config = { text: edit("", profile(name, { region: "r" })), path };
    const { profiles } = parseAwsConfig({ config, credentials: { text: "", path: "" } });
    assert.deepEqual([...profiles.keys()], [name]);
  });
}

const badNames = ["", " a", "a ", "a\nb", "a\tb", "a]b", "[a", "a#b", "a;b", "a\u202eb", "\ud800"];

for (const name of badNames) {
  Deno.test(`no section is called ${JSON.stringify(name)}`, () => {
    assert.throws(() => parseSectionName(name), { code: "bad-section-name", exitCode: 2 });
    assert.throws(() => edit("", profile(name, {})), { code: "bad-section-name" });
  });
}

const badValues = ["", " r", "r ", "a\nb", "a\rb", "a\u2028b", "#", "a #b", "a ;b", "\x1b[31m"];

for (const value of badValues) {
  Deno.test(`no setting has the value ${JSON.stringify(value)}`, () => {
    assert.throws(() => edit("", profile("a", { region: value })), { code: "bad-setting" });
  });
}

const refused: [name: string, before: string, code: string][] = [
  ["that cannot be read", "[profile a]\nregion\n", "aws-config-malformed"],
  ["without a section", "region = r\n", "aws-config-malformed"],
  ["with a section twice", "[profile a]\n[profile a]\n", "aws-config-duplicate"],
  ["with a key twice", "[profile a]\nregion = r\nREGION = s\n", "aws-config-duplicate"],
  ["whose key has nested settings", "[profile a]\nregion =\n  x = y\n", "aws-config-not-editable"],
  ["in UTF-16", "\uFFFD\uFFFD[\0d\0", "aws-config-malformed"],
];

for (const [name, before, code] of refused) {
  Deno.test(`a config file ${name} is not changed`, () => {
    assert.throws(() => edit(before, profile("a", { region: "s" })), { code });
  });
}

/** A generator that gives the same numbers for the same seed (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const pieces = [
  ...["[profile a]", "[profile 'a']", '[profile "b c"]', "[default]", "[profile default]", "[b]"],
  ...["[sso-session a]", "[DEFAULT]", "[services x]", "  [profile d]", "[profile d] ; x", "[]"],
  ...["region = r", "Region=r", "region =", "REGION : r", "  region = r", "\tregion = r", "x = y"],
  ...[
    "x=",
    "s3 =",
    "  y = z",
    "    more",
    "output = json",
    "  # c",
    "; c",
    "",
    "",
    "  ",
    "x = # y",
  ],
  ...["sso_region = r\x0b", "sso_region\u00a0= r", "\u00a0z = 1", "rubbish"],
];

Deno.test("every generated file is refused, or has what was wanted and all it had before", () => {
  const kinds = ["a", "default", "b c", "d"].map((name) => (settings: Record<string, string>) =>
    profile(name, settings)
  );
  let edited = 0;
  for (let seed = 0; seed < 6000; seed++) {
    const below = random(seed);
    const ends = ["\n", "\r\n", "\r"];
    const end = ends[below(10) === 0 ? below(3) : 0] ?? "\n";
    const lines = Array.from({ length: below(14) }, () => pieces[below(pieces.length)] ?? "");
    const text = ["[profile z]", ...lines].join(end) + (below(2) === 0 ? end : "");
    const wanted = [
      kinds[below(kinds.length)]?.({ region: "new", output: "text" }) ?? profile("a", {}),
      session("a", { sso_region: "new" }),
    ];
    let after: string;
    try {
      after = edit(text, ...wanted);
    } catch (error) {
      assert(error instanceof UserError, `${seed}: ${error}`);
      continue;
    }
    edited++;
    assertKept(text, after, wanted, `seed ${seed}: ${JSON.stringify({ text, after })}`);
  }
  // most of what is generated repeats a section or a key
  assert(edited > 1000, `${edited} files were edited`);
});

/** Compares by the lines alone: nothing but settings that are wanted goes or comes. */
function assertKept(before: string, after: string, wanted: WantedSection[], what: string): void {
  assert.equal(edit(after, ...wanted), after, what);
  const settings = (text: string) => {
    const config = { text, path };
    return parseAwsConfig({ config, credentials: { text: "", path: "" } });
  };
  const [one, other] = [settings(before), settings(after)];
  for (const { kind, name, settings } of wanted) {
    const section = (kind === "profile" ? other.profiles : other.ssoSessions).get(name);
    for (const [key, value] of settings) assert.equal(section?.get(key), value, what);
    for (const config of [one, other]) {
      for (const key of settings.keys()) {
        const sections = kind === "profile" ? config.profiles : config.ssoSessions;
        (sections.get(name) as Map<string, string> | undefined)?.delete(key);
      }
    }
  }
  const wantedNames = new Set(wanted.map(({ name }) => name));
  for (const kind of ["profiles", "ssoSessions", "services"] as const) {
    for (const [name, section] of one[kind]) assert.deepEqual(other[kind].get(name), section, what);
    for (const name of other[kind].keys()) {
      assert(one[kind].has(name) || wantedNames.has(name), what);
    }
  }
  const comments = (text: string) => text.split(/[\r\n]+/).filter((line) => /^\s*[#;]/.test(line));
  assert.deepEqual(comments(after), comments(before), what);
}
