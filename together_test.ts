import assert from "node:assert/strict";
import { openTogether } from "./together.ts";

Deno.test("what comes while the first is being done goes in together", async () => {
  const batches: number[][] = [];
  const together = openTogether<number>(async (items) => {
    batches.push([...items]);
    await new Promise((resolve) => setTimeout(resolve));
  }, () => false);
  await Promise.all([1, 2, 3, 4].map(together));
  await together(5);
  assert.deepEqual(batches, [[1], [2, 3, 4], [5]]);
});

for (const ofOne of [true, false]) {
  const others = ofOne ? "fails alone" : "fails with the others where it is not about one";
  Deno.test(`one of several that cannot be done ${others}`, async () => {
    const together = openTogether<number>((items) => {
      return items.includes(3) ? Promise.reject(new Error("not 3")) : Promise.resolve();
    }, () => ofOne);
    const ended = await Promise.allSettled([1, 2, 3, 4].map(together));
    assert.deepEqual(
      ended.map(({ status }) => status === "fulfilled"),
      ofOne ? [true, true, false, true] : [true, false, false, false],
    );
  });
}
