import assert from "node:assert/strict";
import { canSample, sampleChildren } from "./proc.ts";

const ignore = !canSample();

Deno.test({
  name: "arguments and environments of children and their children are seen",
  ignore,
  fn: async () => {
    await using sampler = await sampleChildren();
    // the inner shell waits for its input, which ends only when this test wants it to
    const process = new Deno.Command("sh", {
      args: ["-c", "sh -c 'echo ready; read line' inner-argument; echo done"],
      env: { ECRIN_SAMPLED: "from-the-environment" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const reader = process.stdout.getReader();
    await reader.read();
    const seen = await sampler.stop();
    const writer = process.stdin.getWriter();
    await writer.close();
    while (!(await reader.read()).done);
    await process.status;

    const inner = seen.find(({ argv }) => argv.at(-1) === "inner-argument");
    assert(inner !== undefined, JSON.stringify(seen.map(({ argv }) => argv)));
    assert.equal(inner.parent, process.pid);
    assert(inner.environ.includes("ECRIN_SAMPLED=from-the-environment"));
    assert.equal(await sampler.stop(), seen);
  },
});

Deno.test({
  name: "a process that has no children shows nothing",
  ignore,
  fn: async () => {
    await using sampler = await sampleChildren(999_999_999);
    assert.deepEqual(await sampler.stop(), []);
  },
});
