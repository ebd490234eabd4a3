import assert from "node:assert/strict";
import { parseDuration, parseRoleDuration } from "./duration.ts";
import { quote, UserError } from "./errors.ts";

Deno.test("a duration is hours, minutes and seconds, or a number of seconds", () => {
  const rows = {
    "0": 0,
    "3600": 3600,
    "90s": 90,
    "15m": 900,
    "900s": 900,
    "1h": 3600,
    "12h": 43_200,
    "1h30m": 5400,
    "1h1s": 3601,
    "1h2m3s": 3723,
    "90m": 5400,
    "007": 7,
  };
  for (const [text, seconds] of Object.entries(rows)) {
    assert.equal(parseDuration(text), seconds, text);
  }
});

Deno.test("what is no duration is refused", async (t) => {
  const rows = [
    "",
    " ",
    "h",
    "m",
    "-1",
    "+1",
    "1.5h",
    "1e3",
    "0x10",
    "1d",
    "1H",
    "30m1h",
    "1h1h",
    "1h30",
    "1h 30m",
    " 1h",
    "1h\n",
    "Infinity",
    "NaN",
    "１h",
    "9".repeat(10),
    "9".repeat(1_000_000),
    "1h".repeat(500_000),
  ];
  for (const text of rows) {
    await t.step(quote(text), () => {
      assert.throws(
        () => parseDuration(text),
        (error) => error instanceof UserError && error.code === "bad-duration",
      );
    });
  }
});

Deno.test("a role session lasts 15 minutes to 12 hours", () => {
  assert.equal(parseRoleDuration("15m"), 900);
  assert.equal(parseRoleDuration("900"), 900);
  assert.equal(parseRoleDuration("12h"), 43_200);
  for (const text of ["0", "899", "14m59s", "43201", "12h1s", "13h", "1d"]) {
    assert.throws(
      () => parseRoleDuration(text),
      (error) =>
        error instanceof UserError && error.code === "bad-duration" && error.exitCode === 2,
      text,
    );
  }
});
