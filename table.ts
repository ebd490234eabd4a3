/**
 * Tables for people, on stdout: columns as wide as their longest cell, two spaces between, nothing
 * after the last. Pure.
 *
 * @module
 */

import { quoteName } from "./errors.ts";

/** The lines of a table, each with its line break. `rows` are of equal length. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const lines = [header, ...rows.map((row) => row.map(printable))];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => length(line[column]))));
  return lines.map((line) => {
    const cells = line.map((cell, column) =>
      cell + " ".repeat((widths[column] ?? 0) - length(cell))
    );
    return `${cells.join("  ").trimEnd()}\n`;
  }).join("");
}

function length(cell = ""): number {
  return [...cell].length;
}

/** What others wrote may hold line breaks, and characters that a terminal would obey. */
function printable(cell: string): string {
  return /^[^\p{C}\p{Zl}\p{Zp}]*$/u.test(cell) ? cell : quoteName(cell);
}
