/** A program that lies in the folder one is in is not the tool, whatever PATH says. */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { runCli } from "./testing/cli.ts";
import { tempHome } from "./testing/temp_home.ts";

const windows = Deno.build.os === "windows"; // the dockers here are shell scripts

for (const entry of ["", ".", "./"]) {
  Deno.test(`a docker in the current folder gets no password with PATH "${entry}:…"`, {
    ignore: windows,
  }, async () => {
    await using aws = await startAws();
    await using home = await tempHome();
    await home.writeProgram("bin/docker", "#!/bin/sh\ncat > /dev/null\n");
    await home.writeProgram("checkout/docker", '#!/bin/sh\ncat > "$HOME/stolen"\n');
    const { code, stderr } = await runCli(["--region", "eu-west-1"], {
      env: {
        ...aws.env(),
        ...aws.keys.env(),
        PATH: `${entry}:${home.at("bin")}:${Deno.env.get("PATH")}`,
      },
      home: home.path,
      cwd: home.at("checkout"),
    });
    assert.equal(code, 0, stderr);
    assert.equal(await home.exists("stolen"), false);
  });
}
