import assert from "node:assert/strict";
import { formatTable } from "./table.ts";

Deno.test("columns are as wide as their longest cell, and lines end with their text", () => {
  assert.equal(
    formatTable(["NAME", "B"], [["a", "1"], ["größer", ""]]),
    "NAME    B\na       1\ngrößer\n",
  );
});

Deno.test("without rows there is the header", () => {
  assert.equal(formatTable(["A", "B"], []), "A  B\n");
});

Deno.test("a cell is on one line, without what a terminal would obey", () => {
  assert.equal(formatTable(["A"], [["a\nb"], ["\x1b[2J"]]), 'A\n"a\\nb"\n"\\u001b[2J"\n');
});
