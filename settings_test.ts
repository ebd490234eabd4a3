import assert from "node:assert/strict";
import { parseAwsConfig } from "./aws_config.ts";
import { UserError } from "./errors.ts";
import { type AwsSettings, awsSettings, serviceEndpoint } from "./settings.ts";

/** The settings that an environment and a config file give. */
function settingsOf(env: Record<string, string>, config = "", profile = "default"): AwsSettings {
  const files = { config: { text: config, path: "c" }, credentials: { text: "", path: "k" } };
  return awsSettings(env, parseAwsConfig(files), profile);
}

const file = "[profile p]\nregion = eu-west-1\nca_bundle = /ca.pem\nuse_fips_endpoint = true\n" +
  "use_dualstack_endpoint = True\n";

Deno.test("the region is AWS_REGION, AWS_DEFAULT_REGION, then the profile's", () => {
  const both = { AWS_REGION: "us-east-1", AWS_DEFAULT_REGION: "us-west-2" };
  assert.equal(settingsOf(both, file, "p").region, "us-east-1");
  assert.equal(settingsOf({ ...both, AWS_REGION: "" }, file, "p").region, "us-west-2");
  assert.equal(settingsOf({}, file, "p").region, "eu-west-1");
  assert.equal(settingsOf({}, file).region, undefined);
});

Deno.test("a region that is none is refused wherever it stands", () => {
  assert.throws(() => settingsOf({ AWS_REGION: "us-east-1.evil.com" }), UserError);
  assert.throws(() => settingsOf({}, "[default]\nregion = ../x\n"), UserError);
});

Deno.test("CA bundle, FIPS and dual-stack come from the environment, then the profile", () => {
  const fromFile = settingsOf({}, file, "p");
  assert.deepEqual([fromFile.caBundle, fromFile.fips, fromFile.dualStack], ["/ca.pem", true, true]);
  const env = {
    AWS_CA_BUNDLE: "/other.pem",
    AWS_USE_FIPS_ENDPOINT: "false",
    AWS_USE_DUALSTACK_ENDPOINT: "false",
  };
  const fromEnv = settingsOf(env, file, "p");
  assert.deepEqual([fromEnv.caBundle, fromEnv.fips, fromEnv.dualStack], [
    "/other.pem",
    false,
    false,
  ]);
});

Deno.test("an endpoint is the service's own variable, the one for all, services, the profile", () => {
  const config = "[default]\nservices = s\nendpoint_url = http://profile\n" +
    "[services s]\necr_public =\n  endpoint_url = http://services\n";
  const all = { AWS_ENDPOINT_URL: "http://all", AWS_ENDPOINT_URL_ECR_PUBLIC: "http://own/" };
  assert.equal(settingsOf(all, config).endpointOverride("ecr-public"), "http://own");
  assert.equal(settingsOf(all, config).endpointOverride("sts"), "http://all");
  assert.equal(settingsOf({}, config).endpointOverride("ecr-public"), "http://services");
  assert.equal(settingsOf({}, config).endpointOverride("sts"), "http://profile");
  const ignored = { ...all, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" };
  assert.equal(settingsOf(ignored, config).endpointOverride("sts"), undefined);
});

for (const url of ["ftp://x", "x", "http://", "javascript:alert(1)"]) {
  Deno.test(`the endpoint ${url} is refused, and not repeated`, () => {
    assert.throws(
      () => settingsOf({ AWS_ENDPOINT_URL: url }).endpointOverride("ecr"),
      (error: unknown) => error instanceof UserError && error.code === "bad-endpoint",
    );
  });
}

for (const proxy of ["http://", "ftp://proxy", "http://[", "://"]) {
  Deno.test(`the proxy ${proxy} is refused, and not repeated`, () => {
    for (const name of ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"]) {
      assert.throws(
        () => settingsOf({ [name]: proxy }),
        (error: unknown) => error instanceof UserError && error.message.startsWith(name),
      );
    }
  });
}

Deno.test("every form of a proxy is taken", () => {
  for (const proxy of ["http://p:3128", "https://u:w@p", "socks5://p:1080", "p:3128", "p", ""]) {
    settingsOf({ HTTPS_PROXY: proxy });
  }
});

Deno.test("the variant of a registry's host adds to that of the settings", () => {
  const plain = settingsOf({});
  assert.equal(
    serviceEndpoint(plain, "ecr", "us-east-1", { fips: true }),
    "https://api.ecr-fips.us-east-1.amazonaws.com",
  );
  const dualStack = settingsOf({ AWS_USE_DUALSTACK_ENDPOINT: "true" });
  assert.equal(serviceEndpoint(dualStack, "ecr", "us-east-1"), "https://ecr.us-east-1.api.aws");
  assert.equal(
    serviceEndpoint(dualStack, "ecr", "us-east-1", { fips: true }),
    "https://ecr-fips.us-east-1.api.aws",
  );
});
