import assert from "node:assert/strict";
import { UserError } from "./errors.ts";
import { requirePrograms } from "./testing/cli.ts";
import { needs } from "./testing/docker_config.ts";
import { changeLines, type Format, parseFormat, shellFormat, usageOf } from "./shell_syntax.ts";

/** Values that break what is quoted carelessly. */
const hostile: readonly string[] = [
  "plain",
  "",
  "two words",
  "a'b",
  `a"b`,
  "''",
  "'; touch hacked; '",
  "$(touch hacked)",
  "`touch hacked`",
  "$HOME ${HOME} !! !1 #no ~",
  "a\\b\\",
  "\\'",
  "\\\\'",
  "* ? [a]",
  "tab\there",
  "line\nbreak\n",
  "-n",
  "%s %n",
  "grün 🦕",
  "‘’‚‛“”",
  "&|<>();{}=+/",
  "x".repeat(5000),
];

/** Prints the value between marks, byte for byte. */
const shells: readonly (readonly [program: string, format: Format, print: string])[] = [
  ["sh", "sh", `printf '<%s>' "$VALUE"`],
  ["dash", "sh", `printf '<%s>' "$VALUE"`],
  ["bash", "sh", `printf '<%s>' "$VALUE"`],
  ["zsh", "sh", `printf '<%s>' "$VALUE"`],
  ["fish", "fish", `printf '<%s>' "$VALUE"`],
  ["pwsh", "powershell", `[Console]::Out.Write("<$env:VALUE>")`],
];
/** How a person takes the lines up, by format. */
const takeUp: Readonly<Partial<Record<Format, string>>> = {
  sh: `eval "$(cat changes)"`,
  fish: `cat changes | source`,
  powershell: `Get-Content -Raw changes | Invoke-Expression`,
};

async function shell(program: string, script: string, cwd: string): Promise<string> {
  const home = { HOME: cwd, PATH: Deno.env.get("PATH") ?? "" };
  const { stdout, stderr } = await new Deno.Command(program, {
    args: ["-c", script],
    cwd,
    clearEnv: true,
    env: { ...home, STALE: "stale", LC_ALL: "C.UTF-8" },
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout);
}

for (const [program, format, print] of shells) {
  const optional = program === "pwsh" || program === "dash";
  Deno.test({
    name: `${program} takes up every value as it is`,
    ignore: optional ? !needs(program, await isInstalled(program)) : !requirePrograms([program]),
    fn: async () => {
      const folder = await Deno.makeTempDir();
      try {
        for (const value of hostile) {
          const lines = changeLines(format, { set: { VALUE: value }, unset: ["STALE", "NEVER"] });
          await Deno.writeTextFile(`${folder}/changes`, lines ?? "");
          const stale = format === "powershell" ? "" : `; printf '<%s>' "$STALE"`;
          const said = await shell(program, `${takeUp[format]}; ${print}${stale}`, folder);
          assert.equal(said, `<${value}>${stale === "" ? "" : "<>"}`);
        }
        const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
        assert.ok(!names.includes("hacked"), names.join());
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

async function isInstalled(program: string): Promise<boolean> {
  try {
    await new Deno.Command(program, { args: ["-c", "exit"], stdout: "null", stderr: "null" })
      .output();
    return true;
  } catch {
    return false;
  }
}

Deno.test("a dotenv file has quotes only where they are needed, and no line breaks", () => {
  const lines = changeLines("dotenv", { set: { A: "x+/=", B: "a b$c" }, unset: ["C"] });
  assert.equal(lines, "A=x+/=\nB='a b$c'\n");
  for (const value of ["a'b", "a\nb"]) {
    assert.throws(() => changeLines("dotenv", { set: { A: value }, unset: [] }), UserError);
  }
});

Deno.test("formats go by the names of their shells, and a misspelt one gets a suggestion", () => {
  assert.equal(parseFormat("zsh"), "sh");
  assert.equal(parseFormat("pwsh"), "powershell");
  assert.throws(() => parseFormat("dotnev"), { hint: "did you mean: --format dotenv?" });
  const shells = ["/bin/bash", "/usr/bin/fish", "C:\\pwsh.exe", undefined, "/bin/tcsh"];
  assert.deepEqual(shells.map(shellFormat), ["sh", "fish", "powershell", "sh", "sh"]);
  assert.equal(usageOf("fish", "ecrin env"), "ecrin env | source");
});
