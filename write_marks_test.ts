import assert from "node:assert/strict";
import { isDisturbed, isQuiet, markFor } from "./write_marks.ts";

const start = 1_800_000_000_000;

Deno.test("a file that ecrin alone writes is quiet, and takes its time from the clock", () => {
  const mark = markFor(undefined, start + 1234);
  assert.equal(mark, start + 2000);
  assert.equal(isQuiet(mark), true);
  assert.equal(markFor(mark, start + 5678), start + 6000);
  assert.equal(isDisturbed(mark, start), false);
});

Deno.test("a write of another program is told from those before the start", () => {
  assert.equal(isQuiet(start + 345), false);
  assert.equal(isDisturbed(start + 345, start), true);
  assert.equal(isDisturbed(start + 345, start + 346), false);
});

Deno.test("what another program wrote is passed on by all that write after it", () => {
  const foreign = start + 345;
  let mark = foreign;
  for (const later of [400, 900, 1500, 2800]) {
    mark = markFor(mark, start + later);
    assert.equal(isQuiet(mark), false, `${later}`);
    assert.equal(isDisturbed(mark, start), true, `${later}`);
    assert.equal(isDisturbed(mark, start + 600), false, `${later}`);
  }
  assert.equal(isQuiet(markFor(mark, start + 6000)), true, "in the end it is forgotten");
});

Deno.test("of what was written before the start little is taken for later", () => {
  for (let foreign = start; foreign < start + 2000; foreign += 37) {
    const mark = markFor(foreign, foreign + 700);
    assert.equal(isDisturbed(mark, foreign + 1), false, `${foreign}`);
    assert.equal(isDisturbed(mark, foreign - 250), foreign % 1000 > 20, `${foreign}`);
  }
});
