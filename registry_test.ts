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
const hostile: Record<string, readonly string[]> = {
  "bad-registry": [
    // nothing, or nearly
    "",
    ".",
    "/",
    "//",
    "https://",
    "https:///",
    "-",
    "app",
    "app:1.2",
    "team/app:latest",
    "localhost:5000/app",
    "registry.example.com",
    // foreign hosts dressed up as ECR
    `${host}.evil.com`,
    `${host}.evil.com/app`,
    `${host}evil.com`,
    `evil.com/${host}`,
    `evil.com.${host}`,
    `x${host}`,
    `-${host}`,
    `${A}.dkr.ecr.evil.example/x.on.aws`,
    `${A}.dkr.ecr.evil.example/x.amazonaws.com`,
    `${A}.dkr.ecr.us-east-1.amazonaws.com.co`,
    `${A}.dkr.ecr.us-east-1.amazonaws.comm`,
    `${A}.dkr.ecr.us-east-1.amazonaws-com`,
    `${A}.dkr.ecr.us-east-1.amazonawsXcom`,
    `${A}.dkr.ecr.us-east-1.evil.amazonaws.com`,
    `${A}.dkr.ecr.us-east-1`,
    `${A}.dkr.ecr.us-east-1.`,
    `${A}.dkr.ecr..amazonaws.com`,
    `${A}.dkr.ecr.amazonaws.com`,
    `${A}.dkrXecr.us-east-1.amazonaws.com`,
    `${A}.dkr.ecr-fipsx.us-east-1.amazonaws.com`,
    `${A}.dkr.ecr.fips.us-east-1.amazonaws.com`,
    `${A}.dkr.ecr.vpce-1234.us-east-1.vpce.amazonaws.com`,
    `${A}.ecr.us-east-1.amazonaws.com`,
    "amazonaws.com",
    "s3.us-east-1.amazonaws.com",
    "api.ecr.us-east-1.amazonaws.com",
    "bucket.s3.amazonaws.com/x.dkr.ecr.us-east-1.amazonaws.com",
    "on.aws",
    "abc.lambda-url.us-east-1.on.aws",
    "evilpublic.ecr.aws",
    "public.ecr.aws.evil.com",
    "public.ecr.aws.",
    "public.ecr.awsx",
    "gallery.ecr.aws/docker/library/alpine",
    "ecr.aws",
    "aws.com",
    // accounts
    `1${host}`,
    host.slice(1),
    `.dkr.ecr.us-east-1.amazonaws.com`,
    `12345678901a.dkr.ecr.us-east-1.amazonaws.com`,
    `１２３４５６７８９０１２.dkr.ecr.us-east-1.amazonaws.com`,
    // regions and suffixes that do not belong together
    `${A}.dkr.ecr.us-esat-1.amazonaws.com`,
    `${A}.dkr.ecr.us-east-1a.amazonaws.com`,
    `${A}.dkr.ecr.cn-north-1.amazonaws.com`,
    `${A}.dkr.ecr.us-east-1.amazonaws.com.cn`,
    `${A}.dkr.ecr.us-gov-west-1.amazonaws.com.cn`,
    `${A}.dkr.ecr.eusc-de-east-1.amazonaws.com`,
    `${A}.dkr.ecr.eu-central-1.amazonaws.eu`,
    `${A}.dkr.ecr.us-iso-east-1.amazonaws.com`,
    `${A}.dkr.ecr.us-iso-east-1.sc2s.sgov.gov`,
    `${A}.dkr.ecr.us-isob-east-1.c2s.ic.gov`,
    `${A}.dkr.ecr.us-isof-south-1.c2s.ic.gov`,
    `${A}.dkr.ecr.us-east-1.csp.hci.ic.gov`,
    `${A}.dkr.ecr.eu-west-1.cloud.adc-e.uk`,
    `${A}.dkr.ecr.us-east-1.on.aws`,
    `${A}.dkr-ecr.us-east-1.amazonaws.com`,
    `${A}.dkr-ecr.cn-north-1.on.aws`,
    `${A}.dkr-ecr.us-east-1.on.amazonwebservices.com.cn`,
    `${A}.dkr-ecr.us-east-1.api.aws`,
    // what a URL can hold besides a host
    `http://${host}`,
    `ftp://${host}`,
    `oci://${host}/chart`,
    `https:${host}`,
    `https:/${host}`,
    `https:///${host}`,
    `https://https://${host}`,
    `//${host}`,
    `:${host}`,
    `user@${host}`,
    `https://user:password@${host}`,
    `https://${host}@evil.com`,
    `https://${host}:password@evil.com/`,
    `https://evil.com@${host}`,
    `${host}:443`,
    `${host}:443/app`,
    `${host}:latest`,
    `${host}:`,
    `${host}@${digest}`,
    `${host}.`,
    `${host}./app`,
    `${host}?x`,
    `${host}/?x=1`,
    `https://${host}?@evil.com`,
    `https://evil.com?.${host}`,
    `${host}#frag`,
    `${host}/#frag`,
    `https://evil.com#.${host}`,
    `https://evil.com\\@${host}`,
    `${host}\\evil.com`,
    `${host}/..`,
    `${host}/../evil`,
    `${host}/a/../b`,
    `${host}/./a`,
    `${host}//app`,
    `${host}/app//`,
    `${host}/app:`,
    `${host}/app@`,
    `${host}/app@sha256:xyz`,
    `${host}/app@${digest}0@${digest}`,
    `${host}/app:1:2`,
    `${host}/app%2e%2e`,
    `${host}%2eevil.com`,
    `%31${host}`,
    `${host}/*`,
    `*.dkr.ecr.us-east-1.amazonaws.com`,
    `${host},${host}`,
    `${host};id`,
    `$(id).${host}`,
    "[::1]",
    "https://[::1]:5000/app",
    `[${host}]`,
    "127.0.0.1",
    "169.254.169.254/latest/meta-data",
    // characters
    ` ${host}`,
    `${host} `,
    `${host} /app`,
    `${host}\n`,
    `\n${host}`,
    `${host}\r\nHost: evil.com`,
    `${host}\t`,
    `${host}\0`,
    `${host}\0.evil.com`,
    `${host}/app\x1b[2J`,
    `${host}\x7f`,
    `${host}\u0085`,
    `${host}\u2028`,
    `\ufeff${host}`,
    `${host}\u200b`,
    `\u202e${host}`,
    `${A}.dkr.ecr.us-east-1.amazonaws\uff0ecom`,
    `${A}.dkr.ecr.us-east-1.amazonaws\u3002com`,
    `${A}.d\u212ar.ecr.us-east-1.amazonaws.com`,
    `${A}.dkr.ecr.us-ea\u017ft-1.amazonaws.com`,
    `${A}.dkr.ecr.us-east-1.\u0430mazonaws.com`,
    `${A}.dkr.ecr.us-east-1.xn--mazonaws-2fg.com`,
    `\u0661\u0662\u0663456789012.dkr.ecr.us-east-1.amazonaws.com`,
    // ARNs
    "arn:",
    "arn:aws:ecr",
    `ARN:aws:ecr:us-east-1:${A}:repository/app`,
    `arn:aws-cn:ecr:us-east-1:${A}:repository/app`,
    `arn:aws:ecr:cn-north-1:${A}:repository/app`,
    `arn:aws:ecr:us-gov-west-1:${A}:repository/app`,
    `arn:evil:ecr:us-east-1:${A}:repository/app`,
    `arn:aws:ecr::${A}:repository/app`,
    `arn:aws:ecr:us-esat-1:${A}:repository/app`,
    `arn:aws:ecr:us-east-1.evil.com:${A}:repository/app`,
    `arn:aws:ecr:us-east-1:1${A}:repository/app`,
    "arn:aws:ecr:us-east-1::repository/app",
    `arn:aws:ecr:us-east-1:${A}:repository/`,
    `arn:aws:ecr:us-east-1:${A}:repository`,
    `arn:aws:ecr:us-east-1:${A}:repository/../x`,
    `arn:aws:ecr:us-east-1:${A}:repository/*`,
    `arn:aws:ecr:us-east-1:${A}:registry/app`,
    `arn:aws:ecr:us-east-1:${A}:repository/app:1.2`,
    `arn:aws:ecr-public:us-east-1:${A}:repository/app`,
    `arn:aws-cn:ecr-public::${A}:repository/app`,
    `arn:aws:iam::${A}:role/deploy`,
    `arn:aws:s3:::${host}`,
  ],
  "bad-account": ["1", "12345678901", "1234567890123", "0".repeat(2000)],
  "not-ecr": [
    "gcr.io/project/app",
    "eu.gcr.io/project/app",
    "https://myteam.azurecr.io",
    "ghcr.io/owner/app:1",
    "GHCR.io",
    "docker.io/library/alpine",
    "index.docker.io:443",
    "quay.io/a/b",
    "europe-west1-docker.pkg.dev/project/repo/app",
  ],
};

for (const [code, texts] of Object.entries(hostile)) {
  Deno.test(`what names no ECR registry is refused: ${code}`, async (t) => {
    for (const text of texts) {
      await t.step(quote(text), () => {
        const error = failure(() => parseRegistry(text, { region: "us-east-1" }));
        assert.equal(error.code, code);
        assertWellSaid(error);
      });
    }
  });
}

Deno.test("a megabyte of anything is refused at once", () => {
  const mega = 1_000_000;
  const rows = [
    "1".repeat(mega),
    "a".repeat(mega),
    "a-".repeat(mega / 2),
    "a:@".repeat(mega / 3),
    "\n".repeat(mega),
    `${host}/${"a/".repeat(mega / 2)}`,
    `${host}/${"a.".repeat(mega / 2)}!`,
    `${A}.dkr.ecr.${"us-".repeat(mega / 3)}.amazonaws.com`,
    `${"1".repeat(mega)}.dkr.ecr.us-east-1.amazonaws.com`,
    `arn:aws:ecr:us-east-1:${A}:repository/${"a/".repeat(mega / 2)}!`,
    `https://${"a@".repeat(mega / 2)}`,
  ];
  const started = performance.now();
  for (const text of rows) {
    assert.equal(failure(() => parseRegistry(text)).code, "bad-registry");
    assert.equal(parseProxyEndpoint(`https://${text}`), undefined);
  }
  assert.ok(performance.now() - started < 1000);
});

Deno.test("the longest text that is looked at is judged at once too", () => {
  const started = performance.now();
  for (const unit of ["a", "a.", "a-", "a/", "1", "a:", "a@", "us-", "-."]) {
    for (const start of ["", `${host}/`, `${A}.dkr.ecr.`, "https://", `arn:aws:ecr:us-east-1:`]) {
      const text = (start + unit.repeat(2048)).slice(0, 2047) + "!";
      assert.equal(failure(() => parseRegistry(text)).code, "bad-registry");
    }
  }
  assert.ok(performance.now() - started < 1000);
});

Deno.test("the hint says what was probably meant", async (t) => {
  const rows: Record<string, string> = {
    [`${A}.dkr.ecr.cn-north-1.amazonaws.com`]:
      `did you mean ${A}.dkr.ecr.cn-north-1.amazonaws.com.cn?`,
    [`${A}.dkr.ecr.us-esat-1.amazonaws.com`]: "did you mean us-east-1?",
    [`http://${host}/x`]: `ECR speaks https only: write ${host}`,
    [`${host}:443/x`]: `use ${host}`,
    [`${host}/..`]: `write ${host}`,
    "gallery.ecr.aws/x/y": "use public.ecr.aws",
    "s3.amazonaws.com": `expected a host such as ${host}`,
    [`arn:aws:ecr:cn-north-1:${A}:repository/app`]: "region cn-north-1 is in partition aws-cn",
    "ghcr.io/a/b": "ecrin logs in to Amazon ECR only; for this one use: docker login ghcr.io",
    "123": "if zeros are missing in front, use: --account 123",
  };
  for (const [text, hint] of Object.entries(rows)) {
    await t.step(text, () => assert.equal(failure(() => parseRegistry(text)).hint, hint));
  }
});

Deno.test("a password in a URL is not shown", () => {
  const rows = [
    `https://AWS:hun/ter2@${host}`,
    `http://AWS:hun/ter2@${host}`,
    `AWS:hun/ter2@${host}`,
    `https://hunter2@${host}`,
    `hunter2@${host}`,
    `https://AWS:hunter2@${"a".repeat(3000)}`,
    `https://AWS:hun\nter2@${host}`,
  ];
  for (const text of rows) {
    const { message, hint } = failure(() => parseRegistry(text));
    assert.doesNotMatch(`${message} ${hint}`, /hun|ter2/, text);
    assert.match(message, /\*\*\*@/);
  }
});

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
