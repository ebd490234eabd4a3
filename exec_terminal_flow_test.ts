/**
 * `ecrin exec` on a real terminal: what is typed there is the command's.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import type { RunningCli, TempHome } from "./testing/cli.ts";
import { userEnv } from "./testing/ecrin.ts";
import { homeWithTmp, leftBehind } from "./testing/left_behind.ts";
import { onTerminal, startOnTerminal } from "./testing/on_terminal.ts";

/** Says what it is sent, until it reads a line or there is the file `end`; cannot be interrupted. */
const listener = `#!/bin/sh
trap 'echo got INT' INT
trap 'echo got QUIT' QUIT
trap 'echo got WINCH' WINCH
trap 'echo got CONT' CONT
for stream in 0 1 2; do test -t $stream && echo "terminal $stream"; done
echo ready
while [ ! -e "$HOME/end" ]; do sleep 0.05; done
exit 42
`;

interface Stage extends AsyncDisposable {
  aws: FakeAws;
  home: TempHome;
  cli: RunningCli;
}

/** Runs a command under `ecrin exec` on a terminal; `shell` is around it. */
async function start(
  command: string[],
  shell?: string,
): Promise<Stage> {
  await using made = new AsyncDisposableStack();
  const aws = made.use(await startAws());
  const home = made.use(await homeWithTmp());
  await home.writeProgram("listener", listener);
  const cli = made.use(
    await startOnTerminal(["exec", "--region", "eu-west-1", "--", ...command], {
      home: home.path,
      env: { ...userEnv(aws), TMPDIR: home.at("tmp") },
      ...(shell === undefined ? {} : { shell }),
    }),
  );
  const kept = made.move();
  return { aws, home, cli, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** How often a line is on the screen. */
function count(screen: string, line: string): number {
  return screen.split(/\r?\n/).filter((other) => other.replace(/^(?:\^.)+/, "") === line).length;
}

/** The shells' parts of the command line are not to be ended by the keys. */
const spared = "trap : INT QUIT";
const shells: readonly (readonly [what: string, shell: string, streams: readonly number[]])[] = [
  ["the terminal", `${spared}; ECRIN; echo ended $?`, [0, 1, 2]],
  ["a pipe before it", `${spared}; : | { ${spared}; ECRIN; echo ended $?; }`, [1, 2]],
  [
    "pipes around it",
    `${spared}; : | { ${spared}; ECRIN 2>&1; echo ended $?; } | (trap '' INT QUIT; exec cat)`,
    [],
  ],
];
for (const [what, shell, streams] of shells) {
  Deno.test({
    name: `with ${what} a key that signals reaches the command once, and ecrin waits for it`,
    ...onTerminal,
    fn: async () => {
      await using stage = await start(["./listener"], shell);
      const { cli, home, aws } = stage;
      const seen = await cli.waitFor("stdout", "ready");
      assert.deepEqual([...seen.matchAll(/terminal (\d)/g)].map(([, n]) => Number(n)), streams);
      await cli.write("\x03");
      await cli.waitFor("stdout", "got INT");
      await cli.write("\x1c");
      await cli.waitFor("stdout", "got QUIT");
      await cli.write("\x03");
      await cli.waitFor("stdout", /got INT[^]*got INT/);
      await home.write("end", "");
      const { stdout } = await cli.result();
      assert.match(stdout, /ended 42/);
      assert.deepEqual([count(stdout, "got INT"), count(stdout, "got QUIT")], [2, 1], stdout);
      assert.deepEqual(await leftBehind(aws, home), []);
    },
  });
}

Deno.test({
  name: "keys that end the command end ecrin with the signal's exit code",
  ...onTerminal,
  fn: async (t) => {
    for (const [key, code] of [["\x03", 130], ["\x1c", 131]] as const) {
      await t.step(String(code), async () => {
        await using stage = await start(
          ["sh", "-c", "echo ready; exec sleep 60"],
          "trap : INT QUIT; ECRIN; echo ended $?",
        );
        const { cli, home, aws } = stage;
        await cli.waitFor("stdout", "ready");
        await cli.write(key);
        assert.match((await cli.result()).stdout, new RegExp(`ended ${code}`));
        assert.deepEqual(await leftBehind(aws, home), []);
      });
    }
  },
});

Deno.test({
  name: "Ctrl-Z stops both, and fg goes on with both",
  ...onTerminal,
  fn: async () => {
    await using stage = await start(
      ["./listener"],
      "set -m; ECRIN; echo stopped $?; fg >/dev/null; echo ended $?",
    );
    const { cli, home, aws } = stage;
    await cli.waitFor("stdout", "ready");
    await cli.write("\x1a");
    await cli.waitFor("stdout", "stopped 148");
    await cli.waitFor("stdout", "got CONT");
    await home.write("end", "");
    const { stdout } = await cli.result();
    assert.match(stdout, /ended 42/);
    assert.deepEqual(await leftBehind(aws, home), []);
  },
});

Deno.test({
  name: "the command has the terminal: its lines, its settings, its size and changes of it",
  ...onTerminal,
  fn: async () => {
    const script = "trap 'stty size' WINCH; stty rows 31 cols 77; stty -echo; echo ready; " +
      'read line; echo "read: $line"; stty echo; tty';
    await using stage = await start(["sh", "-c", script]);
    const { cli } = stage;
    await cli.waitFor("stdout", "ready");
    await cli.write("typed\n");
    const { stdout } = await cli.result();
    assert.match(stdout, /^31 77\r$/m);
    assert.match(stdout, /^read: typed\r$/m);
    assert.equal(stdout.match(/typed/g)?.length, 1);
    assert.match(stdout, /^\/dev\/\w+/m);
  },
});

Deno.test({
  name: "a shell in the command controls jobs of its own",
  ...onTerminal,
  fn: async () => {
    const script = "set -m; sh -c 'kill -STOP $$; echo resumed'; fg >/dev/null; exit 4";
    await using stage = await start(["sh", "-c", script], "ECRIN; echo ended $?");
    assert.match((await stage.cli.result()).stdout, /resumed\r\n(?:[^]*\n)?ended 4\r/);
  },
});
