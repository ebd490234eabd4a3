/** What opens a page: BROWSER, and without it the system's own browser, by a real opener. */

import assert from "node:assert/strict";
import { hasScreen, namedBrowsers } from "./browser.ts";
import { runCli, type TempHome, tempHome } from "./testing/cli.ts";

const url = "https://x.awsapps.com/authorize?a=1&b=%s$&'";
const screen = { DISPLAY: ":0" };
const none = () => false;

const cases: [
  name: string,
  os: string,
  env: Record<string, string>,
  commands: string[][] | undefined,
][] = [
  ["no BROWSER", "linux", screen, undefined],
  ["an empty BROWSER", "linux", { ...screen, BROWSER: "" }, undefined],
  ["BROWSER", "linux", { ...screen, BROWSER: "firefox" }, [["firefox", url]]],
  ["BROWSER without a screen", "linux", { BROWSER: "w3m" }, [["w3m", url]]],
  ["BROWSER on macOS", "darwin", { BROWSER: "/opt/b" }, [["/opt/b", url]]],
  ["a BROWSER that says where the page goes", "linux", { BROWSER: "b --new=%s -x &" }, [
    ["b", `--new=${url}`, "-x"],
  ]],
  ["a BROWSER with quotes", "linux", { BROWSER: `"/opt/my b" --p='a b'` }, [
    ["/opt/my b", "--p=a b", url],
  ]],
  ["a BROWSER with two", "linux", { BROWSER: "a:b %s:" }, [["a", url], ["b", url]]],
  ["a BROWSER with a drive", "windows", { BROWSER: "C:/b.exe;D:/c.exe" }, [
    ["C:/b.exe", url],
    ["D:/c.exe", url],
  ]],
];

for (const [name, os, env, commands] of cases) {
  Deno.test(`the browser of ${name}`, () => {
    assert.deepEqual(namedBrowsers(url, { env, os, isFile: none }), commands);
  });
}

Deno.test("a BROWSER that is the path of a file is taken whole", () => {
  const BROWSER = "/opt/my browser:1/run";
  const isFile = (path: string) => path === BROWSER;
  const commands = namedBrowsers(url, { env: { BROWSER }, os: "linux", isFile });
  assert.deepEqual(commands, [[BROWSER, url]]);
});

const screens: [os: string, env: Record<string, string>, expected: boolean][] = [
  ["linux", screen, true],
  ["linux", { WAYLAND_DISPLAY: "wayland-0" }, true],
  ["linux", { WSL_DISTRO_NAME: "Debian" }, true],
  ["linux", { WSL_INTEROP: "/run/WSL/8_interop" }, true],
  ["linux", { DISPLAY: "", TERM: "xterm" }, false],
  ["darwin", {}, true],
  ["windows", {}, true],
];

for (const [os, env, expected] of screens) {
  Deno.test(`${os} with ${JSON.stringify(env)} has ${expected ? "a" : "no"} screen`, () => {
    assert.equal(hasScreen({ env, os }), expected);
  });
}

/** A home with a browser that writes down what it was given, and an xdg-open that is the same. */
async function homeWithBrowser(): Promise<TempHome> {
  const home = await tempHome({
    "open.ts": `
      import { openInBrowser } from ${JSON.stringify(new URL("browser.ts", import.meta.url).href)};
      import { realSystem } from ${JSON.stringify(new URL("system.ts", import.meta.url).href)};
      const terminal = { detail: (line) => console.error(line) };
      const { signal } = new AbortController();
      console.log(await openInBrowser(Deno.args[0], { system: realSystem(), signal, terminal }));
      console.log(Deno.env.get("AWS_SECRET_ACCESS_KEY"));
    `,
  });
  const browser = `#!/bin/sh
echo junk; echo junk >&2
env > ${home.at("env")}
cut -d" " -f6 /proc/$$/stat > ${home.at("session")}
echo "$@" > ${home.at("args.new")}
mv ${home.at("args.new")} ${home.at("args")}
while [ -e ${home.at("args")} ] && [ ! -e ${home.at("closed")} ]; do sleep 0.05; done
: > ${home.at("ended")}
`;
  await home.writeProgram("bin/x-www-browser", browser);
  await home.writeProgram("bin/xdg-open", browser);
  return home;
}

/** The environment of a desktop that has no browser of its own. */
function desktop(home: TempHome): Record<string, string> {
  return {
    DISPLAY: ":99",
    PATH: `${home.at("bin")}:${Deno.env.get("PATH")}`,
    XDG_CONFIG_DIRS: home.path,
    XDG_DATA_DIRS: home.path,
    AWS_SECRET_ACCESS_KEY: "not-a-secret-key",
    AWS_SESSION_TOKEN: "not-a-session-token",
    DOCKER_AUTH_CONFIG: `{"auths":{"ghcr.io":{"auth":"not-a-login"}}}`,
    AWS_REGION: "eu-west-1",
  };
}

const linux = { ignore: Deno.build.os !== "linux" };

/** The permissions that a binary has, as flags. */
const compiled = ["env", "ffi", "import", "net", "read", "run", "sys", "write"].map((kind) =>
  `--allow-${kind}`
);

const opens = [
  ["with all permissions", ["-A"]],
  ["with a binary's permissions", compiled],
] as const;

for (const [name, permissions] of opens) {
  Deno.test(
    `the browser gets the page, no secret, and outlives ecrin, ${name}`,
    linux,
    async () => {
      await using home = await homeWithBrowser();
      const { stdout, stderr } = await runCli([url], {
        home: home.path,
        script: home.at("open.ts"),
        env: desktop(home),
        denoArgs: [...permissions],
      });
      try {
        // by the xdg-open of the package, and x-www-browser
        assert.equal(stderr, "opened the page with the system's browser\n");
        assert.equal(stdout, "true\nnot-a-secret-key\n", "its own environment is as it was");
        while (!await home.exists("args")) await new Promise((resolve) => setTimeout(resolve, 10));
        assert.equal(await home.read("args"), `${url}\n`);
        assert.doesNotMatch(await home.read("env"), /not-a-/);
        assert.match(await home.read("env"), /^AWS_REGION=eu-west-1$/m);
        const ownSession = (await Deno.readTextFile("/proc/self/stat")).split(" ")[5];
        assert.notEqual((await home.read("session")).trim(), ownSession, "a hangup would end it");
        assert.ok(!await home.exists("ended"));
      } finally {
        await home.write("closed", "");
      }
      while (!await home.exists("ended")) await new Promise((resolve) => setTimeout(resolve, 10));
    },
  );
}

const opensNothing: [
  name: string,
  said: string,
  options: { env?: Record<string, string>; denoArgs?: string[] },
][] = [
  ["without a screen", "there is no screen to open a browser on", { env: { DISPLAY: "" } }],
  [
    "with a BROWSER that fails",
    "could not open the page with false: it ended with exit code 1",
    { env: { BROWSER: "false" } },
  ],
  [
    "under the permission set",
    "could not open the page with the system's browser: Deno was started without the permission",
    { denoArgs: ["-P"] },
  ],
];

for (const [name, said, { env, denoArgs = ["-A"] }] of opensNothing) {
  Deno.test(`the system's browser is not tried ${name}`, linux, async () => {
    await using home = await homeWithBrowser();
    const { stdout, stderr } = await runCli([url], {
      home: home.path,
      script: home.at("open.ts"),
      env: { ...desktop(home), ...env },
      denoArgs,
    });
    assert.equal(stderr, `${said}\n`);
    assert.equal(stdout, "false\nnot-a-secret-key\n");
    assert.ok(!await home.exists("args"));
  });
}

Deno.test("a system without a browser is said", linux, async () => {
  await using home = await homeWithBrowser();
  const script = home.at("open.ts");
  // every program is out of reach, and with them all browsers
  const env = { ...desktop(home), PATH: home.at("nothing") };
  const { stdout, stderr } = await runCli([url], { home: home.path, script, env });
  assert.match(stderr, /^could not .* the system's browser: it ended with exit code \d+\n$/);
  assert.equal(stdout, "false\nnot-a-secret-key\n");
});
