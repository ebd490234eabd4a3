import assert from "node:assert/strict";
import { AwsFault } from "./aws_fault.ts";
import { answer, hostRegion, identify, refusal } from "./protocol.ts";

const hosts: [host: string, region: string | undefined][] = [
  ["api.ecr.eu-west-1.amazonaws.com", "eu-west-1"],
  ["api.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"],
  ["ecr.cn-north-1.api.amazonwebservices.com.cn", "cn-north-1"],
  ["sts.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"],
  ["sts.amazonaws.com", "us-east-1"],
  ["127.0.0.1:1234", undefined],
];
for (const [host, region] of hosts) {
  Deno.test(`requests to ${host} are signed for ${region ?? "any region"}`, () => {
    assert.equal(hostRegion(host), region);
  });
}

Deno.test("values in XML are escaped", async () => {
  const body = await answer({ service: "sts", operation: "Do", params: {} }, { A: "<&>" }).text();
  assert.match(
    body,
    /<DoResponse xmlns=".*"><DoResult><A>&lt;&amp;&gt;<\/A><\/DoResult><ResponseMeta/,
  );
});

Deno.test("a refusal is written as its service writes it", async () => {
  const fault = new AwsFault(400, "AuthorizationPendingException", "wait");
  const json = await refusal("ecr", fault).json();
  assert.deepEqual(json, { __type: "AuthorizationPendingException", message: "wait" });
  const oauth = await refusal("sso-oidc", fault).json();
  assert.deepEqual(oauth, { error: "authorization_pending", error_description: "wait" });
  assert.match(
    await refusal("sts", fault).text(),
    /<Type>Sender<\/Type><Code>AuthorizationPending/,
  );
});

Deno.test("an STS operation may be asked for by GET", () => {
  const url = "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15";
  const request = { method: "GET", url, headers: new Headers(), body: new Uint8Array() };
  assert.equal(identify(request)?.operation, "GetCallerIdentity");
});
