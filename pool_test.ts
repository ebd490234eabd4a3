import assert from "node:assert/strict";
import { openPool } from "./pool.ts";

Deno.test("a pool has room for as many as it was made for, in the order of the calls", async () => {
  const pool = openPool(2);
  const started: number[] = [];
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<number>());
  const works = ends.map(({ promise }, index) =>
    pool(() => {
      started.push(index);
      return promise;
    })
  );
  await Promise.resolve();
  assert.deepEqual(started, [0, 1]);
  ends[1]?.resolve(1);
  assert.equal(await works[1], 1);
  assert.deepEqual(started, [0, 1, 2]);
  for (const [index, { resolve }] of ends.entries()) resolve(index);
  assert.deepEqual(await Promise.all(works), [0, 1, 2, 3, 4]);
  assert.deepEqual(started, [0, 1, 2, 3, 4]);
});

Deno.test("work that fails leaves its room to the next", async () => {
  const pool = openPool(1);
  const failed = pool(() => Promise.reject(new Error("no")));
  const next = pool(() => Promise.resolve("done"));
  await assert.rejects(failed, /no/);
  assert.equal(await next, "done");
  assert.equal(await pool(() => Promise.resolve("free again")), "free again");
});
