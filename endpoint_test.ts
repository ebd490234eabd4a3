import assert from "node:assert/strict";
import { ECRClient } from "@aws-sdk/client-ecr";
import { ECRPUBLICClient } from "@aws-sdk/client-ecr-public";
import { SSOClient } from "@aws-sdk/client-sso";
import { SSOOIDCClient } from "@aws-sdk/client-sso-oidc";
import { STSClient } from "@aws-sdk/client-sts";
import { endpoint, type Service } from "./endpoint.ts";
import { failure, regions } from "./testing/user_errors.ts";

Deno.test("ECR Public has an API in us-east-1 only", () => {
  assert.equal(
    endpoint("ecr-public", "us-east-1"),
    "https://api.ecr-public.us-east-1.amazonaws.com",
  );
  for (const region of ["eu-west-1", "cn-north-1", "us-gov-west-1"]) {
    assert.equal(failure(() => endpoint("ecr-public", region)).code, "bad-region");
  }
});

Deno.test("no endpoint is made of an unchecked region", () => {
  assert.equal(failure(() => endpoint("sts", "us-east-1.evil.com/")).code, "bad-region");
});

Deno.test("FIPS is ignored for IAM Identity Center outside GovCloud", () => {
  for (const service of ["sso", "sso-oidc"] as const) {
    assert.equal(
      endpoint(service, "eu-west-1", { fips: true }),
      endpoint(service, "eu-west-1"),
    );
    assert.notEqual(
      endpoint(service, "us-gov-west-1", { fips: true, dualStack: true }),
      endpoint(service, "us-gov-west-1", { dualStack: true }),
    );
  }
});

/** What a client of the SDK finds endpoints with; asking it sends nothing. */
type Resolver = (parameters: {
  Region: string;
  UseFIPS: boolean;
  UseDualStack: boolean;
  UseGlobalEndpoint: boolean;
}) => { url: URL };

/** The endpoint resolver of each service's client. */
function sdkResolvers(): Record<Service, Resolver> {
  const settings = {
    region: "us-east-1",
    // the default one starts to read the AWS configuration of whoever runs the tests at once
    requestHandler: { handle: () => Promise.reject(new Error("a request was sent")) },
  };
  const resolver = (client: { config: unknown }): Resolver =>
    (client.config as { endpointProvider: Resolver }).endpointProvider;
  return {
    "ecr": resolver(new ECRClient(settings)),
    "ecr-public": resolver(new ECRPUBLICClient(settings)),
    "sts": resolver(new STSClient(settings)),
    "sso": resolver(new SSOClient(settings)),
    "sso-oidc": resolver(new SSOOIDCClient(settings)),
  };
}

Deno.test("endpoints are the SDK's, for every service, partition and variant", () => {
  const resolvers = sdkResolvers();
  let compared = 0;
  for (const [service, resolve] of Object.entries(resolvers) as [Service, Resolver][]) {
    for (const [region, partition] of Object.entries(regions)) {
      if (service === "ecr-public" && region !== "us-east-1") continue;
      for (const fips of [false, true]) {
        for (const dualStack of [false, true]) {
          const identityCenter = service === "sso" || service === "sso-oidc";
          const { url } = resolve({
            Region: region,
            UseFIPS: fips && (!identityCenter || partition === "aws-us-gov"),
            UseDualStack: dualStack,
            UseGlobalEndpoint: false,
          });
          assert.equal(endpoint(service, region, { fips, dualStack }), url.origin);
          compared++;
        }
      }
    }
  }
  assert.equal(compared, (4 * Object.keys(regions).length + 1) * 4);
});
