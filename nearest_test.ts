import assert from "node:assert/strict";
import { nearest, nearestNames } from "./nearest.ts";

const candidates = ["account", "region", "role", "json"];

for (
  const [word, match] of [
    ["acount", "account"],
    ["REGOIN", "region"],
    ["rol", "role"],
    ["zzz", undefined],
    ["", undefined],
    ["x".repeat(100_000), undefined],
  ] as const
) {
  Deno.test(`the candidate nearest to "${word.slice(0, 10)}" is ${match ?? "none"}`, () => {
    assert.equal(nearest(word, candidates), match);
  });
}

Deno.test("nothing is near where there are no candidates", () => {
  assert.equal(nearest("account", []), undefined);
});

Deno.test("at most five names are listed, the most alike first", () => {
  const names = nearestNames("dev", ["prod", "dev2", "staging", "Dev", "test", "x", "y"]);
  assert.equal(names.length, 5);
  assert.deepEqual(names.slice(0, 2), ["Dev", "dev2"]);
});
