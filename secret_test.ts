import assert from "node:assert/strict";
import { conceal, scrub, Secret } from "./secret.ts";

Deno.test("a secret prints as *** in every way that a value gets printed", () => {
  const secret = new Secret("never-shown-anywhere");
  const printed = [
    `${secret}`,
    String(secret),
    JSON.stringify({ secret }),
    Deno.inspect(secret),
    Deno.inspect({ nested: [secret] }),
    Object.values(secret).join(),
    JSON.stringify(Object.entries(secret)),
  ];
  for (const text of printed) assert.ok(!text.includes("never-shown"), text);
  assert.equal(`${secret}`, "***");
  assert.equal(secret.reveal(), "never-shown-anywhere");
});

Deno.test("scrub removes a secret as it is, in a URL and in JSON", () => {
  const value = 'p+ss/w"rd\\=%';
  conceal(value);
  for (const spelling of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)]) {
    assert.equal(scrub(`before ${spelling} after`), "before *** after");
  }
});

Deno.test("of two secrets, one the start of the other, nothing is left", () => {
  conceal("common-start");
  conceal("common-start-and-end");
  assert.equal(scrub("common-start-and-end"), "***");
});

Deno.test("a secret with a lone surrogate is no trouble", () => {
  conceal("broken\ud800secret");
  assert.equal(scrub("broken\ud800secret"), "***");
});

Deno.test("empty and tiny values do not garble text", () => {
  conceal("");
  conceal("a");
  conceal("   ");
  assert.equal(scrub("a banana"), "a banana");
});
