/**
 * A defect of ecrin's own is shown as one, and is blamed on nobody else.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { runCli, tempHome } from "./testing/cli.ts";
import { userEnv } from "./testing/ecrin.ts";

const region = "eu-west-1";

Deno.test("a bug has its stack shown, and where to report it", async () => {
  await using aws = await startAws();
  await using home = await tempHome({
    "broken.ts":
      `Date.prototype.getHours = () => { throw new RangeError("out \\x1b]0;x\\x07of \\x1b[31morder"); };`,
  });
  const { code, stdout, stderr } = await runCli(
    ["--region", region, "--tool", "file", "--json", "--timeout", "1m"],
    {
      home: home.path,
      env: userEnv(aws),
      denoArgs: ["-A", "--preload", home.at("broken.ts")],
    },
  );
  assert.equal(code, 1, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, /^ecrin: bug: RangeError: out of order$/m);
  assert.match(stderr, /^ {4}at .*\.ts:\d+:\d+/m);
  assert.match(stderr, /^ecrin: hint: please report this .* with ecrin \d.* and Deno \d.*$/m);
});

Deno.test("a bug in the middle of a request is not blamed on AWS", async () => {
  await using aws = await startAws();
  await using home = await tempHome({
    "broken.ts": `Date.prototype.toISOString = () => { throw new RangeError("out of order"); };`,
  });
  const { code, stderr } = await runCli(["--region", region, "--tool", "file"], {
    home: home.path,
    env: userEnv(aws),
    denoArgs: ["-A", "--preload", home.at("broken.ts")],
  });
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^ecrin: bug: RangeError: out of order$/m);
});
