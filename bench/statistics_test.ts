import assert from "node:assert/strict";
import { median, ratio, summarize } from "./statistics.ts";

Deno.test("the median is the middle value, or the mean of the two in the middle", () => {
  assert.equal(median([3]), 3);
  assert.equal(median([9, 1, 2]), 2);
  assert.equal(median([10, 1, 4, 2]), 3);
});

Deno.test("a summary holds the median, the least and the most", () => {
  assert.deepEqual(summarize([5, 1, 9]), { median: 5, min: 1, max: 9 });
});

Deno.test("a ratio compares the runs of the same round", () => {
  assert.equal(ratio([10, 40, 90], [20, 80, 90]), 0.5);
});
