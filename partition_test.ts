import assert from "node:assert/strict";
import { quote } from "./errors.ts";
import { parseRegion, partitionOf, partitions } from "./partition.ts";
import { assertWellSaid, failure, regions } from "./testing/user_errors.ts";

Deno.test("a region is known by its shape and belongs to one partition", () => {
  for (const [region, partition] of Object.entries(regions)) {
    assert.equal(parseRegion(region), region);
    assert.equal(partitionOf(region).name, partition);
    assert.equal(partitions.filter((p) => p.regionPattern.test(region)).length, 1, region);
  }
});

Deno.test("what has not the shape of a region is refused", async (t) => {
  const rows = [
    "",
    "us",
    "us-east",
    "us-east-",
    "us-east-0",
    "us-east-123",
    "us-east-1a",
    "US-EAST-1",
    "us-east-1\n",
    "\nus-east-1",
    "us-east-1 ",
    "us-east-1\0",
    "us-east-1.evil.com",
    "us-east-1/",
    "us-east-1/x",
    "us-east-1#",
    "us-east-1@evil.com",
    "us-east-1:443",
    "evil.com/us-east-1",
    "../x",
    "us-gov-moon-1",
    "aws-global",
    "xx-east-1",
    "cn-north-1.amazonaws.com.cn",
    "us-ea\u017ft-1",
    "us\u2010east\u20101",
    "us-east-\u0661",
    "us-" + "east".repeat(250_000) + "-1",
  ];
  for (const text of rows) {
    await t.step(quote(text), () => {
      const error = failure(() => parseRegion(text));
      assert.equal(error.code, "bad-region");
      assertWellSaid(error);
    });
  }
});

Deno.test("a misspelt region is answered with the nearest one", () => {
  const rows = {
    "us-esat-1": "us-east-1",
    "us-east1": "us-east-1",
    "US-EAST-1": "us-east-1",
    "us-east-1a": "us-east-1",
    "eu-centrl-1": "eu-central-1",
    "us-gov-wset-1": "us-gov-west-1",
  };
  for (const [text, region] of Object.entries(rows)) {
    assert.equal(failure(() => parseRegion(text)).hint, `did you mean ${region}?`);
  }
});
