/**
 * Texts that name no registry: each is refused with what is wrong and a hint, none shows a password,
 * and none takes long.
 */

import assert from "node:assert/strict";
import { quote } from "./errors.ts";
import { parseProxyEndpoint, parseRegistry } from "./registry.ts";
import { assertWellSaid, failure } from "./testing/user_errors.ts";

const A = "123456789012";
const host = `${A}.dkr.ecr.us-east-1.amazonaws.com`;
const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

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
  assert.ok(performance.now() - started < 10_000);
});

Deno.test("the longest text that is looked at is judged at once too", () => {
  const started = performance.now();
  for (const unit of ["a", "a.", "a-", "a/", "1", "a:", "a@", "us-", "-."]) {
    for (const start of ["", `${host}/`, `${A}.dkr.ecr.`, "https://", `arn:aws:ecr:us-east-1:`]) {
      const text = (start + unit.repeat(2048)).slice(0, 2047) + "!";
      assert.equal(failure(() => parseRegistry(text)).code, "bad-registry");
    }
  }
  assert.ok(performance.now() - started < 10_000);
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
