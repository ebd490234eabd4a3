import assert from "node:assert/strict";
import { stsRegion } from "./clients.ts";
import type { Source } from "./profiles.ts";
import { checkHops, type RoleHop } from "./role_hops.ts";
import { failure as errorOf } from "./testing/user_errors.ts";

const user: Source = { kind: "environment", profile: undefined };
const container: Source = { kind: "container", profile: undefined };
const hop: RoleHop = { profile: undefined, roleArn: "arn:aws:iam::222222222222:role/deploy" };

Deno.test("a long session is refused for a role that a role's session assumes", () => {
  const long = { ...hop, durationSeconds: 7200 };
  checkHops(user, [long]);
  assert.equal(errorOf(() => checkHops(user, [hop, long])).code, "duration-too-long");
  assert.equal(errorOf(() => checkHops(container, [long])).code, "duration-too-long");
});

Deno.test("STS is asked in the first region of the role's own partition", () => {
  const role = (partition: string) => `arn:${partition}:iam::222222222222:role/x`;
  assert.equal(stsRegion(role("aws"), [undefined, "eu-west-1", "us-east-1"]), "eu-west-1");
  assert.equal(stsRegion(role("aws-cn"), ["eu-west-1", "cn-north-1"]), "cn-north-1");
  assert.equal(stsRegion(role("aws"), []), "us-east-1");
  assert.equal(errorOf(() => stsRegion(role("aws-cn"), ["eu-west-1"])).code, "region-needed");
});
