import assert from "node:assert/strict";
import { UserError } from "./errors.ts";
import { parseRegistry } from "./registry.ts";
import { loginHost, planTargets, type Target } from "./targets.ts";

const none = { accounts: [], regions: [], registries: [], public: false };
const a = "111111111111";
const b = "222222222222";

function hosts(targets: readonly Target[]): (string | undefined)[] {
  return targets.map(({ registry }) => registry?.host);
}

function target(options: Partial<Parameters<typeof planTargets>[0]>, region = "us-east-1"): Target {
  const [first] = planTargets({ ...none, ...options }, region);
  assert(first !== undefined);
  return first;
}

Deno.test("accounts times regions, then the named, then public, each once", () => {
  const named = parseRegistry(`${b}.dkr.ecr.us-east-1.amazonaws.com`);
  const targets = planTargets({
    accounts: [a, b],
    regions: ["us-east-1", "eu-west-1"],
    registries: [named, parseRegistry("public.ecr.aws/x/y")],
    public: true,
  }, undefined);
  assert.deepEqual(hosts(targets), [
    `${a}.dkr.ecr.us-east-1.amazonaws.com`,
    `${a}.dkr.ecr.eu-west-1.amazonaws.com`,
    `${b}.dkr.ecr.us-east-1.amazonaws.com`,
    `${b}.dkr.ecr.eu-west-1.amazonaws.com`,
    "public.ecr.aws",
  ]);
});

Deno.test("nothing named is the caller's own registry in each region", () => {
  assert.deepEqual(hosts(planTargets(none, "us-east-1")), [undefined]);
  const two = planTargets({ ...none, regions: ["us-east-1", "eu-west-1"] }, "us-west-2");
  assert.deepEqual(two.map(({ region }) => region), ["us-east-1", "eu-west-1"]);
});

Deno.test("a region is needed for an account and for one's own registry, and for nothing else", () => {
  const needed = (error: unknown) => error instanceof UserError && error.code === "region-needed";
  assert.throws(() => planTargets(none, undefined), needed);
  assert.throws(() => planTargets({ ...none, accounts: [a] }, undefined), needed);
  assert.equal(planTargets({ ...none, public: true }, undefined)[0]?.region, "us-east-1");
  const host = `${a}.dkr.ecr.eu-west-1.amazonaws.com`;
  const [named] = planTargets({ ...none, registries: [parseRegistry(host)] }, undefined);
  assert.equal(named?.region, "eu-west-1");
});

Deno.test("a role by name is of the registry's account, for public of the first named account", () => {
  const targets = planTargets({ ...none, accounts: [a, b], public: true }, "us-east-1");
  assert.deepEqual(targets.map(({ account }) => account), [a, b, a]);
});

const own = `https://${a}.dkr.ecr.us-east-1.amazonaws.com`;
const evil = "https://evil.example";

Deno.test("a named registry is the host, whatever registry of ECR the API names", () => {
  const host = `${b}.dkr.ecr.us-east-1.amazonaws.com`;
  for (const proxyEndpoint of [own, undefined]) {
    for (const overridden of [false, true]) {
      const at = loginHost(target({ accounts: [b] }), proxyEndpoint, overridden);
      assert.deepEqual(at, { host, account: b, protocol: "https:" });
    }
  }
});

Deno.test("the caller's own registry is the one that the API names", () => {
  assert.equal(loginHost(target({}), own, false).host, `${a}.dkr.ecr.us-east-1.amazonaws.com`);
});

for (
  const [what, proxyEndpoint] of [
    ["a foreign host", evil],
    ["a look-alike", `${own}.evil.example`],
    ["a host of another partition", `https://${a}.dkr.ecr.cn-north-1.amazonaws.com.cn`],
    ["plain http", own.replace("https", "http")],
    ["no URL", "%%%"],
  ] as const
) {
  for (const options of [{}, { accounts: [b] }]) {
    const whose = "accounts" in options ? "a named registry" : "one's own registry";
    Deno.test(`${what} in the API's answer is refused for ${whose}`, () => {
      assert.throws(
        () => loginHost(target(options), proxyEndpoint, false),
        (error: unknown) => error instanceof UserError && error.code === "foreign-proxy-endpoint",
      );
    });
  }
}

Deno.test("one's own registry cannot be told without an answer", () => {
  assert.throws(() => loginHost(target({}), undefined, false), UserError);
});

Deno.test("behind an endpoint override the other server's registry is the host", () => {
  assert.deepEqual(loginHost(target({ accounts: [b] }), "http://127.0.0.1:5000", true), {
    host: "127.0.0.1:5000",
    account: undefined,
    protocol: "http:",
  });
});

for (const url of ["ftp://x", "http://user:pw@127.0.0.1", "%%%"]) {
  Deno.test(`behind an endpoint override ${url} is refused`, () => {
    assert.throws(() => loginHost(target({}), url, true), UserError);
  });
}

Deno.test("ECR Public names no registry, and needs none", () => {
  const [only] = planTargets({ ...none, public: true }, undefined);
  assert(only !== undefined);
  assert.equal(loginHost(only, undefined, true).host, "public.ecr.aws");
});
