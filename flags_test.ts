import assert from "node:assert/strict";
import { flags } from "./flags.ts";

Deno.test("no flag is listed twice", () => {
  const names = flags.flatMap(({ name, short }) => short === undefined ? [name] : [name, short]);
  assert.deepEqual([...new Set(names)], names);
});
