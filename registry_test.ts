import assert from "node:assert/strict";
import { quote } from "./errors.ts";
import {
  parseAccount,
  parseProxyEndpoint,
  parseRegistry,
  publicRegistry,
  registryFor,
} from "./registry.ts";
import { assertWellSaid, failure, regions } from "./testing/user_errors.ts";

const A = "123456789012";
const host = `${A}.dkr.ecr.us-east-1.amazonaws.com`;
const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

Deno.test("an account is 12 digits, and lost leading zeros are put back", () => {
  assert.deepEqual(parseAccount("012345678901"), { account: "012345678901", padded: false });
  assert.deepEqual(parseAccount("12345678901"), { account: "012345678901", padded: true });
  assert.deepEqual(parseAccount("7"), { account: "000000000007", padded: true });
});

Deno.test("what is not 1 to 12 ASCII digits is no account", async (t) => {
  const rows = [
    "",
    " ",
    "1234567890123",
    "12345678901a",
    "-1",
    "+1",
    "1e11",
    "0x10",
    "123456789012\n",
    " 123456789012",
    "123456789012\0",
    "１２３４５６７８９０１２",
    "١٢٣٤٥٦٧٨٩٠١٢",
    "1".repeat(1_000_000),
  ];
  for (const text of rows) {
    await t.step(quote(text), () => {
      const error = failure(() => parseAccount(text));
      assert.equal(error.code, "bad-account");
      assertWellSaid(error);
    });
  }
});

Deno.test("an account written as the console shows it is refused with the digits as hint", () => {
  assert.equal(failure(() => parseAccount("1234-5678-9012")).hint, `did you mean ${A}?`);
});

Deno.test("the registry of an account has its partition's host, in each variant", () => {
  const rows = [
    ["us-east-1", {}, `${A}.dkr.ecr.us-east-1.amazonaws.com`],
    ["us-east-1", { fips: true }, `${A}.dkr.ecr-fips.us-east-1.amazonaws.com`],
    ["us-east-1", { dualStack: true }, `${A}.dkr-ecr.us-east-1.on.aws`],
    ["us-east-1", { fips: true, dualStack: true }, `${A}.dkr-ecr-fips.us-east-1.on.aws`],
    ["us-gov-west-1", { fips: true }, `${A}.dkr.ecr-fips.us-gov-west-1.amazonaws.com`],
    ["us-gov-west-1", { dualStack: true }, `${A}.dkr-ecr.us-gov-west-1.on.aws`],
    ["cn-north-1", {}, `${A}.dkr.ecr.cn-north-1.amazonaws.com.cn`],
    ["cn-north-1", { dualStack: true }, `${A}.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn`],
    ["eusc-de-east-1", {}, `${A}.dkr.ecr.eusc-de-east-1.amazonaws.eu`],
    ["us-iso-east-1", {}, `${A}.dkr.ecr.us-iso-east-1.c2s.ic.gov`],
    ["us-isob-east-1", {}, `${A}.dkr.ecr.us-isob-east-1.sc2s.sgov.gov`],
    ["eu-isoe-west-1", {}, `${A}.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk`],
    ["us-isof-south-1", {}, `${A}.dkr.ecr.us-isof-south-1.csp.hci.ic.gov`],
  ] as const;
  for (const [region, variant, expected] of rows) {
    assert.equal(registryFor(A, region, variant).host, expected);
  }
});

Deno.test("a registry is not built from an unchecked account or region", () => {
  assert.equal(failure(() => registryFor("123", "us-east-1")).code, "bad-account");
  assert.equal(failure(() => registryFor(`${A}\n`, "us-east-1")).code, "bad-account");
  assert.equal(failure(() => registryFor(A, "evil.com/x")).code, "bad-region");
});

Deno.test("every form of a registry's name gives its host", async (t) => {
  const rows: Record<string, string> = {
    [host]: host,
    [host.toUpperCase()]: host,
    [`${host}/`]: host,
    [`${host}/app`]: host,
    [`${host}/app:1.2`]: host,
    [`${host}/team/sub__x/app--y:V_1.2-rc`]: host,
    [`${host}/app@${digest}`]: host,
    [`${host}/app:1.2@${digest}`]: host,
    [`https://${host}`]: host,
    [`HTTPS://${host}`]: host,
    [`https://${host}/`]: host,
    [`https://${host}/v2/`]: host,
    [`https://${host}/v2/_catalog`]: host,
    [`https://${host}/v2/app/manifests/${digest}`]: host,
    [`arn:aws:ecr:us-east-1:${A}:repository/team/app`]: host,
    [`arn:aws-cn:ecr:cn-north-1:${A}:repository/app`]: `${A}.dkr.ecr.cn-north-1.amazonaws.com.cn`,
    [`arn:aws-us-gov:ecr:us-gov-east-1:${A}:repository/a_b.c-d`]:
      `${A}.dkr.ecr.us-gov-east-1.amazonaws.com`,
    [`arn:aws:ecr-public::${A}:repository/app`]: "public.ecr.aws",
    "public.ecr.aws": "public.ecr.aws",
    "Public.ECR.aws/docker/library/alpine:3": "public.ecr.aws",
    "https://public.ecr.aws/": "public.ecr.aws",
    "ecr-public.aws.com/x/y": "ecr-public.aws.com",
    [A]: `${A}.dkr.ecr.eu-west-3.amazonaws.com`,
  };
  for (const region of Object.keys(regions)) {
    for (const fips of [false, true]) {
      for (const dualStack of [false, true]) {
        const built = registryFor(A, region, { fips, dualStack }).host;
        rows[built] = built;
      }
    }
  }
  for (const [text, expected] of Object.entries(rows)) {
    await t.step(text, () => {
      assert.equal(parseRegistry(text, { region: "eu-west-3" }).host, expected);
    });
  }
});

Deno.test("a host tells account, region, partition and variant", () => {
  const { partition, ...registry } = parseRegistry(
    `${A}.DKR-ECR-fips.cn-northwest-1.on.amazonwebservices.com.cn/x`,
  );
  assert.equal(partition.name, "aws-cn");
  assert.deepEqual(registry, {
    host: `${A}.dkr-ecr-fips.cn-northwest-1.on.amazonwebservices.com.cn`,
    account: A,
    region: "cn-northwest-1",
    public: false,
    fips: true,
    dualStack: true,
  });
});

Deno.test("a public registry is asked for in us-east-1, whatever the region is", () => {
  assert.equal(parseRegistry("public.ecr.aws/x", { region: "eu-west-1" }), publicRegistry);
  const dualStack = parseRegistry("ecr-public.aws.com");
  assert.deepEqual(dualStack, { ...publicRegistry, host: "ecr-public.aws.com", dualStack: true });
});

Deno.test("an account alone needs a region, and a region that is one", () => {
  const error = failure(() => parseRegistry(A));
  assert.equal(error.code, "region-needed");
  assertWellSaid(error);
  assert.equal(failure(() => parseRegistry(A, { region: "evil.com" })).code, "bad-region");
});

/** Text that must never become a registry, by the code of its error. */
Deno.test("a proxy endpoint is a registry only when its host is ECR's", () => {
  assert.equal(parseProxyEndpoint(`https://${host}`)?.host, host);
  assert.equal(parseProxyEndpoint(`https://${host}/`)?.host, host);
  assert.equal(parseProxyEndpoint("https://public.ecr.aws"), publicRegistry);
  const refused = [
    "",
    host,
    `http://${host}`,
    `https://${host}:443`,
    `https://${host}/x`,
    `https://${host}\n`,
    `https://${host}.evil.com`,
    `https://user@${host}`,
    `https://${host}@evil.com`,
    `https://${A}.dkr.ecr.us-east-1.amazonaws.com.cn`,
    "http://localhost:4566",
    `https://${A}.dkr.ecr.us-east-1.localhost.localstack.cloud:4566`,
  ];
  for (const url of refused) assert.equal(parseProxyEndpoint(url), undefined, url);
});
