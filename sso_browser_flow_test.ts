/** `ecrin sso login` in a real browser: it is opened, agrees, and shows the landing page. */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import {
  type CliOptions,
  requirePrograms,
  startCli,
  type TempHome,
  tempHome,
} from "./testing/cli.ts";
import { sessionFile } from "./testing/sso_home.ts";

const config = `[sso-session corp]
sso_start_url = https://x.awsapps.com/start
sso_region = us-east-1
`;

/** A headless Chromium that writes down the page that it ended at, as a browser has it by then. */
async function chromium(home: TempHome): Promise<string> {
  return await home.writeProgram(
    "bin/browser",
    `#!/bin/sh
chromium --headless --no-sandbox --enable-logging=stderr --disable-gpu --user-data-dir=${
      home.at("chromium")
    } \\
  --virtual-time-budget=5000 --dump-dom "$1" > ${home.at("dom.part")} 2> ${home.at("chromium.log")}
mv ${home.at("dom.part")} ${home.at("dom.html")}
`,
  );
}

/** A port that was free just now. */
function freePort(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return String(listener.addr.port);
}

for (
  const [name, deny, code, title] of [
    ["agrees", false, 0, "You are signed in"],
    ["denies", true, 4, "Sign-in denied"],
  ] as const
) {
  Deno.test(`a person who ${name} in a browser reads so there, and in the terminal`, {
    ignore: Deno.build.os === "windows" || !requirePrograms(["chromium"]),
  }, async () => {
    await using aws = await startAws();
    aws.sso.deny = deny;
    await using home = await tempHome({ ".aws/config": config });
    const options: CliOptions = {
      home: home.path,
      stdin: "",
      env: { ...aws.env(), BROWSER: await chromium(home) },
    };
    // with a port, since in a container ecrin would take a device code
    const args = ["sso", "login", "--sso-session", "corp", "--port", freePort()];
    await using cli = await startCli(args, options);
    const result = await cli.result();
    // the browser outlives ecrin
    while (!await home.exists("dom.html")) await new Promise((resolve) => setTimeout(resolve, 10));
    const dom = await home.read("dom.html");
    assert(dom.includes(`<h1>${title}</h1>`), `${dom}\n${await home.read("chromium.log")}`);
    assert.match(dom, /close this window/);
    // the console: the page's own style and script are let through
    assert.doesNotMatch(await home.read("chromium.log"), /CONSOLE|Content.Security.Policy/);
    assert.doesNotMatch(dom, /not-a-|code=|state=/);
    assert.equal(result.code, code, result.stderr);
    assert.equal(result.stdout, "");
    assert.doesNotMatch(result.stderr.replaceAll(/client_id=[^&]*/g, ""), /not-a-/);
    assert.equal(await home.exists(sessionFile), !deny);
    if (!deny) {
      const { accessToken } = JSON.parse(await home.read(sessionFile));
      assert(aws.sso.tokens.has(accessToken));
    }
  });
}
